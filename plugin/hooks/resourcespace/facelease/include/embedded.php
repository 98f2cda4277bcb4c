<?php

/**
 * Names that other programs wrote into uploaded files: nobody was asked about those.
 *
 * Left alone, the DAM makes people of them. Here they stay out unless the set-up page says otherwise, and where they
 * come in, the photographs are noted, so that somebody can look.
 */

/** Are embedded names to be taken into the people field? */
function facelease_takes_names(): bool
{
    return !empty($GLOBALS['facelease_take_names']);
}

/**
 * Before a file's metadata are read: ask the DAM to leave the people field out.
 *
 * It goes by what the uploader chose for each field, where a choice is offered; so the choice is offered for this
 * field, and made. Writing names into downloads, which goes by the same mapping, is not touched.
 */
function facelease_keep_names_out(): void
{
    $field = facelease_people_field();
    if ($field === null || facelease_takes_names()) {
        return;
    }
    $offered = $GLOBALS['embedded_data_user_select_fields'] ?? [];
    $GLOBALS['embedded_data_user_select_fields'] = [...(is_array($offered) ? $offered : []), $field];
    $_POST['exif_option_' . $field] = 'no';
}

/** A value came out of a file: note the photograph where it names people. */
function facelease_note_embedded(int $ref, int $field): void
{
    if ($field === facelease_people_field()) {
        ps_query('REPLACE INTO facelease_embedded (resource, created) VALUES (?, ?)', ['i', $ref, 'i', time()]);
    }
}

/**
 * Photographs that got names from their files, the newest first.
 *
 * @return array{0: int, 1: list<int>} how many, and the first of them
 */
function facelease_embedded(int $limit): array
{
    $from = 'FROM facelease_embedded e JOIN resource r ON r.ref = e.resource';
    $count = ps_query("SELECT COUNT(*) AS n $from", [], '', -1, true, 0)[0]['n'];
    $rows = ps_query("SELECT e.resource $from ORDER BY e.created DESC, e.resource DESC LIMIT ?", ['i', $limit], '', -1, true, 0);

    return [(int) $count, array_map('intval', array_column($rows, 'resource'))];
}
