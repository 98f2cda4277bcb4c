<?php

/** Why a download was stopped; where the channel only warns, a way to have the file all the same. */
include '../../../include/boot.php';
include_once __DIR__ . '/../include/all.php';

$ref = (int) getval('ref', 0, true);
$k = getval('k', '');
if ($k === '' || !check_access_key($ref, $k)) {
    include '../../../include/authenticate.php';
}
[$channels, $rule] = facelease_asked_for(getval('usage', '-1'));
$stopped = facelease_gate_is_on() && $rule !== 'off' ? facelease_stopped([$ref], $channels, false, 2.0) : [];
$again = array_filter($_GET, static fn(mixed $value, string $name): bool => is_string($value) && $name !== 'ajax', ARRAY_FILTER_USE_BOTH);
// Whoever has only a link sees that it is not to be had, not who is in the picture.
$why = $k === '' && facelease_may_see($ref) ? ($stopped[$ref] ?? []) : [];
$title = $stopped === [] ? 'stopped_no_more' : ($rule === 'refuse' ? 'stopped_refused' : 'stopped_warned');

include '../../../include/header.php';
?>
<div class="BasicsBox">
    <h1><?php echo escape(facelease_word($title)); ?></h1>
    <?php if ($stopped !== []) { ?>
        <p><?php echo escape(facelease_word('stopped_for', implode(', ', $channels))); ?></p>
        <ul>
            <?php foreach ($why as $reason) { ?>
                <li><?php echo escape($reason); ?></li>
            <?php } ?>
        </ul>
    <?php } ?>
    <p>
        <?php if ($k === '') { ?>
            <a href="<?php echo escape(generateURL($baseurl_short . 'pages/view.php', ['ref' => $ref])); ?>">
                <?php echo escape($lang['backtoresourceview']); ?>
            </a>
        <?php } ?>
    </p>
    <?php if ($stopped === [] || $rule === 'warn') { ?>
        <p>
            <a href="<?php echo escape(generateURL($baseurl_short . 'pages/download.php', ['facelease_insist' => '1'] + $again)); ?>">
                <?php echo escape(facelease_word($stopped === [] ? 'stopped_again' : 'stopped_insist')); ?>
            </a>
        </p>
    <?php } ?>
</div>
<?php
include '../../../include/footer.php';
