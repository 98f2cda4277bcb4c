"""The PHP plugin's functions, run by PHP itself beside the least that they need of the DAM."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

PLUGIN = Path(__file__).parents[1] / "plugin" / "hooks" / "resourcespace" / "facelease"
FILES = sorted(PLUGIN.rglob("*.php"))
PARTS = (
    "whole",
    "access",
    "signing",
    "breaker",
    "events",
    "setter",
    "modes",
    "fields",
    "panel",
    "faces",
    "inviting",
    "beside",
    "comparing",
    "searches",
    "marks",
    "signin",
    "embedded",
    "downloads",
    "sight",
    "photo",
)
SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY="

# What the DAM itself provides, as far as the functions under test lean on it.
DAM = """
define('FIELD_TYPE_DYNAMIC_KEYWORDS_LIST', 9);
function escape($text) { return htmlspecialchars((string) $text, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8'); }
function get_resource_path(...$given) { return $given[1] ? a_preview() : 'https://dam.example/?a=1&b="2"'; }
function a_preview() {
    if (!isset($GLOBALS['preview'])) {
        $GLOBALS['preview'] = tempnam(sys_get_temp_dir(), 'facelease');
        $small = 'R0lGODlhAwACAIAAAAAAAP///yH5BAAAAAAALAAAAAADAAIAAAICjF8AOw==';
        file_put_contents($GLOBALS['preview'], base64_decode($small));
        register_shutdown_function(fn() => unlink($GLOBALS['preview']));
    }
    return $GLOBALS['preview'];
}
function check_use_watermark() { return false; }
function ps_query($sql, $given = []) {
    $GLOBALS['asked'][] = [$sql, $given];
    return isset($GLOBALS['rows']) ? $GLOBALS['rows']($sql, $given) : [];
}
function debug($text) {}
function checkperm($permission) { return in_array($permission, $GLOBALS['held'] ?? [], true); }
"""


def uncommented(path: Path) -> str:
    """The source without comments; line breaks are kept."""
    keep = re.compile(r"('(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")|/\*.*?\*/|(?<!:)//[^\n]*|#[^\n\[]*(?=\n)", re.DOTALL)
    return keep.sub(lambda match: match.group(1) or "\n" * match.group().count("\n"), path.read_text())


def run_php(code: str, language: str = "en") -> str:
    """What `code` prints, after the plugin's parts and what they need of the DAM were read."""
    php = shutil.which("php")
    assert php, "php is missing: sudo apt install php-cli"
    parts = "".join(f"require {json.dumps(str(PLUGIN / 'include' / f'{part}.php'))};" for part in PARTS)
    words = f"$lang = []; require {json.dumps(str(PLUGIN / 'languages' / f'{language}.php'))};"
    done = subprocess.run(
        [php, "-d", "display_errors=stderr", "-r", DAM + parts + words + code],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def answer(code: str) -> Any:
    """The value of a PHP expression."""
    return json.loads(run_php(f"echo json_encode({code});"))


def words(language: str) -> dict[str, str]:
    """What the plugin says in a language, by key."""
    text = (PLUGIN / "languages" / f"{language}.php").read_text()
    found = re.findall(r"^\$lang\['([\w-]+)'\] = '(.+)';$", text, re.MULTILINE)
    assert len(found) == text.count("$lang["), "a line of another form"
    assert len(dict(found)) == len(found), "a key twice"
    return dict(found)


def quoted(text: str) -> str:
    """The text as a PHP literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
