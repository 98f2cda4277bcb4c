<?php

/** Hands the user over to FaceLease: a form that sends itself, and a button for browsers that run no script. */
include '../../../include/boot.php';
include '../../../include/authenticate.php';
include_once __DIR__ . '/../include/all.php';
facelease_stop_unless_whole();

if (!facelease_may_enter()) {
    http_response_code(403);
    exit(escape($lang['error-permissiondenied']));
}
header('Cache-Control: no-store');
header('Referrer-Policy: no-referrer');
$ticket = facelease_ticket((string) $username, (int) $usergroup, (string) $language, time(), facelease_destination(getval('to', ''), (int) getval('collection', 0, true)));
$address = facelease_console() . '/signin/resourcespace';
$script = $baseurl_short . 'plugins/facelease/js/signin.js?v=' . urlencode((string) $css_reload_key);
?>
<!DOCTYPE html>
<html lang="<?php echo escape((string) $language); ?>">
<head><meta charset="utf-8"><title>FaceLease</title></head>
<body>
    <form id="facelease_signin" method="post" action="<?php echo escape($address); ?>">
        <input type="hidden" name="payload" value="<?php echo escape($ticket['payload']); ?>">
        <input type="hidden" name="signature" value="<?php echo escape($ticket['signature']); ?>">
        <button type="submit"><?php echo escape(facelease_word('enter')); ?></button>
    </form>
    <script src="<?php echo escape($script); ?>"></script>
</body>
</html>
