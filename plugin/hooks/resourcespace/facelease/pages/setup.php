<?php

/** The set-up page: which fields we use, whether the sidecar answers, and what is left to mend. */
include '../../../include/boot.php';
include '../../../include/authenticate.php';

if (!checkperm('a')) {
    exit(escape($lang['error-permissiondenied']));
}
$plugin_name = 'facelease';
if (!in_array($plugin_name, $plugins)) {
    plugin_activate_for_setup($plugin_name);
}
include_once __DIR__ . '/../include/all.php';
facelease_stop_unless_whole();
include_once __DIR__ . '/../include/setup_test.php';
include_once __DIR__ . '/../include/sight_form.php';

$page_def = [
    config_add_single_ftype_select('facelease_people_field', escape(facelease_word('setup_people')), 300, false, [FIELD_TYPE_DYNAMIC_KEYWORDS_LIST]),
    config_add_boolean_select('facelease_take_names', escape(facelease_word('setup_take_names')), [escape($lang['no']), escape($lang['yes'])], 300),
    config_add_hidden('facelease_usages'),
    config_add_hidden('facelease_rules'),
    config_add_hidden('facelease_ask'),
    config_add_single_select('facelease_panel_place', escape(facelease_word('setup_place')), facelease_places(), true, 300),
    config_add_text_input('facelease_channels', escape(facelease_word('setup_channels')), false, 600),
];
// The DAM keeps settings in ISO-8859-1; on the page stands what was meant.
if (is_string($_POST['facelease_channels'] ?? null)) {
    $_POST['facelease_channels'] = facelease_kept($_POST['facelease_channels']);
}
config_gen_setup_post($page_def, $plugin_name);
$facelease_channels = facelease_meant((string) $facelease_channels);
if (getval('facelease_hide', '') !== '' && enforcePostRequest(false)) {
    facelease_hide(getval('facelease_hide', ''), $_POST['groups'] ?? []);
}
$tested = getval('facelease_test', '') !== '' && enforcePostRequest(false) ? facelease_test() : [];

include '../../../include/header.php';
config_gen_setup_html($page_def, $plugin_name, null, facelease_word('setup_title'), facelease_setup_intro($tested));
include '../../../include/footer.php';
