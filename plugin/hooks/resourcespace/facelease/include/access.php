<?php

/**
 * Who may do what. Each entry point (binding, page, hook) asks here first.
 */

/** Is the caller our service account, or a super administrator? */
function facelease_may_serve(): bool
{
    return facelease_is_service() || checkperm('a');
}

/** Is the present user the account under which the sidecar works? Names are compared as logins are: without case. */
function facelease_is_service(): bool
{
    $service = trim((string) ($GLOBALS['facelease_api_user'] ?? ''));
    $present = (string) ($GLOBALS['username'] ?? '');

    return $service !== '' && mb_strtolower($service) === mb_strtolower($present);
}

/** May the present user see who is named on this resource and why? Never on an external share. */
function facelease_may_see(int $ref): bool
{
    if (facelease_is_share() || !(checkperm('facelease-v') || checkperm('a'))) {
        return false;
    }

    return in_array((int) get_resource_access($ref), [0, 1], true);
}

/** May the present user confirm, reject or dismiss on this resource? */
function facelease_may_decide(int $ref): bool
{
    return facelease_may_see($ref) && get_edit_access($ref);
}

/** May the present user say how faces are treated in this collection? */
function facelease_may_set_mode(int $collection): bool
{
    return !facelease_is_share()
        && (checkperm('facelease-c') || checkperm('a'))
        && collection_writeable($collection);
}

/** Is this request the view of somebody outside: by an access key, or as the account of all who sign in to none? */
function facelease_is_share(): bool
{
    return (string) ($GLOBALS['k'] ?? '') !== '' || getval('k', '') !== '' || facelease_is_anonymous();
}

/** Does the DAM let everybody in as one account, and is the present user that one? */
function facelease_is_anonymous(): bool
{
    $present = mb_strtolower((string) ($GLOBALS['username'] ?? ''));
    $open = array_map(static fn(mixed $name): string => mb_strtolower((string) $name), (array) ($GLOBALS['anonymous_login'] ?? []));

    return $present !== '' && in_array($present, $open, true);
}

/** Did somebody sign in for this, or by a key of the API? Anybody can write an access key into an address. */
function facelease_is_somebody(): bool
{
    return (string) ($GLOBALS['username'] ?? '') !== '' && !facelease_is_anonymous()
        && (!facelease_is_share() || is_authenticated() || !empty($GLOBALS['valid_key']));
}

/**
 * An account as it stands now, by its exact name: the database compares names without case and accents, and another
 * account must not answer for this one. One that two accounts bear is nobody's.
 *
 * @return array{found: bool, active: bool, groups: list<int>}
 */
function facelease_account(string $username): array
{
    $rows = ps_query(
        'SELECT username, usergroup, approved, account_expires FROM user WHERE username = ?',
        ['s', $username],
        '',
        -1,
        true,
        0
    );
    $mine = array_values(array_filter($rows, static fn(array $row): bool => $row['username'] === $username));
    if (count($mine) !== 1) {
        return ['found' => false, 'active' => false, 'groups' => []];
    }
    $expires = (string) ($mine[0]['account_expires'] ?? '');
    $over = $expires !== '' && !str_starts_with($expires, '0000') && strtotime($expires) <= time();

    return [
        'found' => true,
        'active' => (int) $mine[0]['approved'] === 1 && !$over,
        'groups' => [(int) $mine[0]['usergroup']],
    ];
}

/** One of our words in the user's language, with what it holds filled in; not escaped. */
function facelease_word(string $key, string|int ...$values): string
{
    return sprintf((string) ($GLOBALS['lang']['facelease_' . $key] ?? $key), ...$values);
}

/** A purpose or channel as the user's language calls it; one that the house added itself as it is configured. */
function facelease_term(string $word): string
{
    return (string) ($GLOBALS['lang']['facelease_term_' . str_replace(' ', '_', $word)] ?? $word);
}

/** `$text` when it is a real day written YYYY-MM-DD, else null. */
function facelease_day(mixed $text): ?string
{
    $text = is_string($text) ? $text : '';
    $day = DateTimeImmutable::createFromFormat('!Y-m-d', $text);

    return $day !== false && $day->format('Y-m-d') === $text ? $text : null;
}

/** A day as the DAM shows dates to this user, with all of its year; what is no day, as it stands. */
function facelease_shown_day(string $day): string
{
    if (facelease_day($day) === null || !function_exists('nicedate')) {
        return $day;
    }
    $short = $GLOBALS['date_yyyy'] ?? false;
    $GLOBALS['date_yyyy'] = true;
    try {
        return (string) nicedate($day, false, true);
    } finally {
        $GLOBALS['date_yyyy'] = $short;
    }
}
