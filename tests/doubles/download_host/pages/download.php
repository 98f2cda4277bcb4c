<?php

include __DIR__ . '/../include/boot.php';
$ref = getval('ref', '', true);
$size = trim(getval('size', ''));
$alternative = getval('alternative', -1, true);
$page = getval('page', 1, true);
$usage = getval('usage', '-1');
$ext = getval('ext', '');
$snapshot_frame = getval('snapshot_frame', 0, true);
$tempfile = getval('tempfile', '');
$slideshow = getval('slideshow', 0, true);
$userfiledownload = getval('userfile', '');
$download_temp_key = getval('access_key', '');
$watermarked = getval('watermarked', 0, true);
$noattach = getval('noattach', '') != '';
$valid_key = $ref > 0 && $download_temp_key !== '' && validate_temp_download_key($ref, trim($download_temp_key), $size);
if (!$valid_key && ($k === '' || !check_access_key($ref, $k)) && $slideshow <= 0) {
    include __DIR__ . '/../include/authenticate.php';
}
if ($userfiledownload != '') {
    $noattach = false;
    $parts = explode('_', $userfiledownload);
    $ref = (int) $parts[0];
    $key = pathinfo($parts[1] ?? '', PATHINFO_FILENAME);
    $ext = safe_file_name(pathinfo($parts[1] ?? '', PATHINFO_EXTENSION));
    $path = get_temp_dir(false, 'user_downloads') . '/' . $ref . '_' . md5($username . $key . $scramble_key) . '.' . $ext;
    hook('modifydownloadpath');
} elseif ($slideshow != 0) {
    $noattach = true;
    $path = __DIR__ . '/../' . $homeanim_folder . '/' . getval('slideshow', 0, true) . '.jpg';
} elseif ($tempfile != '') {
    $noattach = true;
    $parts = explode('_', $tempfile);
    $ref = (int) ($parts[1] ?? 0);
    $key = pathinfo($parts[2] ?? '', PATHINFO_FILENAME);
    $path = get_temp_dir() . '/' . safe_file_name($parts[0]) . "_{$ref}_" . md5($username . $key . $scramble_key) . '.jpg';
} else {
    if (get_resource_access($ref) > 1) {
        include __DIR__ . '/../include/header.php';
        exit(escape($lang['error-permissiondenied']));
    }
    $ext = $ext === '' ? 'jpg' : $ext;
    if ($size == 'videojs' && $ext == 'mp3') {
        $size = '';
    }
    $path = get_resource_path($ref, true, $size, false, $ext, -1, $page, $watermarked && $alternative == -1, '', $alternative);
    if ($snapshot_frame > 0) {
        $path = str_replace('snapshot', "snapshot_{$snapshot_frame}", $path);
    }
    hook('modifydownloadpath');
    $path_modified = hook('modifydownloadpath2');
    if (!file_exists($path) && $noattach) {
        $path = __DIR__ . '/../gfx/no_preview/default.png';
    }
    if (!$noattach && $alternative == -1 && file_exists($path)) {
        $tmpfile = get_temp_dir(false, 'exiftool') . '/' . basename($path);
        copy($path, $tmpfile);
        $path = $tmpfile;
    }
}
if (!file_exists($path)) {
    http_response_code(404);
    exit('no such file');
}
hook('modifydownloadfile');
header('Content-Type: ' . mime_content_type($path));
readfile($path);
