<?php

/** What fills the panel: the session, the permission and the CSRF token are checked here, then the sidecar is asked. */
include '../../../include/boot.php';
include '../../../include/authenticate.php';
include_once __DIR__ . '/../include/all.php';
facelease_stop_unless_whole();

if (!enforcePostRequest(true)) {
    exit();
}
$ref = (int) getval('ref', 0, true);
$can_edit = facelease_may_decide($ref);
$inviting = getval('action', '') === 'invite';
$invitation = $inviting ? facelease_invitation() : null;
$decision = facelease_decision($inviting ? '' : getval('action', ''), getval('face', ''), getval('reason', ''), getval('person', ''));
if (($inviting && ($invitation === null || !$can_edit)) || $decision === null || !facelease_may_see($ref) || ($decision['action'] !== null && !$can_edit)) {
    http_response_code(403);
    exit(escape($lang['error-permissiondenied']));
}
if (getval('names', '') !== '') {
    if ($can_edit) {
        facelease_render_names(getval('names', ''));
    }
    exit();
}
if ($invitation !== null) {
    facelease_render_invited(facelease_invite($ref, (string) $username, $can_edit, $invitation));
}
// What check_use_watermark goes by.
$access = get_resource_access($ref);
facelease_render_panel(facelease_ask_panel($ref, (string) $username, $can_edit, $decision), $ref, $can_edit);
