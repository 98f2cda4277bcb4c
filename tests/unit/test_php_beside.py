"""Beside what the DAM has itself: its consent forms, its upload page, previews on their side, the way to the review."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.php import PLUGIN, answer, quoted, run_php, words

TODAY = "2026-05-05"


def told(forms: list[dict[str, Any]], people: list[dict[str, Any]]) -> list[str]:
    given = f"json_decode({quoted(json.dumps(forms))}, true), json_decode({quoted(json.dumps(people))}, true)"
    found: list[str] = answer(f"facelease_disagreements({given}, '{TODAY}')")
    return found


def person(name: str, status: str) -> dict[str, Any]:
    return {"name": name, "channels": {"website": {"status": status}, "press": {"status": "blocked"}}}


@pytest.mark.parametrize(
    ("expires", "status", "key"),
    [
        (None, "cleared", ""),
        (TODAY, "cleared", ""),
        ("2026-05-04", "cleared", "beside_only_here"),
        ("2026-05-04", "blocked", ""),
        (None, "blocked", "beside_only_there"),
        ("2027-01-01", "unknown", "beside_only_there"),
    ],
)
def test_where_a_form_and_the_panel_disagree(expires: str | None, status: str, key: str) -> None:
    """One holds and the other does not: a sentence; names are compared without case."""
    said = told([{"name": " ÅSA sample", "expires": expires}], [person("Åsa Sample", status)])
    assert said == ([words("en")[f"facelease_{key}"].replace("%s", " ÅSA sample")] if key else [])


def test_a_newer_form_counts_beside_an_older_one_and_strangers_are_told() -> None:
    """Of two forms of one person the one that holds; a form of nobody who is named here is said."""
    forms: list[dict[str, Any]] = [
        {"name": "Åsa", "expires": "2020-01-01"},
        {"name": "åsa", "expires": None},
        {"name": "<b>Bo"},
    ]
    said = told(forms, [person("Åsa", "cleared")])
    assert said == [words("en")["facelease_beside_not_named"].replace("%s", "<b>Bo")]


def test_what_is_no_form_is_no_error() -> None:
    """Whatever the neighbour's table holds."""
    assert told([{"name": None, "expires": 7}, {}], [{"name": 7, "channels": "x"}, {}]) == []


def sideways(path: Path, width: int, height: int, tweaks: str = "0|1") -> bool:
    row = (
        f"['ref' => 1, 'file_extension' => 'jpg', 'preview_tweaks' => '{tweaks}', 'file_modified' => '',"
        " 'file_size' => 1, 'file_checksum' => '']"
    )
    code = f"$GLOBALS['preview'] = {quoted(str(path))}; $GLOBALS['rows'] = fn() => [{row}];"
    # As the DAM's own handler does while we ask for it.
    code += "set_error_handler(fn($level, $said) => throw new ErrorException($said));"
    code += "echo json_encode(facelease_is_sideways(1, "
    return bool(json.loads(run_php(f"{code}{width}, {height}));")))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_preview_on_its_side_is_noticed(tmp_path: Path, orientation: int) -> None:
    """Only where the file says that it is to be turned, and the preview has the shape of what was not."""
    path = tmp_path / "one.jpg"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (600, 400)).save(path, exif=exif)
    quarter = orientation in {6, 8}
    assert sideways(path, 300, 200) is quarter
    assert sideways(path, 200, 300) is False
    assert sideways(path, 300, 200, "90|1") is False
    assert sideways(path, 200, 300, "90|1") is quarter


def test_a_file_that_nobody_can_read_is_not_called_sideways(tmp_path: Path) -> None:
    """No picture, a square one, or none at all."""
    odd = tmp_path / "odd.jpg"
    odd.write_bytes(b"\xff\xd8\xff\xe1\x00\x10Exif\0\0nonsense")
    assert sideways(odd, 300, 200) is False
    assert sideways(tmp_path / "none.jpg", 300, 200) is False


@pytest.mark.parametrize(
    ("own", "above", "mode"),
    [
        ("off", [], None),
        ("suggest", [], "suggest"),
        ("off", ["auto"], "auto"),
        ("auto", ["never"], None),
        ("never", ["auto"], None),
        ("detect", ["suggest"], "suggest"),
    ],
)
def test_the_upload_page_says_where_faces_are_compared(own: str, above: list[str], mode: str | None) -> None:
    """By what counts: the collection's own mode and those of the categories above it."""
    chain = {1: own} | dict(enumerate(above, 2))
    parents = json.dumps({number: number + 1 if number + 1 in chain else 0 for number in chain})
    code = f"""
        $modes = json_decode({quoted(json.dumps(chain))}, true); $parents = json_decode({quoted(parents)}, true);
        $GLOBALS['rows'] = fn($sql, $given) => [['mode' => $modes[$given[1]] ?? 'off']];
        function get_collection($ref) {{
            $parents = $GLOBALS['parents'];
            return isset($parents[$ref]) ? ['name' => 'x', 'type' => 3, 'parent' => $parents[$ref]] : false;
        }}
        facelease_render_upload_note(1);
    """
    shown = run_php(code)
    assert shown.strip() == "" if mode is None else words("en")[f"facelease_upload_{mode}"] in shown


def test_what_recognition_amounts_to_is_said_in_silence_too() -> None:
    """How many photographs is the DAM's to say; of people it then says that nobody knows."""
    code = "$GLOBALS['rows'] = fn($sql) => str_contains($sql, 'COUNT') ? [['n' => 12]] : [];"
    host = "function ps_param_insert($n) { return '?'; } function ps_param_fill($a, $t) { return []; }"
    shown = run_php(f"{host}{code} facelease_render_comparing(5);")
    assert "photographs compared: 12." in shown
    assert "not known now" in shown


def test_the_way_into_the_review_names_only_a_collection_that_one_may_read() -> None:
    """Anything else leads to the first page."""
    host = "function collection_readable($ref) { return $ref === 7; } echo json_encode(facelease_destination("
    assert json.loads(run_php(f"{host}'review', 7));")) == "/console/review?collection=7"
    for given in ("'review', 8", "'review', 0", "'', 7", "'people', 7", "'//x', 7"):
        assert json.loads(run_php(f"{host}{given}));")) == ""


@pytest.mark.parametrize("chosen", ["above", "before", "after", "", "<b>"])
def test_the_panel_stands_where_it_was_chosen(chosen: str) -> None:
    """In one of three places, by default below the metadata; and for nobody who may not see it."""
    hooks = {
        "above": "HookFaceleaseViewRenderbeforeresourceview(['ref' => 5])",
        "before": "HookFaceleaseViewRenderbeforeresourcedetails()",
        "after": "HookFaceleaseViewCustompanels()",
    }
    host = f"""
        require {json.dumps(str(PLUGIN / "include" / "places.php"))};
        function getval($name, $default) {{ return $default; }} function get_resource_access($ref) {{ return 0; }}
        function generate_csrf_js_object($name) {{ return '{{}}'; }}
        $GLOBALS['facelease_panel_place'] = {quoted(chosen)}; $GLOBALS['ref'] = 5; $GLOBALS['baseurl_short'] = '/';
    """
    held = "$GLOBALS['held'] = ['facelease-v'];"
    shown = {place for place, call in hooks.items() if "FaceleasePanel" in run_php(f"{host}{held}{call};")}
    assert shown == {chosen if chosen in hooks else "after"}
    assert not [call for call in hooks.values() if run_php(f"{host}{call};")]
