"""The plugin's own functions: which content a file has, and who is handed it."""

import json
from typing import Any

from tests.php import PLUGIN, run_php

SITE = f"""
include_once '{PLUGIN}/include/originals.php';
$GLOBALS['preview'] = tempnam(sys_get_temp_dir(), 'facelease');
register_shutdown_function(fn() => unlink($GLOBALS['preview']));
file_put_contents($GLOBALS['preview'], 'one picture');
$kept = null;
$GLOBALS['rows'] = function ($sql, $given) use (&$kept) {{
    if (str_starts_with($sql, 'REPLACE')) {{
        $names = ['version', 'seen', 'content', 'shown', 'told'];
        $values = array_filter($given, fn($at) => $at % 2, ARRAY_FILTER_USE_KEY);
        $kept = array_combine($names, array_slice($values, 1));
    }}
    return str_contains($sql, 'FROM facelease_file') && $kept !== null ? [$kept] : [];
}};
$row = ['ref' => 7, 'file_extension' => 'jpg', 'file_modified' => '2026-01-01', 'file_size' => 11,
        'file_checksum' => 'a', 'preview_tweaks' => '0|1'];
$overwrite = function ($text) {{
    $stat = stat($GLOBALS['preview']);
    file_put_contents($GLOBALS['preview'], $text);
    touch($GLOBALS['preview'], $stat['mtime']);
    clearstatcache();
}};
$unseen = function () use (&$kept) {{
    $stat = stat($GLOBALS['preview']);
    $kept['seen'] = implode('|', [$stat['size'], $stat['mtime'], $stat['ctime'], $stat['ino']]);
}};
"""


def _ran(code: str) -> Any:
    return json.loads(run_php(SITE + code))


def test_the_version_is_that_of_the_content() -> None:
    """What is only said of the file moves nothing; other bytes do, at once or when the file is read anew."""
    first, again, remade, unseen, afresh, turned, raw = _ran("""
        $said = [facelease_file_version($row), facelease_file_version($row)];
        $said[] = facelease_file_version(['file_modified' => '2026-02-02', 'file_checksum' => 'b'] + $row);
        $overwrite('two picture'); $unseen();
        $said[] = facelease_file_version($row);
        $said[] = facelease_file_version($row, true);
        $said[] = facelease_file_version(['preview_tweaks' => '90|1'] + $row);
        $said[] = facelease_file_version(['file_extension' => 'nef', 'file_modified' => '2026-02-02'] + $row, true);
        echo json_encode($said);
    """)
    assert first == again == remade == unseen
    assert len({first, afresh, turned, raw}) == 4


def test_a_file_that_is_away_keeps_its_version() -> None:
    """A storage that cannot be read for a moment is no other file; one that the DAM says was replaced is."""
    before, away, afresh, replaced, back = _ran("""
        facelease_file_version($row);
        $overwrite('two picture');
        $said = [facelease_file_version($row, true)];
        rename($GLOBALS['preview'], $GLOBALS['preview'] . '.away'); clearstatcache();
        $said[] = facelease_file_version($row);
        $said[] = facelease_file_version($row, true);
        $said[] = facelease_file_version(['file_size' => 12] + $row);
        rename($GLOBALS['preview'] . '.away', $GLOBALS['preview']); clearstatcache();
        $said[] = facelease_file_version($row, true);
        echo json_encode($said);
    """)
    assert before == away == afresh == back
    assert replaced != before


def test_a_preview_that_was_not_turned_is_not_shown() -> None:
    """The DAM turns those that it shows; the large ones for download lie as the file does."""
    code = """
        include_once '%s/include/photo.php';
        function generate_temp_download_key(...$given) { return 'key'; }
        $GLOBALS['hide_real_filepath'] = false;
        $gif = base64_decode('R0lGODlhAwACAIAAAAAAAP///yH5BAAAAAAALAAAAAADAAIAAAICjF8AOw==');
        file_put_contents($GLOBALS['preview'], $gif);
        $GLOBALS['rows'] = fn($sql) => str_contains($sql, 'preview_size') ? [
            ['id' => 'thm', 'internal' => 1, 'allow_preview' => 0],
            ['id' => 'scr', 'internal' => 0, 'allow_preview' => 1],
            ['id' => 'lpr', 'internal' => 0, 'allow_preview' => 0],
            ['id' => 'big', 'internal' => 0, 'allow_preview' => 0],
        ] : [];
        $names = fn($turned) => array_column(facelease_previews(7, $turned), 'size_code');
        echo json_encode([$names(false), $names(true)]);
    """
    as_it_is, turned = _ran(code % PLUGIN)
    assert {"scr", "lpr", "hpr", "pre", "thm", "big"} == set(as_it_is)
    assert {"scr", "pre", "thm"} == set(turned)


def test_nobody_gets_a_file_past_the_gate() -> None:
    """Who would be asked at a download is not handed the file here; neither is what FaceLease does not open."""
    rules = "$GLOBALS['download_usage'] = true; $GLOBALS['facelease_channels'] = 'website=w'; "
    rules += "function getval($n, $d) { return $d; } "
    asks = "echo json_encode([facelease_hands_out($row), facelease_hands_out(['file_extension' => 'nef'] + $row)]);"
    assert _ran(rules + asks) == [True, False]
    channels = "$GLOBALS['facelease_rules'] = [facelease_setting_key('website') => 'refuse'];"
    service = "$GLOBALS['facelease_api_user'] = 'FaceLease'; $GLOBALS['username'] = 'facelease';"
    on = "echo json_encode([facelease_gate_is_set(), facelease_hands_out($row)]);"
    assert _ran(rules + channels + on) == [True, False]
    assert _ran(rules + channels + service + on) == [True, True]
