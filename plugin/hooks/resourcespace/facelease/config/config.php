<?php

// What the set-up page keeps: none of it is secret.
$facelease_people_field = 29;
$facelease_channels = 'internal=cleareduntilinternal, website=cleareduntilwebsite,'
    . ' social media=cleareduntilsocialme, print=cleareduntilprint, press=cleareduntilpress,'
    . ' advertising=cleareduntiladvertis';
$facelease_take_names = 0;
$facelease_usages = [];
$facelease_rules = [];
$facelease_ask = '';
$facelease_panel_place = 'after';

// What the site's own include/config.php decides; the set-up page neither shows nor stores it, because
// plugin settings lie readable in the database and in the activity log.
$facelease_sidecar_url = $GLOBALS['facelease_sidecar_url'] ?? '';
$facelease_own_url = $GLOBALS['facelease_own_url'] ?? '';
$facelease_api_user = $GLOBALS['facelease_api_user'] ?? '';
$facelease_secret_events = $GLOBALS['facelease_secret_events'] ?? '';
$facelease_secret_panel = $GLOBALS['facelease_secret_panel'] ?? '';
$facelease_secret_signin = $GLOBALS['facelease_secret_signin'] ?? '';
$facelease_console_url = $GLOBALS['facelease_console_url'] ?? '';
