<?php

/**
 * Entering and inviting somebody from the page of a photograph, or from one of its faces. The face goes along as its
 * number: no picture of it leaves the DAM for that.
 */

/** What was filled in in the browser; null where it is not a form of ours. */
function facelease_invitation(): ?array
{
    $text = static fn(string $name): string => trim(mb_substr((string) getval($name, ''), 0, 200));
    $face = (string) getval('face', '');
    $how = (string) getval('how', '');
    if ($text('person') === '' || !in_array($how, ['mail', 'link'], true) || ($face !== '' && !ctype_digit($face))) {
        return null;
    }

    return [
        'name' => $text('person'),
        'email' => $text('email'),
        'born' => facelease_day((string) getval('born', '')),
        'of_age' => getval('of_age', '') === '1',
        'by_mail' => $how === 'mail',
        'face' => $face === '' ? null : (int) $face,
    ];
}

/** Hand it to FaceLease. @return array{what: string, address: string} */
function facelease_invite(int $ref, string $user, bool $can_edit, array $invitation): array
{
    $question = ['ref' => $ref, 'user' => $user, 'can_edit' => $can_edit, 'language' => (string) $GLOBALS['language']];
    $body = (string) json_encode($question + $invitation);
    $answer = facelease_post('panel', '/panel/resourcespace/invite', 'fli_' . bin2hex(random_bytes(16)), $body, 5.0);
    $said = json_decode($answer['body'], true);
    if ($answer['status'] === 200 && is_array($said)) {
        return ['what' => facelease_text($said['what'] ?? ''), 'address' => facelease_text($said['address'] ?? '')];
    }

    return ['what' => $answer['ours'] && $answer['status'] === 403 ? 'forbidden' : 'failed', 'address' => ''];
}

/** What came of it; a link is shown this once. */
function facelease_render_invited(array $told): void
{
    $known = ['mailed', 'link', 'name_taken', 'refused', 'entered_only', 'forbidden', 'failed'];
    $what = in_array($told['what'], $known, true) ? $told['what'] : 'failed';
    $good = in_array($what, ['mailed', 'link'], true);
    facelease_render_note($good ? 'FaceleaseDone' : 'FaceleaseUnknown', 'invited_' . $what);
    if ($what === 'link') {
        echo '<p class="FaceleaseLink"><input type="text" readonly value="' . escape($told['address']) . '" aria-label="'
            . escape(facelease_word('invited_address')) . '"></p>';
    }
}

/** The form, folded away. @param list<array> $faces */
function facelease_render_inviting(array $faces): void
{
    echo '<details class="FaceleaseInvite"><summary>' . escape(facelease_word('invite')) . '</summary>'
        . '<p>' . escape(facelease_word('invite_intro')) . '</p><span class="FaceleaseAction">';
    facelease_render_invite_field('person', 'text', 'invite_name');
    facelease_render_invite_field('email', 'email', 'invite_email');
    facelease_render_invite_field('born', 'date', 'invite_born');
    echo '<label><input type="checkbox" name="of_age" value="1"> ' . escape(facelease_word('invite_of_age')) . '</label>';
    facelease_render_invite_choice('how', ['mail' => facelease_word('invite_by_mail'), 'link' => facelease_word('invite_by_link')]);
    $numbers = ['' => facelease_word('invite_no_face')];
    foreach ($faces as $number => $face) {
        $numbers[(string) $face['id']] = facelease_word('invite_from_face', $number + 1);
    }
    facelease_render_invite_choice('face', $numbers);
    echo '<button type="button" data-action="invite">' . escape(facelease_word('action_invite')) . '</button></span></details>';
}

function facelease_render_invite_field(string $name, string $type, string $word): void
{
    echo '<label>' . escape(facelease_word($word)) . ' <input name="' . escape($name) . '" type="' . escape($type)
        . '" maxlength="200" autocomplete="off"></label>';
}

function facelease_render_invite_choice(string $name, array $choices): void
{
    echo '<label>' . escape(facelease_word('invite_' . $name)) . ' <select name="' . escape($name) . '">';
    foreach ($choices as $value => $words) {
        echo '<option value="' . escape((string) $value) . '">' . escape($words) . '</option>';
    }
    echo '</select></label>';
}

/** Who was invited from a face, and, where they have agreed to something since, the one press that names it. */
function facelease_render_pointer(mixed $invited, string $face, bool $open): void
{
    $name = is_array($invited) ? facelease_text($invited['name'] ?? '') : '';
    if ($name === '' || !$open) {
        return;
    }
    $agreed = ($invited['agreed'] ?? false) === true;
    echo '<span class="FaceleasePointer">' . escape(facelease_word($agreed ? 'pointer_agreed' : 'pointer_waiting', $name)) . '</span>';
    if ($agreed) {
        echo '<span class="FaceleaseAction"><input type="hidden" name="person" value="' . escape($name) . '"><button type="button"'
            . ' data-action="name" data-face="' . escape($face) . '">' . escape(facelease_word('action_pointer', $name))
            . '</button></span>';
    }
}
