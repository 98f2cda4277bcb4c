"""The rows of a version of a quitclaim, the key that seals its proof, and what an older copy must not know."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import insert, select, update

from plugin.errors import ConsentError
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.log.endings import Ending
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent.model import EndKind, GrantKind, Quitclaim


def ensure_record_key(services: Services, tx: Tx, person_id: str) -> None:
    """Make a new record key for somebody whose last one was destroyed with its evidence, past its term."""
    if services.vault.has_key(tx.connection, person_id, "record"):
        return
    erasing = select(t.job.c.id).where(t.job.c.kind == "erase", t.job.c.key == person_id, t.job.c.state != "done")
    if tx.execute(erasing).first() is not None:
        raise ConsentError("this person is being erased: enter them anew when that is finished")
    services.vault.create_key(tx, person_id, "record")


def log_shortened(services: Services, tx: Tx, old: Quitclaim) -> None:
    """Write to ended.log that a later version will replace this one, for restored copies of the store."""
    services.ended.append(tx, *find_shortened(old, tx.now))


def find_shortened(old: Quitclaim, now: datetime) -> list[Ending]:
    """The grants of a version that a later one ends in the future; those over already are logged by `end_in`."""
    until = old.superseded_at
    if until is None or until <= now:
        return []
    return [
        Ending(old.person_id, grant.id, until, EndKind.SUPERSEDED.value)
        for grant in old.grants
        if grant.ended_at is None and (grant.valid_until is None or grant.valid_until > until)
    ]


def has_recognition(services: Services, quitclaim_id: str) -> bool:
    """Whether this quitclaim agreed to being recognised, in force or not."""
    mine = (t.grant.c.quitclaim_id == quitclaim_id) & (t.grant.c.kind == GrantKind.RECOGNITION.value)
    with services.store.read() as conn:
        return conn.execute(select(t.grant.c.id).where(mine)).first() is not None


def insert_rows(tx: Tx, claim: Quitclaim, form_id: str | None, bases: Mapping[str, str]) -> None:
    """Insert a quitclaim and its grants; `bases`: by grant id, what does not rest on consent."""
    tx.execute(
        insert(t.quitclaim).values(
            id=claim.id,
            person_id=claim.person_id,
            version=claim.version,
            text_version=claim.text_version,
            text_sha256=claim.text_sha256,
            language=claim.language,
            method=claim.method,
            signed_by_person=claim.signed_by_person,
            signed_by_guardians=list(claim.signed_by_guardians),
            signed_at=claim.signed_at,
            recorded_at=claim.recorded_at,
            recorded_by=claim.recorded_by,
            form_id=form_id,
        )
    )
    grants = [
        {
            "id": grant.id,
            "quitclaim_id": claim.id,
            "person_id": claim.person_id,
            "kind": grant.kind.value,
            "purpose": grant.purpose,
            "channel": grant.channel,
            "valid_from": grant.valid_from,
            "valid_until": grant.valid_until,
            "basis": bases.get(grant.id),
        }
        for grant in claim.grants
    ]
    if grants:
        tx.execute(insert(t.grant), grants)


def supersede(services: Services, tx: Tx, old: Quitclaim) -> None:
    """A later version takes this one's place, from `superseded_at` on."""
    tx.execute(update(t.quitclaim).where(t.quitclaim.c.id == old.id).values(superseded_at=old.superseded_at))
    log_shortened(services, tx, old)


def end_grant(tx: Tx, grant_id: str, moment: datetime, kind: EndKind) -> None:
    """The grant's end, where it has none yet."""
    this = (t.grant.c.id == grant_id) & t.grant.c.ended_at.is_(None)
    ended = {"ended_at": moment, "ended_kind": kind.value, "settled_at": tx.now}
    tx.execute(update(t.grant).where(this).values(**ended))


def shorten_grant(tx: Tx, grant_id: str, until: datetime) -> None:
    """The grant lasts until then, and no longer."""
    tx.execute(update(t.grant).where(t.grant.c.id == grant_id).values(valid_until=until))
