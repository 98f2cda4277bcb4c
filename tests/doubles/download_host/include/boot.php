<?php

define('FIELD_TYPE_DYNAMIC_KEYWORDS_LIST', 9);
define('FIELD_TYPE_DATE', 10);
define('FIELD_TYPE_DATE_AND_OPTIONAL_TIME', 4);
require_once __DIR__ . '/general_functions.php';
require_once __DIR__ . '/database_functions.php';

$store_file = dirname(__DIR__) . '/store.json';
$store = json_decode((string) file_get_contents($store_file), true);
$plugins = $store['plugins'];
[$baseurl, $baseurl_short, $storagedir, $homeanim_folder] = [$store['url'], '/', dirname(__DIR__) . '/filestore', 'filestore/slides'];
[$scramble_key, $CSRF_token_identifier, $usersession, $language] = ['key', 'CSRFToken', '', $store['language'] ?? 'en'];
[$username, $userref, $userpermissions] = ['', 0, []];
[$download_usage, $download_usage_options, $hide_real_filepath, $ffmpeg_preview_extension] = [true, ['Press', 'Print', 'Web', 'TV'], true, 'mp4'];
[$productversion, $iiif_enabled, $k] = ['stand-in', false, getval('k', '')];
$pagename = safe_file_name(str_replace('.php', '', pagename()));
$lang = ['backtoresourceview' => 'Back', 'error-permissiondenied' => 'Permission denied', 'status-note' => 'Note'];
foreach ($store['settings'] as $name => $value) {
    $GLOBALS[$name] = $value;
}
foreach ($plugins as $plugin) {
    $folder = dirname(__DIR__) . "/plugins/$plugin";
    include_once "$folder/languages/$language.php";
    foreach ([$pagename, 'all'] as $hooks) {
        if (is_file("$folder/hooks/$hooks.php")) {
            include_once "$folder/hooks/$hooks.php";
        }
    }
}
if (isset($_COOKIE['user'], $store['users'][$_COOKIE['user']])) {
    $usersession = $_COOKIE['user'];
}
$exempt = in_array($pagename, ['login'], true);
if ($_SERVER['REQUEST_METHOD'] === 'POST' && !$exempt && !isValidCSRFToken($_POST[$CSRF_token_identifier] ?? '', $usersession)) {
    http_response_code(400);
    exit('CSRF');
}
