<?php

/** The statements that the plugin makes on the way of a download, on a file of JSON. */
function ps_query($sql, $given = [])
{
    $values = [];
    for ($n = 1; $n < count($given); $n += 2) {
        $values[] = $given[$n];
    }
    $store = &$GLOBALS['store'];
    $write = static fn() => file_put_contents($GLOBALS['store_file'], json_encode($GLOBALS['store']), LOCK_EX);
    if (str_contains($sql, 'FROM resource WHERE')) {
        $photo = $store['photos'][(int) $values[0]] ?? null;
        return $photo === null ? [] : [['ref' => (int) $values[0], 'file_extension' => $photo['extension']]];
    }
    if (str_contains($sql, 'FROM preview_size')) {
        return array_map(static fn($id) => ['id' => $id], ['hpr', 'lpr', 'scr', 'pre', 'thm', 'col']);
    }
    if (str_contains($sql, 'GET_LOCK') || str_contains($sql, 'RELEASE_LOCK')) {
        return [['value' => 1]];
    }
    if (str_starts_with($sql, 'INSERT INTO facelease_delivery')) {
        $store['last'] = ($store['last'] ?? 0) + 1;
        [$id, $body, $created, $due] = $values;
        $store['deliveries'][$store['last']] = ['ref' => $store['last'], 'id' => $id, 'body' => $body, 'created' => $created,
            'due' => $due, 'attempts' => 0];
        $write();
        return [];
    }
    if (str_starts_with($sql, 'DELETE FROM facelease_delivery')) {
        unset($store['deliveries'][$values[0]]);
        $write();
        return [];
    }
    if (str_contains($sql, 'COUNT(*) AS n, MIN(created)')) {
        return [['n' => count($store['deliveries'] ?? []), 'since' => 0]];
    }
    if (str_contains($sql, 'FROM facelease_delivery')) {
        return array_values($store['deliveries'] ?? []);
    }
    if (str_starts_with($sql, 'REPLACE INTO facelease_state')) {
        $store['state'][$values[0]] = $values[1];
        $write();
        return [];
    }
    if (str_contains($sql, 'FROM facelease_state')) {
        $names = $values !== [] ? [$values[0]] : (preg_match_all("/'(\w+)'/", $sql, $found) > 0 ? $found[1] : []);
        return array_map(static fn($name) => ['name' => $name, 'value' => $store['state'][$name] ?? ''], $names);
    }
    if (str_contains($sql, 'FROM slideshow')) {
        return isset($store['slides'][$values[0]]) ? [['resource_ref' => $store['slides'][$values[0]]]] : [];
    }
    if (str_contains($sql, 'FROM resource_type_field')) {
        return [['ref' => 90, 'type' => FIELD_TYPE_DATE]];
    }
    if (str_contains($sql, 'FROM resource_node')) {
        $refs = array_slice($values, 2);
        $holds = static fn($ref) => ($store['photos'][(int) $ref]['lease'] ?? '') >= $values[1];
        return array_map(static fn($ref) => ['resource' => $ref], array_values(array_filter($refs, $holds)));
    }
    throw new Exception("the stand-in knows no such statement: $sql");
}

function ps_param_insert($count)
{
    return implode(',', array_fill(0, $count, '?'));
}

function ps_param_fill($list, $kind)
{
    return array_merge(...array_map(static fn($one) => [$kind, $one], $list));
}
