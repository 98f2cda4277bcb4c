<?php

/**
 * One resource as the sidecar needs to know it, in one question.
 */

include_once __DIR__ . '/modes.php';
include_once __DIR__ . '/originals.php';

/** Preview sizes that every DAM has; administrators add others. */
const FACELEASE_SIZES = ['scr', 'lpr', 'hpr', 'pre'];

/** The resource as it stands now, its file read anew where that is asked for; or that it is gone. */
function facelease_photo(int $ref, bool $afresh = false): array
{
    $row = $ref > 0 ? facelease_resource($ref) : null;
    if ($row === null) {
        ps_query('DELETE FROM facelease_file WHERE resource = ?', ['i', $ref]);
        return ['ref' => $ref, 'gone' => true];
    }

    return [
        'ref' => $ref,
        'file_version' => facelease_file_version($row, $afresh),
        'has_image' => (int) $row['has_image'],
        'archive' => (int) $row['archive'],
        'extension' => (string) $row['file_extension'],
        'collections' => facelease_collections($ref),
        'complete' => facelease_people_field() !== null,
        'people' => facelease_people($ref),
        'turned' => facelease_turned($row),
        'original' => facelease_original($row),
        'previews' => (int) $row['has_image'] > 0 ? facelease_previews($ref, facelease_turned($row) !== 0) : [],
    ];
}

/**
 * Many resources at once: who is named on each, and how many alternative files it has. The file that was replaced
 * by another stays one of those.
 *
 * @param list<int> $refs
 */
function facelease_named(array $refs): array
{
    if ($refs === []) {
        return [];
    }
    $marks = ps_param_insert(count($refs));
    $given = ps_param_fill($refs, 'i');
    $ask = static fn(string $query, array $more = []): array => ps_query($query, [...$given, ...$more], '', -1, true, 0);
    $there = array_column($ask("SELECT ref FROM resource WHERE ref IN ($marks)"), 'ref', 'ref');
    $files = $ask("SELECT resource, COUNT(*) AS files FROM resource_alt_files WHERE resource IN ($marks) GROUP BY resource");
    $files = array_column($files, 'files', 'resource');
    $people = [];
    $nodes = $ask(
        'SELECT rn.resource, n.ref, n.name FROM resource_node rn JOIN node n ON n.ref = rn.node'
        . " WHERE rn.resource IN ($marks) AND n.resource_type_field = ? ORDER BY n.ref",
        ['i', (int) facelease_people_field()]
    );
    foreach ($nodes as $row) {
        $people[(int) $row['resource']][] = ['node' => (int) $row['ref'], 'name' => (string) $row['name']];
    }

    return array_map(static fn(int $ref): array => [
        'ref' => $ref,
        'gone' => !isset($there[$ref]),
        'people' => $people[$ref] ?? [],
        'alternatives' => (int) ($files[$ref] ?? 0),
    ], $refs);
}

/** The row of a resource, read from the database itself and without regard to whom it may be shown. */
function facelease_resource(int $ref): ?array
{
    $rows = ps_query(
        'SELECT ref, has_image, archive, file_extension, file_modified, file_size, file_checksum, preview_tweaks'
        . ' FROM resource WHERE ref = ?',
        ['i', $ref],
        '',
        -1,
        true,
        0
    );

    return $rows[0] ?? null;
}

/**
 * Every preview that exists, each with an address under which the sidecar may fetch it for a day.
 *
 * Where previews were turned only those that the DAM turns: the others (lpr, hpr) lie as the file does.
 */
function facelease_previews(int $ref, bool $turned): array
{
    $found = [];
    $sizes = ps_query('SELECT id, internal, allow_preview FROM preview_size', [], 'schema');
    $shown = array_filter($sizes, static fn(array $size): bool => (int) $size['internal'] === 1 || (int) $size['allow_preview'] === 1);
    $names = $turned ? ['scr', 'pre', ...array_column($shown, 'id')] : [...FACELEASE_SIZES, ...array_column($sizes, 'id')];
    foreach (array_unique(array_map('strval', $names)) as $size) {
        $path = get_resource_path($ref, true, $size, false, 'jpg');
        $measured = $size !== '' && is_file($path) ? getimagesize($path) : false;
        if ($measured === false) {
            continue;
        }
        $url = get_resource_path($ref, false, $size, false, 'jpg', true, 1, false, '', -1, false);
        if ($GLOBALS['hide_real_filepath']) {
            $key = generate_temp_download_key((int) $GLOBALS['userref'], $ref, $size);
            if ($key === '') {
                continue; // without a key the address leads to the login page: the account may not see this size
            }
            $url .= '&access_key=' . urlencode($key);
        }
        $found[] = ['size_code' => $size, 'url' => $url, 'width' => (int) $measured[0], 'height' => (int) $measured[1]];
    }

    return $found;
}
