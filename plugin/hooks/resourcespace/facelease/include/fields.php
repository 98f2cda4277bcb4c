<?php

/**
 * The metadata fields that we use: one holds the people, one a channel holds "cleared until".
 */

/** The people field; null unless it exists and is a list of dynamic keywords. */
function facelease_people_field(): ?int
{
    $field = (int) ($GLOBALS['facelease_people_field'] ?? 0);
    $known = $field > 0 ? get_resource_type_field($field) : false;

    return is_array($known) && (int) $known['type'] === FIELD_TYPE_DYNAMIC_KEYWORDS_LIST ? $field : null;
}

/** "website=clearedwebsite, print=clearedprint" as channel => short name. @return array<string, string> */
function facelease_channels(): array
{
    $channels = [];
    foreach (explode(',', facelease_meant((string) ($GLOBALS['facelease_channels'] ?? ''))) as $pair) {
        [$channel, $field] = array_map('trim', explode('=', $pair, 2) + ['', '']);
        if ($channel !== '' && $field !== '') {
            $channels[$channel] = $field;
        }
    }

    return $channels;
}

/** The ref of a "cleared until" field by its short name; null unless it is one of ours and holds a date. */
function facelease_date_field(string $shortname): ?int
{
    if (!in_array($shortname, facelease_channels(), true)) {
        return null;
    }
    $row = ps_query('SELECT ref, type FROM resource_type_field WHERE name = ?', ['s', $shortname], 'schema')[0] ?? null;
    $dates = [FIELD_TYPE_DATE, FIELD_TYPE_DATE_AND_OPTIONAL_TIME];

    return $row !== null && in_array((int) $row['type'], $dates, true) ? (int) $row['ref'] : null;
}

/** The longest side, in px, of the copies that a channel's date holds for, as FaceLease said it last; 0: any size. */
function facelease_max_px(string $channel): int
{
    $field = facelease_channels()[$channel] ?? '';

    return $field === '' ? 0 : max(0, (int) facelease_state('px_' . $field));
}

/**
 * Keep what FaceLease says of the sizes that dates hold for.
 *
 * @param array<string, mixed> $sizes short name of the field => px, 0 for any size
 */
function facelease_keep_max_px(array $sizes): void
{
    foreach ($sizes as $field => $px) {
        $name = 'px_' . $field;
        if (is_int($px) && $px >= 0 && (string) $px !== (facelease_state($name) ?: '0')) {
            facelease_set_state([$name => $px]);
        }
    }
}

/** The same from an answer, which names channels, those without a size not at all. */
function facelease_keep_max_px_of(mixed $said): void
{
    if (!is_array($said)) {
        return; // an older FaceLease
    }
    $sizes = [];
    foreach (facelease_channels() as $channel => $field) {
        $sizes[$field] = (int) ($said[$channel] ?? 0);
    }
    facelease_keep_max_px($sizes);
}

/** "copies of at most 1,200 px", as the language parts numbers. */
function facelease_size_words(int $px): string
{
    return facelease_word('copies', number_format($px, 0, '', facelease_word('thousands')));
}

/** A field's title with the size that its date holds for, where it has one. @param array<int, array<string, mixed>> $fields */
function facelease_sized_titles(array $fields): array
{
    $channels = array_flip(facelease_channels());
    foreach ($fields as $number => $field) {
        $channel = $channels[(string) ($field['name'] ?? '')] ?? null;
        $px = $channel === null ? 0 : facelease_max_px((string) $channel);
        if ($px > 0 && is_string($field['title'] ?? null)) {
            $fields[$number]['title'] .= ' (' . facelease_size_words($px) . ')';
        }
    }

    return $fields;
}

/** Fields that take names embedded in an uploaded file, as "short name (tags)": nobody was asked about those. */
function facelease_fields_taking_names(): array
{
    $rows = ps_query("SELECT ref, name, exiftool_field FROM resource_type_field WHERE exiftool_field <> ''", [], '', -1, true, 0);
    $names = '/PersonInImage|RegionName|RegionPersonDisplayName|RegionInfo|PersonKeyword|^(XMP(-mediapro)?:)?People$/i';
    $found = [];
    foreach ($rows as $row) {
        $tags = array_map('trim', explode(',', (string) $row['exiftool_field']));
        $people = (int) $row['ref'] === (int) $GLOBALS['facelease_people_field'];
        if ($people && !facelease_takes_names()) {
            continue; // kept out: see embedded.php
        }
        $taken = $people ? $tags : preg_grep($names, $tags);
        if ($taken) {
            $found[] = $row['name'] . ' (' . implode(', ', $taken) . ')';
        }
    }

    return $found;
}

/** What keeps the plugin from working as it should, one sentence each, in the user's language; not escaped. */
function facelease_problems(): array
{
    $flaws = facelease_flaws(true);
    $problems = $flaws === [] ? [] : [facelease_word('problem_copy', implode(', ', array_slice($flaws, 0, 10)))];
    $problems = array_merge($problems, facelease_sight_problems());
    foreach (facelease_console() === null ? ['events', 'panel'] : ['events', 'panel', 'signin'] as $purpose) {
        if (facelease_secret($purpose) === null) {
            $problems[] = facelease_word('problem_secret', 'facelease_secret_' . $purpose);
        }
    }
    if (facelease_sidecar() === null) {
        $problems[] = facelease_word('problem_url');
    }
    $service = trim((string) $GLOBALS['facelease_api_user']);
    if ($service === '' || get_user_by_username($service) === false) {
        $problems[] = facelease_word('problem_user', $service);
    }
    if (facelease_people_field() === null) {
        $problems[] = facelease_word('problem_people', (int) $GLOBALS['facelease_people_field']);
    }
    foreach (facelease_channels() as $channel => $field) {
        if (facelease_date_field($field) === null) {
            $problems[] = facelease_word('problem_channel', $field, $channel);
        }
    }
    foreach (facelease_fields_taking_names() as $field) {
        $problems[] = facelease_word('problem_embedded', $field);
    }

    return array_merge($problems, facelease_gate_problems(), facelease_late_problems());
}

/** What does not run, or not in time. */
function facelease_late_problems(): array
{
    $problems = array_filter([facelease_breaker_problem()]);
    [$waiting, $since] = facelease_waiting();
    if ($waiting > 0 && $since < time() - 3600) {
        $problems[] = facelease_word('problem_waiting', $waiting, date('Y-m-d H:i', $since), facelease_state('answer'));
    }
    $cron = (int) facelease_state('cron_at');
    if ($cron < time() - 3600) {
        $problems[] = facelease_word('problem_cron');
    }
    if (!function_exists('fastcgi_finish_request') && PHP_SAPI !== 'cli') {
        $problems[] = facelease_word('problem_fpm');
    }

    return $problems;
}
