"""Tags that stay when a person's grants end: names by hand, listed for a decision if nothing is in force."""

from sqlalchemy import select

from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.tags import tag_rows
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.quitclaim.consent.model import Person
from plugin.quitclaim.consent.standing import Standing

_PORTION = 500  # tags changed in one write: others wait for it


def make_hand(services: Services, person_id: str) -> None:
    """Recognition ended and publication did not: a confirmed tag is an editor's own knowledge by now."""
    confirmed = (t.tag.c.person_id == person_id) & (t.tag.c.origin == "confirmed")
    while True:
        with services.store.write() as tx:
            ids = list(tx.connection.scalars(select(t.tag.c.id).where(confirmed).limit(_PORTION)))
            if not ids:
                return
            tag_rows.change(tx, t.tag.c.id.in_(ids), origin="hand")
            subject = roster.subject(services, tx, person_id)
            tx.audit(Action.TAG_HAND, "system", subject=subject, tags=len(ids))


def list_for_decision(services: Services, standing: Standing) -> None:
    """Set since when each name by hand of somebody without any grant waits for a decision (`names_by_hand`)."""
    while not standing.in_force(services.clock.now()):
        if not _ask_about_some(services, standing.person):
            return


def _ask_about_some(services: Services, person: Person) -> bool:
    """Whether there may be more."""
    mine = (t.tag.c.person_id == person.id) & (t.tag.c.origin == "hand") & t.tag.c.listed_at.is_(None)
    with services.store.write() as tx:
        ids = list(tx.connection.scalars(select(t.tag.c.id).where(mine).limit(_PORTION)))
        if ids:
            tag_rows.change(tx, t.tag.c.id.in_(ids), listed_at=tx.now)
    return len(ids) == _PORTION
