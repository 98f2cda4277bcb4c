<?php

/**
 * The photographs of a collection's archive, less those that may not go out for what it is wanted for.
 *
 * The archive is then made at once, not by a job later: what was asked holds now.
 */
function HookFaceleaseCollection_downloadModifycollectiondownload()
{
    $result = $GLOBALS['result'];
    if (!facelease_gate_is_on() || !is_array($result)) {
        return null;
    }
    [$channels, $rule] = facelease_asked_for(getval('usage', '-1'));
    if ($rule === 'off') {
        return null;
    }
    $insisted = $rule === 'warn' && getval('submitted', '') !== '';
    $refs = array_map('intval', array_column($result, 'ref'));
    $GLOBALS['facelease_left_out'] = facelease_stopped($refs, $channels, $insisted, 20.0);
    $GLOBALS['facelease_left_rule'] = $rule;
    if ($rule === 'warn' || $GLOBALS['facelease_left_out'] === []) {
        return null;
    }
    $GLOBALS['offline_job_queue'] = false;
    $GLOBALS['includetext'] = true;

    return array_values(array_filter(
        $result,
        static fn(array $row): bool => !isset($GLOBALS['facelease_left_out'][(int) $row['ref']])
    ));
}

/** Before the archive is made: how many stay out, or are not cleared. */
function HookFaceleaseCollection_downloadCollectiondownloadmessage()
{
    $out = $GLOBALS['facelease_left_out'] ?? [];
    if ($out !== []) {
        $word = ($GLOBALS['facelease_left_rule'] ?? '') === 'refuse' ? 'zip_left_out' : 'zip_warned';
        echo '<p class="FaceleaseWarning">' . escape(facelease_word($word, count($out))) . '</p>';
    }

    return null;
}

/** In the archive's text file: which ones, and that it was not an accident. The DAM's own note follows ours. */
function HookFaceleaseCollection_downloadZippedcollectiontextfile($text)
{
    $out = $GLOBALS['facelease_left_out'] ?? [];
    if ($out !== [] && !isset($GLOBALS['facelease_left_noted'])) {
        $GLOBALS['facelease_left_noted'] = true;
        $word = ($GLOBALS['facelease_left_rule'] ?? '') === 'refuse' ? 'zip_note' : 'zip_note_warned';
        $note = facelease_word($word, implode(', ', array_keys($out)));
        $GLOBALS['lang']['status-note'] = $note . "\r\n\r\n" . $GLOBALS['lang']['status-note'];
    }

    return false;
}
