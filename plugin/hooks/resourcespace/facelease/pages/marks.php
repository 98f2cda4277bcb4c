<?php

/** The marks of the photographs that a page of results shows: only of those that this account may see. */
include '../../../include/boot.php';
include '../../../include/authenticate.php';
include_once __DIR__ . '/../include/all.php';
facelease_stop_unless_whole();

if (!enforcePostRequest(true)) {
    exit();
}
if (!facelease_may_search()) {
    http_response_code(403);
    exit(escape($lang['error-permissiondenied']));
}
$asked = array_slice(array_unique(array_map('intval', explode(',', getval('refs', '')))), 0, FACELEASE_MOST_MARKS);
$refs = array_values(array_filter($asked, static fn(int $ref): bool => $ref > 0 && facelease_may_see($ref)));
facelease_render_marks($refs, facelease_ask_marks($refs));
