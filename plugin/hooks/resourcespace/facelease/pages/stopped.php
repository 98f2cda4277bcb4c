<?php

/** Why a download was stopped, for those who may know; and a way on. */
include '../../../include/boot.php';
include_once __DIR__ . '/../include/all.php';
facelease_stop_unless_whole();

$ref = max(0, (int) getval('ref', 0, true));
$collection = max(0, (int) getval('collection', 0, true));
$k = getval('k', '');
if ($k === '' || !($collection > 0 ? check_access_key_collection($collection, $k) : check_access_key($ref, $k))) {
    include '../../../include/authenticate.php';
}
[$channels, $rule] = facelease_asked_for(getval('facelease_file', '') === 'untied' ? -1 : getval('usage', '-1'));
if (facelease_is_share()) {
    $said = facelease_stopped_outside();
} elseif ($collection > 0 ? !collection_readable($collection) : !facelease_may_look($ref)) {
    http_response_code(403);
    exit(escape($lang['error-permissiondenied']));
} elseif ($collection > 0) {
    $said = facelease_stopped_archive();
} else {
    $said = facelease_stopped_for($ref, getval('facelease_file', ''), $channels, $rule);
}

include '../../../include/header.php';
facelease_render_stopped($said, $ref);
include '../../../include/footer.php';
