<?php

/**
 * Beside the DAM's own plugin "Consent management": its forms on a photograph, held against what FaceLease says. It is
 * told where the two disagree; which of them is right is for a person to find out.
 */

/** The forms linked to a resource; null where that plugin is off, or this account may not read them. */
function facelease_forms_beside(int $ref): ?array
{
    if (!in_array('consentmanager', $GLOBALS['plugins'] ?? [], true)) {
        return null;
    }
    $file = dirname(__DIR__, 2) . '/consentmanager/include/consent_functions.php';
    if (!function_exists('consentmanager_get_consents') && is_file($file)) {
        include_once $file;
    }
    $forms = function_exists('consentmanager_get_consents') ? consentmanager_get_consents($ref) : false;

    return is_array($forms) ? $forms : null;
}

/**
 * Where forms and panel disagree: a form that is over of somebody who agrees here, a form that holds of somebody who
 * agrees to nothing here, and forms of people who are not named.
 *
 * @param list<array> $people as the panel has them
 * @return list<string> sentences, not escaped
 */
function facelease_disagreements(array $forms, array $people, string $today): array
{
    $said = [];
    $agrees = [];
    foreach ($people as $person) {
        $channels = is_array($person['channels'] ?? null) ? $person['channels'] : [];
        $agrees[facelease_same_name($person['name'] ?? '')] = in_array('cleared', array_map('facelease_status', array_filter($channels, 'is_array')), true);
    }
    $holds = [];
    foreach ($forms as $form) {
        $expires = (string) ($form['expires'] ?? '');
        $name = facelease_same_name($form['name'] ?? '');
        $holds[$name] = ($holds[$name] ?? false) || $expires === '' || $expires >= $today;
    }
    foreach ($forms as $form) {
        $name = facelease_same_name($form['name'] ?? '');
        $key = match (true) {
            $name === '' => '',
            !array_key_exists($name, $agrees) => 'beside_not_named',
            $holds[$name] && !$agrees[$name] => 'beside_only_there',
            !$holds[$name] && $agrees[$name] => 'beside_only_here',
            default => '',
        };
        if ($key !== '') {
            $said[] = facelease_word($key, facelease_text($form['name'] ?? ''));
        }
    }

    return array_values(array_unique($said));
}

/** A name as it is compared: without case and spaces around it. */
function facelease_same_name(mixed $name): string
{
    return mb_strtolower(trim(facelease_text($name)));
}

/** What stands there, with a link, and each disagreement as a warning. @param list<array> $people */
function facelease_render_beside(int $ref, array $people): void
{
    $forms = facelease_forms_beside($ref);
    if ($forms === null) {
        return;
    }
    echo '<p class="FaceleaseBeside"><a href="#facelease_forms">' . escape((string) ($GLOBALS['lang']['consent_management'] ?? 'Consent management'))
        . '</a>: ' . escape(facelease_word('beside_forms', count($forms))) . '</p>';
    foreach (facelease_disagreements($forms, $people, date('Y-m-d')) as $sentence) {
        echo '<p class="FaceleaseUnknown">' . escape($sentence) . '</p>';
    }
}
