<?php

/**
 * Just before a file is sent. Previews on a page are not asked about, nor what was asked about when it was made (a
 * collection's archive), nor addresses that the API gave out, whose holder is not here.
 */
function HookFaceleaseDownloadModifydownloadpath()
{
    $file = (string) $GLOBALS['userfiledownload'];
    // The largest JPEG is a download however it is asked for, as it is for the DAM's own download limit.
    $small = $GLOBALS['size'] !== '' && $GLOBALS['size'] !== 'hpr';
    $preview = $GLOBALS['noattach'] && ($small || !$GLOBALS['log_download']);
    if (!facelease_gate_is_on() || $preview || $GLOBALS['valid_key'] || ($file !== '' && !$GLOBALS['log_download'])) {
        return null;
    }
    [$channels, $rule] = facelease_asked_for($GLOBALS['usage']);
    $insisted = $rule === 'warn' && getval('facelease_insist', '') === '1';
    if ($rule !== 'off') {
        $stopped = facelease_stopped([(int) $GLOBALS['ref']], $channels, $insisted, 2.0);
        if ($stopped !== [] && !$insisted) {
            redirect($GLOBALS['baseurl_short'] . 'plugins/facelease/pages/stopped.php?' . (string) $_SERVER['QUERY_STRING']);
        }
    }

    return null;
}
