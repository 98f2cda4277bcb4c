"""Who acts: the same person in the DAM and at the command line is one account."""

import pytest

from plugin.flows.people import accounts


@pytest.mark.parametrize(("one", "other"), [("dam:anna", "cli:anna"), ("dam:Anna", "dam:anna"), ("api:7", "api:7")])
def test_one_account(one: str, other: str) -> None:
    assert accounts.is_same(one, other)
    assert accounts.is_same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("dam:anna", "dam:bert"),
        ("api:7", "api:8"),
        ("api:anna", "dam:anna"),
        ("person", "person"),
        (None, None),
        ("dam:", "dam:"),
        ("system", "system"),
        ("calendar", "dam:calendar"),
    ],
)
def test_not_one_account(one: str | None, other: str | None) -> None:
    assert not accounts.is_same(one, other)


@pytest.mark.parametrize("actor", ["person", "guardian", "calendar", "system", "unknown", "", None, "dam", "dam:"])
def test_no_account(actor: str | None) -> None:
    assert not accounts.is_account(actor)


@pytest.mark.parametrize("actor", ["dam:anna", "cli:root", "api:3"])
def test_an_account(actor: str) -> None:
    assert accounts.is_account(actor)
