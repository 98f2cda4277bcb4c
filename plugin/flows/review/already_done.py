"""Since when a requested change is done already. NothingDone if there was never anything to change."""

from collections.abc import Collection
from datetime import datetime
from typing import Literal

from sqlalchemy import select

from plugin.clock import format_local_day
from plugin.errors import NothingDone
from plugin.flows.access.links import LinkKind
from plugin.flows.common import face_rows, roster
from plugin.flows.common.services import Services
from plugin.flows.review import face_decisions
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent.model import EndKind


def find_ended_at(
    services: Services, person_id: str, grant_ids: Collection[str] | None, act: Literal["withdraw", "restrict"]
) -> datetime:
    """When the last of these grants (None: all) ended, if none is left to end.

    Raises NothingDone if there never was one, or if a grant that ended otherwise was to be restricted.
    """
    with services.store.read() as conn:
        terms = roster.load(services, conn, person_id).terms()
    chosen = [one for one in terms if grant_ids is None or one.grant.id in grant_ids]
    ends = [one.end for one in chosen if one.end is not None]
    if not ends:
        raise NothingDone("this person has agreed to nothing, so there is nothing to end")
    if act == "restrict" and not any(one.why is EndKind.RESTRICTED for one in chosen):
        raise NothingDone(
            f"all of it had ended already by {format_day(services, max(ends))}: what is over cannot be restricted"
        )
    return max(ends)


def find_objected_at(services: Services, person_id: str) -> datetime | None:
    """When the person objected to recognition; None if they did not. Raises NotFound."""
    with services.store.read() as conn:
        return roster.load(services, conn, person_id).person.objected_at


def find_decided_at(services: Services, face_id: int, state: str, **same: str) -> datetime | None:
    """When the requested decision on the face was made; None if the decision is another one. Raises NotFound."""
    face = face_decisions.find_face(services, face_id)
    if face.state != state or face.decided_by is None:
        return None
    with services.store.read() as conn:
        now = {"person_id": face.person_id, "reason": face_rows.reason_of(services.texts(conn), face)}
    now |= {"dismissal": face.dismissal}
    return face.decided_at if same.items() <= now.items() else None


def find_locked_at(tx: Tx, person_id: str) -> datetime:
    """When the last link to the person's page, or key of theirs, was revoked or expired. Raises NothingDone."""
    link = t.invitation.c
    kinds = (LinkKind.PAGE.value, LinkKind.RENEW.value, LinkKind.KEY.value)
    mine = (link.person_id == person_id) & link.kind.in_(kinds)
    rows = tx.execute(select(link.revoked_at, link.expires_at).where(mine)).all()
    if not rows:
        raise NothingDone("no link to this person's page was ever made, so there is none to take back")
    ends: list[datetime] = [min(filter(None, (row.revoked_at, row.expires_at))) for row in rows]
    return max(ends)


def format_day(services: Services, at: datetime) -> str:
    """The day on the organisation's calendar."""
    return format_local_day(at, services.config.site.zone)
