"""Where two guardians must sign, what the first one signed waits, sealed, for the second: nothing holds yet.

It goes when the second has signed, or when their link has ended without it; a child who was entered
only for it goes too.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from plugin.flows import erasure, roster
from plugin.flows.consent import Evidence
from plugin.flows.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store import Tx

_KIND = "half"


@dataclass(frozen=True)
class Half:
    """What the first guardian signed: lines by key, and the proof.

    `fresh`: the child was entered with it. `number`: of the form, so that it is known when sent again.
    """

    guardian_id: str
    guardian: str
    choices: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    signed_at: datetime
    fresh: bool
    number: str

    def to_json(self) -> bytes:
        """As it is sealed."""
        proof = [[item.name, b64encode(item.body).decode()] for item in self.evidence]
        tree = {
            "guardian_id": self.guardian_id, "guardian": self.guardian, "choices": self.choices,
            "evidence": proof, "signed_at": self.signed_at.isoformat(), "fresh": self.fresh,
            "number": self.number,
        }  # fmt: skip
        return json.dumps(tree).encode()

    @classmethod
    def from_json(cls, body: bytes) -> "Half":
        """The half that `to_json` wrote."""
        tree = json.loads(body)
        proof = tuple(Evidence(name, b64decode(data)) for name, data in tree["evidence"])
        return cls(
            tree["guardian_id"], tree["guardian"], tuple(tree["choices"]), proof,
            datetime.fromisoformat(tree["signed_at"]), tree["fresh"], tree["number"],
        )  # fmt: skip


def keep(services: Services, tx: Tx, person_id: str, link_id: str, half: Half) -> None:
    """Seal it until the link `link_id`, the second guardian's, is used."""
    services.vault.seal(tx, person_id, "record", _KIND, half.to_json(), subject=link_id)


def waiting(services: Services, conn: Connection, link: Row[Any]) -> Half | None:
    """What waits for the holder of this link, if anything does."""
    found = _items(services, conn, link)
    return Half.from_json(services.vault.open(conn, found[0])) if found else None


def of(services: Services, conn: Connection, person_id: str) -> list[tuple[str, Half]]:
    """What waits for a person, each with the id of the link for which it does."""
    mine = (t.sealed.c.person_id == person_id) & (t.sealed.c.kind == _KIND)
    rows = conn.execute(select(t.sealed.c.id, t.sealed.c.subject).where(mine)).all()
    return [(row.subject, Half.from_json(services.vault.open(conn, row.id))) for row in rows]


def drop(services: Services, tx: Tx, link: Row[Any]) -> None:
    """It has become whole, or never will."""
    for item in _items(services, tx.connection, link):
        services.vault.discard(tx, item)


def _items(services: Services, conn: Connection, link: Row[Any]) -> Sequence[str]:
    return services.vault.find(conn, link.person_id, _KIND, subject=link.id) if link.person_id else []


def expire(services: Services) -> int:
    """Drop what no second guardian can sign any more; returns how many."""
    now = services.clock.now()
    query = (
        select(t.sealed.c.id, t.sealed.c.person_id, t.invitation.c.expires_at, t.invitation.c.revoked_at)
        .outerjoin(t.invitation, t.invitation.c.id == t.sealed.c.subject)
        .where(t.sealed.c.kind == _KIND)
    )  # fmt: skip
    with services.store.read() as conn:
        rows = conn.execute(query).all()
    over = [r for r in rows if r.expires_at is None or r.expires_at <= now or r.revoked_at is not None]
    for row in over:
        with services.store.read() as conn:
            half = Half.from_json(services.vault.open(conn, row.id))
            bare = half.fresh and not roster.load(conn, row.person_id)[1]
        if bare:
            erasure.begin(services, row.person_id, "calendar")
            continue
        with services.store.write() as tx:
            services.vault.discard(tx, row.id)
    return len(over)
