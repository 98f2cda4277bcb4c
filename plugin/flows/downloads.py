"""May these photographs go out for a use? Asked at a download, by the DAM, of many at once.

Open is what is cleared on every channel asked about, and what shows nobody. All else stays: unknown is
never yes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, exists, func, or_, select

from plugin.flows import clearance, cleared, closed_house
from plugin.flows.services import Services
from plugin.ledger import tables as t
from plugin.ledger.audit import Action
from plugin.quitclaim.answers import Answer, Code, Reason, Status, Use

OPEN = frozenset({Status.CLEARED, Status.NO_PERSON_FOUND})
_NOT_EXAMINED = Answer(Status.UNKNOWN, None, (Reason(Code.NOT_EXAMINED),))


@dataclass(frozen=True)
class Verdict:
    """Whether a photograph may go out, and the answers that say no."""

    open: bool
    against: tuple[Answer, ...]


def ask(services: Services, refs: Sequence[str], channels: Sequence[str]) -> dict[str, Verdict]:
    """The verdict on each of `refs`, for the first configured purpose. Raises ConsentError for a channel unknown."""
    uses = [Use(services.config.clearance.purposes[0], channel) for channel in channels]
    found = clearance.ask_many(services, refs, uses)
    return {ref: _verdict(list(found[ref].values()) if ref in found else [_NOT_EXAMINED]) for ref in refs}


def _verdict(answers: Sequence[Answer]) -> Verdict:
    against = tuple(answer for answer in answers if answer.status not in OPEN)
    return Verdict(bool(answers) and not against, against)


def note(services: Services, verdicts: dict[str, Verdict], insisted: bool, actor: str) -> None:
    """Log that photographs were held back, or taken all the same by somebody who was warned."""
    held = [ref for ref, verdict in verdicts.items() if not verdict.open]
    if not held:
        return
    with services.store.write() as tx:
        one = select(t.resource.c.id).where(t.resource.c.ref == held[0])
        number = tx.connection.scalar(one) if len(held) == 1 else None
        tx.audit(Action.USE_REFUSE, actor, resource_id=number, photographs=len(held), insisted=insisted)


def count_open(services: Services, channel: str) -> int:
    """How many photographs may go out on the channel now. Raises ConsentError for a channel unknown."""
    span = cleared.now(services, services.config.clearance.purposes[0], channel)
    nobody = select(func.count()).select_from(t.resource).where(_shows_nobody(services))
    with services.store.read() as conn:
        if closed_house.why(services, conn) is not None:
            return 0
        return cleared.count(conn, span) + (conn.scalar(nobody) or 0)


def _shows_nobody(services: Services) -> ColumnElement[bool]:
    """What `answers.answer` calls "no person found": examined whole, nobody named, no face left undecided."""
    policy = services.policy
    counts = t.face.c.width_px >= (0 if policy.small_figures_block else policy.count_px)
    dismissed = and_(t.face.c.state == "dismissed", func.trim(func.coalesce(t.face.c.reason, "")) != "")
    named = and_(t.face.c.state == "matched", t.face.c.person_id.is_not(None))
    here = t.face.c.resource_id == t.resource.c.id
    return and_(
        t.resource.c.deleted_at.is_(None),
        t.resource.c.examined == "whole",
        ~exists().where(t.tag.c.resource_id == t.resource.c.id),
        ~exists().where(here, or_(named, and_(counts, ~dismissed))),
    )
