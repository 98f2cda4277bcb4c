<?php

/**
 * Keeps a sick sidecar out of the DAM's pages. What is known of it lies in a table that all workers share: after one
 * failure no page asks before a pause is over, then one asks, and the others only when that one was answered. While
 * nobody knows yet, a few workers at the most wait at a time.
 */

/** How many workers may wait for an answer at the same time. */
const FACELEASE_WAITING = 3;

/** Ask, unless the sidecar is known to be sick, or too many ask already. @param callable(): array $ask */
function facelease_guarded(callable $ask): array
{
    $place = facelease_place(facelease_breaker()[0] > 0 ? 1 : FACELEASE_WAITING);
    if ($place === null) {
        return facelease_no_answer('busy');
    }
    try {
        [$failures, $until] = facelease_breaker();
        if ($until > microtime(true)) {
            return facelease_no_answer('paused');
        }
        $answer = $ask();
        facelease_learn($answer, $failures);
        return $answer;
    } finally {
        ps_query('SELECT RELEASE_LOCK(SHA1(CONCAT(DATABASE(), ?))) AS value', ['s', $place], '', -1, false, 0);
    }
}

/** Take one of so many places, waiting for a moment where all are taken; null where none became free. */
function facelease_place(int $places): ?string
{
    $end = microtime(true) + ($places === 1 ? 0.0 : 0.2);
    do {
        for ($number = 1; $number <= $places; $number++) {
            $name = ".facelease.ask.$number";
            $row = ps_query('SELECT GET_LOCK(SHA1(CONCAT(DATABASE(), ?)), 0) AS value', ['s', $name], '', -1, false, 0);
            if ((int) ($row[0]['value'] ?? 1) === 1) {
                return $name;
            }
        }
        usleep(20000);
    } while (microtime(true) < $end);

    return null;
}

/** Remember what an answer says of the sidecar's health: silence and "busy" begin a pause, anything else ends it. */
function facelease_learn(array $answer, int $failures): void
{
    if ($answer['ours'] && !in_array($answer['status'], [502, 503, 504], true)) {
        if ($failures > 0) {
            facelease_close_breaker();
        }
        return;
    }
    $wait = max($answer['retry'], min(60, 5 * 2 ** min($failures, 4)));
    $since = $failures > 0 ? [] : ['ask_since' => time()];
    facelease_set_state($since + [
        'ask_failures' => $failures + 1,
        'ask_until' => sprintf('%.3F', microtime(true) + $wait),
        'ask_error' => mb_substr(trim($answer['status'] . ' ' . $answer['error']), 0, 120),
    ]);
}

/** The sidecar answers again. */
function facelease_close_breaker(): void
{
    facelease_set_state(['ask_failures' => 0, 'ask_until' => 0]);
}

/** No pause is longer, in seconds; one that seems to be is of a clock that was set back since. */
const FACELEASE_LONGEST_PAUSE = 3600;

/** @return array{0: int, 1: float} failures in a row, and until when nobody asks */
function facelease_breaker(): array
{
    $rows = ps_query(
        "SELECT name, value FROM facelease_state WHERE name IN ('ask_failures', 'ask_until')",
        [],
        '',
        -1,
        true,
        0
    );
    $values = array_column($rows, 'value', 'name');
    $until = (float) ($values['ask_until'] ?? 0);

    return [(int) ($values['ask_failures'] ?? 0), $until > microtime(true) + FACELEASE_LONGEST_PAUSE ? 0.0 : $until];
}

/** That pages do not ask now, since when, and why: for the set-up page; null while all is well. */
function facelease_breaker_problem(): ?string
{
    [$failures, $until] = facelease_breaker();
    if ($failures === 0) {
        return null;
    }
    $since = date('Y-m-d H:i:s', (int) facelease_state('ask_since'));

    return facelease_word('problem_breaker', $since, facelease_state('ask_error'), date('H:i:s', (int) $until));
}
