<?php

/**
 * The page "Downloads": usages, channels, rules, and what stays outside them.
 */

include_once __DIR__ . '/collection_form.php';

/** What no rule reaches, each with the setting of the DAM that closes it, where there is one. */
const FACELEASE_UNCOVERED = ['files', 'iiif', 'sheets', 'inline', 'slides', 'neighbours', 'gone'];

/** Keep what was chosen, beside the plugin's other settings. */
function facelease_save_downloads(): void
{
    $channels = array_map('strval', array_keys(facelease_channels()));
    foreach ($channels as $channel) {
        $key = facelease_setting_key($channel);
        $rule = getval('rule_' . $key, 'off');
        $rules[$key] = in_array($rule, FACELEASE_RULES, true) ? $rule : 'off';
    }
    foreach ($GLOBALS['download_usage_options'] ?? [] as $label) {
        $key = facelease_setting_key((string) $label);
        $channel = getval('usage_' . $key, '');
        $usages[$key] = in_array($channel, $channels, true) ? facelease_kept($channel) : '';
    }
    $GLOBALS['facelease_rules'] = $rules ?? [];
    $GLOBALS['facelease_usages'] = $usages ?? [];
    $GLOBALS['facelease_ask'] = facelease_kept(mb_substr(trim(getval('facelease_ask', '')), 0, 200));
    $kept = get_plugin_config('facelease') ?? [];
    set_plugin_config('facelease', [
        'facelease_people_field' => $GLOBALS['facelease_people_field'],
        'facelease_channels' => $GLOBALS['facelease_channels'],
        'facelease_take_names' => $GLOBALS['facelease_take_names'],
        'facelease_rules' => $GLOBALS['facelease_rules'],
        'facelease_usages' => $GLOBALS['facelease_usages'],
        'facelease_ask' => $GLOBALS['facelease_ask'],
    ] + $kept);
}

function facelease_render_downloads(bool $saved): void
{
    ?>
    <div class="BasicsBox">
        <h1><?php echo escape(facelease_word('downloads')); ?></h1>
        <p><?php echo escape(facelease_word('downloads_intro')); ?></p>
        <?php
        if (empty($GLOBALS['download_usage'])) {
            facelease_render_note('FaceleaseWarning', 'downloads_off');
        }
        if ($saved) {
            facelease_render_note('', 'saved');
        }
        ?>
        <form method="post" action="<?php echo escape($GLOBALS['baseurl_short']); ?>plugins/facelease/pages/downloads.php"
            onsubmit="return CentralSpacePost(this, true);">
            <input type="hidden" name="save" value="true">
            <?php
            generateFormToken('facelease_downloads');
            facelease_render_rules();
            facelease_render_usages();
            facelease_render_ask();
            ?>
            <div class="QuestionSubmit">
                <input type="submit" value="<?php echo escape($GLOBALS['lang']['save']); ?>">
            </div>
        </form>
        <h2><?php echo escape(facelease_word('uncovered')); ?></h2>
        <ul>
            <?php foreach (FACELEASE_UNCOVERED as $what) { ?>
                <li><?php echo escape(facelease_word('uncovered_' . $what)); ?></li>
            <?php } ?>
        </ul>
    </div>
    <?php
}

/** A channel a line: its rule, and how many photographs "refuse" would stop today. */
function facelease_render_rules(): void
{
    $open = facelease_open_today();
    $all = facelease_downloadable();
    echo '<h2>' . escape(facelease_word('rules')) . '</h2>';
    if ($open === null) {
        facelease_render_note('FaceleaseWarning', 'rules_silent');
    }
    foreach (array_map('strval', array_keys(facelease_channels())) as $channel) {
        $key = facelease_setting_key($channel);
        $today = $open === null || !isset($open[$channel]) ? '' : facelease_word('rules_today', $all - $open[$channel], $all);
        $choices = array_combine(FACELEASE_RULES, array_map(static fn(string $rule): string => facelease_word('rule_' . $rule), FACELEASE_RULES));
        facelease_render_select('rule_' . $key, facelease_term($channel), $choices, facelease_rule($channel), $today);
    }
}

/** A usage a line, and the channel that it is. */
function facelease_render_usages(): void
{
    echo '<h2>' . escape(facelease_word('usages')) . '</h2>';
    echo '<p>' . escape(facelease_word('usages_intro')) . '</p>';
    $channels = array_map('strval', array_keys(facelease_channels()));
    $choices = ['' => facelease_word('usages_none')] + array_combine($channels, array_map('facelease_term', $channels));
    foreach ($GLOBALS['download_usage_options'] ?? [] as $number => $label) {
        $name = 'usage_' . facelease_setting_key((string) $label);
        facelease_render_select($name, i18n_get_translated($label), $choices, facelease_channel_of($number), '');
    }
}

/** Whom to ask, for those who are stopped. */
function facelease_render_ask(): void
{
    ?>
    <div class="Question">
        <label for="facelease_ask"><?php echo escape(facelease_word('ask_setting')); ?></label>
        <input type="text" class="stdwidth" maxlength="200" id="facelease_ask" name="facelease_ask"
            value="<?php echo escape(facelease_meant((string) ($GLOBALS['facelease_ask'] ?? ''))); ?>">
        <div class="clearerleft"></div>
    </div>
    <?php
}

/** @param array<string, string> $choices */
function facelease_render_select(string $name, string $label, array $choices, string $chosen, string $remark): void
{
    ?>
    <div class="Question">
        <label for="facelease_<?php echo escape($name); ?>"><?php echo escape($label); ?></label>
        <select class="stdwidth" id="facelease_<?php echo escape($name); ?>" name="<?php echo escape($name); ?>">
            <?php foreach ($choices as $value => $words) { ?>
                <option value="<?php echo escape((string) $value); ?>" <?php echo (string) $value === $chosen ? 'selected' : ''; ?>>
                    <?php echo escape($words); ?>
                </option>
            <?php } ?>
        </select>
        <?php if ($remark !== '') { ?>
            <div class="FormHelp"><div class="FormHelpInner"><?php echo escape($remark); ?></div></div>
        <?php } ?>
        <div class="clearerleft"></div>
    </div>
    <?php
}
