"""Forget a person everywhere; a certificate that says what was reached and what was not.

At once: every grant ends, both keys are destroyed, nothing of theirs opens any more. Then the DAM is
cleaned, and only when it has been read back are the last rows deleted; until then the job comes again.
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select, update

from plugin.errors import DamError, ResourceGone, StoreError, VaultError
from plugin.flows import clearance, consent, keeping, remains, revocation, roster, taken_off
from plugin.flows.many import chunked
from plugin.flows.services import Services
from plugin.ledger import files, rotation
from plugin.ledger import tables as t
from plugin.ledger.audit import Action
from plugin.ledger.endings import Ended
from plugin.ledger.jobs import Claimed
from plugin.ledger.store import Tx
from plugin.quitclaim import lifecycle
from plugin.quitclaim.model import name_key

ERASED = "erased"


@dataclass
class Certificate:
    """What an erasure reached and what it did not. Names nobody: the person is a pseudonymous id."""

    person_id: str
    asked_at: datetime
    finished_at: datetime | None = None
    reached: list[str] = field(default_factory=list)
    not_reached: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The certificate in plain words."""
        end = (
            f"{self.finished_at:%Y-%m-%d %H:%M:%S %Z}"
            if self.finished_at
            else "NOT FINISHED: it goes on by itself"
        )
        lines = [
            "CERTIFICATE OF ERASURE", "",
            f"Person (pseudonymous id): {self.person_id}",
            f"Asked:    {self.asked_at:%Y-%m-%d %H:%M:%S %Z}",
            f"Finished: {end}", "", "Reached:",
            *(f"  - {line}" for line in self.reached), "", "Not reached:",
            *(f"  - {line}" for line in self.not_reached), "",
        ]  # fmt: skip
        return "\n".join(lines)


def erase(services: Services, person_id: str, actor: str) -> Certificate:
    """Forget the person. The certificate is unfinished where the DAM failed; the job then goes on.

    Raises NotFound.
    """
    begin(services, person_id, actor)
    try:
        return finish(services, person_id)
    except DamError as error:
        return Certificate(
            person_id, services.clock.now(), None, ["every key of this person is destroyed"], [str(error)]
        )


def begin(services: Services, person_id: str, actor: str, logged: bool = False) -> None:
    """From this commit on nothing of the person's opens, matches or clears."""
    with services.store.write() as tx:
        begun(services, tx, person_id, actor, logged)


def begun(services: Services, tx: Tx, person_id: str, actor: str, logged: bool = False) -> None:
    """The same in the caller's transaction."""
    _, claims = roster.load(tx.connection, person_id)
    if not logged:
        services.ended.append(tx, Ended(person_id, None, tx.now, ERASED))
    tx.audit(Action.ERASURE_RUN, actor, subject=roster.subject(services, tx.connection, person_id))
    ended = lifecycle.withdraw(claims, None, tx.now)
    consent.end(services, tx, person_id, consent.ended_by(claims, ended), actor)
    for purpose in ("face", "record"):
        services.vault.destroy_key(tx, person_id, purpose)
    tx.execute(delete(t.guardian).where(t.guardian.c.person_id == person_id))
    tx.move_generation()
    services.queue.put(tx, "erase", person_id, {"asked": tx.now.isoformat()}, priority=1)


def erased(services: Services, job: Claimed) -> None:
    """The job that finishes an erasure; its key is the person's id."""
    with services.store.read() as conn:
        there = roster.load_many(conn, [job.key])
    if there:
        finish(services, job.key)
    left = _overwrite(services)[1]
    if left:
        raise StoreError(f"the rows are deleted, but not yet beyond reading back: {left[0]}")
    with services.store.write() as tx:
        services.queue.finish(tx, job)


def finish(services: Services, person_id: str) -> Certificate:
    """Clean the DAM, delete the rows, shred. Raises DamError while the DAM cannot be cleaned."""
    with services.store.read() as conn:
        standing = roster.load(conn, person_id)
        photos = clearance.resources_naming(conn, person_id)
    certificate = Certificate(person_id, _asked(services, person_id))
    name = standing[0].display_name
    refs = remains.named_on(services, person_id)
    removed = revocation.take_out(services, person_id, revocation.ALL, everywhere=True)
    left = _left(services, name)
    beside = remains.beside(services, refs)
    if not services.dam.forget(name):
        left.append("the DAM's own list of names")
    with services.store.write() as tx:
        taken_off.note_gone(services, tx, person_id)
        counts = _delete(tx, person_id, name)
        clearance.recompute(services, tx, photos)
        tx.audit(Action.ERASURE_RUN, "system", finished=True, tags=removed, still_named=len(left))
    done, open_ = _overwrite(services)
    certificate.finished_at = services.clock.now()
    certificate.reached = [
        "the keys of template, reference photographs, evidence and contact details: destroyed",
        f"tags in the DAM: {removed} taken out, then read back: none of ours is left",
        "rows deleted: " + ", ".join(f"{kind} {count}" for kind, count in counts.items()),
        "stored clearances of the photographs: computed anew",
        *done,
    ]
    certificate.not_reached = [
        *open_,
        *(f"the name still stands, not by our hand, in: {line}" for line in left),
        *_beside(beside),
        *services.dam.keeps,
        "files that were downloaded, sent or copied before: ask those who have them",
        "rows of the audit log: they stay, and nobody can tell any more whom they are about",
        "the line in ended.log with the pseudonymous id: it keeps an old backup from bringing the person back",
    ]
    files.make_folder(kept(services, person_id).parent)
    files.write_secret(kept(services, person_id), certificate.text().encode())
    return certificate


def kept(services: Services, person_id: str) -> Path:
    """Where the certificate of an erasure lies, for the officer, whoever finished it."""
    return services.config.path("{data}/certificates") / f"{person_id}.txt"


def _overwrite(services: Services) -> tuple[list[str], list[str]]:
    """Make sure that nothing deleted can be read back, now or from a copy; returns what was reached and what not."""
    reached, left = [], []
    if rotation.due(services.store):
        try:
            keeping.rotate(services)
        except VaultError as error:
            left.append(f"older copies of the store: {error}")
    if not left:
        reached.append(
            f"the master key: version {services.master.current} made and older ones destroyed: "
            "no older copy of the store, and no backup, opens or names this person"
        )
    if services.store.is_sqlite:
        if services.store.checkpoint():
            reached.append("the store's file and its log: overwritten")
        else:
            left.append("the store's log: a reader holds it; it is overwritten when that has gone")
    return reached, left


def _asked(services: Services, person_id: str) -> datetime:
    times = [
        line.at for line in services.ended.readable() if line.person_id == person_id and line.kind == ERASED
    ]
    return min(times, default=services.clock.now())


def _left(services: Services, name: str) -> list[str]:
    """Where the name still stands, in places that we cannot clean."""
    found = []
    for some in chunked(sorted(services.dam.holders(name)), services.dam.at_once):
        for ref, names in services.dam.names_on(some).items():
            if isinstance(names, ResourceGone):
                continue
            if isinstance(names, DamError):
                raise names
            places = [p for n in names if name_key(n.node) == name_key(name) for p in sorted(n.places)]
            if places:
                found.append(f"{ref} ({', '.join(dict.fromkeys(places))})")
    return found


def _beside(found: list[tuple[str, int]]) -> list[str]:
    """By number alone: what such a file is called may name somebody."""
    where = ", ".join(f"{ref} ({count})" for ref, count in found)
    what = "earlier versions and alternative files that the DAM keeps beside photographs of this person"
    return [f"{what}: {where}"] if found else []


def _delete(tx: Tx, person_id: str, name: str) -> dict[str, int]:
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
