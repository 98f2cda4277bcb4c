"""If two guardians must sign, the form of the first waits, sealed, for the second; nothing is in force yet.

It waits for that guardian, whatever link they use; a reminder brings a new one. It is discarded when they have signed,
or when no link to them is left; a child who was entered only for it is erased then.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.consent.recording import SignatureEvidence
from plugin.flows.consent.withdrawal import HALF
from plugin.flows.rights import erasure
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import InvitationRow


@dataclass(frozen=True)
class PendingSignature:
    """What the first guardian signed: keys of lines, and the evidence.

    `form_id`, `collection_ref`: of the first link. `fresh`: the child was entered with it. `number`: of the form as it
    was sent, to recognise a second submission. `address_id`: to which the first guardian's link was delivered, None
    if it was handed over.
    """

    guardian_id: str
    guardian: str
    choices: tuple[str, ...]
    evidence: tuple[SignatureEvidence, ...]
    signed_at: datetime
    fresh: bool
    number: str
    form_id: str
    collection_ref: str | None
    address_id: str | None = None

    def to_json(self) -> bytes:
        """As it is sealed."""
        evidence = [[item.name, b64encode(item.body).decode()] for item in self.evidence]
        return json.dumps(vars(self) | {"evidence": evidence, "signed_at": self.signed_at.isoformat()}).encode()

    @classmethod
    def from_json(cls, body: bytes) -> "PendingSignature":
        """What `to_json` wrote."""
        tree = json.loads(body)
        tree["choices"] = tuple(tree["choices"])
        tree["evidence"] = tuple(SignatureEvidence(name, b64decode(data)) for name, data in tree["evidence"])
        tree["signed_at"] = datetime.fromisoformat(tree["signed_at"])
        return cls(**tree)


def store_pending(services: Services, tx: Tx, person_id: str, other_id: str, half: PendingSignature) -> None:
    """Seal it until the guardian `other_id` has signed."""
    services.vault.seal(tx, person_id, "record", HALF, half.to_json(), subject=other_id)


def find_pending(services: Services, conn: Connection, link: InvitationRow) -> PendingSignature | None:
    """What waits for the holder of this link, if anything does."""
    for item in _list_items(services, conn, link):
        half = PendingSignature.from_json(services.vault.open(conn, item))
        if half.form_id == link.form_id:
            return half
    return None


def list_pending(services: Services, conn: Connection, person_id: str) -> list[tuple[str, PendingSignature]]:
    """What waits for a person, each with the id of the guardian who has not signed yet."""
    mine = (t.sealed.c.person_id == person_id) & (t.sealed.c.kind == HALF)
    rows = conn.execute(select(t.sealed.c.id, t.sealed.c.subject).where(mine)).all()
    return [(row.subject, PendingSignature.from_json(services.vault.open(conn, row.id))) for row in rows]


def discard_for_link(services: Services, tx: Tx, link: InvitationRow) -> None:
    """Discard what waits for the holder of this link."""
    for item in _list_items(services, tx.connection, link):
        services.vault.discard(tx, item)


def discard_pending(services: Services, tx: Tx, person_id: str, other_id: str, number: str) -> None:
    """Discard the one with this number."""
    for item in services.vault.find(tx.connection, person_id, HALF, subject=other_id):
        if PendingSignature.from_json(services.vault.open(tx.connection, item)).number == number:
            services.vault.discard(tx, item)


def _list_items(services: Services, conn: Connection, link: InvitationRow) -> Sequence[str]:
    if not (link.person_id and link.guardian_id):
        return []
    return services.vault.find(conn, link.person_id, HALF, subject=link.guardian_id)


def find_second_link(
    conn: Connection, person_id: str, other_id: str, form_id: str, now: datetime
) -> InvitationRow | None:
    """The unused link of the guardian who has not signed yet."""
    link = t.invitation.c
    theirs = (link.person_id == person_id) & (link.guardian_id == other_id) & (link.form_id == form_id)
    open_ = (link.uses == 0) & link.revoked_at.is_(None) & (link.expires_at > now)
    return conn.execute(select(t.invitation).where(theirs, open_).order_by(link.created_at.desc())).first()


def expire_pending(services: Services) -> int:
    """Discard what no second guardian can sign any more; returns how many."""
    now, over = services.clock.now(), []
    with services.store.read() as conn:
        kept = select(t.sealed.c.id, t.sealed.c.person_id, t.sealed.c.subject).where(t.sealed.c.kind == HALF)
        for row in conn.execute(kept).all():
            half = PendingSignature.from_json(services.vault.open(conn, row.id))
            if find_second_link(conn, row.person_id, row.subject, half.form_id, now) is None:
                bare = half.fresh and not roster.load(services, conn, row.person_id).quitclaims
                over.append((row.id, row.person_id, bare))
    for item, person_id, bare in over:
        if bare:
            erasure.begin(services, person_id, "calendar")
            continue
        with services.store.write() as tx:
            services.vault.discard(tx, item)
    return len(over)
