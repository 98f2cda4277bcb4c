<?php

/**
 * Does the DAM still come by here before it sends a file? A file of our own, which must be stopped, is asked for as
 * anybody would; and what we lean on inside the DAM is looked at.
 */

include_once __DIR__ . '/gate.php';

/** The number of our slide. No list shows it: only what is entered in the DAM's table is shown. */
const FACELEASE_CANARY = 2147483001;

/** What stands in it. */
const FACELEASE_CANARY_TEXT = 'FaceLease: this file must never be delivered.';

/** The DAM's pages that send files, as those versions have them under which this was tried: their SHA-256. */
const FACELEASE_TRIED = [
    'pages/download.php' => ['3f894811a630ac86e6dc7d615152e3ee4508aed789e3521a8997cd6115e7bcd2'],
    'pages/collection_download.php' => ['89d87573c63af62155e540df03b4c9104ed1692a66ba071bf4ce2f4ecedeb1a9'],
    'include/collections_functions.php' => ['5002fcc12330b97c720b191558431623ecb846c2fed295e58158bf4699ef8ecd'],
];

/** What we call, are called by, and read. */
const FACELEASE_LEANS_ON = [
    'functions' => [
        'hook', 'getval', 'generateURL', 'redirect', 'get_resource_path', 'get_temp_dir', 'get_resource_access', 'get_edit_access',
        'isValidCSRFToken', 'generateFormToken', 'check_access_key', 'check_access_key_collection', 'collection_readable',
        'ps_query', 'get_plugin_config', 'set_plugin_config', 'checkperm', 'is_authenticated',
    ],
    'globals' => ['baseurl', 'baseurl_short', 'storagedir', 'homeanim_folder', 'scramble_key', 'CSRF_token_identifier', 'lang'],
    'hooks' => [
        'pages/download.php' => ['modifydownloadpath', 'modifydownloadfile'],
        'pages/collection_download.php' => ['modifycollectiondownload', 'collectiondownloadmessage'],
        'include/collections_functions.php' => [
            'replacedownloadfile', 'modifydownloadfile', 'zippedcollectiontextfile', 'replacecollectiontext',
        ],
    ],
    'variables' => [
        'pages/download.php' => ['ref', 'size', 'path', 'noattach', 'usage', 'valid_key', 'slideshow', 'tmpfile',
            'temp_file_stripped_metadata', 'path_modified'],
        'pages/collection_download.php' => ['result', 'submitted', 'includetext', 'include_csv_file', 'include_alternatives',
            'collectiondata', 'offline_job_queue'],
        'include/collections_functions.php' => ['p'],
    ],
];

/** Our file was about to be sent: say so, in a way that nobody else can. */
function facelease_answer_canary(): never
{
    http_response_code(403);
    header('Content-Type: text/plain; charset=UTF-8');
    header('Cache-Control: no-store');
    exit(escape(facelease_canary_mark(getval('facelease_canary', ''))));
}

/** What the gate answers to this word. The word marks the question as ours and opens nothing. */
function facelease_canary_mark(string $word): string
{
    $word = preg_match('/^[0-9a-f]{32}$/', $word) === 1 ? $word : '';

    return 'facelease ' . hash_hmac('sha256', "facelease-canary.$word", (string) ($GLOBALS['scramble_key'] ?? ''));
}

/**
 * Ask the DAM's own download page for our file, as somebody without an account.
 *
 * @return array{0: string, 1: string} stopped, passed or unclear; and what was seen
 */
function facelease_ask_canary(): array
{
    $file = facelease_host() . '/' . (string) ($GLOBALS['homeanim_folder'] ?? '') . '/' . FACELEASE_CANARY . '.jpg';
    if (!is_file($file) && !(is_dir(dirname($file)) && is_writable(dirname($file)) && file_put_contents($file, FACELEASE_CANARY_TEXT))) {
        return ['unclear', facelease_word('canary_no_place', dirname($file))];
    }
    if (!function_exists('curl_init')) {
        return ['unclear', 'PHP: curl'];
    }
    $word = bin2hex(random_bytes(16));
    $own = rtrim((string) ($GLOBALS['facelease_own_url'] ?? '') ?: (string) $GLOBALS['baseurl'], '/');
    $handle = curl_init($own . '/pages/download.php?slideshow=' . FACELEASE_CANARY . '&facelease_canary=' . $word);
    curl_setopt_array($handle, [
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_FOLLOWLOCATION => false,
        CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
        CURLOPT_PROXY => '',
        CURLOPT_NOSIGNAL => true,
        CURLOPT_CONNECTTIMEOUT_MS => 2000,
        CURLOPT_TIMEOUT_MS => 5000,
    ]);
    $body = curl_exec($handle);
    $status = (int) curl_getinfo($handle, CURLINFO_RESPONSE_CODE);
    $error = curl_error($handle);
    curl_close($handle);

    return facelease_canary_verdict(is_string($body) ? $body : '', $word, trim("$own: $status $error"));
}

/** Only our own mark is a yes, and only our own file is a no; anything else is not known. */
function facelease_canary_verdict(string $body, string $word, string $seen): array
{
    return match (true) {
        hash_equals(facelease_canary_mark($word), $body) => ['stopped', ''],
        str_contains($body, FACELEASE_CANARY_TEXT) => ['passed', $seen],
        default => ['unclear', $seen],
    };
}

/** Ask, and keep what was seen for the set-up page and for FaceLease. @return array{0: string, 1: string} */
function facelease_check_gate(): array
{
    [$state, $seen] = facelease_ask_canary();
    facelease_set_state(['canary' => $state, 'canary_at' => time(), 'canary_seen' => mb_substr($seen, 0, 190)]);

    return [$state, $seen];
}

/** What we lean on inside the DAM and is not there, by name. @return list<string> */
function facelease_lacks(): array
{
    $lacks = array_map(static fn(string $name): string => "$name()", array_filter(
        FACELEASE_LEANS_ON['functions'],
        static fn(string $name): bool => !function_exists($name)
    ));
    foreach (FACELEASE_LEANS_ON['globals'] as $name) {
        if (!isset($GLOBALS[$name])) {
            $lacks[] = '$' . $name;
        }
    }
    foreach (FACELEASE_LEANS_ON['hooks'] as $file => $names) {
        $source = facelease_source($file);
        foreach ($names as $name) {
            if (preg_match('/\bhook\(\s*[\'"]' . $name . '[\'"]/', $source) !== 1) {
                $lacks[] = "hook $name ($file)";
            }
        }
    }
    foreach (FACELEASE_LEANS_ON['variables'] as $file => $names) {
        $source = facelease_source($file);
        foreach ($names as $name) {
            if (preg_match('/\$' . $name . '\b/', $source) !== 1) {
                $lacks[] = '$' . "$name ($file)";
            }
        }
    }

    return array_values($lacks);
}

/** The text of one of the DAM's files; '' where it is not there. */
function facelease_source(string $file): string
{
    $path = facelease_host() . '/' . $file;

    return is_readable($path) ? (string) file_get_contents($path) : '';
}

/** Are the DAM's pages that send files those of a version under which this was tried? */
function facelease_host_is_tried(): bool
{
    foreach (FACELEASE_TRIED as $file => $known) {
        if (!in_array(hash('sha256', facelease_source($file)), $known, true)) {
            return false;
        }
    }

    return true;
}

/** Settings of the DAM by which files go out without passing here. @return list<string> */
function facelease_open_settings(): array
{
    return array_keys(array_filter([
        '$download_usage = false' => empty($GLOBALS['download_usage']),
        '$hide_real_filepath = false' => empty($GLOBALS['hide_real_filepath']),
        '$iiif_enabled = true' => !empty($GLOBALS['iiif_enabled']),
    ]));
}

/** All of it, for FaceLease's own findings. */
function facelease_gate_state(): array
{
    [$waiting, $since] = facelease_waiting_deliveries();

    return [
        'on' => facelease_ruled_channels() !== [],
        'canary' => facelease_state('canary'),
        'canary_age' => max(0, time() - (int) facelease_state('canary_at')),
        'canary_seen' => facelease_state('canary_seen'),
        'lacks' => facelease_lacks(),
        'tried' => facelease_host_is_tried(),
        'host' => (string) ($GLOBALS['productversion'] ?? ''),
        'open' => facelease_open_settings(),
        'waiting' => $waiting,
        'waiting_age' => $since > 0 ? max(0, time() - $since) : 0,
    ];
}

/** What is wrong with the gate, one sentence each; nothing where nobody wants one. @return list<string> */
function facelease_gate_problems(): array
{
    $gate = facelease_gate_state();
    if (!$gate['on']) {
        return [];
    }
    $problems = array_map(static fn(string $what): string => facelease_word('gate_open', $what), $gate['open']);
    if ($gate['canary'] === 'passed') {
        $problems[] = facelease_word('gate_passed');
    } elseif ($gate['canary'] !== 'stopped' || $gate['canary_age'] > 86400) {
        $problems[] = facelease_word('gate_unclear', $gate['canary_seen']);
    }
    if ($gate['lacks'] !== []) {
        $problems[] = facelease_word('gate_lacks', implode(', ', $gate['lacks']));
    }
    if ($gate['waiting'] > 0 && $gate['waiting_age'] > 3600) {
        $problems[] = facelease_word('gate_waiting', $gate['waiting'], date('Y-m-d H:i', time() - $gate['waiting_age']));
    }

    return $problems;
}
