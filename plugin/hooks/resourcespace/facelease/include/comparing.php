<?php

/**
 * What recognition in a collection amounts to, said before somebody chooses it, and to whoever uploads into it.
 */

/** How many people would be compared with; null where FaceLease does not say. @return ?array{people: int, members: int} */
function facelease_ask_comparing(int $collection): ?array
{
    $body = (string) json_encode(['collection' => $collection]);
    $answer = facelease_post('panel', '/panel/resourcespace/comparing', 'flc_' . bin2hex(random_bytes(16)), $body, 2.0);
    $said = json_decode($answer['body'], true);
    $good = $answer['status'] === 200 && is_int($said['people'] ?? null) && is_int($said['members'] ?? null);

    return $good ? ['people' => $said['people'], 'members' => $said['members']] : null;
}

/** Before the form: how many photographs here and below would be compared with how many people. */
function facelease_render_comparing(int $collection): void
{
    $photographs = facelease_members($collection, 0, 1)['total'];
    $below = count(facelease_collections_below($collection)) - 1;
    $said = facelease_ask_comparing($collection);
    $people = $said === null ? facelease_word('comparing_silent', $photographs)
        : facelease_word('comparing', $photographs, $said['people'], $said['members']);
    echo '<p class="FaceleaseComparing">' . escape($people) . '</p>';
    if ($below > 0) {
        echo '<p class="FaceleaseComparing">' . escape(facelease_word('comparing_below', $below)) . '</p>';
    }
}

/** The mode that is in force in a collection, with those of the categories above it. */
function facelease_mode_in_force(int $collection): string
{
    $modes = array_column(facelease_modes_above($collection), 'mode');
    $modes[] = facelease_mode_history($collection)[0]['mode'] ?? 'off';
    foreach (['never', 'auto', 'suggest', 'detect'] as $mode) {
        if (in_array($mode, $modes, true)) {
            return $mode;
        }
    }

    return 'off';
}

/** On the upload page: whether faces of what is uploaded here are compared. For everybody who uploads, shares included. */
function facelease_render_upload_note(int $collection): void
{
    $mode = $collection > 0 ? facelease_mode_in_force($collection) : 'off';
    if (in_array($mode, ['auto', 'suggest', 'detect'], true)) {
        echo '<p class="FaceleaseNote" role="note">' . escape(facelease_word('upload_' . $mode)) . '</p>';
    }
}
