"""Our searches and marks inside the DAM: what they parse, whom they answer, and what silence shows."""

import json
import re
from typing import Any

import pytest

from tests.php import answer, quoted, run_php, words

CHANNELS = "$GLOBALS['facelease_channels'] = 'website=cleareduntilwebsite, press=cleareduntilpress';"
HOST = """
define('FIELD_TYPE_DATE', 10); define('FIELD_TYPE_DATE_AND_OPTIONAL_TIME', 4);
class PreparedStatementQuery {
    public function __construct(public string $sql = '', public array $parameters = []) {}
}
function ps_param_insert($count) { return implode(',', array_fill(0, $count, '?')); }
function ps_param_fill($values, $type) { return array_merge(...array_map(fn($one) => [$type, $one], $values)); }
function getval($name, $default) { return $default; }
function is_authenticated() { return true; }
function collection_readable($ref) { return $ref === 7; }
function nicedate($day) { return $day; }
function generateURL($url, $with = []) { return $url . '?' . http_build_query($with); }
function generate_csrf_js_object($name) { return '{"CSRFToken":"x"}'; }
function get_resource_type_field($field) { return false; }
$GLOBALS['rows'] = fn($sql, $given) =>
    str_contains($sql, 'resource_type_field WHERE name') ? [['ref' => 88, 'type' => 10]] : [];
$GLOBALS['username'] = 'jo';
$GLOBALS['baseurl_short'] = '/';
function searched($search) {
    $part = fn($sql) => new PreparedStatementQuery($sql);
    $query = facelease_search_query($search, $part('r.ref'), $part('JOIN x'), $part('r.archive = 0'));
    return $query === null ? null : [$query->sql, $query->parameters];
}
"""


def asked(search: str, held: str = "facelease-v") -> Any:
    """The query that a search becomes, with its parameters; without a sidecar."""
    code = f"{HOST}{CHANNELS} $GLOBALS['held'] = ['{held}'];"
    return json.loads(run_php(f"{code} echo json_encode(searched({quoted(search)}));"))


def parsed(search: str) -> Any:
    return answer(f"(function () {{ {CHANNELS} return facelease_parse_search({quoted(search)}); }})()")


@pytest.mark.parametrize(
    ("search", "kind", "field", "collection", "rest"),
    [
        ("!faceleasewaiting", "waiting", "", 0, ""),
        ("!faceleasewaiting:c12 open day", "waiting", "", 12, "open day"),
        ("!faceleasenotcleared:cleareduntilpress", "notcleared", "cleareduntilpress", 0, ""),
        ("!faceleaseending:60", "ending", "", 0, ""),
        ("!faceleaseending:2027-03-01:cleareduntilwebsite:c3,red", "ending", "cleareduntilwebsite", 3, "red"),
    ],
)
def test_searches_are_read(search: str, kind: str, field: str, collection: int, rest: str) -> None:
    """A kind, a field, a day, a collection, and words after it."""
    said = parsed(search)
    assert (said["kind"], said["field"], said["collection"], said["rest"]) == (kind, field, collection, rest)
    assert bool(said["day"]) == (kind == "ending")


@pytest.mark.parametrize(
    "search",
    [
        "!facelease",
        "!faceleaseending",
        "!faceleaseending:2027-02-30",
        "!faceleaseending:1' OR '1'='1",
        "!faceleasenotcleared",
        "!faceleasenotcleared:title",
        "!faceleasenotcleared:cleareduntilpress') OR 1=1 -- ",
        "!faceleasewaiting:c1:c2:c3:c4",
        '!faceleasewaiting"; DROP TABLE resource; --',
        "!faceleasewaitingx",
    ],
)
def test_whatever_is_no_search_of_ours_finds_nothing(search: str) -> None:
    """Neither everything nor an error; and nothing of what was typed gets into the query's text."""
    sql, parameters = asked(search)
    assert "1 = 2" in sql
    assert "DROP" not in sql + json.dumps(parameters)
    assert "OR" not in re.sub("ORDER", "", sql)
    assert asked(search.replace("facelease", "last")) is None


def test_who_has_no_right_finds_nothing() -> None:
    """As if there were none; and a share or a guest neither."""
    for held in ("", "s", "facelease-c"):
        assert "1 = 2" in asked("!faceleasenotcleared:cleareduntilpress", held)[0]
    code = f"{HOST}{CHANNELS} $GLOBALS['held'] = ['facelease-v']; $GLOBALS['k'] = 'abc';"
    said = run_php(code + "echo searched('!faceleasenotcleared:cleareduntilpress')[0];")
    assert "1 = 2" in said


def test_silence_lists_what_has_no_date_and_nothing_else() -> None:
    """Not cleared: by the dates, which are leases. What waits and what ends: nothing, and the page says unknown."""
    sql, parameters = asked("!faceleasenotcleared:cleareduntilpress:c7 red")
    assert "NOT IN (SELECT rn.resource" in sql
    assert "r.archive = 0" in sql
    assert (parameters[:2], parameters[-2:]) == (["i", 88], ["i", 7])
    for search in ("!faceleasewaiting", "!faceleaseending:60"):
        assert "1 = 2" in asked(search)[0]
    assert "1 = 2" in asked("!faceleasenotcleared:cleareduntilpress:c8")[0]  # a collection that one may not read
    code = f"{HOST}{CHANNELS} $GLOBALS['held'] = ['facelease-v'];"
    said = run_php(code + "facelease_render_bar('!faceleasewaiting');")
    assert words("en")["facelease_search_silent"] in said


def test_marks_say_cleared_only_where_every_channel_is() -> None:
    """A channel that is missing, or a word that is not known, is unknown."""
    said = {
        "all": {"channels": {"website": "cleared", "press": "no_person_found"}, "waiting": 0},
        "one": {"channels": {"website": "cleared", "press": "blocked"}, "waiting": 2},
        "less": {"channels": {"website": "cleared"}, "waiting": 0},
        "odd": {"channels": {"website": "CLEARED", "press": True}, "waiting": "x"},
        "shut": {"channels": {"website": "blocked", "press": "unknown"}},
        "evil": '"><script>',
    }
    each = f"array_map('facelease_mark', json_decode({quoted(json.dumps(said))}, true))"
    marks = answer(f"(function () {{ {CHANNELS} return {each}; }})()")
    states = {name: mark["state"] for name, mark in marks.items()}
    assert states == {
        "all": "cleared",
        "one": "partly",
        "less": "partly",
        "odd": "unknown",
        "shut": "blocked",
        "evil": "unknown",
    }
    assert marks["one"]["text"] == "faces waiting: 2; cleared: website; not allowed: press"


def test_marks_are_escaped_and_unknown_in_silence() -> None:
    """Whatever the channels are called; and without an answer each is a question mark."""
    evil = quoted("<b>=cleareduntilwebsite")
    marks = quoted(json.dumps({"5": {"channels": {"<b>": "blocked"}}}))
    html = run_php(f"$GLOBALS['facelease_channels'] = {evil}; facelease_render_marks([5], json_decode({marks}, true));")
    assert "<b>" not in html
    silent = run_php("facelease_render_marks([5, 6], null);")
    assert silent.count("FaceleaseSign-unknown") == 2
    assert words("en")["facelease_mark_unknown"] in silent


def test_filters_keep_the_words_and_the_collection() -> None:
    """Another filter takes the place of the present one; the rest of the search stays."""
    code = f"{HOST}{CHANNELS} $GLOBALS['held'] = ['facelease-v']; echo json_encode(facelease_filters("
    told = json.loads(run_php(f"{code}'!faceleasewaiting:c4 red'));"))
    assert [one["on"] for one in told] == [True, False, False, False]
    assert told[1]["search"] == "!faceleasenotcleared:cleareduntilwebsite:c4 red"
    assert json.loads(run_php(f"{code}'!collection4'));"))[0]["search"] == "!faceleasewaiting:c4"
    assert json.loads(run_php(f"{code}'red'));"))[0]["search"] == "!faceleasewaiting red"
    assert json.loads(run_php(f"{code}'!last100'));"))[0]["search"] == "!faceleasewaiting"
