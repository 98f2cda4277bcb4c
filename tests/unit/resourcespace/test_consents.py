"""The reader of consentmanager: what it says where there is nothing to read, and that it alters nothing."""

from collections.abc import Iterator

import pytest

from plugin.errors import DamError
from plugin.hooks.resourcespace.api.answers import Refused
from plugin.hooks.resourcespace.api.consents import Consents
from tests.doubles.resourcespace import Double
from tests.doubles.resourcespace_house import on


@pytest.fixture
def double() -> Iterator[Double]:
    with Double() as running:
        yield running


def test_without_the_permission_it_is_said_which(double: Double) -> None:
    """The list is false, not empty: an account that may not read must not look like nothing to import."""
    general = on(double, double.library.add_user("general", 2))
    with pytest.raises(Refused, match="permission cm"):
        Consents(general.client()).all()
    assert Consents(general.client()).one(1) is None


def test_without_the_plugin_there_is_nothing_to_read(double: Double) -> None:
    """An unknown function is an empty answer with status 200."""
    double.faults = lambda function: "empty" if function.startswith("consentmanager") else None
    with pytest.raises(DamError, match="not active"):
        Consents(on(double).client()).all()


@pytest.mark.parametrize("fault", ["odd", "page", "warning", "500"])
def test_an_answer_that_is_none_is_an_error(double: Double, fault: str) -> None:
    """Never an empty list."""
    double.faults = lambda function: fault
    with pytest.raises(DamError):
        Consents(on(double).client()).all()
    with pytest.raises(DamError):
        Consents(on(double).client()).one(1)
