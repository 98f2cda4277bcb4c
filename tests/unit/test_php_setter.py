"""In the plugin: whose choice for a collection counts for which photograph, by the DAM's own rule of who may edit."""

import json
from typing import Any

import pytest

from tests.php import run_php

# The DAM: its accounts and groups, and of its rule who may edit the part by state, contributor and filter.
SITE = """
$accounts = [
    1 => ['ref' => 1, 'username' => 'boss', 'usergroup' => 3, 'approved' => 1, 'account_expires' => null],
    2 => ['ref' => 2, 'username' => 'jo', 'usergroup' => 2, 'approved' => 1, 'account_expires' => null],
    3 => ['ref' => 3, 'username' => 'shut', 'usergroup' => 3, 'approved' => 2, 'account_expires' => null],
    4 => ['ref' => 4, 'username' => 'over', 'usergroup' => 3, 'approved' => 1, 'account_expires' => '2001-01-01 00:00:00'],
    5 => ['ref' => 5, 'username' => 'filtered', 'usergroup' => 4, 'approved' => 1, 'account_expires' => null],
];
$groups = [
    2 => ['permissions' => 's,e-1', 'edit_filter' => '', 'edit_filter_id' => null],
    3 => ['permissions' => 's,e0,e-1', 'edit_filter' => '', 'edit_filter_id' => null],
    4 => ['permissions' => 's,e0', 'edit_filter' => 'x', 'edit_filter_id' => 7],
];
$resources = [
    10 => ['ref' => 10, 'archive' => 0, 'resource_type' => 1, 'created_by' => 1],
    11 => ['ref' => 11, 'archive' => 0, 'resource_type' => 1, 'created_by' => 2],
    12 => ['ref' => 12, 'archive' => -1, 'resource_type' => 1, 'created_by' => 2],
];
$edit_access_for_contributor = false;
function get_user($ref) {
    $one = $GLOBALS['accounts'][$ref] ?? false;
    return $one ? $one + $GLOBALS['groups'][$one['usergroup']] : false;
}
function get_edit_access($ref, int $status = -999, array &$resource = []) {
    global $userref, $usergroup, $userpermissions, $usereditfilter, $edit_access_for_contributor, $userdata;
    if (isset($GLOBALS['breaks'])) { throw new Exception('breaks'); }
    if ($edit_access_for_contributor && $userref == $resource['created_by']) { return true; }
    if (!in_array('e' . $resource['archive'], $userpermissions, true)) { return false; }
    if ($userdata[0]['usergroup'] != $usergroup) { throw new Exception('half an account'); }
    return $usereditfilter === '' || ($usereditfilter === 7 && $ref === 10);
}
$GLOBALS['rows'] = function ($sql, $given) {
    if (str_contains($sql, 'FROM usergroup g')) {
        $one = $GLOBALS['groups'][$given[1]] ?? null;
        return $one === null ? [] : [$one + ['above' => null, 'inherits' => 0]];
    }
    if (str_contains($sql, 'FROM user WHERE username')) {
        $like = fn($one) => mb_strtolower($one['username']) === mb_strtolower($given[1]);
        return array_values(array_filter($GLOBALS['accounts'], $like));
    }
    return [];
};
[$userref, $usergroup, $userpermissions, $usereditfilter, $userdata] = [99, 20, ['s', 'v', 'f29', 'a'], '', [['ref' => 99]]];
$before = json_encode([$userref, $usergroup, $userpermissions, $usereditfilter, $userdata]);
function after() {
    global $userref, $usergroup, $userpermissions, $usereditfilter, $userdata;
    return json_encode([$userref, $usergroup, $userpermissions, $usereditfilter, $userdata]) === $GLOBALS['before']
        && !isset($GLOBALS['upload_share_active']);
}
"""  # noqa: E501


def counts(mode: str | None, resource: int, start: str = "", **choice: Any) -> bool:
    """Whether a choice counts for a resource; and who is signed in, and what they may, is as it was."""
    given = json.dumps({"mode": mode, "set_by": "", "set_by_ref": None, "set_by_group": None, **choice})
    code = f"{SITE} {start} $c = json_decode('{given}', true);"
    code += f"$said = facelease_counts($c, $resources[{resource}]); echo json_encode([$said, after()]);"
    said, same = json.loads(run_php(code))
    assert same
    return bool(said)


BOSS: dict[str, Any] = {"set_by": "boss", "set_by_ref": 1, "set_by_group": 3}
JO: dict[str, Any] = {"set_by": "jo", "set_by_ref": 2, "set_by_group": 2}


@pytest.mark.parametrize("mode", ["off", "detect", "suggest", "auto", "never"])
def test_it_counts_for_what_the_account_may_edit(mode: str) -> None:
    """Whoever asks: it is the account that chose that is judged, by state, by what it made, by its filter."""
    assert counts(mode, 10, **BOSS)
    assert not counts(mode, 10, **JO)
    assert not counts(mode, 11, **JO)
    assert counts(mode, 12, **JO)
    assert counts(mode, 11, "$edit_access_for_contributor = true;", **JO)
    filtered: dict[str, Any] = {"set_by": "filtered", "set_by_ref": 5, "set_by_group": 4}
    assert counts(mode, 10, **filtered)
    assert not counts(mode, 11, **filtered)


@pytest.mark.parametrize(
    "gone",
    [
        {"set_by": "shut", "set_by_ref": 3, "set_by_group": 3},
        {"set_by": "over", "set_by_ref": 4, "set_by_group": 3},
        {"set_by": "boss", "set_by_ref": 77, "set_by_group": 3},  # deleted; another one bears the name now
    ],
)
def test_what_an_account_allowed_ends_with_it_and_what_it_forbade_does_not(gone: dict[str, Any]) -> None:
    """A "never" goes on for what its group of then may edit, as that is now."""
    for mode in ("off", "detect", "suggest", "auto"):
        assert not counts(mode, 10, **gone)
    assert counts("never", 10, **gone)
    assert not counts("never", 10, "$groups[3]['permissions'] = 's';", **gone)


def test_an_account_that_was_moved() -> None:
    """Demoted: only its "never" stays, by the group in which it chose; and none that it sets afterwards."""
    moved = "$accounts[1]['usergroup'] = 2;"
    assert not counts("auto", 10, moved, **BOSS)
    assert counts("never", 10, moved, **BOSS)
    assert not counts("never", 10, moved, **{**BOSS, "set_by_group": 2})


def test_choices_from_before_the_number_was_kept() -> None:
    """By the exact name; a "never" of which nobody is left to ask goes on."""
    assert counts("auto", 10, set_by="boss")
    assert not counts("auto", 10, set_by="BOSS")
    assert not counts("auto", 10, set_by="jo")
    assert not counts("never", 10, set_by="jo")
    assert not counts("auto", 10, set_by="nobody")
    assert counts("never", 10, set_by="nobody")


def test_no_choice_and_one_that_the_plugin_ended() -> None:
    """A collection without a mode, and the "off" of one that is gone, are nobody's."""
    assert counts(None, 10)
    assert counts("off", 10)


def test_a_fault_in_the_dams_rule_leaves_who_is_signed_in() -> None:
    """Whatever it throws."""
    code = f"{SITE} $breaks = 1; try {{ facelease_account_may_edit(get_user(1), $resources[10]); echo 'no'; }}"
    assert json.loads(run_php(f"{code} catch (Exception) {{ echo json_encode(after()); }}"))
