"""What staff type as an address is one, wherever they type it; a letter to nowhere would be lost without a word."""

from collections.abc import Callable

import pytest

from plugin.errors import ConsentError
from plugin.flows.common.services import Services
from plugin.flows.people import register
from plugin.flows.people.register import Newcomer
from tests import support

Typed = Callable[[Services, str, str], object]
WAYS: dict[str, Typed] = {
    "entering": lambda services, _, email: register.add(services, Newcomer("Bo Sample", email=email), "test"),
    "changing": lambda services, who, email: register.change_address(services, who, email, "cli:ann"),
    "a guardian": lambda services, who, email: register.add_guardian(services, who, "Greta", "cli:ann", email),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("email", ["nonsense", "two@x.org three@x.org", "asa@example.org\nBcc: x@x.org", "@x.org"])
def test_refused(services: Services, cast: support.Cast, way: str, email: str) -> None:
    """And what was on file stays."""
    asa = cast.add("Åsa Sample", email="asa@example.org")
    with pytest.raises(ConsentError, match="this is not an e-mail address"):
        WAYS[way](services, asa, email)
    with services.store.read() as conn:
        assert register.email_of(services, conn, asa) == "asa@example.org"


@pytest.mark.parametrize("email", ["", " new@example.org "])
def test_taken(services: Services, cast: support.Cast, email: str) -> None:
    """None is one too; what is around it is left out."""
    asa = cast.add("Åsa Sample", email="asa@example.org")
    register.change_address(services, asa, email, "cli:ann")
    with services.store.read() as conn:
        assert register.email_of(services, conn, asa) == email.strip()
