"""A copy of the plugin that is not whole stands still: no page of the DAM breaks, and no ruled file goes out."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from plugin.hooks.resourcespace.plugin_copy import MANIFEST, build_manifest
from tests.php import DAM, PLUGIN

ALL = sorted(path.relative_to(PLUGIN).as_posix() for path in PLUGIN.rglob("*") if path.is_file())
BY_HOST = ("hooks/", "api/", "config/", "languages/")
"""What the DAM itself reads: cut in the middle it is no PHP, and nobody of ours is asked first."""

HOW = ("missing", "empty", "half", "longer")

# The DAM as it loads plugins and calls their hooks; whatever PHP complains about ends the page, as it does there.
HOST = """
set_error_handler(function ($kind, $said, $file, $line) { throw new ErrorException("$said in $file:$line"); });
function HookOtherAllAdditionalheaderjs() { echo 'other;'; }
$plugins = ['first', 'facelease', 'other'];
$pagename = 'view';
$baseurl_short = '/';
$css_reload_key = 1;
$lang = [];
$parts = ['config/config.php', 'hooks/view.php', 'hooks/all.php', 'api/api_bindings.php', 'languages/en.php'];
foreach ($parts as $part) {
    if (file_exists("$folder/$part")) { include_once "$folder/$part"; }
}
if (isset($before)) { $before(); }
function hook($name, ...$given) {
    for ($n = 0; $n < count($GLOBALS['plugins']); $n++) {
        $one = ucfirst($GLOBALS['plugins'][$n]);
        foreach (["Hook{$one}All$name", "Hook{$one}View$name"] as $function) {
            if (function_exists($function)) { call_user_func_array($function, $given); break; }
        }
    }
}
hook('Additionalheaderjs');
hook('Modifylognotes', '', 'e', 1);
hook('Cron');
echo 'page;';
"""


def page(folder: Path, start: str = "") -> str:
    """What a page of the DAM shows beside a copy at `folder`."""
    php = shutil.which("php")
    assert php
    dam = DAM + "function logScript($text) {} function get_edit_access(...$a) { return true; }"
    dam += "function sql_affected_rows() { return 0; } function ps_array(...$a) { return []; }"
    code = f"{dam} $folder = {json.dumps(str(folder))}; {start} {HOST}"
    done = subprocess.run(
        [php, "-d", "display_errors=stderr", "-r", code], capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PLUGIN, tmp_path / "facelease"))


def test_the_list_of_files_is_current() -> None:
    """Made anew after each change of the plugin: python -m plugin.hooks.resourcespace.plugin_copy."""
    assert MANIFEST.read_text() == build_manifest()


def test_a_whole_copy_works(copy: Path) -> None:
    """Its hooks run, and those of others."""
    assert page(copy).count("panel.js") == 1
    assert "other;page;" in page(copy)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        (name, how)
        for name in ALL
        for how in (HOW if name.endswith(".php") else HOW[:1])
        if how != "half" or not name.startswith(BY_HOST)  # which the DAM reads before anybody of ours is asked
    ],
)
def test_a_copy_that_is_not_whole_breaks_no_page(copy: Path, name: str, how: str) -> None:
    """Whichever file is missing, empty, cut or of another version: the page is whole, and nothing of ours is on it."""
    path = copy / name
    text = path.read_bytes()
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "half": text[: len(text) // 2], "longer": text + b"\n"}[how])
    said = page(copy)
    assert said.endswith("other;page;")
    assert ("panel.js" in said) is (how == "longer" and name == "include/manifest.php")  # it does not list itself


def test_half_of_the_files_and_none(copy: Path) -> None:
    """As a copy goes on, file after file, in whatever order."""
    for kept in (ALL[: len(ALL) // 2], ALL[len(ALL) // 2 :], ALL[::2], ALL[1::2], []):
        for name in ALL:
            target = copy / name
            target.unlink(missing_ok=True)
            if name in kept:
                target.write_bytes((PLUGIN / name).read_bytes())
        assert page(copy) == "other;page;"


RULED = """
$before = null;
$_SERVER['SCRIPT_FILENAME'] = '/var/www/dam/pages/%s';
$GLOBALS['download_usage'] = true;
$GLOBALS['facelease_rules'] = ['x' => '%s'];
$_GET = %s; $_POST = %s;
"""


@pytest.mark.parametrize(
    ("script", "rule", "asked", "posted", "stopped"),
    [
        ("download.php", "refuse", "[]", "[]", True),
        ("download.php", "warn", "['size' => 'hpr']", "[]", True),
        ("download.php", "refuse", "['size' => 'scr']", "['size' => '']", True),
        ("download.php", "refuse", "['size' => 'scr.']", "[]", True),
        ("download.php", "refuse", "['size' => ['scr']]", "[]", True),
        ("collection_download.php", "refuse", "['size' => 'scr']", "[]", True),
        ("download.php", "refuse", "['size' => 'scr']", "[]", False),
        ("download.php", "off", "[]", "[]", False),
        ("view.php", "refuse", "[]", "[]", False),
    ],
)
def test_no_ruled_file_goes_out_by_a_copy_that_is_not_whole(
    copy: Path, script: str, rule: str, asked: str, posted: str, stopped: bool
) -> None:
    """Previews are still shown, and where nothing is ruled everything is."""
    (copy / "include" / "panel.php").unlink()
    config = copy / "config" / "config.php"
    config.write_text(config.read_text().replace("$facelease_rules = [];\n", ""))
    said = page(copy, RULED % (script, rule, asked, posted))
    assert ("no file goes out" in said) is stopped
    assert said.endswith("other;page;") is not stopped
