<?php

/** How faces are treated in a collection, on which basis, and who said so. */
include '../../../include/boot.php';
include '../../../include/authenticate.php';
include_once __DIR__ . '/../include/all.php';
facelease_stop_unless_whole();
include_once __DIR__ . '/../include/collection_form.php';

$collection = (int) getval('collection', 0, true);
$known = get_collection($collection);
if ($known === false || !facelease_may_set_mode($collection)) {
    http_response_code(403);
    exit(escape($lang['error-permissiondenied']));
}
$missing = [];
$saved = false;
$history = facelease_mode_history($collection);
$form = $history[0] ?? [];
if (getval('save', '') !== '' && enforcePostRequest(false)) {
    [$form, $missing] = facelease_mode_form(array_map(
        static fn(string $name): string => (string) getval($name, ''),
        array_combine(FACELEASE_FORM, FACELEASE_FORM)
    ));
    if ($missing === []) {
        facelease_set_mode($collection, $form, (string) $username);
        $saved = true;
        $history = facelease_mode_history($collection);
    }
}

include '../../../include/header.php';
$without = facelease_without_effect($collection, (string) ($history[0]['mode'] ?? 'off'));
facelease_render_collection($collection, (string) $known['name'], $form, $missing, $saved, $history, $without);
include '../../../include/footer.php';
