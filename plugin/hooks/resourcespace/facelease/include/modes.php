<?php

/**
 * How faces are treated in a collection, on which basis, who said so and when. Rows are added, never changed:
 * the newest of a collection is in force, the older ones are its history.
 */

const FACELEASE_MODES = ['off', 'detect', 'suggest', 'auto', 'never'];
const FACELEASE_BASES = ['all-asked', 'shoot', 'controller'];

/** The modes in force of all collections that have one, or of those that hold one resource, in the API's words. */
function facelease_collections(?int $resource = null): array
{
    $columns = 'c.ref, c.name, m.mode, m.basis, m.reference, m.decided_by, m.decided, m.review, m.set_by, m.set_at';
    $latest = 'LEFT JOIN facelease_mode m ON m.ref ='
        . ' (SELECT MAX(n.ref) FROM facelease_mode n WHERE n.collection = c.ref)';
    $rows = $resource === null
        ? ps_query(
            "SELECT $columns, (SELECT COUNT(*) FROM collection_resource h WHERE h.collection = c.ref) AS resources"
            . " FROM collection c $latest WHERE m.ref IS NOT NULL ORDER BY c.ref",
            [],
            '',
            -1,
            true,
            0
        )
        : ps_query(
            "SELECT DISTINCT $columns FROM collection_resource cr JOIN collection c ON c.ref = cr.collection $latest"
            . ' WHERE cr.resource = ? ORDER BY c.ref',
            ['i', $resource],
            '',
            -1,
            true,
            0
        );

    return array_map('facelease_collection', $rows);
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

/** Every resource of a collection, in any state: a search would hide what the service account may not see. */
function facelease_members(int $collection, int $offset, int $limit): array
{
    $from = 'FROM collection_resource cr JOIN resource r ON r.ref = cr.resource WHERE cr.collection = ? AND r.ref > 0';
    $total = ps_query("SELECT COUNT(DISTINCT r.ref) AS n $from", ['i', $collection], '', -1, true, 0)[0]['n'];
    $rows = ps_query(
        "SELECT DISTINCT r.ref $from ORDER BY r.ref LIMIT ? OFFSET ?",
        ['i', $collection, 'i', max(1, min(10000, $limit)), 'i', max(0, $offset)],
        '',
        -1,
        true,
        0
    );

    return ['total' => (int) $total, 'refs' => array_map('intval', array_column($rows, 'ref'))];
}

/** Every choice made for a collection, the newest first. */
function facelease_mode_history(int $collection): array
{
    return ps_query(
        'SELECT m.collection AS ref, NULL AS name, m.mode, m.basis, m.reference, m.decided_by, m.decided, m.review,'
        . ' m.set_by, m.set_at FROM facelease_mode m WHERE m.collection = ? ORDER BY m.ref DESC',
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

/** Put a choice on record, in force from now, and tell the sidecar. */
function facelease_set_mode(int $collection, array $form, string $user): void
{
    ps_query(
        'INSERT INTO facelease_mode (collection, mode, basis, reference, decided_by, decided, review, set_by, set_at)'
        . ' VALUES (?, ?, ?, ?, ?, ?, ?, ?, NOW())',
        ['i', $collection, 's', $form['mode'], 's', $form['basis'], 's', $form['reference'],
         's', $form['decided_by'], 's', $form['decided'], 's', $form['review'], 's', $user]
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
