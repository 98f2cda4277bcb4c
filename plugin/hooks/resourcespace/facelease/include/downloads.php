<?php

/**
 * At the download, where the DAM asks what a file is wanted for: may it go out for that?
 *
 * FaceLease answers. While it is silent, the days that it left in the DAM's own fields do: they are leases, and an
 * empty one is unknown, which is never yes.
 */

include_once __DIR__ . '/signing.php';
include_once __DIR__ . '/fields.php';

/** What a channel's rule may be, the mildest first. */
const FACELEASE_RULES = ['off', 'warn', 'refuse'];

/** Is anything asked? Only where people say what they want a file for, and never of the service account. */
function facelease_gate_is_on(): bool
{
    return facelease_gate_is_set() && (facelease_is_share() || !facelease_is_service());
}

/** Does the house ask what a file is for, and has any channel a rule? */
function facelease_gate_is_set(): bool
{
    return !empty($GLOBALS['download_usage']) && facelease_ruled_channels() !== [];
}

/** A name for `$words` that survives the DAM's settings: they are kept in ISO-8859-1. */
function facelease_setting_key(string $words): string
{
    return substr(sha1($words), 0, 12);
}

/** Any text as the DAM's settings can keep it: in ASCII, every other character by its number, as JSON has it. */
function facelease_kept(string $text): string
{
    return substr((string) json_encode($text, JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE), 1, -1);
}

/** The text that was kept; one that was written by hand, or before this, as it stands. */
function facelease_meant(string $kept): string
{
    $text = json_decode('"' . $kept . '"');

    return is_string($text) ? $text : $kept;
}

/** The rule of a channel: off unless one was chosen. */
function facelease_rule(string $channel): string
{
    $rules = $GLOBALS['facelease_rules'] ?? [];
    $rule = is_array($rules) ? ($rules[facelease_setting_key($channel)] ?? 'off') : 'off';

    return in_array($rule, FACELEASE_RULES, true) ? $rule : 'off';
}

/** Channels whose rule is not off. @return list<string> */
function facelease_ruled_channels(): array
{
    $channels = array_map('strval', array_keys(facelease_channels()));

    return array_values(array_filter($channels, static fn(string $channel): bool => facelease_rule($channel) !== 'off'));
}

/** The channel that a usage is mapped to; '' for one that is mapped to none, or that there is not. */
function facelease_channel_of(mixed $usage): string
{
    $options = $GLOBALS['download_usage_options'] ?? [];
    $label = is_numeric($usage) && is_array($options) ? ($options[(int) $usage] ?? null) : null;
    $map = $GLOBALS['facelease_usages'] ?? [];
    $channel = $label !== null && is_array($map)
        ? facelease_meant((string) ($map[facelease_setting_key((string) $label)] ?? ''))
        : '';

    return isset(facelease_channels()[$channel]) ? $channel : '';
}

/**
 * What has to be asked for a usage: its channel and that one's rule. One that is mapped to none, or was not said, is
 * held to the strictest: every channel that has a rule, and the strictest of those.
 *
 * @return array{0: list<string>, 1: string}
 */
function facelease_asked_for(mixed $usage): array
{
    $channel = facelease_channel_of($usage);
    if ($channel !== '') {
        return [[$channel], facelease_rule($channel)];
    }
    $ruled = facelease_ruled_channels();
    $refused = array_filter($ruled, static fn(string $one): bool => facelease_rule($one) === 'refuse');

    return [$ruled, $ruled === [] ? 'off' : ($refused === [] ? 'warn' : 'refuse')];
}

/**
 * Which of these photographs may not go out on these channels, and why.
 *
 * @param list<int> $refs
 * @param list<string> $channels
 * @param array<int, int> $sizes the longest side of the copy that would be sent; what is missing is judged as the original
 * @return array{silent: bool, stopped: array<int, array{state: string, why: list<string>}>} silent: FaceLease did not
 *         answer for some of them, and the dates in the DAM did
 */
function facelease_judge(array $refs, array $channels, float $seconds, array $sizes = []): array
{
    $judged = ['silent' => false, 'stopped' => []];
    foreach (array_chunk(array_values(array_unique($refs)), 1000) as $some) {
        $said = facelease_ask_gate($some, $channels, $seconds, $sizes);
        $leased = $said === null ? facelease_leased($some, $channels, $sizes) : [];
        $judged['silent'] = $judged['silent'] || $said === null;
        foreach ($some as $ref) {
            $verdict = $said === null
                ? ['open' => in_array($ref, $leased, true), 'state' => 'silent', 'why' => [facelease_word('state_silent')]]
                : facelease_verdict($said[$ref] ?? null);
            if (!$verdict['open']) {
                $judged['stopped'][$ref] = ['state' => $verdict['state'], 'why' => $verdict['why']];
            }
        }
    }

    return $judged;
}

/** Whether an answer lets a photograph out, and what it says; what is no proper answer does not. */
function facelease_verdict(mixed $answer): array
{
    $answer = is_array($answer) ? $answer : [];
    $why = is_array($answer['why'] ?? null) ? $answer['why'] : [];
    $state = ($answer['state'] ?? '') === 'blocked' ? 'blocked' : 'unknown';

    return ['open' => ($answer['open'] ?? false) === true, 'state' => $state, 'why' => array_values(array_filter($why, 'is_string'))];
}

/** FaceLease's answers by resource; null when there is none in time. */
function facelease_ask_gate(array $refs, array $channels, float $seconds, array $sizes = []): ?array
{
    $question = ['refs' => $refs, 'channels' => $channels, 'language' => (string) $GLOBALS['language']];
    $known = array_intersect_key($sizes, array_flip($refs));
    $body = json_encode($known === [] ? $question : $question + ['longest_px' => (object) $known]);
    $answer = facelease_post('panel', '/gate/resourcespace', 'flg_' . bin2hex(random_bytes(16)), (string) $body, $seconds);
    $said = json_decode($answer['body'], true);

    if ($answer['status'] !== 200 || !is_array($said['answers'] ?? null)) {
        return null;
    }
    facelease_quietly(static fn() => facelease_keep_max_px_of($said['max_px'] ?? null));

    return $said['answers'];
}

/**
 * Those whose "cleared until" has not passed for any of the channels: what holds while FaceLease is silent. A date of a
 * channel that states a size holds for copies up to that size.
 */
function facelease_leased(array $refs, array $channels, array $sizes = []): array
{
    $fields = facelease_channels();
    foreach ($channels as $channel) {
        $most = facelease_max_px($channel);
        $fits = static fn(int $ref): bool => $most === 0 || (isset($sizes[$ref]) && $sizes[$ref] <= $most);
        $refs = array_values(array_filter($refs, $fits));
        $field = facelease_date_field($fields[$channel] ?? '');
        if ($field === null || $refs === []) {
            return [];
        }
        $rows = ps_query(
            'SELECT rn.resource FROM resource_node rn JOIN node n ON n.ref = rn.node'
            . ' WHERE n.resource_type_field = ? AND n.name >= ? AND rn.resource IN (' . ps_param_insert(count($refs)) . ')',
            array_merge(['i', $field, 's', date('Y-m-d')], ps_param_fill($refs, 'i')),
            '',
            -1,
            true,
            0
        );
        $refs = array_values(array_intersect($refs, array_map('intval', array_column($rows, 'resource'))));
    }

    return $refs;
}

/** How many photographs each channel would let out today; null when FaceLease does not say. @return ?array<string, int> */
function facelease_open_today(): ?array
{
    $body = json_encode(['channels' => array_map('strval', array_keys(facelease_channels()))]);
    $answer = facelease_post('panel', '/gate/resourcespace/count', 'flg_' . bin2hex(random_bytes(16)), (string) $body, 5.0);
    $said = json_decode($answer['body'], true);

    return $answer['status'] === 200 && is_array($said['open'] ?? null) ? array_map('intval', $said['open']) : null;
}

/** How many resources there are to download: what has a file, outside the bin. */
function facelease_downloadable(): int
{
    $row = ps_query("SELECT COUNT(*) AS n FROM resource WHERE ref > 0 AND archive <> 3 AND file_extension <> ''", [], '', -1, true, 0)[0];

    return (int) $row['n'];
}
