<?php

/** What is asked at a download: which usage is which channel, and each channel's rule. */
include '../../../include/boot.php';
include '../../../include/authenticate.php';
include_once __DIR__ . '/../include/all.php';
facelease_stop_unless_whole();
include_once __DIR__ . '/../include/downloads_form.php';

if (!checkperm('a')) {
    http_response_code(403);
    exit(escape($lang['error-permissiondenied']));
}
$saved = false;
if (getval('save', '') !== '' && enforcePostRequest(false)) {
    facelease_save_downloads();
    $saved = true;
}
include '../../../include/header.php';
facelease_render_downloads($saved);
include '../../../include/footer.php';
