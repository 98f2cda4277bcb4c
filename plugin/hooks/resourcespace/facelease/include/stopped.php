<?php

/**
 * What whoever was stopped is told: as much as they may know, and whom to ask.
 */

include_once __DIR__ . '/gate.php';

/** Whom somebody who was stopped may ask, as the page of the rules says; a share's holder asks whoever sent it. */
function facelease_whom_to_ask(): string
{
    $ask = trim(facelease_meant((string) ($GLOBALS['facelease_ask'] ?? '')));
    if (facelease_is_share()) {
        return facelease_word('ask_share');
    }

    return $ask === '' ? facelease_word('ask_nobody') : facelease_word('ask', $ask);
}

/**
 * What the page says, for whom it is for.
 *
 * @param list<string> $channels
 * @return array{title: string, lines: list<string>, insist: bool, again: bool}
 */
function facelease_stopped_for(int $ref, string $file, array $channels, string $rule): array
{
    if (!in_array($file, ['other', 'untied'], true)) {
        $file = 'main';
    }
    $stopped = $file !== 'main' ? ['state' => $file, 'why' => []] : (facelease_judge([$ref], $channels, 2.0)['stopped'][$ref] ?? null);
    if (!facelease_gate_is_on() || $rule === 'off' || $stopped === null) {
        return ['title' => 'stopped_no_more', 'lines' => [], 'insist' => false, 'again' => true];
    }
    $lines = [facelease_word('stopped_for', implode(', ', array_map('facelease_term', $channels)))];
    $sees = $ref > 0 && facelease_may_see($ref) && $stopped['why'] !== [];
    $lines = [...$lines, ...($sees ? $stopped['why'] : [facelease_word('state_' . $stopped['state'])]), facelease_whom_to_ask()];

    return [
        'title' => $rule === 'refuse' ? 'stopped_refused' : 'stopped_warned',
        'lines' => $lines,
        'insist' => $rule === 'warn',
        'again' => false,
    ];
}

/** For whoever has no account: that it is not to be had, and whom to ask; the same whatever the reason. */
function facelease_stopped_outside(): array
{
    return ['title' => 'stopped_outside', 'lines' => [facelease_whom_to_ask()], 'insist' => false, 'again' => false];
}

/** A whole archive: nothing of it may go. */
function facelease_stopped_archive(): array
{
    return [
        'title' => 'stopped_archive',
        'lines' => [facelease_word('stopped_archive_why'), facelease_whom_to_ask()],
        'insist' => false,
        'again' => false,
    ];
}

/** May the present user see this resource at all? What is tied to none is a file of their own. */
function facelease_may_look(int $ref): bool
{
    return $ref === 0 || in_array((int) get_resource_access($ref), [0, 1], true);
}

/** Everything that was asked for, to ask for it again. */
function facelease_asked_again(): array
{
    $token = (string) ($GLOBALS['CSRF_token_identifier'] ?? '');

    return array_filter(
        $_GET,
        static fn(mixed $value, string $name): bool
            => is_string($value) && !in_array($name, ['ajax', 'pagename', 'facelease_insist', 'facelease_file', $token], true),
        ARRAY_FILTER_USE_BOTH
    );
}

/** The page's middle. @param array{title: string, lines: list<string>, insist: bool, again: bool} $said */
function facelease_render_stopped(array $said, int $ref): void
{
    ?>
    <div class="BasicsBox FaceleaseStopped">
        <h1><?php echo escape(facelease_word($said['title'])); ?></h1>
        <?php if ($said['lines'] !== []) { ?>
            <ul>
                <?php foreach ($said['lines'] as $line) { ?>
                    <li><?php echo escape($line); ?></li>
                <?php } ?>
            </ul>
        <?php } ?>
        <?php if ($ref > 0 && !facelease_is_share()) { ?>
            <p>
                <a href="<?php echo escape(generateURL($GLOBALS['baseurl_short'] . 'pages/view.php', ['ref' => $ref])); ?>">
                    <?php echo escape($GLOBALS['lang']['backtoresourceview']); ?>
                </a>
            </p>
        <?php } ?>
        <?php
        if ($said['again']) {
            facelease_render_again();
        }
        if ($said['insist']) {
            facelease_render_insist();
        }
        ?>
    </div>
    <?php
}

/** It may go now: the same address again. */
function facelease_render_again(): void
{
    ?>
    <p>
        <a href="<?php echo escape(generateURL($GLOBALS['baseurl_short'] . 'pages/download.php', facelease_asked_again())); ?>">
            <?php echo escape(facelease_word('stopped_again')); ?>
        </a>
    </p>
    <?php
}

/** Warned, and wanted all the same: a form, so that no address that somebody sends can say it for them. */
function facelease_render_insist(): void
{
    ?>
    <form method="post" action="<?php echo escape($GLOBALS['baseurl_short']); ?>pages/download.php">
        <?php
        generateFormToken('facelease_insist');
        foreach (['facelease_insist' => '1'] + facelease_asked_again() as $name => $value) {
            ?>
            <input type="hidden" name="<?php echo escape((string) $name); ?>" value="<?php echo escape($value); ?>">
        <?php } ?>
        <input type="submit" value="<?php echo escape(facelease_word('stopped_insist')); ?>">
    </form>
    <?php
}
