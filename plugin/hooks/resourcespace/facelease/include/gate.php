<?php

/**
 * The last moment before the DAM sends a file: by the file, may it go? And what whoever is stopped gets instead.
 */

include_once __DIR__ . '/delivered.php';
include_once __DIR__ . '/deliveries.php';
include_once __DIR__ . '/downloads.php';

/** The DAM has said which file it means; metadata may yet be written into a copy of it. */
function facelease_remember_path(): void
{
    $GLOBALS['facelease_path'] = (string) ($GLOBALS['path'] ?? '');
}

/** The file whose content goes: not a copy with metadata, but what the copy was made of. */
function facelease_sent_from(): string
{
    $path = (string) ($GLOBALS['path'] ?? '');
    $copies = [$GLOBALS['tmpfile'] ?? null, $GLOBALS['temp_file_stripped_metadata'] ?? null];
    if ($path === '' || !in_array($path, $copies, true)) {
        return $path;
    }
    $other = $GLOBALS['path_modified'] ?? null;

    return is_string($other) && $other !== '' ? $other : (string) ($GLOBALS['facelease_path'] ?? '');
}

/** Called by the DAM's download page with the file in hand. Returns only if it may be sent. */
function facelease_before_sending(): void
{
    $shown = !empty($GLOBALS['noattach']);
    $file = facelease_file_of(facelease_sent_from(), (int) ($GLOBALS['ref'] ?? 0), $shown);
    if ($file['kind'] === 'canary') {
        facelease_answer_canary();
    }
    if (!facelease_gate_is_on() || in_array($file['kind'], ['page', 'design'], true)) {
        return;
    }
    [$channels, $rule] = facelease_asked_for($file['kind'] === 'untied' ? -1 : ($GLOBALS['usage'] ?? -1));
    if ($rule === 'off') {
        return;
    }
    $refs = $file['ref'] > 0 ? [$file['ref']] : [];
    $judged = $file['kind'] === 'main' ? facelease_judge($refs, $channels, 2.0, facelease_sizes(facelease_sent_from(), $file['ref'])) : ['silent' => false, 'stopped' => [0 => []]];
    $happened = facelease_happens($judged['stopped'] !== [], $rule === 'warn' && facelease_insists());
    $what = ['channels' => $channels, 'said' => facelease_verdict_word($judged, $rule), 'happened' => $happened, 'file' => $file['kind']];
    facelease_note_delivery($what, $happened === 'stopped' ? [] : $refs, $happened === 'stopped' ? $refs : []);
    if ($happened === 'stopped') {
        facelease_stop($file, $shown);
    }
}

/** By resource the longest side of a copy that shows the whole picture; nothing of any other file. @return array<int, int> */
function facelease_sizes(string $path, int $ref): array
{
    $px = facelease_copy_px($path, $ref);

    return $px > 0 ? [$ref => $px] : [];
}

/** What happens to a file that is stopped or not, where somebody insists or not. */
function facelease_happens(bool $stopped, bool $insisted): string
{
    return $stopped ? ($insisted ? 'insisted' : 'stopped') : 'delivered';
}

/** The word for the log: what was said, and whether the dates in the DAM said it because FaceLease was silent. */
function facelease_verdict_word(array $judged, string $rule): string
{
    $said = $judged['stopped'] === [] ? 'open' : ($rule === 'refuse' ? 'refused' : 'warned');

    return ($judged['silent'] ? 'silent-' : '') . $said;
}

/** Does somebody with an account say so, by our own form, after the warning? The DAM's own check can be turned off. */
function facelease_insists(): bool
{
    $token = $_POST[(string) ($GLOBALS['CSRF_token_identifier'] ?? '')] ?? '';

    return ($_SERVER['REQUEST_METHOD'] ?? '') === 'POST'
        && ($_POST['facelease_insist'] ?? '') === '1'
        && !facelease_is_share()
        && (string) ($GLOBALS['username'] ?? '') !== ''
        && isValidCSRFToken(is_string($token) ? $token : '', $GLOBALS['usersession'] ?? '');
}

/** Not sent. What a page shows, or a program fetches, gets a plain refusal; somebody at a screen gets our page. */
function facelease_stop(array $file, bool $shown): never
{
    if ($shown || !empty($GLOBALS['valid_key']) || !empty($GLOBALS['slideshow'])) {
        http_response_code(403);
        header('Content-Type: text/plain; charset=UTF-8');
        header('Cache-Control: no-store');
        exit(escape(facelease_word('stopped_plain')));
    }
    $given = array_filter($_POST + $_GET, 'is_string');
    unset($given['ajax'], $given['facelease_insist'], $given[(string) ($GLOBALS['CSRF_token_identifier'] ?? '')]);
    facelease_send_to_stopped(['ref' => $file['ref'], 'facelease_file' => $file['kind']] + $given);
}

/** @param array<string, int|string> $about */
function facelease_send_to_stopped(array $about): never
{
    redirect(generateURL($GLOBALS['baseurl_short'] . 'plugins/facelease/pages/stopped.php', $about));
    exit();
}
