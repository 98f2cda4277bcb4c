<?php

/**
 * What the sidecar asks of the DAM. Each answers only the service account and super administrators.
 */

if (function_exists('facelease_is_whole') && is_file(__DIR__ . '/../include/all.php')) {
    include_once __DIR__ . '/../include/all.php';
}

const FACELEASE_VERSION = '0.1.0';

/** One resource as it stands now: its people, the modes of all its collections, its file and its previews. */
function api_facelease_photo($ref, $afresh = 0)
{
    return facelease_may_serve() ? facelease_photo((int) $ref, (bool) $afresh) : facelease_refuse();
}

/** The file of a resource as it is, to be examined: no download, so nothing is counted. */
function api_facelease_original($ref)
{
    return facelease_may_serve() ? facelease_send_original((int) $ref) : facelease_refuse();
}

/** Put names on and take them off, up to 1,000 resources; `items` is a JSON list. */
function api_facelease_apply($items)
{
    if (!facelease_may_serve()) {
        return facelease_refuse();
    }
    $list = is_string($items) ? json_decode($items, true) : $items;
    if (!is_array($list) || !array_is_list($list) || count($list) > 1000) {
        http_response_code(400);
        return ['error' => 'items is a JSON list of at most 1000 objects.'];
    }

    return array_map('facelease_apply_item', $list);
}

/** Who is named on each of up to 1,000 resources, and how many other files it has; `refs` is a JSON list of numbers. */
function api_facelease_named($refs)
{
    if (!facelease_may_serve()) {
        return facelease_refuse();
    }
    $list = is_string($refs) ? json_decode($refs, true) : $refs;
    if (!is_array($list) || count($list) > 1000 || array_filter($list, 'is_int') !== $list) {
        http_response_code(400);
        return ['error' => 'refs is a JSON list of at most 1000 numbers.'];
    }

    return facelease_named($list);
}

/** Every resource that carries this name, in any state, whoever may see it. */
function api_facelease_holders($node, $offset = 0, $limit = 1000)
{
    return facelease_may_serve() ? facelease_holders((int) $node, (int) $offset, (int) $limit) : facelease_refuse();
}

/** Every resource that a collection holds, in any state, whoever may see it. */
function api_facelease_members($collection, $offset = 0, $limit = 1000)
{
    return facelease_may_serve() ? facelease_members((int) $collection, (int) $offset, (int) $limit) : facelease_refuse();
}

/** Every collection that has a mode. */
function api_facelease_modes()
{
    return facelease_may_serve() ? facelease_collections() : facelease_refuse();
}

/** Delete a name that nobody carries. */
function api_facelease_delete_node($node)
{
    return facelease_may_serve() ? ['deleted' => facelease_delete_node((int) $node)] : facelease_refuse();
}

/** Which columns of which tables hold text, for `facelease_mentions`. */
function api_facelease_tables()
{
    return facelease_may_serve() ? (object) facelease_text_columns() : facelease_refuse();
}

/** A page of the rows of a column in which a name may stand; `patterns` is a JSON list of lists of words. */
function api_facelease_mentions($table, $column, $patterns, $offset = 0)
{
    if (!facelease_may_serve()) {
        return facelease_refuse();
    }
    $list = is_string($patterns) ? json_decode($patterns, true) : $patterns;
    $words = is_array($list) ? array_merge([], ...array_map(static fn($one): array => is_array($one) ? $one : [0], array_values($list))) : [0];
    if ($words === [] || count($list) > 100 || array_filter($words, static fn($word): bool => !is_string($word) || trim($word) === '') !== []) {
        http_response_code(400);
        return ['error' => 'patterns is a JSON list of at most 100 lists of words.'];
    }

    return facelease_mentions((string) $table, (string) $column, array_values($list), (int) $offset);
}

/** Whether there is an account of exactly this name, whether it may sign in now, and its group. */
function api_facelease_account($username)
{
    return facelease_may_serve() ? facelease_account((string) $username) : facelease_refuse();
}

/** How each of up to 1,000 resources opens for an account; `refs` is a JSON list of numbers. */
function api_facelease_seen($username, $refs)
{
    if (!facelease_may_serve()) {
        return facelease_refuse();
    }
    $list = is_string($refs) ? json_decode($refs, true) : $refs;
    if (!is_array($list) || count($list) > 1000 || array_filter($list, 'is_int') !== $list) {
        http_response_code(400);
        return ['error' => 'refs is a JSON list of at most 1000 numbers.'];
    }

    return ['seen' => (object) facelease_seen_by((string) $username, $list)];
}

/** Resources whose file came under this name, or one that begins like it; with an account those that it may see. */
function api_facelease_find($name, $username = '', $most = 25)
{
    if (!facelease_may_serve()) {
        return facelease_refuse();
    }

    return ['refs' => facelease_find_files((string) $name, (string) $username, min(100, (int) $most))];
}

/** The version, the fields in use, and what keeps the plugin from working as it should. */
function api_facelease_status()
{
    if (!facelease_may_serve()) {
        return facelease_refuse();
    }

    return [
        'version' => FACELEASE_VERSION,
        'people_field' => (int) facelease_people_field(),
        'fields' => (object) facelease_channels(),
        'problems' => facelease_problems(),
        'sight' => facelease_sight(),
        'gate' => facelease_gate_state(),
    ];
}

function facelease_refuse(): array
{
    http_response_code(403);

    return ['error' => 'Only the account named in $facelease_api_user, or a super administrator, may ask this.'];
}
