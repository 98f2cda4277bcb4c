<?php

/**
 * Who may see the names and dates that we fill in: shares, which need no sign-in, and groups of accounts. And what the
 * DAM's own plugin for faces keeps beside us.
 */

include_once __DIR__ . '/fields.php';

/** Our fields, as ref => title: the one that holds people, and the dates. @return array<int, string> */
function facelease_own_fields(): array
{
    $fields = [];
    foreach ([facelease_people_field(), ...array_map('facelease_date_field', array_unique(facelease_channels()))] as $field) {
        $known = $field !== null ? get_resource_type_field($field) : false;
        if (is_array($known)) {
            $fields[(int) $field] = i18n_get_translated((string) $known['title']);
        }
    }

    return $fields;
}

/** Those of our fields that a share shows to whoever has its address. @return array<int, string> */
function facelease_fields_on_shares(): array
{
    return array_filter(
        facelease_own_fields(),
        static fn(int $field): bool => (int) (get_resource_type_field($field)['external_user_access'] ?? 0) !== 0,
        ARRAY_FILTER_USE_KEY
    );
}

/** Take our fields out of what shares show. @return int how many were shown */
function facelease_hide_from_shares(): int
{
    $fields = array_keys(facelease_fields_on_shares());
    foreach ($fields as $field) {
        ps_query('UPDATE resource_type_field SET external_user_access = 0 WHERE ref = ?', ['i', $field]);
        log_activity('FaceLease', LOG_CODE_EDITED, 0, 'resource_type_field', 'external_user_access', $field, null, 1);
    }
    clear_query_cache('schema');

    return count($fields);
}

/**
 * The groups whose accounts see at least one of our fields. Not that of the service account, which needs them, nor
 * super administrators, who may change all of this anyway.
 *
 * @return list<array{ref: int, name: string, fields: list<int>, inherits: bool}>
 */
function facelease_groups_that_see(): array
{
    $groups = ps_query(
        'SELECT g.ref, g.name, g.permissions, p.permissions AS above,'
        . " FIND_IN_SET('permissions', g.inherit_flags) > 0 AND p.ref IS NOT NULL AS inherits,"
        . ' EXISTS (SELECT 1 FROM user u WHERE u.usergroup = g.ref AND u.username = ?) AS serves'
        . ' FROM usergroup g LEFT JOIN usergroup p ON p.ref = g.parent ORDER BY g.name',
        ['s', trim((string) $GLOBALS['facelease_api_user'])],
        '',
        -1,
        true,
        0
    );
    $seeing = [];
    foreach ($groups as $group) {
        $held = facelease_permissions((string) $group[$group['inherits'] ? 'above' : 'permissions']);
        $fields = array_values(array_filter(array_keys(facelease_own_fields()), static fn(int $field): bool =>
            array_intersect(['f*', "f$field"], $held) !== [] && !in_array("f-$field", $held, true)));
        if ($fields !== [] && !$group['serves'] && !in_array('a', $held, true)) {
            $seeing[] = [
                'ref' => (int) $group['ref'],
                'name' => lang_or_i18n_get_translated((string) $group['name'], 'usergroup-'),
                'fields' => $fields,
                'inherits' => (bool) $group['inherits'],
            ];
        }
    }

    return $seeing;
}

/** @return list<string> */
function facelease_permissions(string $list): array
{
    return array_values(array_filter(array_map('trim', explode(',', $list)), static fn(string $one): bool => $one !== ''));
}

/**
 * Hide our fields from these groups. One that takes its permissions from another follows that one.
 *
 * @param list<int> $groups
 * @return int how many groups see them no more
 */
function facelease_hide_from_groups(array $groups): int
{
    $hidden = 0;
    foreach (facelease_groups_that_see() as $group) {
        if ($group['inherits'] || !in_array($group['ref'], $groups, true)) {
            continue;
        }
        $row = ps_query('SELECT permissions FROM usergroup WHERE ref = ?', ['i', $group['ref']], '', -1, true, 0)[0];
        $held = facelease_permissions((string) $row['permissions']);
        foreach ($group['fields'] as $field) {
            $held = [...array_diff($held, ["f$field"]), "f-$field"];
        }
        $list = implode(',', $held);
        save_usergroup($group['ref'], ['permissions' => $list]);
        log_activity('FaceLease', LOG_CODE_EDITED, $list, 'usergroup', 'permissions', $group['ref'], null, $row['permissions']);
        $hidden++;
    }

    return $hidden;
}

/**
 * The DAM's own plugin "faces": whether it is on, how many descriptions of faces it keeps, and how many have a name.
 *
 * @return array{on: bool, kept: int, named: int}
 */
function facelease_neighbour(): array
{
    $on = in_array('faces', $GLOBALS['plugins'] ?? [], true) || is_plugin_activated('faces');
    $kept = ['kept' => 0, 'named' => 0];
    if (ps_query("SHOW TABLES LIKE 'resource\\_face'", [], '', -1, true, 0) !== []) {
        $kept = ps_query('SELECT COUNT(*) AS kept, COUNT(node) AS named FROM resource_face', [], '', -1, true, 0)[0];
    }

    return ['on' => $on, 'kept' => (int) $kept['kept'], 'named' => (int) $kept['named']];
}

/** What the neighbour and shares leave to mend, the neighbour first. @return list<string> */
function facelease_sight_problems(): array
{
    $problems = [];
    $faces = facelease_neighbour();
    if ($faces['on']) {
        $problems[] = facelease_word('problem_faces', $faces['kept'], $faces['named']);
    } elseif ($faces['kept'] > 0) {
        $problems[] = facelease_word('problem_faces_left', $faces['kept']);
    }
    $shown = facelease_fields_on_shares();
    if ($shown !== []) {
        $problems[] = facelease_word('problem_shares', implode(', ', $shown));
    }

    return $problems;
}

/** Who sees what, for the sidecar. */
function facelease_sight(): array
{
    return [
        'shares' => array_values(facelease_fields_on_shares()),
        'groups' => array_column(facelease_groups_that_see(), 'name'),
        'neighbour' => facelease_neighbour(),
    ];
}
