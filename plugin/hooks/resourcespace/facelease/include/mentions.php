<?php

/**
 * Where a name stands in the DAM's own tables: every column that holds text, of this plugin, of others and of the DAM.
 */

const FACELEASE_MENTIONS = 500;

/** Tables with columns of text, as table => columns. @return array<string, list<string>> */
function facelease_text_columns(): array
{
    $rows = ps_query(
        'SELECT TABLE_NAME AS t, COLUMN_NAME AS c, DATA_TYPE AS d FROM information_schema.COLUMNS'
        . ' WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION',
        [],
        '',
        -1,
        false,
        0
    );
    $found = [];
    foreach ($rows as $row) {
        if (in_array(strtolower((string) $row['d']), ['char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext'], true)) {
            $found[(string) $row['t']][] = (string) $row['c'];
        }
    }

    return $found;
}

/**
 * A page of the rows of a column in which all words of one of the patterns stand in this order, whatever is between
 * them; letters are compared without case and accents, so the caller looks again.
 *
 * @param list<list<string>> $patterns
 * @return array{total: int, rows: list<array{id: string, text: string, resource: int, field: string, refs: list<int>}>}
 */
function facelease_mentions(string $table, string $column, array $patterns, int $offset): array
{
    [$where, $given] = facelease_like($column, $patterns);
    if ($where === '' || !in_array($column, facelease_text_columns()[$table] ?? [], true)) {
        return ['total' => 0, 'rows' => []];
    }
    $total = (int) ps_query("SELECT COUNT(*) AS n FROM `$table` WHERE $where", $given, '', -1, false, 0)[0]['n'];
    $page = 'LIMIT ' . FACELEASE_MENTIONS . ' OFFSET ' . max(0, $offset);
    $rows = $total === 0 ? [] : ps_query("SELECT * FROM `$table` WHERE $where ORDER BY 1 $page", $given, '', -1, false, 0);

    return ['total' => $total, 'rows' => array_map(static fn(array $row): array => facelease_mention($table, $column, $row), $rows)];
}

/** One condition for a column: `%` and `_` of the words are letters like any other. @return array{string, list<string>} */
function facelease_like(string $column, array $patterns): array
{
    $given = [];
    foreach ($patterns as $words) {
        $escaped = array_map(static fn(string $word): string => str_replace(['!', '%', '_'], ['!!', '!%', '!_'], $word), $words);
        if ($escaped !== []) {
            array_push($given, 's', '%' . implode('%', $escaped) . '%');
        }
    }
    $one = 'CONVERT(`' . $column . "` USING utf8mb4) COLLATE utf8mb4_general_ci LIKE CONVERT(? USING utf8mb4) ESCAPE '!'";

    return [implode(' OR ', array_fill(0, intdiv(count($given), 2), $one)), $given];
}

/** A row as it is told: its number, its text, and the resources that it is about. */
function facelease_mention(string $table, string $column, array $row): array
{
    $field = '';
    $refs = [];
    if ($table === 'node') {
        $known = get_resource_type_field((int) $row['resource_type_field']);
        $field = is_array($known) ? (string) $known['name'] : (string) $row['resource_type_field'];
        $limit = FACELEASE_MENTIONS;
        $held = ps_query(
            "SELECT resource FROM resource_node WHERE node = ? AND resource > 0 ORDER BY resource LIMIT $limit",
            ['i', (int) $row['ref']],
            '',
            -1,
            false,
            0
        );
        $refs = array_map('intval', array_column($held, 'resource'));
    }

    return [
        'id' => (string) ($row['ref'] ?? ''),
        'text' => (string) $row[$column],
        'resource' => $table === 'resource' ? (int) $row['ref'] : (int) ($row['resource'] ?? $row['resource_ref'] ?? 0),
        'field' => $field,
        'refs' => $refs,
    ];
}
