<?php

/**
 * Our searches in the DAM's own search, each a word that begins with !facelease:
 *
 * !faceleasewaiting, !faceleasenotcleared:FIELD, !faceleaseending:DAY[:FIELD]; FIELD is the short name of a "cleared until"
 * field, DAY a date or a number of days. `:cNUMBER` at the end narrows them to one collection; words may follow.
 *
 * FaceLease says which photographs, in two seconds at the most; the DAM's own rules say which of those the user may see.
 */

include_once __DIR__ . '/signing.php';
include_once __DIR__ . '/fields.php';

/** May the present user search by consent, and see marks? What they find are resources that they may see anyway. */
function facelease_may_search(): bool
{
    return !facelease_is_share() && (checkperm('facelease-v') || checkperm('a'));
}

/**
 * What a search asks of us; null where it is none of ours, `kind` '' where it is none that we know.
 *
 * @return ?array{kind: string, field: string, day: string, collection: int, rest: string}
 */
function facelease_parse_search(string $search): ?array
{
    $search = trim($search);
    if (!str_starts_with($search, '!facelease')) {
        return null;
    }
    preg_match('/^!facelease(waiting|notcleared|ending)?((?::[a-z0-9-]{1,40}){0,3})(?:[\s,]+(.*))?$/Ds', $search, $found);
    $asked = ['kind' => $found[1] ?? '', 'field' => '', 'day' => '', 'collection' => 0, 'rest' => trim($found[3] ?? '')];
    foreach (array_filter(explode(':', $found[2] ?? '')) as $word) {
        if (in_array($word, facelease_channels(), true)) {
            $asked['field'] = $word;
        } elseif (preg_match('/^c(\d{1,9})$/D', $word, $number) === 1) {
            $asked['collection'] = (int) $number[1];
        } elseif (preg_match('/^\d{1,4}$/D', $word) === 1) {
            $asked['day'] = date('Y-m-d', strtotime('today +' . ((int) $word + 1) . ' days'));
        } else {
            $asked['day'] = facelease_day($word) ?? '';
        }
    }
    $needs = ['notcleared' => 'field', 'ending' => 'day'][$asked['kind']] ?? null;

    return $needs !== null && $asked[$needs] === '' ? ['kind' => ''] + $asked : $asked;
}

/**
 * The query of one of our searches, in the form that the DAM's hook takes; null where the search is none of ours.
 *
 * The DAM's own filter goes into each: whoever may not see a resource does not find it.
 */
function facelease_search_query(string $search, object $select, object $join, object $filter): ?object
{
    $asked = facelease_parse_search($search);
    if ($asked === null) {
        return null;
    }
    [$where, $given] = facelease_may_search() ? facelease_search_where($asked) : ['1 = 2', []];
    if ($asked['collection'] > 0 && $where !== '1 = 2') {
        $readable = collection_readable($asked['collection']);
        $where .= $readable ? ' AND r.ref IN (SELECT cr.resource FROM collection_resource cr WHERE cr.collection = ?)' : ' AND 1 = 2';
        $given = $readable ? [...$given, 'i', $asked['collection']] : $given;
    }
    $select->sql = 'DISTINCT r.hit_count score, ' . $select->sql;

    return new PreparedStatementQuery(
        "SELECT [SELECT_SQL] FROM resource r {$join->sql} WHERE r.ref > 0 AND $where AND {$filter->sql} [GROUP_BY_SQL] [ORDER_BY_SQL]",
        [...$select->parameters, ...$join->parameters, ...$given, ...$filter->parameters]
    );
}

/** The condition on the resource `r` and its parameters. @return array{0: string, 1: list<mixed>} */
function facelease_search_where(array $asked): array
{
    if ($asked['kind'] === '') {
        return ['1 = 2', []];
    }
    $said = facelease_ask_list($asked);
    if ($said === null) {
        return $asked['kind'] === 'notcleared' ? facelease_undated((string) $asked['field']) : ['1 = 2', []];
    }

    return $said['refs'] === [] ? ['1 = 2', []]
        : ['r.ref IN (' . ps_param_insert(count($said['refs'])) . ')', ps_param_fill($said['refs'], 'i')];
}

/** While FaceLease is silent: whatever has no day to come in the channel's field. Those that show nobody are among it. */
function facelease_undated(string $shortname): array
{
    $field = facelease_date_field($shortname);

    return $field === null ? ['1 = 2', []] : [
        'r.ref NOT IN (SELECT rn.resource FROM resource_node rn JOIN node n ON n.ref = rn.node'
            . ' WHERE n.resource_type_field = ? AND n.name >= ?)',
        ['i', $field, 's', date('Y-m-d')],
    ];
}

/**
 * FaceLease's list for a search, asked once a request; null when there is none in time.
 *
 * @return ?array{refs: list<int>, more: bool}
 */
function facelease_ask_list(array $asked): ?array
{
    static $known = [];
    $channel = array_search($asked['field'], facelease_channels(), true);
    $question = ['kind' => $asked['kind']] + ($channel === false ? [] : ['channels' => [(string) $channel]]);
    $body = (string) json_encode($question + ($asked['day'] === '' ? [] : ['before' => $asked['day']]));
    if (!array_key_exists($body, $known)) {
        $answer = facelease_post('panel', '/panel/resourcespace/photographs', 'fls_' . bin2hex(random_bytes(16)), $body, 2.0);
        $said = json_decode($answer['body'], true);
        $good = $answer['status'] === 200 && is_array($said['refs'] ?? null);
        $known[$body] = $good ? [
            'refs' => array_values(array_filter(array_map('intval', array_filter($said['refs'], 'is_string')))),
            'more' => ($said['more'] ?? true) !== false,
        ] : null;
    }

    return $known[$body];
}

/** What a search of ours lists, in the user's language; not escaped. */
function facelease_search_title(array $asked): string
{
    $channel = array_search($asked['field'], facelease_channels(), true);
    $where = $channel === false ? '' : facelease_term((string) $channel);

    return match ($asked['kind']) {
        'waiting' => facelease_word('search_waiting'),
        'notcleared' => facelease_word('search_notcleared', $where),
        'ending' => $where === '' ? facelease_word('search_ending', facelease_shown_day($asked['day']))
            : facelease_word('search_ending_for', $where, facelease_shown_day($asked['day'])),
        default => facelease_word('search_none'),
    };
}

/** What is to be said of the answer to a search; '' for nothing. */
function facelease_search_note(array $asked): string
{
    if ($asked['kind'] === '' || !facelease_may_search()) {
        return '';
    }
    $said = facelease_ask_list($asked);

    return match (true) {
        $said === null => facelease_word($asked['kind'] === 'notcleared' ? 'search_by_dates' : 'search_silent'),
        $said['more'] => facelease_word('search_more', count($said['refs'])),
        default => '',
    };
}
