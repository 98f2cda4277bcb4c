<?php

if ($usersession === '' && isset($anonymous_login)) {
    setup_user($anonymous_login);
} elseif ($usersession === '') {
    redirect('/login.php');
} else {
    setup_user($usersession);
}
$is_authenticated = true;
