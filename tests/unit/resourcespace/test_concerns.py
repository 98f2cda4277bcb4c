"""What the administrator is told of the DAM itself: a neighbour that names people, who sees our fields, its log."""

from collections.abc import Iterator

import pytest

from plugin.hooks.concern import Concern
from plugin.hooks.resourcespace.adapter import ResourceSpaceDam
from plugin.hooks.resourcespace.without_plugin import PlainProfile
from tests.doubles.resourcespace import Double
from tests.doubles.resourcespace_api import PluginApi


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    PluginApi.sight, PluginApi.problems, PluginApi.gate = {}, (), {}


def about(dam: ResourceSpaceDam, what: str) -> list[Concern]:
    return [one for one in dam.concerns() if what in one.what]


def test_the_neighbour_is_told_before_all_else(double: Double, dam: ResourceSpaceDam) -> None:
    """With the plugin there is a count of what it keeps; without, that it is on."""
    assert about(dam, "faces") == []
    double.library.plugins.append("faces")
    PluginApi.sight = {"neighbour": {"on": True, "kept": 812, "named": 40}}
    (told,) = about(dam, "faces")
    assert (told.ok, told.first) == (False, True)
    assert "in the clear" in told.said
    assert "withdrawn" in told.said
    assert isinstance(dam.profile(), PlainProfile) or "812 now, 40 of them" in told.said


def test_what_it_left_behind_is_told_too(dam: ResourceSpaceDam) -> None:
    """Switched off, its table stays."""
    if not isinstance(dam.profile(), PlainProfile):
        PluginApi.sight = {"neighbour": {"on": False, "kept": 7, "named": 0}}
        assert [(one.ok, one.first) for one in about(dam, "faces")] == [(False, True)]


def test_who_sees_our_fields_is_told(double: Double, dam: ResourceSpaceDam) -> None:
    """Shares are something to mend, groups something to know."""
    double.library.fields[29]["external_user_access"] = 1
    double.library.fields[12]["external_user_access"] = 1  # none of ours
    PluginApi.sight = {"shares": ["Named person(s)"], "groups": ["Editors"]}
    shares = [one for one in about(dam, "sees") if "shares" in one.said]
    assert [one.ok for one in shares] == [False]
    assert "Named person(s)" in shares[0].said
    assert "Date" not in shares[0].said
    assert isinstance(dam.profile(), PlainProfile) or any("Editors" in one.said for one in about(dam, "sees"))


def test_without_plugin_and_rights_it_is_said_that_nothing_is_known(
    double: Double, ledger: object, dam: ResourceSpaceDam
) -> None:
    """Not that all is well."""
    if isinstance(dam.profile(), PlainProfile):
        double.library.users["facelease"].permissions.discard("a")
        assert "not told" in about(dam, "sees")[0].said


def test_an_older_plugin_says_less_and_that_is_told(double: Double, dam: ResourceSpaceDam) -> None:
    """A status without it is not one without concerns."""
    if not isinstance(dam.profile(), PlainProfile):
        kept = PluginApi.facelease_status
        try:
            PluginApi.facelease_status = lambda self, user, p: {  # type: ignore[method-assign]
                key: value for key, value in kept(self, user, p).items() if key != "sight"
            }
            assert [one.ok for one in about(dam, "plugin in the DAM")] == [False]
        finally:
            PluginApi.facelease_status = kept  # type: ignore[method-assign]


def test_a_log_that_was_set_back_is_told(double: Double, dam: ResourceSpaceDam) -> None:
    """Until everything was asked for anew it is something to mend."""
    dam.changes()
    dump = double.library.dump()
    double.library.create(1)
    dam.acknowledge(dam.changes())
    double.library.restore(dump)
    assert dam.changes() == []
    assert [one.ok for one in about(dam, "log")] == [False]
    dam.set_back_heard()
    assert [one.ok for one in about(dam, "log")] == [True]


@pytest.mark.parametrize(
    ("gate", "ok", "said"),
    [
        ({}, True, "was stopped"),
        ({"tried": False, "host": "11.0"}, True, "nobody has tried it with this version of the DAM (11.0)"),
        ({"canary": "passed"}, False, "THE HOST PASSES THE GATE BY"),
        ({"canary": "unclear", "canary_seen": "http://x: 0"}, False, "not known whether the gate holds: http://x: 0"),
        ({"canary": ""}, False, "never asked"),
        ({"canary_age": 90_000}, False, "last asked 25 hours ago"),
        ({"lacks": ["hook x (pages/download.php)"]}, False, "lacks hook x"),
        ({"open": ["$hide_real_filepath = false"]}, False, "$hide_real_filepath"),
        ({"waiting": 4, "waiting_age": 7300}, False, "4 deliveries are not in the log yet, the oldest for 2 hours"),
        ({"on": False, "canary": "passed"}, True, "no channel has a rule"),
    ],
)
def test_what_the_canary_saw_is_told(dam: ResourceSpaceDam, gate: dict[str, object], ok: bool, said: str) -> None:
    """Green only where it was seen within a day that what must be stopped was stopped."""
    if isinstance(dam.profile(), PlainProfile):
        return
    PluginApi.gate = gate
    told = about(dam, "downloads in the DAM")
    assert all(one.ok for one in told) is ok
    assert any(said in one.said for one in told)
    assert [one.first for one in told if "PASSES" in one.said] in ([True], [])
