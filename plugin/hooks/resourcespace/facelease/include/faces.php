<?php

/**
 * The faces of a photograph, beside its picture: one at a time, chosen by its number or on the picture, so that eleven
 * take no more room than one.
 */

/** States in which somebody is still to decide. */
const FACELEASE_OPEN = ['suggested', 'unmatched', 'rejected'];

/** Numbers to choose a face by, the faces, and what may be done to several at once. */
function facelease_render_faces(array $said, array $faces, bool $can_edit, array $people): void
{
    if ($faces === []) {
        return;
    }
    $settled = array_filter($people, static fn(array $person): bool => ($person['origin'] ?? '') === 'confirmed');
    $open = array_filter($faces, 'facelease_is_open');
    echo '<div class="FaceleaseFaces"><p class="FaceleaseLeft">' . escape(facelease_word('faces_left', count($open), count($faces)))
        . '</p><div class="FaceleaseChips" role="group" aria-label="' . escape(facelease_word('faces')) . '">';
    foreach ($faces as $number => $face) {
        $label = facelease_face_label($face, $number + 1);
        echo '<button type="button" data-show="' . escape((string) $face['id']) . '" aria-pressed="false" title="' . escape($label)
            . '" aria-label="' . escape($label) . '" class="' . escape('FaceleaseChip FaceleaseState-' . facelease_face_state($face))
            . '">' . escape((string) ($number + 1)) . '</button>';
    }
    echo '</div>';
    foreach ($faces as $number => $face) {
        facelease_render_face($face, $number + 1, $can_edit, array_column($settled, 'name'));
    }
    if ($can_edit) {
        facelease_render_several($said);
    }
    echo '</div>';
}

/** Is something about this face still to be decided? */
function facelease_is_open(array $face): bool
{
    return in_array(facelease_face_state($face), FACELEASE_OPEN, true) || ($face['again'] ?? false) === true;
}

function facelease_face_state(array $face): string
{
    return in_array($face['state'] ?? '', FACELEASE_FACES, true) ? $face['state'] : 'unmatched';
}

/** "3. Perhaps: Åsa" */
function facelease_face_label(array $face, int $number): string
{
    $person = facelease_text($face['person'] ?? '');
    $words = facelease_word('face_' . facelease_face_state($face)) . ($person === '' ? '' : ': ' . $person);

    return $number . '. ' . (facelease_text($face['label'] ?? '') ?: $words);
}

/** One face in words, with the decisions that an editor may take on it; `$settled` are names that need no more. */
function facelease_render_face(array $face, int $number, bool $can_edit, array $settled = []): void
{
    $state = facelease_face_state($face);
    $id = (string) $face['id'];
    echo '<div class="FaceleaseFace" data-face="' . escape($id) . '" data-open="' . escape(facelease_is_open($face) ? '1' : '')
        . '"><span>' . escape(facelease_face_label($face, $number)) . '</span>';
    $actions = ['suggested' => ['confirm', 'reject', 'dismiss'], 'matched' => ['confirm', 'reject'],
                'unmatched' => ['dismiss'], 'rejected' => ['dismiss'],
                'dismissed' => ($face['again'] ?? false) === true ? ['dismiss'] : []][$state] ?? [];
    $named = in_array(facelease_text($face['person'] ?? ''), $settled, true);
    foreach ($can_edit ? array_diff($actions, $named ? ['confirm'] : []) : [] as $action) {
        facelease_render_action($action, $id, ($face['small'] ?? false) === true);
    }
    if ($can_edit) {
        facelease_render_pointer($face['invited'] ?? null, $id, in_array($state, FACELEASE_OPEN, true));
    }
    if ($can_edit && in_array($state, FACELEASE_OPEN, true)) {
        facelease_render_naming($id);
    }
    echo '</div>';
}

/** A field for the name of somebody who is entered; names that fit are offered while one types. */
function facelease_render_naming(string $face): void
{
    echo '<span class="FaceleaseAction FaceleaseNaming"><input name="person" type="text" autocomplete="off" maxlength="200" list="'
        . escape('facelease_names_' . $face) . '" aria-label="' . escape(facelease_word('name_label')) . '" placeholder="'
        . escape(facelease_word('name_label')) . '"><datalist id="' . escape('facelease_names_' . $face) . '"></datalist>'
        . '<button type="button" data-action="name" data-face="' . escape($face) . '">' . escape(facelease_word('action_name'))
        . '</button></span>';
}

/** One act for all small figures on which nobody has decided, and one for all faces, where there is more than one. */
function facelease_render_several(array $said): void
{
    [$small, $newest] = facelease_several($said['small'] ?? null);
    if ($small > 1) {
        echo '<div class="FaceleaseSmall"><span class="FaceleaseAction"><button type="button" data-action="dismiss_small"'
            . ' data-reason="too_small" data-face="' . escape((string) $newest) . '">'
            . escape(facelease_word('action_dismiss_small', $small)) . '</button></span></div>';
    }
    [$rest, $newest] = facelease_several($said['rest'] ?? null);
    if ($rest > 1) {
        echo '<div class="FaceleaseRest"><span>' . escape(facelease_word('rest', $rest)) . '</span> ';
        facelease_render_action('dismiss_rest', (string) $newest);
        echo '</div>';
    }
}

/** @return array{0: int, 1: int} how many, and the newest of them */
function facelease_several(mixed $said): array
{
    $good = is_array($said) && is_int($said['count'] ?? null) && is_int($said['newest'] ?? null);

    return $good ? [$said['count'], $said['newest']] : [0, 0];
}

/** A button; leaving somebody out takes a reason of the list beside it, "too small" only where that may be said. */
function facelease_render_action(string $action, string $face, bool $small = false): void
{
    echo '<span class="FaceleaseAction">';
    if (str_starts_with($action, 'dismiss')) {
        echo '<select name="reason" aria-label="' . escape(facelease_word('reason')) . '">'
            . '<option value="">' . escape(facelease_word('reason')) . '</option>';
        foreach (array_diff(FACELEASE_DISMISSALS, $small ? [] : ['too_small']) as $key) {
            echo '<option value="' . escape($key) . '">' . escape(facelease_word('dismissal_' . $key)) . '</option>';
        }
        echo '</select>';
    }
    echo '<button type="button" data-action="' . escape($action) . '" data-face="' . escape($face)
        . '">' . escape(facelease_word('action_' . $action)) . '</button></span>';
}

/** Names that hold what somebody types, as options of a list; none where FaceLease does not answer. */
function facelease_render_names(string $typed): void
{
    $text = trim(mb_substr($typed, 0, 100));
    if (mb_strlen($text) < 2) {
        return;
    }
    $body = (string) json_encode(['text' => $text]);
    $answer = facelease_post('panel', '/panel/resourcespace/people', 'fln_' . bin2hex(random_bytes(16)), $body, 2.0);
    $said = json_decode($answer['body'], true);
    foreach ($answer['status'] === 200 && is_array($said) ? facelease_list($said, 'names') : [] as $one) {
        $label = ($one['asked'] ?? false) === true ? '' : facelease_word('name_not_asked');
        echo '<option value="' . escape(facelease_text($one['name'] ?? '')) . '">' . escape($label) . '</option>';
    }
}
