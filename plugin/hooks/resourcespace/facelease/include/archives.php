<?php

/**
 * A collection's archive: what may not go out stays out, and the note in it says no more than how many and which numbers.
 */

include_once __DIR__ . '/gate.php';

/**
 * The photographs of the archive, less those that may not go; null to leave them as they are.
 *
 * It is then made at once, not by a job later: what was asked holds now.
 */
function facelease_archive_of(mixed $found): ?array
{
    if (!is_array($found) || !facelease_gate_is_on()) {
        return null;
    }
    [$channels, $rule] = facelease_asked_for(getval('usage', '-1'));
    if ($rule === 'off') {
        return null;
    }
    $GLOBALS['offline_job_queue'] = false;
    $GLOBALS['include_alternatives'] = false; // nobody examined them
    $sending = !empty($GLOBALS['submitted']);
    $judged = facelease_judge(array_map('intval', array_column($found, 'ref')), $channels, 20.0);
    // Nobody outside answers for anything: what an account is warned about stays out for a share.
    $leaves = $rule === 'refuse' || facelease_is_share();
    $GLOBALS['facelease_archive'] = [
        'channels' => $channels, 'judged' => $judged, 'leaves' => $leaves, 'rule' => $rule, 'sent' => [],
    ];
    if (!$leaves) {
        return facelease_warned_archive($judged, $sending);
    }
    $kept = array_values(array_filter($found, static fn(array $row): bool => !isset($judged['stopped'][(int) $row['ref']])));
    facelease_leave_out($judged['stopped'] !== []);
    if ($sending) {
        register_shutdown_function('facelease_note_archive');
    }
    if ($kept === [] && $found !== []) {
        facelease_send_to_stopped(array_filter([
            'collection' => (int) getval('collection', 0, true), 'usage' => getval('usage', '-1'), 'k' => getval('k', ''),
        ]));
    }

    return $judged['stopped'] === [] ? null : $kept;
}

/** Warned: it goes if they send the form that shows the warning; an address alone shows the form again. */
function facelease_warned_archive(array $judged, bool $sending): ?array
{
    $token = $_POST[(string) ($GLOBALS['CSRF_token_identifier'] ?? '')] ?? '';
    $form = ($_SERVER['REQUEST_METHOD'] ?? '') === 'POST' && isset($_POST['submitted'])
        && isValidCSRFToken(is_string($token) ? $token : '', $GLOBALS['usersession'] ?? '');
    if ($sending && $judged['stopped'] !== [] && !$form) {
        $GLOBALS['submitted'] = false;
    } elseif ($sending) {
        register_shutdown_function('facelease_note_archive');
    }

    return null;
}

/** Where something is left out the text file is ours: numbers, no metadata, no title. */
function facelease_leave_out(bool $some): void
{
    if (!$some) {
        return;
    }
    $GLOBALS['includetext'] = true;
    if (is_array($GLOBALS['collectiondata'] ?? null)) {
        $GLOBALS['collectiondata']['name'] = 'FaceLease';
    }
    if (facelease_is_share()) {
        $GLOBALS['include_csv_file'] = false;
    }
}

/**
 * A file is to be put into an archive: the path of one that is not there, where it may not go. A job of before has asked
 * nobody, so it is asked for here, for the strictest.
 */
function facelease_file_for_archive(int $ref): ?string
{
    if (!facelease_gate_is_on()) {
        return null;
    }
    $archive = $GLOBALS['facelease_archive'] ?? null;
    $path = (string) ($GLOBALS['p'] ?? '');
    if ($archive === null) {
        [$channels, $rule] = facelease_asked_for(-1);
        $judged = facelease_judge([$ref], $channels, 2.0, facelease_sizes($path, $ref));
        $archive = ['leaves' => $rule === 'refuse', 'judged' => $judged];
    }
    $file = facelease_file_of($path, $ref, false);
    $goes = !isset($archive['judged']['stopped'][$ref]) && ($file['kind'] === 'main' || !file_exists($path));

    return $goes || !$archive['leaves'] ? null : $path . '.left-out';
}

/** When the request ends: what the archive held, and what was kept out of it. */
function facelease_note_archive(): void
{
    $archive = $GLOBALS['facelease_archive'];
    $out = array_keys($archive['judged']['stopped']);
    $held = $archive['leaves'] ? $out : [];
    if (($archive['sent'] === [] && $held === []) || isset($GLOBALS['sql_transaction_in_progress'])) {
        return;
    }
    $insisted = array_intersect($archive['sent'], $out) !== [];
    $happened = $archive['sent'] === [] ? 'stopped' : ($insisted ? 'insisted' : 'delivered');
    $said = facelease_verdict_word($archive['judged'], $archive['rule']);
    facelease_note_delivery(
        ['channels' => $archive['channels'], 'said' => $said, 'happened' => $happened, 'file' => 'archive'],
        array_values(array_unique($archive['sent'])),
        $held
    );
}

/** Before the archive is made: how many stay out, or are not cleared. */
function facelease_archive_message(): void
{
    $archive = $GLOBALS['facelease_archive'] ?? null;
    $out = count($archive['judged']['stopped'] ?? []);
    if ($out > 0) {
        $word = facelease_is_share() ? 'zip_left_out_share' : ($archive['leaves'] ? 'zip_left_out' : 'zip_warned');
        echo '<p class="FaceleaseWarning">' . escape(facelease_word($word, $out)) . '</p>';
    }
}

/** In the archive's text file, once, above the DAM's own note: which ones, that it was no accident, and whom to ask. */
function facelease_archive_note(): void
{
    $archive = $GLOBALS['facelease_archive'] ?? null;
    $out = array_keys($archive['judged']['stopped'] ?? []);
    if ($out === [] || isset($GLOBALS['facelease_left_noted'])) {
        return;
    }
    $GLOBALS['facelease_left_noted'] = true;
    $word = facelease_is_share() ? 'zip_note_share' : ($archive['leaves'] ? 'zip_note' : 'zip_note_warned');
    $note = facelease_word($word, implode(', ', $out)) . "\r\n" . facelease_whom_to_ask();
    $GLOBALS['lang']['status-note'] = $note . "\r\n\r\n" . $GLOBALS['lang']['status-note'];
}

/** What stands in that file about a photograph which is in the archive: its number, where others were left out. */
function facelease_archive_line(int $ref): ?string
{
    $archive = $GLOBALS['facelease_archive'] ?? null;
    $left = $archive !== null && $archive['leaves'] && $archive['judged']['stopped'] !== [];

    return $left ? facelease_word('zip_line', $ref) . "\r\n\r\n" : null;
}
