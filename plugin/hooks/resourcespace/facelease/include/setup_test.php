<?php

/**
 * The set-up page's test of the connection, and its list of what is left to mend.
 */

/** Ask the sidecar for both purposes; if it takes events, what waits is sent. @return list<string> one sentence each, not escaped */
function facelease_test(): array
{
    $url = facelease_sidecar();
    if ($url === null) {
        return [facelease_word('problem_url')];
    }
    $nothing = json_encode(['type' => 'facelease.test', 'timestamp' => gmdate('Y-m-d\TH:i:s\Z'), 'data' => ['ref' => 0]]);
    $question = json_encode(['ref' => 0, 'user' => (string) $GLOBALS['username'], 'can_edit' => false,
                             'action' => null, 'face' => null, 'reason' => '']);
    $id = 'flt_' . bin2hex(random_bytes(16));
    $said = [];
    foreach (['events' => $nothing, 'panel' => $question] as $purpose => $body) {
        if ($purpose === 'panel') {
            facelease_close_breaker(); // who presses the button wants to know now
        }
        $path = $purpose === 'events' ? '/hooks/resourcespace' : '/panel/resourcespace';
        $answer = facelease_post($purpose, $path, $id, $body, 3.0);
        $said[] = facelease_word('test_' . $purpose) . ' ' . facelease_test_verdict($answer);
        if ($purpose === 'events' && $answer['ours'] && $answer['status'] >= 200 && $answer['status'] < 300) {
            facelease_resume();
        }
    }
    [$state, $seen] = facelease_check_gate();
    $said[] = facelease_word('canary_' . $state, $seen);
    facelease_quietly(static fn() => facelease_tell_deliveries(2.0));

    return $said;
}

/** What an answer to the test means: a message that was understood but declined has passed the signature. */
function facelease_test_verdict(array $answer): string
{
    return match (true) {
        $answer['status'] === 0 => facelease_word('test_silent', $answer['error']),
        in_array($answer['status'], [401, 403], true) => facelease_word('test_refused', $answer['status']),
        $answer['status'] < 300, in_array($answer['status'], [400, 410, 422], true) => facelease_word('test_good', $answer['status']),
        default => facelease_word('test_strange', $answer['status']),
    };
}

/** The head of the set-up page, as HTML. */
function facelease_setup_intro(array $tested): string
{
    $list = static fn(array $lines): string => $lines === [] ? ''
        : '<ul>' . implode('', array_map(static fn(string $line): string => '<li>' . escape($line) . '</li>', $lines)) . '</ul>';
    [$waiting] = facelease_waiting();
    $problems = facelease_problems();
    ob_start();
    generateFormToken('facelease_test');
    $token = (string) ob_get_clean();

    return '<p>' . escape(facelease_word('setup_intro')) . '</p>'
        . facelease_setup_links()
        . '<h2>' . escape(facelease_word($problems === [] ? 'setup_well' : 'setup_problems')) . '</h2>' . $list($problems)
        . facelease_sidecar_says()
        . facelease_render_sight()
        . '<p>' . escape(facelease_word('setup_waiting', $waiting)) . '</p>'
        . '<form method="post" action="' . escape($GLOBALS['baseurl_short']) . 'plugins/facelease/pages/setup.php">' . $token
        . '<input type="hidden" name="facelease_test" value="true">'
        . '<input type="submit" value="' . escape(facelease_word('setup_test')) . '"></form>' . $list($tested);
}

/** What FaceLease itself has for somebody to decide or to mend, in its own words; nothing while it is silent. */
function facelease_sidecar_says(): string
{
    $question = json_encode(['user' => (string) $GLOBALS['username'], 'language' => (string) $GLOBALS['language']]);
    $id = 'fls_' . bin2hex(random_bytes(16));
    $answer = facelease_post('panel', '/panel/resourcespace/status', $id, (string) $question, 2.0);
    $said = json_decode($answer['body'], true);
    $lines = $answer['status'] === 200 && is_array($said['lines'] ?? null) ? array_filter($said['lines'], 'is_string') : null;
    if ($lines === null) {
        return '<p>' . escape(facelease_word('setup_silent')) . '</p>';
    }
    $items = array_map(static fn(string $line): string => '<li>' . escape($line) . '</li>', array_slice($lines, 0, 30));

    return $items === [] ? '' : '<h2>' . escape(facelease_word('setup_decide')) . '</h2><ul>' . implode('', $items) . '</ul>';
}

/** Where else there is something to decide, or to look at. */
function facelease_setup_links(): string
{
    $link = static fn(string $path, string $words): string => '<a href="' . escape($GLOBALS['baseurl_short'] . $path)
        . '" onclick="return CentralSpaceLoad(this, true);">' . LINK_CARET . escape($words) . '</a>';
    $html = '<p>' . $link('plugins/facelease/pages/downloads.php', facelease_word('setup_downloads')) . '</p>';
    [$count, $refs] = facelease_embedded(200);
    if ($count > 0) {
        $search = 'pages/search.php?search=' . urlencode('!list' . implode(':', $refs));
        $html .= '<p>' . escape(facelease_word('setup_embedded', $count)) . ' '
            . $link($search, facelease_word('setup_embedded_see')) . '</p>';
    }

    return $html;
}

/** Places of the panel as the set-up page offers them. @return array<string, string> */
function facelease_places(): array
{
    $words = array_map(static fn(string $place): string => escape(facelease_word('place_' . $place)), FACELEASE_PLACES);

    return array_combine(FACELEASE_PLACES, $words);
}
