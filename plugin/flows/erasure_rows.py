"""Every row of a person's, deleted when the DAM has been cleaned."""

from typing import Any

from sqlalchemy import delete, select, update

from plugin.ledger import tables as t
from plugin.ledger.store import Tx
from plugin.quitclaim.model import name_key


def remove(tx: Tx, person_id: str, name: str) -> dict[str, int]:
    """Every row of the person's, children first; returns how many of each kind."""
    unnamed = update(t.face).where(t.face.c.person_id == person_id).values(
        state="unmatched", person_id=None, distance=None, thresholds=None, set_id=None
    )  # fmt: skip
    counts = {"faces unnamed": tx.execute(unnamed).rowcount}
    links = select(t.invitation.c.id).where(t.invitation.c.person_id == person_id)
    mine: list[tuple[str, Any, Any]] = [
        ("tags", t.tag, (t.tag.c.person_id == person_id) | (t.tag.c.node_key == name_key(name))),
        ("intents", t.intent, t.intent.c.person_id == person_id),
        ("rejections", t.rejection, t.rejection.c.person_id == person_id),
        ("nodes", t.dam_node, t.dam_node.c.person_id == person_id),
        ("shoots", t.shoot_member, t.shoot_member.c.person_id == person_id),
        ("shoots that were decided", t.ruling_member, t.ruling_member.c.person_id == person_id),
        ("codes", t.code, t.code.c.invitation_id.in_(links)),
        ("visits", t.visit, t.visit.c.person_id == person_id),
        ("addresses", t.address, t.address.c.person_id == person_id),
        ("reference sets", t.reference_set, t.reference_set.c.person_id == person_id),
        ("links", t.invitation, t.invitation.c.person_id == person_id),
        ("mails", t.mail, t.mail.c.person_id == person_id),
        ("requests", t.request, t.request.c.person_id == person_id),
        ("sealed items", t.sealed, t.sealed.c.person_id == person_id),
        ("grants", t.grant, t.grant.c.person_id == person_id),
        ("quitclaims", t.quitclaim, t.quitclaim.c.person_id == person_id),
        ("guardians", t.guardian, t.guardian.c.person_id == person_id),
        ("jobs", t.job, (t.job.c.key == person_id) & (t.job.c.kind != "erase")),
        ("person", t.person, t.person.c.id == person_id),
    ]
    for kind, table, where in mine:
        counts[kind] = tx.execute(delete(table).where(where)).rowcount
    return counts
