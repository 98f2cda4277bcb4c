<?php

/**
 * People's nodes on resources, node by node: what somebody else has set is never rewritten.
 */

/** The people on a resource, by their raw names. @return list<array{node: int, name: string}> */
function facelease_people(int $ref): array
{
    $rows = ps_query(
        'SELECT n.ref, n.name FROM resource_node rn JOIN node n ON n.ref = rn.node'
        . ' WHERE rn.resource = ? AND n.resource_type_field = ? ORDER BY n.ref',
        ['i', $ref, 'i', (int) facelease_people_field()],
        '',
        -1,
        true,
        0
    );

    return array_map(static fn(array $row): array => ['node' => (int) $row['ref'], 'name' => (string) $row['name']], $rows);
}

/** Carry out one item of facelease_apply, whole or not at all; the error says why not. */
function facelease_apply_item(mixed $item): array
{
    $ref = is_array($item) && is_int($item['ref'] ?? null) ? $item['ref'] : 0;
    $error = facelease_item_error($item, $ref);
    if ($error === '' && !facelease_quietly(static fn() => facelease_write_item($ref, $item))) {
        db_rollback_transaction('facelease');
        $error = 'The resource or a name on it went away meanwhile, or the database refused; nothing was written.';
    }

    return ['ref' => $ref, 'ok' => $error === '', 'error' => $error, 'people' => $ref > 0 ? facelease_people($ref) : []];
}

/** Why an item cannot be carried out; empty when it can. */
function facelease_item_error(mixed $item, int $ref): string
{
    if ($ref <= 0) {
        return 'An item needs "ref", a positive number.';
    }
    if (facelease_resource($ref) === null) {
        return 'There is no such resource.';
    }
    if (facelease_people_field() === null) {
        return 'The people field is not a dynamic keywords field; set it on the plugin\'s set-up page.';
    }
    foreach (['add', 'remove', 'cleared_until', 'max_px'] as $key) {
        if (!is_array($item[$key] ?? [])) {
            return "\"$key\" has the wrong form.";
        }
    }
    foreach ($item['add'] ?? [] as $name) {
        if (!is_string($name) || trim($name) === '' || preg_match('/\p{Cc}/u', $name) !== 0) {
            return 'A name is empty, or holds control characters.';
        }
    }
    if (array_filter($item['remove'] ?? [], static fn(mixed $node): bool => !is_int($node) || $node <= 0) !== []) {
        return '"remove" takes node numbers.';
    }
    foreach ($item['cleared_until'] ?? [] as $field => $day) {
        if (facelease_date_field((string) $field) === null) {
            return "Field \"$field\" is not among the date fields of the plugin's set-up page.";
        }
        if ($day !== '' && facelease_day($day) === null) {
            return "Field \"$field\": a day is written YYYY-MM-DD.";
        }
    }

    return '';
}

/** Write within one transaction and leave one log line. Throws where the resource or a node is gone. */
function facelease_write_item(int $ref, array $item): void
{
    $field = (int) facelease_people_field();
    db_begin_transaction('facelease');
    if (ps_query('SELECT ref FROM resource WHERE ref = ? FOR UPDATE', ['i', $ref], '', -1, true, 0) === []) {
        throw new RuntimeException("resource $ref is gone");
    }
    $before = facelease_people($ref);
    $has = array_column($before, 'node');
    $remove = array_values(array_intersect($has, $item['remove'] ?? []));
    $add = array_values(array_diff(facelease_nodes($field, $item['add'] ?? []), array_diff($has, $remove)));
    if ($remove !== []) {
        delete_resource_nodes($ref, $remove, false);
    }
    if ($add !== [] && !add_resource_nodes($ref, $add, false, false)) {
        throw new RuntimeException("resource $ref refused the nodes");
    }
    facelease_keep_max_px(array_intersect_key($item['max_px'] ?? [], $item['cleared_until'] ?? []));
    $days = facelease_write_days($ref, $item['cleared_until'] ?? []);
    if ($add !== [] || $remove !== [] || $days !== '') {
        facelease_log_names($ref, $field, $before, facelease_people($ref), $days);
    }
    db_end_transaction('facelease');
}

/** The nodes of these names, made where missing, and locked against deletion until the transaction ends. */
function facelease_nodes(int $field, array $names): array
{
    $nodes = [];
    foreach (array_unique(array_map('trim', $names)) as $name) {
        $node = get_node_id($name, $field) ?: set_node(null, $field, $name, null, null);
        if (ps_query('SELECT ref FROM node WHERE ref = ? FOR UPDATE', ['i', (int) $node], '', -1, true, 0) === []) {
            throw new RuntimeException('a name went away');
        }
        $nodes[] = (int) $node;
    }

    return array_values(array_unique($nodes));
}

/** Refresh what the DAM keeps of the names beside their nodes, and log the change. */
function facelease_log_names(int $ref, int $field, array $before, array $after, string $notes): void
{
    $old = array_column($before, 'name');
    $new = array_column($after, 'name');
    if ($old !== $new && in_array($field, array_map('intval', get_resource_table_joins()), true)) {
        update_resource_field_column($ref, $field, implode($GLOBALS['field_column_string_separator'], $new));
    }
    // The separator also tells the log's differ that these are lists, whatever their length.
    $list = static fn(array $names): string => $names === [] ? '' : implode(NODE_NAME_STRING_SEPARATOR, [...$names, '']);
    resource_log($ref, LOG_CODE_EDITED, $field, $notes, $list($old), $list($new));
}

/**
 * Set or blank "cleared until" fields; idempotent.
 *
 * The DAM's own update_field is not used: it cannot blank such a value, and a resource that an editor has
 * locked must still lose a clearance that has ended.
 *
 * @param array<string, string> $days short name => YYYY-MM-DD, or '' to blank
 * @return string what changed, for the log
 */
function facelease_write_days(int $ref, array $days): string
{
    $changed = [];
    foreach ($days as $name => $day) {
        $field = (int) facelease_date_field((string) $name);
        $present = get_resource_nodes($ref, $field, true);
        if (array_column($present, 'name') === ($day === '' ? [] : [$day])) {
            continue;
        }
        delete_resource_nodes($ref, array_column($present, 'ref'), false);
        if ($day !== '') {
            add_resource_nodes($ref, [(int) set_node(null, $field, $day, null, 0)], false, false);
        }
        if (in_array($field, array_map('intval', get_resource_table_joins()), true)) {
            update_resource_field_column($ref, $field, $day);
        }
        $changed[] = $name . ' ' . ($day === '' ? '-' : $day);
    }

    return implode(', ', $changed);
}

/** Every resource that carries a node of the people field, in any state. */
function facelease_holders(int $node, int $offset, int $limit): array
{
    $from = 'FROM resource_node rn JOIN node n ON n.ref = rn.node JOIN resource r ON r.ref = rn.resource'
        . ' WHERE rn.node = ? AND n.resource_type_field = ? AND r.ref > 0';
    $given = ['i', $node, 'i', (int) facelease_people_field()];
    $total = ps_query("SELECT COUNT(*) AS n $from", $given, '', -1, true, 0)[0]['n'];
    $limits = ['i', max(1, min(10000, $limit)), 'i', max(0, $offset)];
    $rows = ps_query("SELECT r.ref $from ORDER BY r.ref LIMIT ? OFFSET ?", [...$given, ...$limits], '', -1, true, 0);

    return ['total' => (int) $total, 'refs' => array_map('intval', array_column($rows, 'ref'))];
}

/** Delete a name of the people field if no resource, annotation or search filter uses it. */
function facelease_delete_node(int $node): bool
{
    $unused = '';
    foreach (['resource_node', 'annotation_node', 'filter_rule_node'] as $table) {
        $unused .= " AND NOT EXISTS (SELECT 1 FROM $table u WHERE u.node = node.ref)";
    }
    ps_query(
        'DELETE FROM node WHERE ref = ? AND resource_type_field = ?' . $unused,
        ['i', $node, 'i', (int) facelease_people_field()]
    );
    if (sql_affected_rows() !== 1) {
        return false;
    }
    remove_all_node_keyword_mappings($node);
    clear_query_cache('schema');

    return true;
}

/** Blank each "cleared until" whose day is over; the day itself still counts. @return int how many resources */
function facelease_blank_past_days(int $limit): int
{
    $past = [];
    foreach (array_unique(facelease_channels()) as $name) {
        $rows = ps_query(
            'SELECT rn.resource FROM resource_node rn JOIN node n ON n.ref = rn.node'
            . ' WHERE n.resource_type_field = ? AND n.name < ? AND rn.resource > 0 LIMIT ?',
            ['i', (int) facelease_date_field($name), 's', date('Y-m-d'), 'i', $limit],
            '',
            -1,
            true,
            0
        );
        foreach ($rows as $row) {
            $past[(int) $row['resource']][$name] = '';
        }
    }
    foreach ($past as $ref => $days) {
        $changed = facelease_write_days($ref, $days);
        resource_log($ref, LOG_CODE_EDITED, '', 'FaceLease: ' . $changed);
    }

    return count($past);
}
