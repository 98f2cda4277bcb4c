<?php

/**
 * Is this copy of the plugin whole? While it is being copied, or after a copy that broke off, files are missing, empty
 * or of two versions: then all of it stands still, and no page of the DAM breaks.
 *
 * This file leans on nothing else of the plugin.
 */

/**
 * What is missing or is another file, by the list that was made with the plugin. With `$thorough` the contents are
 * compared, else only the sizes.
 *
 * @return list<string> paths within the plugin
 */
function facelease_flaws(bool $thorough = false): array
{
    $folder = dirname(__DIR__) . '/';
    try {
        $list = is_file(__DIR__ . '/manifest.php') ? include __DIR__ . '/manifest.php' : [];
    } catch (ParseError) {
        $list = [];
    }
    if (!is_array($list) || $list === []) {
        return ['include/manifest.php'];
    }
    $flaws = [];
    foreach ($list as $path => [$size, $hash]) {
        $there = is_file($folder . $path) && filesize($folder . $path) === $size;
        if (!$there || ($thorough && hash_file('sha256', $folder . $path) !== $hash)) {
            $flaws[] = $path;
        }
    }

    return $flaws;
}

function facelease_is_whole(): bool
{
    static $whole = null;

    return $whole ??= facelease_flaws() === [];
}

/** Take ourselves off the DAM's list of plugins, for this request: none of our hooks runs. Downloads stay ruled. */
function facelease_stand_still(): void
{
    foreach (array_keys($GLOBALS['plugins'] ?? [], 'facelease', true) as $key) {
        $GLOBALS['plugins'][$key] = 'facelease-not-whole'; // the DAM counts them, so that none may be missing
    }
    if (facelease_is_ruled_download()) {
        http_response_code(503);
        echo 'FaceLease: the copy of the plugin is not whole; no file goes out before it is. /'
            . ' De kopie van de plugin is niet heel; tot dat zo is, gaat er geen bestand uit.';
        exit();
    }
}

/** What an address of a preview does not say. */
const FACELEASE_OTHER_FILES = ['userfile', 'tempfile', 'slideshow', 'alternative', 'snapshot_frame'];

/** Is this a download of more than a preview, where downloads have rules? */
function facelease_is_ruled_download(): bool
{
    $rules = is_array($GLOBALS['facelease_rules'] ?? null) ? $GLOBALS['facelease_rules'] : [];
    $script = basename((string) ($_SERVER['SCRIPT_FILENAME'] ?? ''));
    if (empty($GLOBALS['download_usage']) || array_diff($rules, ['off']) === [] || !in_array($script, ['download.php', 'collection_download.php'], true)) {
        return false;
    }
    $sizes = array_column([$_GET, $_POST, $_COOKIE], 'size');
    $other = array_intersect_key(array_fill_keys(FACELEASE_OTHER_FILES, true), $_GET + $_POST + $_COOKIE);

    return $script !== 'download.php' || $sizes === [] || $other !== [] || array_diff(array_map('json_encode', $sizes), ['"col"', '"thm"', '"pre"', '"scr"']) !== [];
}

/** On a page of our own: say so, and end. */
function facelease_stop_unless_whole(): void
{
    if (!facelease_is_whole()) {
        http_response_code(503);
        exit(escape(sprintf(
            (string) ($GLOBALS['lang']['facelease_problem_copy'] ?? 'The copy of the plugin FaceLease is not whole: %s.'),
            implode(', ', array_slice(facelease_flaws(), 0, 10))
        )));
    }
}
