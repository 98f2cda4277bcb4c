"""Accounts of the DAM as they are at this moment: groups, and whether they may sign in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.clock import ManualClock
from plugin.errors import DamError
from plugin.hooks.resourcespace.adapter import ResourceSpaceDam
from tests.doubles.resourcespace import Double
from tests.doubles.resourcespace_house import on, store
from tests.doubles.resourcespace_state import GENERAL, SUPER


@pytest.fixture
def double() -> Iterator[Double]:
    with Double() as made:
        yield made


@pytest.fixture
def dam(double: Double, tmp_path: Path, clock: ManualClock) -> Iterator[ResourceSpaceDam]:
    with store(tmp_path, clock) as ledger, on(double).dam(ledger) as made:
        yield made


def test_groups_are_those_of_this_moment(double: Double, dam: ResourceSpaceDam) -> None:
    """Moved to another group, switched off, switched on again: nothing is remembered."""
    editor = double.library.add_user("Editor", SUPER)
    assert dam.groups("Editor") == (SUPER,)
    editor.group = GENERAL
    assert dam.groups("Editor") == (GENERAL,)
    editor.active = False
    assert dam.groups("Editor") is None
    editor.active = True
    assert dam.groups("Editor") == (GENERAL,)


def test_a_silent_dam_is_no_answer(double: Double, dam: ResourceSpaceDam) -> None:
    """Neither groups nor their absence."""
    for fault in ("500", "page", "empty", "odd"):
        double.faults = lambda function, fault=fault: fault if function == "facelease_account" else None  # type: ignore[misc]
        with pytest.raises(DamError):
            dam.groups("admin")
