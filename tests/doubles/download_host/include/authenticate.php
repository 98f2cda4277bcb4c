<?php

if ($usersession === '') {
    redirect('/login.php');
}
setup_user($usersession);
