<?php

/** "FaceLease" among the team centre's entries, for those who may see or decide something there. */
function HookFaceleaseTeam_homeCustomteamfunction()
{
    if (!facelease_may_enter()) {
        return null;
    }
    $url = $GLOBALS['baseurl_short'] . 'plugins/facelease/pages/console.php';
    ?>
    <li title="<?php echo escape(facelease_word('enter_tooltip')); ?>">
        <a href="<?php echo escape($url); ?>" target="_blank" rel="noopener">
            <i aria-hidden="true" class="icon-scan-face"></i>
            <br><?php echo escape(facelease_word('team')); ?>
        </a>
    </li>
    <?php
    return null;
}
