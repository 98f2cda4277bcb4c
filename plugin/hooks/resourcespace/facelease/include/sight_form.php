<?php

/**
 * On the set-up page: who may see our fields, and a button for each way to hide them.
 */

include_once __DIR__ . '/sight.php';

/** Carry out what was chosen: `shares`, or `groups` with their numbers. */
function facelease_hide(string $what, mixed $groups): void
{
    if ($what === 'shares') {
        facelease_hide_from_shares();
    } elseif ($what === 'groups' && is_array($groups)) {
        facelease_hide_from_groups(array_map('intval', array_filter($groups, 'is_numeric')));
    }
}

/** Shares and groups that see names or dates, each with its button. */
function facelease_render_sight(): string
{
    $shown = facelease_fields_on_shares();
    $groups = facelease_groups_that_see();
    $shares = $shown === [] ? '<p>' . escape(facelease_word('sight_shares_none')) . '</p>'
        : '<p>' . escape(facelease_word('sight_shares', implode(', ', $shown))) . '</p>'
            . facelease_hide_form('shares', '', 'sight_hide_shares');
    $boxes = implode('', array_map('facelease_render_group', $groups));

    return '<h2>' . escape(facelease_word('sight')) . '</h2>' . $shares
        . ($groups === [] ? '<p>' . escape(facelease_word('sight_groups_none')) . '</p>'
            : '<p>' . escape(facelease_word('sight_groups')) . '</p>' . facelease_hide_form('groups', $boxes, 'sight_hide_groups'))
        . '<p>' . escape(facelease_word('sight_downloads')) . '</p>';
}

/** A group to be ticked. One that takes its permissions from another cannot be. */
function facelease_render_group(array $group): string
{
    return '<div><label><input type="checkbox" name="groups[]" value="' . escape((string) $group['ref']) . '"'
        . ($group['inherits'] ? ' disabled' : '') . '> ' . escape($group['name'])
        . ($group['inherits'] ? ' ' . escape(facelease_word('sight_inherits')) : '') . '</label></div>';
}

function facelease_hide_form(string $what, string $boxes, string $word): string
{
    ob_start();
    generateFormToken('facelease_hide_' . $what);
    $token = (string) ob_get_clean();

    return '<form method="post" action="' . escape($GLOBALS['baseurl_short']) . 'plugins/facelease/pages/setup.php">' . $token
        . '<input type="hidden" name="facelease_hide" value="' . escape($what) . '">' . $boxes
        . '<p><input type="submit" value="' . escape(facelease_word($word)) . '"></p></form>';
}
