<?php

/**
 * What happened, noted in our own table within the DAM's own transaction, and delivered after the answer.
 */

include_once __DIR__ . '/signing.php';

/** Codes of the resource log, and what they tell the sidecar. Other codes concern neither pixels nor names. */
const FACELEASE_LOG = [
    'c' => 'resource.created', 'C' => 'resource.created', 'EUP' => 'resource.created',
    'u' => 'resource.replaced', 'f' => 'resource.replaced', 'r' => 'resource.replaced',
    'up' => 'resource.replaced', 'sf' => 'resource.replaced', 't' => 'resource.replaced',
    'e' => 'resource.metadata', 'm' => 'resource.metadata', 'N' => 'resource.metadata', 's' => 'resource.metadata',
    'x' => 'resource.deleted', 'xx' => 'resource.deleted',
];

/**
 * Note an event; nothing that goes wrong here may reach the request that caused it.
 *
 * The row lies in the transaction of that request, so that what is rolled back is never told. No table is made
 * here: a change of the schema would commit the request's transaction.
 */
function facelease_note(string $type, int $target): void
{
    if ($target <= 0 || facelease_is_service()) {
        return;
    }
    $event = ['fl_' . bin2hex(random_bytes(16)), $type, $target, time()];
    if (!facelease_quietly(static fn() => facelease_store($event, false))) {
        $GLOBALS['facelease_unstored'][] = $event;
    }
    facelease_deliver_later();
}

/** Deliver when this request has been answered. */
function facelease_deliver_later(): void
{
    if (!isset($GLOBALS['facelease_after_response'])) {
        $GLOBALS['facelease_after_response'] = true;
        // Registered from within the shutdown, ours runs after everybody else's.
        register_shutdown_function(static fn() => register_shutdown_function('facelease_after_response'));
    }
}

/** The sidecar is known to answer again: end the pause, and deliver what waits. */
function facelease_resume(): void
{
    facelease_set_state(['failures' => 0, 'paused_until' => 0]);
    facelease_deliver_later();
}

/** Store an event row. @param array{0: string, 1: string, 2: int, 3: int} $event */
function facelease_store(array $event, bool $make_table): void
{
    [$id, $type, $target, $now] = $event;
    $sql = 'INSERT INTO facelease_event (id, type, target, created, attempts, due) VALUES (?, ?, ?, ?, 0, ?)';
    if ($make_table) {
        // The DAM remembers that this statement could not be prepared, and would not try again.
        unset($GLOBALS['prepared_statement_cache'][$sql]);
    }
    ps_query(
        $sql,
        ['s', $id, 's', $type, 'i', $target, 'i', $now, 'i', $now],
        '',
        -1,
        $make_table
    );
}

/** Run `$work`; false when it failed. Errors go to the debug log only. */
function facelease_quietly(callable $work): bool
{
    $before = $GLOBALS['use_error_exception'] ?? false;
    $GLOBALS['use_error_exception'] = true;
    try {
        $work();
        return true;
    } catch (Throwable $error) {
        debug('facelease: ' . $error->getMessage());
        return false;
    } finally {
        $GLOBALS['use_error_exception'] = $before;
    }
}

/**
 * The last act of a request: let the browser go, then deliver for a few seconds at most.
 *
 * Without FastCGI the browser would wait for us, so the rows wait for cron instead; as they do when the request
 * died inside a transaction, whose rows only look committed to its own connection.
 */
function facelease_after_response(): void
{
    if (!function_exists('fastcgi_finish_request') || isset($GLOBALS['sql_transaction_in_progress'])) {
        return;
    }
    fastcgi_finish_request();
    ignore_user_abort(true);
    facelease_quietly(static function (): void {
        foreach ($GLOBALS['facelease_unstored'] ?? [] as $event) {
            facelease_store($event, true);
        }
        facelease_deliver(5.0);
    });
}

/**
 * Deliver what is due, oldest first, for at most `$seconds`; one process at a time.
 *
 * Who finds the place taken leaves: the holder looks again after it has let go, and so sees what was committed
 * before the other asked.
 *
 * @return int how many events were accepted
 */
function facelease_deliver(float $seconds): int
{
    $end = microtime(true) + $seconds;
    $sent = 0;
    do {
        if (!facelease_lock()) {
            return $sent;
        }
        try {
            $more = facelease_deliver_batch($end, $sent);
        } finally {
            ps_query("SELECT RELEASE_LOCK(CONCAT(DATABASE(), '.facelease')) AS value", [], '', -1, false, 0);
        }
    } while ($more && microtime(true) < $end && facelease_due(1) !== []);

    return $sent;
}

function facelease_lock(): bool
{
    $row = ps_query("SELECT GET_LOCK(CONCAT(DATABASE(), '.facelease'), 0) AS value", [], '', -1, false, 0);

    return (int) $row[0]['value'] === 1;
}

/**
 * Rows that are due now; none while the sidecar has asked for, or been given, a pause. What was tried least comes
 * first, the oldest of those before the others: a message that never passes holds up none behind it.
 */
function facelease_due(int $limit): array
{
    $until = (int) facelease_state('paused_until');
    if ($until > time() && $until <= time() + FACELEASE_LONGEST_PAUSE) {
        return [];
    }

    return ps_query(
        'SELECT ref, id, type, target, created, attempts FROM facelease_event WHERE due <= ? ORDER BY attempts, ref LIMIT ?',
        ['i', time(), 'i', $limit],
        '',
        -1,
        true,
        0
    );
}

/**
 * Deliver up to 200 rows; false when there is a reason to stop: nobody is there, or a second message in a row failed.
 * One that fails alone says nothing of the others.
 */
function facelease_deliver_batch(float $end, int &$sent): bool
{
    $failed = null;
    foreach (facelease_once_each(facelease_due(200)) as $event) {
        if (microtime(true) >= $end) {
            break;
        }
        $answer = facelease_send($event);
        if ($answer['ours'] && $answer['status'] >= 200 && $answer['status'] < 300) {
            ps_query('DELETE FROM facelease_event WHERE ref = ?', ['i', $event['ref']]);
            $sent++ === 0 && facelease_set_state(['failures' => 0, 'accepted_at' => time(), 'answer' => '']);
            $failed = null;
            continue;
        }
        facelease_put_off($event, $answer);
        if (facelease_is_sick($answer)) {
            if ($failed !== null || $answer['status'] === 0 || $answer['retry'] > 0) {
                facelease_pause($answer);
                return false;
            }
            $failed = $answer;
        }
    }
    if ($failed !== null) {
        facelease_pause($failed);
        return false;
    }

    return microtime(true) < $end;
}

/** Of rows never tried that say the same of the same thing, keep the last: an upload writes half a dozen. */
function facelease_once_each(array $events): array
{
    $kept = [];
    foreach ($events as $event) {
        $key = $event['attempts'] > 0 ? 'tried ' . $event['ref'] : $event['type'] . ' ' . $event['target'];
        if (isset($kept[$key])) {
            ps_query('DELETE FROM facelease_event WHERE ref = ?', ['i', $kept[$key]['ref']]);
        }
        $kept[$key] = $event;
    }

    return array_values($kept);
}

/** One attempt: the id and the body are those of the event, the timestamp and signature are new. */
function facelease_send(array $event): array
{
    $body = json_encode([
        'type' => $event['type'],
        'timestamp' => gmdate('Y-m-d\TH:i:s\Z', (int) $event['created']),
        'data' => ['ref' => (int) $event['target']],
    ], JSON_UNESCAPED_SLASHES);

    return facelease_post('events', '/hooks/resourcespace', (string) $event['id'], (string) $body, 2.0);
}

/** Might this answer be the sidecar's state, and not this message's fault? */
function facelease_is_sick(array $answer): bool
{
    return !in_array($answer['status'], [400, 409, 413, 415, 422], true);
}

/** Not accepted: this message is tried again later, each time after twice as long. */
function facelease_put_off(array $event, array $answer): void
{
    $attempts = (int) $event['attempts'] + 1;
    $wait = match (true) {
        $answer['status'] === 0 => min(300, 5 * 2 ** min($attempts - 1, 6)),
        facelease_is_sick($answer) => min(3600, 5 * 2 ** min($attempts - 1, 10)),
        default => min(86400, 60 * 2 ** min($attempts, 11)),
    };
    ps_query(
        'UPDATE facelease_event SET attempts = ?, due = ?, answer = ? WHERE ref = ?',
        ['i', $attempts, 'i', time() + $wait, 's', facelease_said($answer), 'i', $event['ref']]
    );
}

/** The sidecar is down, slow, busy or of another secret: nothing is sent for a while, for longer each time. */
function facelease_pause(array $answer): void
{
    $failures = (int) facelease_state('failures') + 1;
    $wait = max($answer['retry'], min(300, 5 * 2 ** min($failures - 1, 6)));
    facelease_set_state(['failures' => $failures, 'paused_until' => time() + $wait, 'answer' => facelease_said($answer)]);
}

function facelease_said(array $answer): string
{
    return mb_substr(trim($answer['status'] . ' ' . $answer['error']), 0, 120);
}

function facelease_state(string $name): string
{
    $rows = ps_query('SELECT value FROM facelease_state WHERE name = ?', ['s', $name], '', -1, true, 0);

    return (string) ($rows[0]['value'] ?? '');
}

/** @param array<string, int|string> $values */
function facelease_set_state(array $values): void
{
    foreach ($values as $name => $value) {
        ps_query('REPLACE INTO facelease_state (name, value) VALUES (?, ?)', ['s', $name, 's', (string) $value]);
    }
}

/** How many events wait, and since when the oldest does (Unix time, 0 when none). @return array{0: int, 1: int} */
function facelease_waiting(): array
{
    $row = ps_query('SELECT COUNT(*) AS n, MIN(created) AS since FROM facelease_event', [], '', -1, true, 0)[0];

    return [(int) $row['n'], (int) $row['since']];
}

/** Drop what was not accepted for `$days` days: by then the sidecar has found it by looking itself. */
function facelease_drop_old(int $days): int
{
    ps_query('DELETE FROM facelease_event WHERE created < ?', ['i', time() - $days * 86400]);

    return sql_affected_rows();
}
