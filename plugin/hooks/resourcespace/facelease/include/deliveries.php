<?php

/**
 * Every delivery that was asked about, for FaceLease's log: noted here as it happens, and told when FaceLease answers.
 */

include_once __DIR__ . '/events.php';

/** How many photographs one message names at most; an archive of more is told in parts. */
const FACELEASE_DELIVERY_PART = 500;

/**
 * Note what was said and what happened, before the file goes.
 *
 * @param array{channels: list<string>, said: string, happened: string, file: string} $what
 * @param list<int> $sent
 * @param list<int> $held
 */
function facelease_note_delivery(array $what, array $sent, array $held): void
{
    $user = facelease_is_somebody() ? (string) $GLOBALS['username'] : '';
    $common = $what + ['at' => gmdate('Y-m-d\TH:i:s\Z'), 'user' => $user];
    $id = 'fld_' . bin2hex(random_bytes(16));
    $parts = max(1, (int) ceil(max(count($sent), count($held)) / FACELEASE_DELIVERY_PART));
    for ($part = 0; $part < $parts; $part++) {
        $from = $part * FACELEASE_DELIVERY_PART;
        $body = json_encode($common + [
            'sent' => array_slice($sent, $from, FACELEASE_DELIVERY_PART),
            'held' => array_slice($held, $from, FACELEASE_DELIVERY_PART),
        ]);
        ps_query(
            'INSERT INTO facelease_delivery (id, body, created, attempts, due) VALUES (?, ?, ?, 0, ?)',
            ['s', $id . ($part === 0 ? '' : ".$part"), 's', $body, 'i', time(), 'i', time()]
        );
    }
    facelease_tell_deliveries_later();
}

/** Tell them when this request has been answered. */
function facelease_tell_deliveries_later(): void
{
    if (!isset($GLOBALS['facelease_deliveries_later'])) {
        $GLOBALS['facelease_deliveries_later'] = true;
        register_shutdown_function(static fn() => register_shutdown_function('facelease_deliveries_after_response'));
    }
}

/** Without FastCGI the browser would wait for us, so the rows wait for cron instead. */
function facelease_deliveries_after_response(): void
{
    if (!function_exists('fastcgi_finish_request') || isset($GLOBALS['sql_transaction_in_progress'])) {
        return;
    }
    fastcgi_finish_request();
    ignore_user_abort(true);
    facelease_quietly(static fn() => facelease_tell_deliveries(5.0));
}

/**
 * Tell what is due, the oldest first; one process at a time. What was told stays told: each has an id of its own.
 *
 * @return int how many were taken
 */
function facelease_tell_deliveries(float $seconds): int
{
    $name = "CONCAT(DATABASE(), '.facelease.deliveries')";
    $row = ps_query("SELECT GET_LOCK($name, 0) AS value", [], '', -1, false, 0);
    if ((int) $row[0]['value'] !== 1) {
        return 0;
    }
    $end = microtime(true) + $seconds;
    $told = 0;
    try {
        foreach (facelease_due_deliveries() as $one) {
            if (microtime(true) >= $end || !facelease_tell_delivery($one, $told)) {
                break;
            }
        }
    } finally {
        ps_query("SELECT RELEASE_LOCK($name) AS value", [], '', -1, false, 0);
    }

    return $told;
}

/** What is to be told now. */
function facelease_due_deliveries(): array
{
    return ps_query(
        // What was noted later than now is of a clock that was set back since.
        'SELECT ref, id, body, attempts FROM facelease_delivery WHERE due <= ? OR created > ? ORDER BY ref LIMIT 500',
        ['i', time(), 'i', time()],
        '',
        -1,
        true,
        0
    );
}

/** Tell one; false when FaceLease takes none now. What it will not take is kept, and does not hold up the others. */
function facelease_tell_delivery(array $one, int &$told): bool
{
    $answer = facelease_post('panel', '/gate/resourcespace/deliveries', (string) $one['id'], (string) $one['body'], 2.0);
    if ($answer['status'] >= 200 && $answer['status'] < 300) {
        ps_query('DELETE FROM facelease_delivery WHERE ref = ?', ['i', $one['ref']]);
        $told++;

        return true;
    }
    if (!in_array($answer['status'], [400, 409, 413, 415, 422], true)) {
        return false;
    }
    $attempts = (int) $one['attempts'] + 1;
    ps_query(
        'UPDATE facelease_delivery SET attempts = ?, due = ? WHERE ref = ?',
        ['i', $attempts, 'i', time() + min(86400, 60 * 2 ** min($attempts, 11)), 'i', $one['ref']]
    );

    return true;
}

/** How many wait, and since when the oldest does (Unix time, 0 when none). @return array{0: int, 1: int} */
function facelease_waiting_deliveries(): array
{
    $row = ps_query('SELECT COUNT(*) AS n, MIN(created) AS since FROM facelease_delivery', [], '', -1, true, 0)[0];

    return [(int) $row['n'], (int) $row['since']];
}
