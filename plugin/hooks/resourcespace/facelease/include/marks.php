<?php

/**
 * Above and on the results of a search: our searches as filters, and the state of each photograph as a mark. Marks are
 * filled in after the page has loaded, from our own page; what is not answered in two seconds is unknown.
 */

include_once __DIR__ . '/searches.php';

/** Photographs of which one page asks at a time. */
const FACELEASE_MOST_MARKS = 500;

/** The filters, what is to be said of the search, and where marks are asked for. */
function facelease_render_bar(string $search): void
{
    $asked = facelease_parse_search($search);
    $note = $asked === null ? '' : facelease_search_note($asked);
    $url = $GLOBALS['baseurl_short'] . 'plugins/facelease/pages/marks.php';
    echo '<nav class="FaceleaseBar" aria-label="' . escape(facelease_word('bar')) . '" data-url="' . escape($url)
        . '" data-csrf="' . escape(generate_csrf_js_object('facelease_marks'))
        . '" data-unknown="' . escape(facelease_word('mark_unknown')) . '"><strong>' . escape(facelease_word('bar')) . '</strong>';
    foreach (facelease_filters($search) as $filter) {
        $address = generateURL($GLOBALS['baseurl_short'] . 'pages/search.php', ['search' => $filter['search']]);
        echo '<a class="' . escape('FaceleaseFilter' . ($filter['on'] ? ' FaceleaseOn' : '')) . '" href="' . escape($address)
            . '" aria-current="' . escape($filter['on'] ? 'true' : 'false') . '" onclick="return CentralSpaceLoad(this, true);">'
            . escape($filter['label']) . '</a>';
    }
    facelease_render_day_filter($search);
    echo '</nav>';
    if ($note !== '') {
        echo '<p class="FaceleaseNote">' . escape($note) . '</p>';
    }
}

/** "Cleared until before" a day that the user chooses. */
function facelease_render_day_filter(string $search): void
{
    [$more, $rest] = facelease_kept_search($search);
    $address = generateURL($GLOBALS['baseurl_short'] . 'pages/search.php', ['search' => '']);
    echo '<form class="FaceleaseDay" data-url="' . escape($address) . '" data-before="!faceleaseending:" data-after="'
        . escape($more . $rest) . '"><label>' . escape(facelease_word('filter_before'))
        . ' <input type="date" required></label> <button type="submit">' . escape(facelease_word('filter_show')) . '</button></form>';
}

/** What stays of the present search under another filter: the collection, and the words. @return array{0: string, 1: string} */
function facelease_kept_search(string $search): array
{
    $asked = facelease_parse_search($search);
    $collection = $asked['collection'] ?? 0;
    if (preg_match('/^!collection(\d{1,9})(?:[\s,]|$)/D', trim($search), $found) === 1) {
        $collection = (int) $found[1];
    }
    $words = $asked['rest'] ?? (str_starts_with(trim($search), '!') ? '' : trim($search));

    return [$collection > 0 ? ":c$collection" : '', $words === '' ? '' : ' ' . $words];
}

/** @return list<array{label: string, search: string, on: bool}> */
function facelease_filters(string $search): array
{
    $asked = facelease_parse_search($search) ?? ['kind' => '', 'field' => '', 'day' => ''];
    [$more, $rest] = facelease_kept_search($search);
    $filters = [[
        'label' => facelease_word('search_waiting'),
        'search' => '!faceleasewaiting' . $more . $rest,
        'on' => $asked['kind'] === 'waiting',
    ]];
    foreach (facelease_channels() as $channel => $field) {
        $filters[] = [
            'label' => facelease_word('search_notcleared', facelease_term((string) $channel)),
            'search' => "!faceleasenotcleared:$field" . $more . $rest,
            'on' => $asked['kind'] === 'notcleared' && $asked['field'] === $field,
        ];
    }
    $soon = facelease_parse_search('!faceleaseending:60')['day'];
    $filters[] = [
        'label' => facelease_word('filter_soon', 60),
        'search' => '!faceleaseending:60' . $more . $rest,
        'on' => $asked['kind'] === 'ending' && $asked['day'] === $soon,
    ];

    return $filters;
}

/** Where the mark of a photograph will stand. */
function facelease_render_mark_place(int $ref): void
{
    echo '<span class="FaceleaseMark" data-ref="' . escape((string) $ref) . '"></span>';
}

/** FaceLease's marks by resource; null when there are none in time. @param list<int> $refs */
function facelease_ask_marks(array $refs): ?array
{
    if ($refs === []) {
        return [];
    }
    $body = (string) json_encode(['refs' => $refs]);
    $answer = facelease_post('panel', '/panel/resourcespace/marks', 'flm_' . bin2hex(random_bytes(16)), $body, 2.0);
    $said = json_decode($answer['body'], true);

    return $answer['status'] === 200 && is_array($said['marks'] ?? null) ? $said['marks'] : null;
}

/**
 * One photograph's mark in words and as a sign: only what is cleared, or shows nobody, on every channel is "cleared".
 *
 * @return array{state: string, text: string, waiting: int}
 */
function facelease_mark(mixed $said): array
{
    $channels = is_array($said['channels'] ?? null) ? $said['channels'] : [];
    $by = array_fill_keys(FACELEASE_STATUSES, []);
    foreach (array_keys(facelease_channels()) as $channel) {
        $by[facelease_status(['status' => $channels[$channel] ?? ''])][] = facelease_term((string) $channel);
    }
    $open = count($by['cleared']) + count($by['no_person_found']);
    $shut = count($by['blocked']) + count($by['unknown']);
    $waiting = is_int($said['waiting'] ?? null) ? max(0, $said['waiting']) : 0;
    $lines = $waiting > 0 ? [facelease_word('mark_waiting', $waiting)] : [];
    foreach (array_filter($by) as $status => $names) {
        $lines[] = facelease_word('status_' . $status) . ': ' . implode(', ', $names);
    }
    $none = $by['blocked'] === [] ? 'unknown' : 'blocked';

    return [
        'state' => $shut === 0 && $open > 0 ? 'cleared' : ($open > 0 ? 'partly' : $none),
        'text' => implode('; ', $lines),
        'waiting' => $waiting,
    ];
}

/** What fills the places of marks. @param list<int> $refs those that the user may see */
function facelease_render_marks(array $refs, ?array $marks): void
{
    foreach ($refs as $ref) {
        $mark = $marks === null ? ['state' => 'unknown', 'text' => facelease_word('mark_unknown'), 'waiting' => 0]
            : facelease_mark($marks[$ref] ?? null);
        echo '<span data-ref="' . escape((string) $ref) . '" role="img" class="' . escape('FaceleaseSign FaceleaseSign-' . $mark['state'])
            . '" title="' . escape($mark['text']) . '" aria-label="' . escape($mark['text']) . '">'
            . escape(facelease_sign($mark['state']));
        if ($mark['waiting'] > 0) {
            echo '<b>' . escape((string) $mark['waiting']) . '</b>';
        }
        echo '</span>';
    }
}

/** The states also differ without colour. */
function facelease_sign(string $state): string
{
    return ['cleared' => '✓', 'partly' => '◐', 'blocked' => '✕'][$state] ?? '?';
}
