<?php

/**
 * How faces are treated in a collection, on which basis, who said so and when. Rows are added, never changed:
 * the newest of a collection is in force, the older ones are its history.
 */

const FACELEASE_MODES = ['off', 'detect', 'suggest', 'auto', 'never'];
const FACELEASE_BASES = ['all-asked', 'shoot', 'controller'];

/** A featured collection; only these lie within one another. */
const FACELEASE_FEATURED = 3;

/** The columns of a choice and its collection, for facelease_collection. */
const FACELEASE_CHOICE = 'c.ref, c.name, m.mode, m.basis, m.reference, m.decided_by, m.decided, m.review, m.set_by, m.set_at,'
    . ' m.set_by_ref, m.set_by_group FROM collection c LEFT JOIN facelease_mode m ON m.ref ='
    . ' (SELECT MAX(n.ref) FROM facelease_mode n WHERE n.collection = c.ref)';

/**
 * The modes in force of all collections that have one; or the collections that hold one resource, without those whose
 * mode does not count for it. In the API's words.
 */
function facelease_collections(?int $resource = null): array
{
    if ($resource !== null) {
        $counting = array_filter(facelease_choices_on($resource), static fn(array $row): bool => $row['counts']);
        return array_map('facelease_collection', array_values($counting));
    }
    $rows = ps_query('SELECT ' . FACELEASE_CHOICE . ' WHERE m.ref IS NOT NULL ORDER BY c.ref', [], '', -1, true, 0);
    foreach ($rows as $key => $row) {
        $rows[$key]['resources'] = facelease_members((int) $row['ref'], 0, 1)['total'];
    }

    return array_map('facelease_collection', $rows);
}

/** The collections that hold a resource, what was chosen for each, and whether it counts for this one (`counts`). */
function facelease_choices_on(int $resource): array
{
    $refs = facelease_collections_above($resource);
    $judged = $refs === [] ? null : (facelease_to_judge([$resource])[$resource] ?? null);
    $rows = $judged === null ? [] : ps_query(
        'SELECT ' . FACELEASE_CHOICE . ' WHERE c.ref IN (' . ps_param_insert(count($refs)) . ') ORDER BY c.ref',
        ps_param_fill($refs, 'i'),
        '',
        -1,
        true,
        0
    );

    return array_map(static fn(array $row): array => $row + ['counts' => facelease_counts($row, $judged)], $rows);
}

function facelease_collection(array $row): array
{
    return [
        'ref' => (int) $row['ref'],
        'title' => (string) $row['name'],
        'mode' => $row['mode'] ?? 'off',
        'basis' => $row['basis'] ?? null,
        'reference' => (string) ($row['reference'] ?? ''),
        'by' => (string) ($row['decided_by'] ?? ''),
        'decided' => $row['decided'] ?? null,
        'review' => $row['review'] ?? null,
        'set_by' => (string) ($row['set_by'] ?? ''),
        'set_at' => (string) ($row['set_at'] ?? ''),
    ] + (isset($row['resources']) ? ['resources' => (int) $row['resources']] : []);
}

/** The modes of the featured categories in which a collection lies. @return list<array{title: string, mode: string}> */
function facelease_modes_above(int $collection): array
{
    $above = [];
    $seen = [$collection => true];
    $known = get_collection($collection);
    while (is_array($known) && (int) $known['type'] === FACELEASE_FEATURED && !isset($seen[(int) $known['parent']])) {
        $parent = (int) $known['parent'];
        $seen[$parent] = true;
        $known = $parent > 0 ? get_collection($parent) : false;
        $mode = facelease_mode_history($parent)[0]['mode'] ?? 'off';
        if (is_array($known) && $mode !== 'off') {
            $above[] = ['title' => (string) $known['name'], 'mode' => $mode];
        }
    }

    return $above;
}

/** The collections that hold a resource, and the featured categories in which those lie. @return list<int> */
function facelease_collections_above(int $resource): array
{
    $query = 'SELECT DISTINCT c.ref, c.parent, c.type FROM collection c';
    $next = ps_query("$query JOIN collection_resource cr ON cr.collection = c.ref WHERE cr.resource = ?", ['i', $resource], '', -1, true, 0);
    $found = [];
    while ($next !== []) {
        $parents = [];
        foreach ($next as $row) {
            $found[(int) $row['ref']] = true;
            $parent = (int) $row['parent'];
            if ((int) $row['type'] === FACELEASE_FEATURED && $parent > 0 && !isset($found[$parent])) {
                $parents[$parent] = $parent;
            }
        }
        $refs = array_values($parents);
        $next = $refs === [] ? [] : ps_query(
            "$query WHERE c.ref IN (" . ps_param_insert(count($refs)) . ') AND c.type = ' . FACELEASE_FEATURED,
            ps_param_fill($refs, 'i'),
            '',
            -1,
            true,
            0
        );
    }

    return array_keys($found);
}

/** A collection and, for a featured category, all that lies below it. @return list<int> */
function facelease_collections_below(int $collection): array
{
    $found = [];
    $next = [$collection];
    while ($next !== []) {
        $found += array_fill_keys($next, true);
        $below = ps_query(
            'SELECT ref FROM collection WHERE type = ' . FACELEASE_FEATURED . ' AND parent IN (' . ps_param_insert(count($next)) . ')',
            ps_param_fill($next, 'i'),
            '',
            -1,
            true,
            0
        );
        $next = array_values(array_diff(array_map('intval', array_column($below, 'ref')), array_keys($found)));
    }

    return array_keys($found);
}

/**
 * The resources of a collection and of what lies below it for which its mode counts, in any state: a search would hide
 * what the service account may not see. `total` is of all that it holds, `next` the offset from which to go on.
 *
 * @return array{total: int, refs: list<int>, next: int}
 */
function facelease_members(int $collection, int $offset, int $limit): array
{
    $refs = facelease_collections_below($collection);
    $from = 'FROM collection_resource cr JOIN resource r ON r.ref = cr.resource WHERE r.ref > 0 AND cr.collection IN ('
        . ps_param_insert(count($refs)) . ')';
    $given = ps_param_fill($refs, 'i');
    $total = ps_query("SELECT COUNT(DISTINCT r.ref) AS n $from", $given, '', -1, true, 0)[0]['n'];
    $rows = ps_query(
        "SELECT DISTINCT r.ref, r.archive, r.resource_type, r.created_by $from ORDER BY r.ref LIMIT ? OFFSET ?",
        [...$given, 'i', max(1, min(10000, $limit)), 'i', max(0, $offset)],
        '',
        -1,
        true,
        0
    );
    $choice = facelease_mode_history($collection)[0] ?? ['mode' => null];
    $counting = array_filter($rows, static fn(array $row): bool => facelease_counts($choice, $row));

    return [
        'total' => (int) $total,
        'refs' => array_map('intval', array_values(array_column($counting, 'ref'))),
        'next' => max(0, $offset) + count($rows),
    ];
}

/** Why a mode has no effect where it is set, as a key of our words; null where it has one. */
function facelease_without_effect(int $collection, string $mode): ?string
{
    $members = facelease_members($collection, 0, 200);
    if ($mode === 'off' || $members['total'] === 0) {
        return $mode === 'off' ? null : 'no_effect_empty';
    }
    if ($members['refs'] === [] && $members['next'] >= $members['total']) {
        return 'no_effect_rights';
    }
    if ($mode === 'never' || $members['total'] > $members['next']) {
        return null; // of so many one will do; the sidecar counts them
    }
    foreach ($members['refs'] as $ref) {
        $modes = array_column(facelease_collections($ref), 'mode', 'ref');
        if (!in_array('never', array_diff_key($modes, [$collection => true]), true)) {
            return null;
        }
    }

    return 'no_effect_never';
}

/** Every choice made for a collection, the newest first. */
function facelease_mode_history(int $collection): array
{
    return ps_query(
        'SELECT m.collection AS ref, NULL AS name, m.mode, m.basis, m.reference, m.decided_by, m.decided, m.review,'
        . ' m.set_by, m.set_at, m.set_by_ref, m.set_by_group FROM facelease_mode m WHERE m.collection = ? ORDER BY m.ref DESC',
        ['i', $collection],
        '',
        -1,
        true,
        0
    );
}

/**
 * What a posted form says, and the keys of the words for what is missing from it. The sidecar judges the basis;
 * here only an incomplete form is sent back.
 *
 * @return array{0: array, 1: list<string>}
 */
function facelease_mode_form(array $posted): array
{
    $text = static fn(string $key, int $most): string => mb_substr(trim((string) ($posted[$key] ?? '')), 0, $most);
    $mode = in_array($posted['mode'] ?? '', FACELEASE_MODES, true) ? $posted['mode'] : null;
    $form = [
        'mode' => $mode ?? 'off',
        'basis' => in_array($posted['basis'] ?? '', FACELEASE_BASES, true) ? $posted['basis'] : null,
        'reference' => $text('reference', 500),
        'decided_by' => $text('decided_by', 200),
        'decided' => facelease_day($posted['decided'] ?? ''),
        'review' => facelease_day($posted['review'] ?? ''),
    ];
    $missing = $mode === null ? ['need_mode'] : [];
    if (in_array($mode, ['suggest', 'auto'], true) && $form['basis'] === null) {
        $missing[] = 'need_basis';
    }
    if ($form['basis'] !== null && in_array('', [$form['reference'], $form['decided_by'], (string) $form['decided']], true)) {
        $missing[] = 'need_evidence';
    }
    if ($form['basis'] === 'controller' && $form['review'] === null) {
        $missing[] = 'need_review';
    }

    return [$form, $missing];
}

/** Put a choice of the present account on record, in force from now, and tell the sidecar. `$user` '' is the plugin itself. */
function facelease_set_mode(int $collection, array $form, string $user): void
{
    $by = static fn(string $name): ?int => $user === '' ? null : (int) ($GLOBALS[$name] ?? 0);
    ps_query(
        'INSERT INTO facelease_mode (collection, mode, basis, reference, decided_by, decided, review, set_by, set_by_ref,'
        . ' set_by_group, set_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NOW())',
        ['i', $collection, 's', $form['mode'], 's', $form['basis'], 's', $form['reference'],
         's', $form['decided_by'], 's', $form['decided'], 's', $form['review'], 's', $user,
         'i', $by('userref'), 'i', $by('usergroup')]
    );
    log_activity("FaceLease: collection $collection", LOG_CODE_EDITED, $form['mode'], 'collection', null, $collection);
    facelease_note('collection.changed', $collection);
}

/** A collection that is gone must not leave its mode to another one under the same number. */
function facelease_end_orphans(): int
{
    $gone = ps_array(
        'SELECT m.collection AS value FROM facelease_mode m LEFT JOIN collection c ON c.ref = m.collection'
        . " WHERE c.ref IS NULL GROUP BY m.collection HAVING SUBSTRING_INDEX(GROUP_CONCAT(m.mode ORDER BY m.ref DESC), ',', 1) <> 'off'",
        []
    );
    $off = ['mode' => 'off', 'basis' => null, 'reference' => '', 'decided_by' => '', 'decided' => null, 'review' => null];
    foreach ($gone as $collection) {
        facelease_set_mode((int) $collection, $off, '');
    }

    return count($gone);
}
