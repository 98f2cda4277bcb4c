"""The PHP plugin: it parses, escapes, asks for permission, speaks two languages and decides nothing."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from plugin.config import Config
from plugin.hooks.files.file_kinds import EXAMINED, PHOTO_ENDINGS
from plugin.hooks.resourcespace.profile import find_kind, is_opened
from plugin.quitclaim.words import wording
from plugin.recognizer.pictures.decode import FORMATS
from tests.php import FILES, PLUGIN, SECRET, answer, quoted, run_php, uncommented, words


def echoed(source: str) -> Iterator[str]:
    """Each expression that is printed: what follows echo or <?=, up to its end outside of quotes."""
    for match in re.finditer(r"\becho\b|<\?=", source):
        rest = re.match(
            r"(?:'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|[^;'\"])*?(?=;|\?>)", source[match.end() :], re.DOTALL
        )
        assert rest, source[match.start() : match.start() + 80]
        yield rest.group().strip()


def parts(expression: str) -> Iterator[str]:
    """The pieces that dots join, outside of quotes and brackets."""
    depth, piece = 0, ""
    for token in re.findall(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|.", expression, re.DOTALL):
        depth += (token in "([") - (token in ")]")
        if token == "." and depth == 0:
            yield piece.strip()
            piece = ""
        else:
            piece += token
    yield piece.strip()


LITERAL = r"'(?:\\.|[^'\\])*'"
HARMLESS = re.compile(
    rf"{LITERAL}|escape\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|[^?]+\? {LITERAL} : {LITERAL}", re.DOTALL
)


def functions(source: str) -> Iterator[tuple[str, str]]:
    """Each function of a file by name, with its text to the closing brace at the margin."""
    for match in re.finditer(r"^function (\w+)\(.*?^\}", source, re.DOTALL | re.MULTILINE):
        yield match.group(1), match.group()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PLUGIN)))
def test_php_reads_each_file(path: Path) -> None:
    """PHP itself finds no error in the file."""
    php = shutil.which("php")
    assert php, "php is missing: sudo apt install php-cli"
    done = subprocess.run([php, "-l", str(path)], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


def _analysed(*command: str) -> str:
    program = shutil.which(command[0])
    assert program, f"{command[0]} is missing: sudo apt install php-codesniffer phpmd"
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr if done.returncode else ""


def test_no_function_is_written_twice() -> None:
    """All parts are loaded together: PHP ends the page at the second of a name."""
    found = [name for path in FILES for name in re.findall(r"^function (\w+)", path.read_text(), re.MULTILINE)]
    assert len(found) > 100
    assert sorted(found) == sorted(set(found))


def test_static_analysis_finds_nothing() -> None:
    """PHP_CodeSniffer by the DAM's own standard, and nothing unused by PHPMD (a hook takes what the DAM passes)."""
    rules = f"--standard={Path(__file__).parents[1] / 'phpcs.xml'}"
    assert _analysed("phpcs", "-q", rules, "--extensions=php", str(PLUGIN)) == ""
    folders = ",".join(str(PLUGIN / name) for name in ("api", "include", "pages"))
    assert _analysed("phpmd", folders, "text", "unusedcode") == ""


def test_the_analysis_is_no_ornament(tmp_path: Path) -> None:
    """Both see what is wrong."""
    bad = tmp_path / "bad.php"
    bad.write_text("<?php\n\nfunction one($unused)\n{\n    $two = 1;\n    if (true) {\n    }\n}\n")
    rules = f"--standard={Path(__file__).parents[1] / 'phpcs.xml'}"
    assert "always true" in _analysed("phpcs", "-q", rules, str(bad)).lower()
    assert "$two" in _analysed("phpmd", str(bad), "text", "unusedcode")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PLUGIN)))
def test_whatever_is_printed_is_escaped(path: Path) -> None:
    """A printed expression is made of literals and of escape(…), nothing else."""
    source = uncommented(path)
    for expression in echoed(source):
        assert [piece for piece in parts(expression) if not HARMLESS.fullmatch(piece)] == [], expression
    assert not re.search(r"\bexit\((?!\)|escape\()", source)
    assert not re.search(r"\b(print|printf|print_r|var_dump|eval|unserialize|shell_exec|system)\s*\(", source)


def test_the_check_for_escaping_sees_what_is_not() -> None:
    """The check above is no ornament."""
    for bad in ("$name", "'<b>' . $name", "escape($a) . $b", "escape($a . $b) . facelease_word('x')", '"<b>$x"'):
        assert not all(HARMLESS.fullmatch(piece) for piece in parts(bad)), bad
    assert list(echoed("<?php echo 'a;b' . $c; ?> <?= $d ?>")) == ["'a;b' . $c", "$d"]


def test_hostile_answers_come_out_as_text() -> None:
    """Names, channels, labels and reasons from the sidecar cannot become markup."""
    evil = "\"><script>alert('x')</script>"
    said = {
        "state": "ok",
        "channels": {evil: {"status": evil, "until": evil}, "print": "odd"},
        "people": [{"name": evil, "origin": evil, "channels": {evil: {"status": "cleared", "until": evil}}}, evil],
        "faces": [
            {"id": 3, "box": [0.1, 0.1, 0.2, 0.2], "state": "suggested", "person": evil, "label": evil},
            {"id": evil, "box": [0, 0, 1, 1]},
            {"id": 4, "box": [0, evil, 1, 1]},
            {"id": 5, "box": evil},
        ],
        "why": [evil, {"a": evil}],
    }
    page = run_php(f"facelease_render_panel(json_decode({quoted(json.dumps(said))}, true), 1, true);")
    assert "<script" not in page
    assert "&lt;script" in page
    assert (page.count("FaceleaseBox"), page.count("data-action=")) == (1, 5)
    assert "data-action=" not in run_php(
        f"facelease_render_panel(json_decode({quoted(json.dumps(said))}, true), 1, false);"
    )


@pytest.mark.parametrize("state", ["silent", "refused", "unknown"])
def test_no_answer_never_reads_as_cleared(state: str) -> None:
    """Whatever is not a proper answer shows a warning and neither names nor channels."""
    page = run_php(f"facelease_render_panel(['state' => '{state}'], 1, true);")
    assert 'class="FaceleaseUnknown"' in page
    assert words("en")["facelease_status_cleared"] not in re.sub(r"as cleared", "", page)
    line = answer("facelease_channel_line('web', ['status' => 'CLEARED', 'until' => ''])")
    assert line == "web: " + words("en")["facelease_status_unknown"]


def test_nothing_that_is_not_configured_is_asked() -> None:
    """Without a secret and an address no request is made, and the answer is none."""
    assert answer("facelease_post('events', '/x', 'id', '{}', 1.0)['status']") == 0
    refused = ["", "whsec_", "whsec_c2hvcnQ=", "plain", "whsec_***", SECRET.removeprefix("whsec_")]
    for secret in refused:
        assert answer(f"[$GLOBALS['facelease_secret_events'] = '{secret}', facelease_secret('events')][1]") is None
    for url in ("", "127.0.0.1:8731", "file:///etc/passwd", "gopher://x", "http://a b", "http://h/?q", "http://h/#f"):
        assert answer(f"[$GLOBALS['facelease_sidecar_url'] = '{url}', facelease_sidecar()][1]") is None, url
    given = "[$GLOBALS['facelease_sidecar_url'] = 'https://h.example/f/', facelease_sidecar()][1]"
    assert answer(given) == "https://h.example/f"


def test_signatures_pass_the_standard_library() -> None:
    """What we sign is what Standard Webhooks verifies; another body is refused."""
    now, body = int(datetime.now(UTC).timestamp()), '{"type":"resource.created","data":{"ref":1}}'
    lines = answer(
        f"[$GLOBALS['facelease_secret_events'] = '{SECRET}',"
        f" facelease_signed_headers('fl_1', {now}, {quoted(body)}, facelease_secret('events'))][1]"
    )
    headers = {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}
    assert Webhook(SECRET).verify(body, headers) == json.loads(body)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.replace("1", "2"), headers)


def test_retry_after_is_honoured_within_an_hour() -> None:
    """Seconds or a date; a past date is now, and nobody can put us off for longer than an hour."""
    cases = {
        "7": 7,
        "0": 0,
        "99999": 3600,
        "Thu, 01 Jan 1970 00:00:30 GMT": 20,
        "Thu, 01 Jan 1970 00:00:01 GMT": 0,
        "soon": 0,
    }
    for value, seconds in cases.items():
        assert answer(f"facelease_retry_after({quoted(value)}, 10)") == seconds, value


def test_a_burst_is_delivered_once_and_what_was_tried_is_kept() -> None:
    """Of rows never tried that say the same, the last goes; a row that was tried keeps its id."""
    rows = [(1, "a", 5, 0), (2, "a", 5, 0), (3, "b", 5, 0), (4, "a", 5, 2), (5, "a", 6, 0), (6, "a", 5, 0)]
    listed = ",".join(
        f"['ref'=>{ref},'type'=>'{kind}','target'=>{target},'attempts'=>{tried}]" for ref, kind, target, tried in rows
    )
    kept, asked = answer(f"[array_column(facelease_once_each([{listed}]), 'ref'), $GLOBALS['asked']]")
    assert sorted(kept) == [3, 4, 5, 6]
    assert [given[1] for _, given in asked] == [1, 2]


def test_our_own_writes_are_not_told() -> None:
    """What the service account does, in whatever case its name is written, leaves no row; an editor's does."""
    note = "facelease_note('resource.metadata', 1); echo count($GLOBALS['asked'] ?? []);"
    service = "$GLOBALS['facelease_api_user'] = 'FaceLease'; $GLOBALS['username'] = 'facelease';"
    assert run_php(service + note) == "0"
    assert run_php(service + "$GLOBALS['username'] = 'editor';" + note) == "1"
    assert run_php("$GLOBALS['facelease_api_user'] = ''; $GLOBALS['username'] = '';" + note) == "1"
    assert run_php("facelease_note('resource.metadata', -1); echo count($GLOBALS['asked'] ?? []);") == "0"


def test_a_fault_in_our_table_does_not_reach_the_upload() -> None:
    """An error while noting is caught, and the event is kept for after the answer."""
    code = "$e = ['id', 'type', 1, 2]; echo json_encode(facelease_quietly(fn() => throw new Exception('no table')));"
    assert run_php(code) == "false"
    source = dict(functions(uncommented(PLUGIN / "include" / "events.php")))["facelease_note"]
    assert "facelease_quietly(static fn() => facelease_store($event, false))" in source


BASED = {"mode": "auto", "basis": "shoot", "reference": "r", "decided_by": "b", "decided": "2026-02-28"}


@pytest.mark.parametrize(
    ("form", "missing"),
    [
        ({"mode": "off"}, []),
        ({"mode": "detect"}, []),
        ({}, ["need_mode"]),
        ({"mode": "evil"}, ["need_mode"]),
        ({"mode": "auto"}, ["need_basis"]),
        ({"mode": "suggest", "basis": "because"}, ["need_basis"]),
        ({"mode": "suggest", "basis": "shoot"}, ["need_evidence"]),
        (BASED | {"decided": "2026-02-30"}, ["need_evidence"]),
        (BASED, []),
        (BASED | {"basis": "controller"}, ["need_review"]),
        (BASED | {"basis": "controller", "review": "2027-02-28"}, []),
    ],
)
def test_a_mode_without_its_basis_is_sent_back(form: dict[str, str], missing: list[str]) -> None:
    """Suggesting and naming need a basis, a basis its evidence, the organisation's own one a review."""
    assert answer(f"facelease_mode_form(json_decode({quoted(json.dumps(form))}, true))[1]") == missing


def test_only_our_decisions_leave_the_browser() -> None:
    """Another action, a face that is no number, a dismissal by anything but a key of the list: refused."""
    assert answer("facelease_decision('', '', '')") == {"action": None, "face": None, "reason": ""}
    for action in ("dismiss", "dismiss_small"):
        assert answer(f"facelease_decision('{action}', '7', 'too_small')") == {
            "action": action,
            "face": 7,
            "reason": "too_small",
        }
    assert answer("facelease_decision('confirm', '7', 'somebody typed this')")["reason"] == ""
    keys = ("  ", "crowd", "Too_small", "too_small ", " too_small", "no_person\\n", "too_smalI", "0", "TOO_SMALL")
    typed = [f"'{action}','7',\"{key}\"" for action in ("dismiss", "dismiss_small") for key in ("", *keys)]
    assert answer("facelease_decision('name', '7', '', ' Åsa ')")["person"] == "Åsa"
    assert answer("facelease_decision('name', '7', '', ' ')") is None
    assert answer("facelease_decision('name', '7x', '', 'Åsa')") is None
    for given in ("'delete','7','x'", "'confirm','7x',''", "'confirm','',''", "'dismiss','7x','other'", *typed):
        assert answer(f"facelease_decision({given})") is None, given


def test_both_languages_say_everything() -> None:
    """English and Dutch have the same keys and the same gaps to fill, and no word is unused."""
    en, nl = words("en"), words("nl")
    assert list(en) == list(nl)
    for key in en:
        assert re.findall(r"%[sd]", en[key]) == re.findall(r"%[sd]", nl[key]), key
        assert en[key] != nl[key] or key in {
            "facelease_setup_title",
            "facelease_permissions",
            "facelease_team",
            "facelease_term_website",
        }, key
    source = "\n".join(uncommented(path) for path in FILES if path.parent.name != "languages")
    literals = set(re.findall(r"'([\w-]+)'", source))
    built = {
        "mode_",
        "basis_",
        "origin_",
        "status_",
        "person_",
        "face_",
        "action_",
        "dismissal_",
        "test_",
        "rule_",
        "uncovered_",
        "state_",
        "canary_",
        "note_",
        "invited_",
        "invite_",
        "upload_",
        "place_",
    }
    for key in (name.removeprefix("facelease_") for name in en):
        assert (
            key in literals
            or key.startswith("term_")
            or any(key.startswith(start) and key.removeprefix(start) in literals | {"none"} for start in built)
        ), key
    for asked in re.findall(r"facelease_word\('(\w+)'[,)]", source):
        assert f"facelease_{asked}" in en, asked


@pytest.mark.parametrize("language", ["en", "nl"])
def test_purposes_and_channels_are_called_as_elsewhere(language: str) -> None:
    """Those that are shipped by the words of console, letters and receipts; one of the house's own as configured."""
    listed = Config().clearance
    for word in (*listed.purposes, *listed.channels):
        assert words(language)[f"facelease_term_{word.replace(' ', '_')}"] == wording.term(word, language)
    terms = "echo facelease_term('social media'), '|', facelease_term('beer mats');"
    dutch = f"require {json.dumps(str(PLUGIN / 'languages' / 'nl.php'))};"
    said = run_php(f"$GLOBALS['lang'] = (function () {{ $lang = []; {dutch} return $lang; }})(); {terms}")
    assert said == "sociale media|beer mats"


def test_each_binding_asks_who_is_calling() -> None:
    """None of the functions that are offered to the API answers before the caller is known."""
    source = uncommented(PLUGIN / "api" / "api_bindings.php")
    bindings = {name: text for name, text in functions(source) if name.startswith("api_")}
    offered = {
        "photo",
        "account",
        "named",
        "apply",
        "holders",
        "members",
        "modes",
        "delete_node",
        "status",
        "tables",
        "mentions",
        "original",
        "seen",
        "find",
    }
    assert set(bindings) == {f"api_facelease_{name}" for name in offered}
    for name, text in bindings.items():
        body = text[text.index("{") :]
        assert re.match(r"\{\s*(return facelease_may_serve\(\) \?|if \(!facelease_may_serve\(\)\) \{)", body), name


def test_each_page_checks_session_permission_and_token() -> None:
    """A page signs the user in, asks for a permission, and acts on POST only, whose token the DAM checks."""
    permission = {
        "panel": "facelease_may_see",
        "marks": "facelease_may_search",
        "collection": "facelease_may_set_mode",
        "setup": "checkperm('a')",
        "downloads": "checkperm('a')",
    }
    showing = {"console": "facelease_may_enter", "stopped": "check_access_key"}  # they change nothing
    assert {path.stem for path in (PLUGIN / "pages").iterdir()} == set(permission) | set(showing)
    for name, check in showing.items():
        source = uncommented(PLUGIN / "pages" / f"{name}.php")
        assert source.index("include/boot.php") < source.index(check), name
        assert "include/authenticate.php" in source, name
        assert not re.search(r"facelease_(save|set|store|note|write)|ps_query|\$_POST", source), name
    for name, check in permission.items():
        source = uncommented(PLUGIN / "pages" / f"{name}.php")
        order = [source.index(text) for text in ("include/boot.php", "include/authenticate.php", check)]
        assert order == sorted(order), name
        assert "enforcePostRequest(" in source, name


def test_an_external_share_shows_nothing() -> None:
    """With an access key in the request nobody sees the panel or decides, not even an administrator."""
    start = "function getval($n, $d) { return $GLOBALS['get'][$n] ?? $d; }"
    start += "function get_resource_access($r) { return 0; }"
    start += "function get_edit_access($r) { return true; } function collection_writeable($c) { return true; }"
    start += "$GLOBALS['held'] = ['a', 'facelease-v', 'facelease-c'];"
    asked = "echo json_encode([facelease_may_see(1), facelease_may_decide(1), facelease_may_set_mode(1)]);"
    assert run_php(start + asked) == "[true,true,true]"
    assert run_php(start + "$GLOBALS['k'] = 'share';" + asked) == "[false,false,false]"
    assert run_php(start + "$GLOBALS['get'] = ['k' => 'share'];" + asked) == "[false,false,false]"
    assert run_php(start + "$GLOBALS['held'] = [];" + asked) == "[false,false,false]"


def test_secrets_stay_in_the_site_configuration() -> None:
    """The plugin ships none, and its set-up page neither shows nor stores one."""
    config = uncommented(PLUGIN / "config" / "config.php")
    taken = dict(re.findall(r"^\$(\w+) = (.*);$", config, re.MULTILINE))
    for name in ("secret_events", "secret_panel", "secret_signin", "sidecar_url", "console_url", "api_user"):
        assert taken[f"facelease_{name}"] == f"$GLOBALS['facelease_{name}'] ?? ''"
    stored = re.findall(r"config_add_\w+\('(\w+)'", uncommented(PLUGIN / "pages" / "setup.php"))
    assert {name.removeprefix("facelease_") for name in stored} == {
        "ask",
        "panel_place",
        "people_field",
        "channels",
        "take_names",
        "usages",
        "rules",
    }
    assert not [
        path for path in PLUGIN.rglob("*") if path.is_file() and "whsec_" in path.read_text() and path.suffix != ".php"
    ]


def test_no_rule_lives_in_the_plugin() -> None:
    """It knows no grant, age, threshold or distance, and writes to no table but its own.

    But for a name that nobody carries, which goes, and for what an administrator hides from shares on the set-up page.
    """
    source = "\n".join(uncommented(path) for path in FILES if path.parent.name != "languages").lower()
    for word in (
        "quitclaim",
        "grant",
        "threshold",
        "distance",
        "birth",
        "minor",
        "guardian",
        "withdraw",
        "encoding",
        "template",
    ):
        assert not re.search(rf"\b{word}", source), word
    written = re.findall(r"(insert into|replace into|update|delete from) (\w+)", source)
    others = {(verb, table) for verb, table in written if not table.startswith("facelease_")}
    assert others == {("delete from", "node"), ("update", "resource_type_field")}
    tap = dict(functions(uncommented(PLUGIN / "include" / "events.php")))["facelease_store"].lower()
    assert re.findall(r"insert into|update|delete|replace", tap) == ["insert into"]


def test_hooks_take_the_names_that_the_dam_passes() -> None:
    """The DAM passes these by name: another parameter name would end the editor's request with an error."""
    source = uncommented(PLUGIN / "hooks" / "all.php")
    for name in ("Addtocollectionsuccess", "Removefromcollectionsuccess"):
        assert f"function HookFaceleaseAll{name}($resourceId, $collectionId)" in source


def test_every_table_is_declared() -> None:
    """A table that a statement names has its description, column by column, for the DAM to make."""
    source = "\n".join(uncommented(path) for path in FILES)
    named = set(re.findall(r"(?:FROM|INTO|UPDATE|JOIN) (facelease_\w+)", source))
    declared = {path.stem.removeprefix("table_") for path in (PLUGIN / "dbstruct").glob("table_*.txt")}
    assert (
        named
        == declared
        == {
            "facelease_delivery",
            "facelease_embedded",
            "facelease_event",
            "facelease_file",
            "facelease_mode",
            "facelease_state",
        }
    )
    for path in (PLUGIN / "dbstruct").glob("table_*.txt"):
        assert all(line.count(",") == 5 for line in path.read_text().replace("(10,2)", "").splitlines()), path.name


def test_the_plugin_keeps_the_sizes_of_the_house() -> None:
    """A file has at most 300 lines, a function 40."""
    for path in FILES:
        text = path.read_text()
        assert len(text.splitlines()) <= 300, path.name
        for name, body in functions(text):
            assert len(body.splitlines()) <= 40, f"{path.name}: {name}"


def test_all_halves_open_the_same_files() -> None:
    """What the plugin hands out is what the adapter asks for, a folder looks at, and the recogniser opens."""
    found = re.search(r"FACELEASE_OPENED = \[(.*?)\]", (PLUGIN / "include" / "originals.php").read_text(), re.DOTALL)
    assert found is not None
    assert {f".{ending}" for ending in re.findall(r"'(\w+)'", found[1])} == set(PHOTO_ENDINGS)
    assert set(FORMATS) == EXAMINED
    for ending in PHOTO_ENDINGS:
        for spelt in (ending, ending.upper(), ending.lstrip(".")):
            assert is_opened(spelt), spelt
            assert find_kind(spelt) == "photo", spelt


def test_other_pictures_are_known_by_their_preview() -> None:
    """Of raw files and the like only a preview can be looked at; films, documents and drawings are no photographs."""
    pictures = ("nef", "CR3", "dng", "jxl", "jp2", "psd", "psb", "xcf", "tga")
    assert [ending for ending in pictures if find_kind(ending) != "photo" or is_opened(ending)] == []
    others = ("mp4", "MOV", "pdf", "svg", "eps", "docx", "zip", "")
    assert [ending for ending in others if find_kind(ending) != "other" or is_opened(ending)] == []
