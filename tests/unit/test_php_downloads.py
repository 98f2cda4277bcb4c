"""At the download: unknown is never yes, what is not mapped is held to the strictest, silence leaves the lease."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest

from tests.php import PLUGIN, SECRET, answer, quoted, run_php

# Channels with a rule each, and a usage for one of them; `$told` is what the sidecar answers.
SITE = """
$GLOBALS['facelease_channels'] = 'website=w, press=p, print=q';
$GLOBALS['download_usage'] = true;
$GLOBALS['download_usage_options'] = ['Press', 'Web', 'TV'];
$GLOBALS['language'] = 'en';
$GLOBALS['facelease_usages'] = [facelease_setting_key('Press') => 'press', facelease_setting_key('Web') => 'website',
                                facelease_setting_key('TV') => 'gone'];
$rules = fn($w, $p) => $GLOBALS['facelease_rules'] = [
    facelease_setting_key('website') => $w, facelease_setting_key('press') => $p];
"""


def asked_for(website: str, press: str, usage: str) -> list[object]:
    code = f"{SITE} $rules('{website}', '{press}'); echo json_encode(facelease_asked_for({usage}));"
    found: list[object] = json.loads(run_php(code))
    return found


@pytest.mark.parametrize("usage", ["2", "'2'", "-1", "99", "''", "'x'", "null"])
def test_a_usage_that_is_not_mapped_is_held_to_the_strictest(usage: str) -> None:
    """One mapped to none, to a channel that is gone, or not said at all: every ruled channel, the strictest rule."""
    assert asked_for("refuse", "warn", usage) == [["website", "press"], "refuse"]
    assert asked_for("warn", "off", usage) == [["website"], "warn"]
    assert asked_for("off", "off", usage) == [[], "off"]
    assert asked_for("evil", "off", usage) == [[], "off"]


def test_a_mapped_usage_asks_for_its_channel_alone() -> None:
    """Each under the rule of its own channel."""
    assert asked_for("refuse", "warn", "1") == [["website"], "refuse"]
    assert asked_for("refuse", "warn", "'0'") == [["press"], "warn"]
    assert asked_for("refuse", "off", "0") == [["press"], "off"]


def test_nothing_is_asked_where_the_dam_does_not_ask_or_no_channel_has_a_rule() -> None:
    """Off is the default, and the service account is never asked."""
    on = "if (!function_exists('getval')) { eval('function getval($n, $d) { return $d; }'); }"
    on += "echo json_encode(facelease_gate_is_on());"
    assert run_php(f"{SITE} $rules('warn', 'off'); {on}") == "true"
    assert run_php(f"{SITE} {on}") == "false"
    assert run_php(f"{SITE} $rules('warn', 'off'); $GLOBALS['download_usage'] = false; {on}") == "false"
    share = "function getval($n, $d) { return $GLOBALS['given'][$n] ?? $d; }"
    ours = share + "$GLOBALS['facelease_api_user'] = 'FaceLease'; $GLOBALS['username'] = 'facelease';"
    assert run_php(f"{SITE} $rules('warn', 'off'); {ours} {on}") == "false"
    shared = ours + "$GLOBALS['given'] = ['k' => 'share'];"
    assert run_php(f"{SITE} $rules('warn', 'off'); {shared} {on}") == "true"  # a share that it made is nobody's


DATES = """
define('FIELD_TYPE_DATE', 10); define('FIELD_TYPE_DATE_AND_OPTIONAL_TIME', 4);
function ps_param_insert($n) { return implode(',', array_fill(0, $n, '?')); }
function ps_param_fill($list, $kind) { return array_merge(...array_map(fn($one) => [$kind, $one], $list)); }
"""


def test_silence_leaves_the_lease_and_an_empty_lease_is_no() -> None:
    """Without an answer only what the DAM's own date field still clears goes out: here nothing has a date."""
    asked = "echo json_encode(facelease_judge([4, 5, 4], ['website'], 0.2));"
    judged = json.loads(run_php(f"{DATES}{SITE} $rules('refuse', 'off'); {asked}"))
    assert judged["silent"] is True
    assert set(judged["stopped"]) == {"4", "5"}
    assert judged["stopped"]["4"]["state"] == "silent"
    assert "did not answer" in judged["stopped"]["4"]["why"][0]


@pytest.mark.parametrize("text", ["website", "пресса", "網站 'a' \"b\"", "ž€š 😀", "naïve", "a\\u0041b", "/&<>"])
def test_a_setting_in_any_letters_survives(text: str) -> None:
    """The DAM keeps settings in ISO-8859-1, and quotes and backslashes as JSON has them."""
    kept = answer(f"facelease_kept({quoted(text)})")
    assert kept.isascii()
    assert answer(f"facelease_meant({quoted(kept)})") == text
    pair = answer(f"facelease_kept({quoted(text + '=w')})")
    site = f"$GLOBALS['facelease_channels'] = {quoted(pair)};"
    assert json.loads(run_php(f"{site} echo json_encode(facelease_channels());")) == {text: "w"}
    assert answer("facelease_meant('naïve=w, website=x')") == "naïve=w, website=x"  # as it was kept before


# The table of dates: what holds through yesterday, today and tomorrow, compared as the statement says.
KEPT = """
$GLOBALS['rows'] = function ($sql, $given) {
    if (!str_contains($sql, 'resource_node')) { return [['ref' => 90, 'type' => 10]]; }
    preg_match('/n\\.name (\\S+) \\?/', $sql, $is);
    $days = [4 => '-1 day', 5 => 'today', 6 => '+1 day'];
    $day = fn($ref) => date('Y.m.d', strtotime($days[$ref]));
    $holds = fn($ref) => version_compare($day($ref), str_replace('-', '.', $given[3]), $is[1]);
    return array_map(fn($ref) => ['resource' => $ref], array_values(array_filter([4, 5, 6], $holds)));
};
"""


def test_a_lease_holds_through_its_day() -> None:
    """While nobody answers: yesterday's is over, today's and tomorrow's go out, and what has no date does not."""
    asked = "echo json_encode(facelease_judge([4, 5, 6, 7], ['website'], 0.2));"
    judged = json.loads(run_php(f"{DATES}{SITE}{KEPT} $rules('refuse', 'off'); {asked}"))
    assert set(judged["stopped"]) == {"4", "7"}


@pytest.mark.parametrize(
    ("said", "open_"),
    [
        ("['open' => true, 'why' => []]", True),
        ("['open' => false, 'why' => ['a', 3, 'b']]", False),
        ("['open' => 1]", False),
        ("['open' => 'true']", False),
        ("['why' => []]", False),
        ("null", False),
        ("'yes'", False),
    ],
)
def test_only_a_plain_yes_lets_a_photograph_out(said: str, open_: bool) -> None:
    """An answer that is missing, or of another form, is no."""
    verdict = answer(f"facelease_verdict({said})")
    assert verdict["open"] is open_
    assert all(isinstance(line, str) for line in verdict["why"])
    assert verdict["state"] == "unknown"  # unless FaceLease says that it is blocked


def test_the_ticket_is_what_the_console_verifies() -> None:
    """Who, from which group, for whom, when, once: signed over the very text that is sent."""
    site = "$GLOBALS['facelease_console_url'] = 'https://lease.example/x/';"
    site += f"$GLOBALS['facelease_secret_signin'] = '{SECRET}';"
    now = int(datetime.now(UTC).timestamp())
    name = 'Zoë "Sample" <b>'
    tickets = [
        json.loads(run_php(f"{site} echo json_encode(facelease_ticket({quoted(name)}, 3, 'nl', {now}));"))
        for _ in range(2)
    ]
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    said = []
    for ticket in tickets:
        signed = hmac.new(key, b"facelease-signin." + ticket["payload"].encode(), hashlib.sha256).digest()
        assert base64.b64encode(signed).decode() == ticket["signature"]
        padded = ticket["payload"] + "=" * (-len(ticket["payload"]) % 4)
        said.append(json.loads(base64.urlsafe_b64decode(padded)))
    assert said[0] | {"nonce": ""} == {
        "v": 1,
        "user": name,
        "groups": [3],
        "language": "nl",
        "nonce": "",
        "audience": "https://lease.example/x",
        "issued": now,
    }
    assert said[0]["nonce"] != said[1]["nonce"]
    assert len(said[0]["nonce"]) == 32


def test_nobody_is_handed_over_without_leave_an_address_and_a_secret() -> None:
    """Each of the three is needed, and a share never enters."""
    get = "function getval($n, $d) { return $GLOBALS['get'][$n] ?? $d; }"
    address = "$GLOBALS['facelease_console_url'] = 'https://lease.example';"
    secret = f"$GLOBALS['facelease_secret_signin'] = '{SECRET}';"
    held = "$GLOBALS['held'] = ['facelease-v'];"
    asked = "echo json_encode(facelease_may_enter());"
    assert run_php(get + address + secret + held + asked) == "true"
    for missing in (address + secret, address + held, secret + held):
        assert run_php(get + missing + asked) == "false"
    assert run_php(get + address + secret + held + "$GLOBALS['get'] = ['k' => 'share'];" + asked) == "false"
    assert answer("[$GLOBALS['facelease_console_url'] = 'javascript:alert(1)', facelease_console()][1]") is None


def test_names_in_files_stay_out_unless_they_are_let_in() -> None:
    """The DAM is told to skip the people field; nothing else that it was told is lost."""
    field = "function get_resource_type_field($n) { return ['type' => 9]; } $GLOBALS['facelease_people_field'] = 29;"
    chosen = "$GLOBALS['embedded_data_user_select_fields'] = [8]; $_POST['exif_option_8'] = 'yes';"
    asked = "facelease_keep_names_out(); echo json_encode([$GLOBALS['embedded_data_user_select_fields'], $_POST]);"
    assert json.loads(run_php(field + chosen + asked)) == [[8, 29], {"exif_option_8": "yes", "exif_option_29": "no"}]
    let_in = "$GLOBALS['facelease_take_names'] = '1';"
    assert json.loads(run_php(field + chosen + let_in + asked)) == [[8], {"exif_option_8": "yes"}]


STATE = """
$GLOBALS['kept'] = [];
$GLOBALS['rows'] = function ($sql, $given) {
    if (str_contains($sql, 'REPLACE INTO facelease_state')) {
        $GLOBALS['kept'][$given[1]] = $given[3];
        return [];
    }
    if (str_contains($sql, 'FROM facelease_state')) { return [['value' => $GLOBALS['kept'][$given[1]] ?? '']]; }
    if (!str_contains($sql, 'resource_node')) { return [['ref' => 90, 'type' => 10]]; }
    return array_map(fn($ref) => ['resource' => $ref], array_slice($given, 5));
};
"""


def test_a_date_holds_for_copies_of_the_size_that_was_said_with_it() -> None:
    """Silent: what is larger, or not measured, stays; the size came with the date, or with an answer since."""
    judged = "facelease_judge([4, 5, 6], ['website'], 0.2, [4 => 1100, 5 => 1300])"
    asked = f"echo json_encode(array_keys({judged}['stopped']));"
    site = f"{DATES}{SITE}{STATE} $rules('refuse', 'off');"
    assert run_php(f"{site} facelease_keep_max_px(['w' => 1200]); {asked}") == "[5,6]"
    assert run_php(f"{site} {asked}") == "[]"  # nobody stated a size: the dates hold for any
    assert run_php(f"{site} facelease_keep_max_px(['w' => 1200]); facelease_keep_max_px(['w' => 0]); {asked}") == "[]"
    both = "facelease_keep_max_px_of(['website' => 1200, 'press' => 300]);"
    assert run_php(f"{site} {both} {asked}") == "[5,6]"
    two = "echo json_encode(array_keys(facelease_judge([4], ['website', 'press'], 0.2, [4 => 1100])['stopped']));"
    assert run_php(f"{site} {both} {two}") == "[4]"
    assert run_php(f"{site} {both} facelease_keep_max_px_of(['press' => 300]); {asked}") == "[]"
    assert (
        run_php(f"{site} {both} facelease_keep_max_px_of(null); {asked}") == "[5,6]"
    )  # an older FaceLease says nothing


def test_a_field_and_the_panel_say_the_size() -> None:
    """Where the date is shown: in the field's title, and in the channel's line; in both languages."""
    fields = "[['name' => 'w', 'title' => 'Cleared until website'], ['name' => 'x', 'title' => 'Other']]"
    site = f"{SITE}{STATE} facelease_keep_max_px(['w' => 1200]);"
    titles = json.loads(run_php(f"{site} echo json_encode(array_column(facelease_sized_titles({fields}), 'title'));"))
    assert titles == ["Cleared until website (copies of at most 1,200 px)", "Other"]
    state = "['status' => 'cleared', 'until' => '2027-03-01', 'max_px' => 1200]"
    line = run_php(f"{site} echo facelease_channel_line('website', {state});")
    assert line == "website: cleared until the end of 2027-03-01 (copies of at most 1,200 px)"
    odd = "['status' => 'cleared', 'until' => '2027-03-01', 'max_px' => '<b>']"
    assert (
        run_php(f"{site} echo facelease_channel_line('website', {odd});")
        == "website: cleared until the end of 2027-03-01"
    )


APPLIED = """
function db_begin_transaction($name) {} function db_end_transaction($name) {} function db_rollback_transaction($name) {}
function get_resource_nodes(...$given) { return []; } function delete_resource_nodes(...$given) {}
function get_resource_type_field($field) { return ['type' => FIELD_TYPE_DYNAMIC_KEYWORDS_LIST]; }
$GLOBALS['facelease_people_field'] = 29;
$before = $GLOBALS['rows'];
$GLOBALS['rows'] = fn($sql, $given) => str_contains($sql, 'FOR UPDATE') ? [['ref' => 1]] : $before($sql, $given);
"""


def test_a_size_is_kept_with_the_day_that_it_came_with() -> None:
    """Before the day stands; of fields that got no day nothing is kept, and what is no size writes nothing."""
    tags = f"require {json.dumps(str(PLUGIN / 'include' / 'tags.php'))};"
    site = f"{DATES}{SITE}{STATE}{APPLIED}{tags}"

    def kept(item: str) -> object:
        code = f"$done = facelease_apply_item({item}); echo json_encode([$done['ok'], (object) $GLOBALS['kept']]);"
        return json.loads(run_php(f"{site} {code}"))

    day = "'ref' => 4, 'cleared_until' => ['w' => '']"
    assert kept(f"[{day}, 'max_px' => ['w' => 1200, 'p' => 700]]") == [True, {"px_w": "1200"}]
    assert kept(f"[{day}]") == [True, {}]
    assert kept(f"[{day}, 'max_px' => ['w' => '1200']]") == [True, {}]
    assert kept(f"[{day}, 'max_px' => 1200]") == [False, {}]
