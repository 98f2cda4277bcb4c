"""Somebody who signed up at a shoot: entered under a name that is nobody else's, and not told whose it was."""

from collections.abc import Iterator

from plugin.errors import DamError
from plugin.flows import names, people
from plugin.flows.people import Newcomer
from plugin.flows.services import Services
from plugin.ledger.store import Tx
from plugin.quitclaim.model import MAX_NAME, name_key

_ROOM = 6  # characters: for what tells two namesakes apart


def in_the_dam(services: Services, name: str) -> bool:
    """Whether the name stands on photographs already: whose it is, somebody on the staff decides.

    A DAM that does not answer counts as yes, and nobody has to wait for it to sign.
    """
    try:
        return next(iter(services.dam.holders(name)), None) is not None
    except DamError:
        return True


def enter(services: Services, tx: Tx, person_id: str, newcomer: Newcomer, standing: bool) -> bool:
    """Enter the person; True where the name had to be made to differ, which marks them for the staff."""
    differs = False
    for name in _spellings(newcomer.display_name):
        taken = names.bearer(tx.connection, name_key(name)) is not None
        if not taken and not (standing and name == newcomer.display_name):
            break
        differs = True
    about = Newcomer(
        name, newcomer.language, newcomer.birth_date, newcomer.email, newcomer.guardians, namesake=differs,
        given_name=newcomer.display_name if differs else None,
    )  # fmt: skip
    people.enter(services, tx, person_id, about, "person")
    return differs


def _spellings(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        yield f"{name[: MAX_NAME - _ROOM]} {number}"
        number += 1
