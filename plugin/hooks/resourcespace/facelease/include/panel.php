<?php

/**
 * The panel on a resource's page: the sidecar's answer, checked for its form and escaped. No rule lives here.
 */

const FACELEASE_ORIGINS = ['machine', 'confirmed', 'hand'];
const FACELEASE_STATUSES = ['cleared', 'blocked', 'unknown', 'no_person_found'];
const FACELEASE_DISMISSALS = ['no_person', 'too_small', 'bystander', 'objects', 'other'];
const FACELEASE_FACES = ['matched', 'suggested', 'unmatched', 'rejected', 'dismissed'];

/**
 * Ask the sidecar about a resource, or hand it an editor's decision. Two seconds without a proper answer is
 * the state "silent", which is shown as unknown.
 *
 * @param array{action: ?string, face: ?int, reason: string, person?: string} $decision
 */
function facelease_ask_panel(int $ref, string $user, bool $can_edit, array $decision): array
{
    $question = ['ref' => $ref, 'user' => $user, 'can_edit' => $can_edit] + $decision;
    $body = json_encode($question + ['language' => (string) $GLOBALS['language']]);
    $id = 'flp_' . bin2hex(random_bytes(16));
    $answer = facelease_post('panel', '/panel/resourcespace', $id, (string) $body, 2.0);
    $said = json_decode($answer['body'], true);
    if ($answer['status'] === 200 && is_array($said) && in_array($said['state'] ?? '', ['ok', 'unknown'], true)) {
        return $said;
    }
    $refused = $decision['action'] !== null && $answer['ours'] && $answer['status'] >= 400 && $answer['status'] < 500;

    return ['state' => $refused ? 'refused' : 'silent'];
}

/** What was decided in the browser; null where the form is not one of ours. The reason of a dismissal is a key of the list. */
function facelease_decision(string $action, string $face, string $reason, string $person = ''): ?array
{
    if ($action === '') {
        return ['action' => null, 'face' => null, 'reason' => ''];
    }
    $person = trim(mb_substr($person, 0, 200));
    if ($action === 'name') {
        $named = ctype_digit($face) && $person !== '';
        return $named ? ['action' => 'name', 'face' => (int) $face, 'reason' => '', 'person' => $person] : null;
    }
    $dismissed = in_array($action, ['dismiss', 'dismiss_small', 'dismiss_rest'], true);
    $known = ($dismissed || in_array($action, ['confirm', 'reject'], true)) && ctype_digit($face);

    return $known && (!$dismissed || in_array($reason, FACELEASE_DISMISSALS, true))
        ? ['action' => $action, 'face' => (int) $face, 'reason' => $dismissed ? $reason : '']
        : null;
}

/** The panel's whole content. */
function facelease_render_panel(array $said, int $ref, bool $can_edit): void
{
    if ($said['state'] !== 'ok') {
        $words = ['unknown' => 'unknown_yet', 'refused' => 'refused'];
        facelease_render_note('FaceleaseUnknown', $words[$said['state']] ?? 'unknown');
        facelease_render_why($said);
        facelease_render_choices($ref, $can_edit);
        return;
    }
    $faces = array_values(array_filter(facelease_list($said, 'faces'), 'facelease_box'));
    echo '<div class="FaceleaseSides">';
    facelease_render_picture($ref, $faces);
    $use = facelease_word('use', facelease_term(facelease_text($said['purpose'] ?? '')));
    $people = facelease_list($said, 'people');
    echo '<div class="FaceleaseSaid">';
    facelease_render_outcome($said['note'] ?? '');
    facelease_render_faces($said, $faces, $can_edit, $people);
    echo '<h3>' . escape($use) . '</h3>';
    facelease_render_channels($said['channels'] ?? null, 'status_');
    facelease_render_why($said);
    facelease_render_choices($ref, $can_edit);
    echo '<h3>' . escape(facelease_word('people')) . '</h3>';
    facelease_render_people($people);
    facelease_render_beside($ref, $people);
    if ($can_edit) {
        facelease_render_inviting($faces);
    }
    echo '</div></div>';
}

/** Why a face was not named, where it was not. */
function facelease_render_outcome(mixed $note): void
{
    if (in_array($note, ['no_such_person', 'nothing_in_force', 'named_already'], true)) {
        facelease_render_note('FaceleaseUnknown', 'note_' . $note);
    }
}

/** Why the answer is what it is, folded away. */
function facelease_render_why(array $said): void
{
    $why = array_filter(is_array($said['why'] ?? null) ? $said['why'] : [], 'is_string');
    if ($why === []) {
        return;
    }
    echo '<details><summary>' . escape(facelease_word('why')) . '</summary><ul>';
    foreach ($why as $reason) {
        echo '<li>' . escape($reason) . '</li>';
    }
    echo '</ul></details>';
}

function facelease_render_note(string $class, string $word): void
{
    echo '<p class="' . escape($class) . '">' . escape(facelease_word($word)) . '</p>';
}

/** The objects of a list in the answer; anything else in it is left out. */
function facelease_list(array $said, string $key): array
{
    return array_values(array_filter(is_array($said[$key] ?? null) ? $said[$key] : [], 'is_array'));
}

/** The box of a face (left, top, width, height) in per cent of the picture, cut off at its edges; null unless it is one. */
function facelease_box(array $face): ?array
{
    $box = is_array($face['box'] ?? null) ? array_values($face['box']) : [];
    $numbers = array_filter($box, static fn(mixed $side): bool => is_int($side) || is_float($side));
    if (count($box) !== 4 || count($numbers) !== 4 || !is_int($face['id'] ?? null)) {
        return null;
    }
    [$left, $top, $width, $height] = $box;
    $cut = static fn(int|float $at): float => 100.0 * max(0, min(1, $at));
    [$x, $y, $right, $bottom] = [$cut($left), $cut($top), $cut($left + $width), $cut($top + $height)];

    return $right <= $x || $bottom <= $y ? null
        : array_map(static fn(float $side): float => round($side, 3), [$x, $y, $right - $x, $bottom - $y]);
}

/** Who is tagged, by whom, and until when each channel is cleared for them. */
function facelease_render_people(array $people): void
{
    if ($people === []) {
        facelease_render_note('', 'nobody');
        return;
    }
    foreach ($people as $person) {
        $origin = in_array($person['origin'] ?? '', FACELEASE_ORIGINS, true) ? $person['origin'] : 'unknown';
        echo '<p class="FaceleasePerson"><strong>' . escape(facelease_text($person['name'] ?? '')) . '</strong> ';
        echo escape(facelease_word('origin') . ': ' . facelease_word('origin_' . $origin)) . '</p>';
        facelease_render_channels($person['channels'] ?? null, 'person_');
    }
}

/** One line a channel: of the photograph (`status_`), or of one person in it (`person_`). */
function facelease_render_channels(mixed $channels, string $words): void
{
    echo '<ul class="FaceleaseChannels">';
    $never = [];
    foreach (is_array($channels) ? $channels : [] as $channel => $state) {
        $state = is_array($state) ? $state : [];
        if ($words === 'person_' && ($state['asked'] ?? true) === false) {
            $never[] = facelease_term((string) $channel);
            continue;
        }
        $line = facelease_channel_line((string) $channel, $state, $words);
        echo '<li class="FaceleaseChannel ' . escape('FaceleaseIs-' . facelease_status($state)) . '">' . escape($line) . '</li>';
    }
    echo '</ul>';
    if ($never !== []) {
        echo '<p class="FaceleaseNever">' . escape(facelease_word('never_asked', implode(', ', $never))) . '</p>';
    }
}

/** "website: cleared until 2027-03-01"; whatever is not understood reads as unknown. */
function facelease_channel_line(string $channel, array $state, string $words = 'status_'): string
{
    $until = facelease_text($state['until'] ?? '');
    $line = facelease_term($channel) . ': ' . facelease_word($words . facelease_status($state));
    $line = $until === '' ? $line : $line . ' ' . facelease_word('until', facelease_shown_day($until));
    $px = is_int($state['max_px'] ?? null) ? $state['max_px'] : 0;

    return ($px > 0 ? $line . ' (' . facelease_size_words($px) . ')' : $line) . facelease_field_line($channel, $state['field'] ?? null);
}

/** What the DAM's own field of the channel shows, where that is another day, and why; '' where there is no such field. */
function facelease_field_line(string $channel, mixed $field): string
{
    if (!is_array($field) || facelease_date_field(facelease_channels()[$channel] ?? '') === null) {
        return '';
    }
    $day = facelease_text($field['day'] ?? '');

    return '; ' . match (true) {
        ($field['why'] ?? '') === 'renewed' => facelease_word('field_renewed', facelease_shown_day($day), (int) ($field['every'] ?? 0)),
        $day === '' => facelease_word('field_empty'),
        default => facelease_word('field_waits', facelease_shown_day($day)),
    };
}

function facelease_status(array $state): string
{
    return in_array($state['status'] ?? '', FACELEASE_STATUSES, true) ? $state['status'] : 'unknown';
}

function facelease_text(mixed $value): string
{
    return is_string($value) ? mb_substr($value, 0, 500) : '';
}

/**
 * The preview with a box over each face. The frame has the picture's own ratio and the picture fills it, so that a
 * per cent of the frame is a per cent of the picture, whatever its size.
 */
function facelease_render_picture(int $ref, array $faces): void
{
    $path = $faces === [] ? '' : get_resource_path($ref, true, 'pre', false, 'jpg');
    $measured = is_file($path) ? getimagesize($path) : false;
    if ($measured === false || $measured[0] < 1 || $measured[1] < 1) {
        return;
    }
    $url = get_resource_path($ref, false, 'pre', false, 'jpg', true, 1, check_use_watermark());
    $ratio = $measured[0] / $measured[1];
    if (facelease_is_sideways($ref, (int) $measured[0], (int) $measured[1])) {
        facelease_render_note('FaceleaseUnknown', 'sideways');
        $faces = []; // they would lie beside the people
    }
    $style = sprintf('--facelease-ratio:%.6F;--facelease-width:%dpx', $ratio, facelease_picture_width($ratio));
    echo '<div class="FaceleasePicture" style="' . escape($style) . '"><img alt="" src="' . escape($url) . '">';
    foreach ($faces as $number => $face) {
        [$left, $top, $width, $height] = facelease_box($face);
        $style = "left:$left%;top:$top%;width:$width%;height:$height%";
        $class = 'FaceleaseBox' . ($top < 12 ? ' FaceleaseAtTop' : '') . ($left > 85 ? ' FaceleaseAtRight' : '');
        echo '<div class="' . escape($class) . '" data-face="' . escape((string) $face['id']) . '" style="' . escape($style) . '">';
        echo '<span>' . escape((string) ($number + 1)) . '</span></div>';
    }
    echo '</div>';
}

/** How wide a picture is shown where there is room: within 480 x 420, but no narrower or flatter than 160. */
function facelease_picture_width(float $ratio): int
{
    $width = max(min(480.0, 420.0 * $ratio), 160.0 * max(1.0, $ratio));

    return (int) max(1, round(min($width, 900.0, 700.0 * $ratio)));
}

/** Who chose what about face recognition for this photograph, by which collection, and whether that counts here. */
function facelease_render_choices(int $ref, bool $can_edit): void
{
    foreach (facelease_choices_on($ref) as $row) {
        $mode = $row['mode'] ?? 'off';
        if ($mode === 'off') {
            continue;
        }
        $named = $can_edit || collection_readable((int) $row['ref']);
        $title = $named ? i18n_get_translated((string) $row['name']) : facelease_word('choice_private', (int) $row['ref']);
        $word = $row['counts'] ? 'choice_counts' : 'choice_idle';
        echo '<p class="FaceleaseChoice">'
            . escape(facelease_word($word, $title, facelease_word('mode_' . $mode), (string) $row['set_by'])) . '</p>';
    }
}
