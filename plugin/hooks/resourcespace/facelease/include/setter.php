<?php

/**
 * What was chosen for a collection counts only for photographs whose metadata the account that chose it may edit: not
 * for whatever else lies, or is put, into the collection. Judged by the DAM's own rule, each time that it is asked.
 */

/** May this account edit the metadata of a resource, as its rights are now? `$resource` is a row of facelease_to_judge. */
function facelease_account_may_edit(array $account, array $resource): bool
{
    $own = ['userref', 'usergroup', 'userpermissions', 'usereditfilter', 'userdata', 'upload_share_active'];
    $kept = array_intersect_key($GLOBALS, array_fill_keys($own, true));
    $filter = (int) ($account['edit_filter_id'] ?? 0);
    try {
        $GLOBALS['userref'] = (int) $account['ref'];
        $GLOBALS['usergroup'] = (int) $account['usergroup'];
        $GLOBALS['userpermissions'] = facelease_permissions_of($account);
        $GLOBALS['usereditfilter'] = $filter > 0 ? $filter : (string) ($account['edit_filter'] ?? '');
        $GLOBALS['userdata'] = [$account];
        $GLOBALS['upload_share_active'] = false;
        return get_edit_access((int) $resource['ref'], -999, $resource);
    } finally {
        foreach ($own as $name) {
            unset($GLOBALS[$name]);
        }
        foreach ($kept as $name => $value) {
            $GLOBALS[$name] = $value;
        }
    }
}

/** The permissions of an account, as the DAM puts them together when it signs in. @return list<string> */
function facelease_permissions_of(array $account): array
{
    $list = static fn(string $given): array => explode(',', trim($given));
    $held = array_merge($list((string) ($GLOBALS['global_permissions'] ?? '')), $list((string) ($account['permissions'] ?? '')));

    return array_values(array_diff($held, $list((string) ($GLOBALS['global_permissions_mask'] ?? ''))));
}

/** The account that made a choice, with its group's rights; null where it is gone, shut or over. */
function facelease_setter(array $choice): ?array
{
    static $known = [];
    $key = (string) ($choice['set_by_ref'] ?? '') . ' ' . $choice['set_by'];
    if (!array_key_exists($key, $known)) {
        $known[$key] = facelease_find_setter((int) ($choice['set_by_ref'] ?? 0), (string) $choice['set_by']);
    }

    return $known[$key];
}

/** By its number, or by its exact name where the choice is older than that. */
function facelease_find_setter(int $ref, string $name): ?array
{
    if ($ref === 0) {
        $named = ps_query('SELECT ref, username FROM user WHERE username = ?', ['s', $name], '', -1, true, 0);
        $named = array_values(array_filter($named, static fn(array $row): bool => $row['username'] === $name));
        $ref = count($named) === 1 ? (int) $named[0]['ref'] : 0;
    }
    $account = $ref > 0 ? get_user($ref) : false;

    return is_array($account) && facelease_account((string) $account['username'])['active'] ? $account : null;
}

/**
 * How each resource opens for an account, as the DAM decides for it now: 0 whole, 1 restricted. What is closed to it, or
 * gone, has no entry; an account that may not sign in sees nothing.
 *
 * The rest of the request is this account's: nothing else is asked in it.
 *
 * @param list<int> $refs
 * @return array<int, int> by number
 */
function facelease_seen_by(string $username, array $refs): array
{
    $account = facelease_find_setter(0, $username);
    if ($account === null || !setup_user($account)) {
        return [];
    }
    $GLOBALS['resource_access_cache'] = []; // what it holds was decided for another account
    $seen = array_combine($refs, array_map(static fn(int $ref): int => (int) get_resource_access($ref), $refs));

    return array_filter($seen, static fn(int $access): bool => in_array($access, [0, 1], true));
}

/**
 * Resources whose file came under this name, or one that begins like it, as the database compares: without case and
 * accents. With an account only those that open to it.
 *
 * @return list<int>
 */
function facelease_find_files(string $name, string $username, int $most): array
{
    $begin = addcslashes(mb_substr(trim($name), 0, 200), '\\%_');
    if ($begin === '' || $most < 1) {
        return [];
    }
    $rows = ps_query(
        'SELECT rn.resource FROM node n JOIN resource_node rn ON rn.node = n.ref JOIN resource r ON r.ref = rn.resource'
        . ' WHERE n.name LIKE ? AND n.resource_type_field = ? AND r.archive <> 3 AND r.ref > 0'
        . ' ORDER BY n.name, rn.resource LIMIT ?',
        ['s', $begin . '%', 'i', (int) ($GLOBALS['filename_field'] ?? 0), 'i', $most],
        '',
        -1,
        true,
        0
    );
    $refs = array_map('intval', array_column($rows, 'resource'));

    return $username === '' ? $refs : array_keys(facelease_seen_by($username, $refs));
}

/** What the DAM's rule needs to know of resources. @param list<int> $refs @return array<int, array> by number */
function facelease_to_judge(array $refs): array
{
    $rows = $refs === [] ? [] : ps_query(
        'SELECT ref, archive, resource_type, created_by FROM resource WHERE ref IN (' . ps_param_insert(count($refs)) . ')',
        ps_param_fill($refs, 'i'),
        '',
        -1,
        true,
        0
    );

    return array_column($rows, null, 'ref');
}

/**
 * Does a choice count for a resource?
 *
 * "Never" is a protection: it goes on where the account was shut or moved, for what its group of then may edit. All
 * else ends with the rights of the account.
 */
function facelease_counts(array $choice, array $resource): bool
{
    if (($choice['mode'] ?? null) === null || (string) $choice['set_by'] === '') {
        return true; // nobody chose, or the plugin itself ended it
    }
    $account = facelease_setter($choice);
    if ($account !== null && facelease_account_may_edit($account, $resource)) {
        return true;
    }
    if ($choice['mode'] !== 'never') {
        return false;
    }
    $group = (int) ($choice['set_by_group'] ?? 0);
    if ($group === 0) {
        return $account === null; // older than what is kept of groups, and nobody left to ask about
    }
    $then = facelease_group_of_then($group, (int) ($choice['set_by_ref'] ?? 0));

    return $then !== null && facelease_account_may_edit($then, $resource);
}

/** An account as a member of the group in which it chose, with that group's rights of now; null where it is gone. */
function facelease_group_of_then(int $group, int $ref): ?array
{
    static $known = [];
    if (!array_key_exists($group, $known)) {
        $rows = ps_query(
            'SELECT g.edit_filter, g.edit_filter_id, g.permissions, p.permissions AS above,'
            . " FIND_IN_SET('permissions', g.inherit_flags) > 0 AND p.permissions IS NOT NULL AS inherits"
            . ' FROM usergroup g LEFT JOIN usergroup p ON p.ref = g.parent WHERE g.ref = ?',
            ['i', $group],
            '',
            -1,
            true,
            0
        );
        $known[$group] = $rows[0] ?? null;
    }
    $row = $known[$group];

    return $row === null ? null
        : ['ref' => $ref, 'usergroup' => $group, 'permissions' => $row[$row['inherits'] ? 'above' : 'permissions']] + $row;
}

/** For how many photographs of a collection what was chosen for it does not count, among its first 200. */
function facelease_idle_members(int $collection): int
{
    $members = facelease_members($collection, 0, 200);

    return $members['next'] - count($members['refs']);
}

/**
 * Accounts that chose something have other rights than when this last ran: the collections are told as changed.
 *
 * @return int how many collections
 */
function facelease_note_changed_rights(): int
{
    $told = 0;
    $choices = ps_query(
        'SELECT m.collection, m.mode, m.set_by, m.set_by_ref, m.set_by_group FROM facelease_mode m JOIN'
        . ' (SELECT MAX(ref) AS ref FROM facelease_mode GROUP BY collection) n ON n.ref = m.ref',
        [],
        '',
        -1,
        true,
        0
    );
    foreach ($choices as $choice) {
        $account = facelease_setter($choice);
        $then = facelease_group_of_then((int) $choice['set_by_group'], (int) $choice['set_by_ref']);
        $rights = array_map(static fn(?array $one): array => $one === null ? [] : [
            $one['ref'], $one['usergroup'], facelease_permissions_of($one), $one['edit_filter'], $one['edit_filter_id'],
        ], [$account, $choice['mode'] === 'never' ? $then : null]);
        $mark = substr(sha1((string) json_encode([$choice['set_by_ref'], $rights])), 0, 16);
        $before = facelease_state('rights_' . $choice['collection']);
        if ($before !== $mark) {
            facelease_set_state(['rights_' . $choice['collection'] => $mark]);
            facelease_note('collection.changed', (int) $choice['collection']);
            $told++;
        }
    }

    return $told;
}
