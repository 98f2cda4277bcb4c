"""The file of one person for the staff: what they agreed to, the evidence, their tags; each look is audited."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, select

from plugin.errors import ConsentError, NotFound
from plugin.flows.access import sight
from plugin.flows.access.staff_sessions import Staff
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.people import register
from plugin.flows.review import already_done
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent import rules
from plugin.quitclaim.consent.lifecycle import StopMode
from plugin.quitclaim.consent.model import Grant, Person, Quitclaim
from plugin.quitclaim.consent.standing import Standing

State = Literal["in force", "to come", "ended", "never"]
EndingAct = Literal["withdraw", "restrict"]

ASKED_BY = ("person", "guardian", "authority")
"""Who may have asked for what the staff does on behalf of a person."""


@dataclass(frozen=True)
class GrantLine:
    """One grant: whether it is in force, from when, until when, and why it ended (`withdrawn`)."""

    grant: Grant
    state: State
    start: datetime
    end: datetime | None
    why: str


@dataclass(frozen=True)
class FiledVersion:
    """One signed version with its lines."""

    claim: Quitclaim
    lines: tuple[GrantLine, ...]


@dataclass(frozen=True)
class FiledEvidence:
    """A piece of evidence: its id in the vault, and the version that it proves."""

    id: str
    version: int
    since: datetime


@dataclass(frozen=True)
class PersonFile:
    """Versions are newest first. `photographs`: how many, by the origin of the tag."""

    person: Person
    email: str
    guardians: tuple[str, ...]
    versions: tuple[FiledVersion, ...]
    photographs: dict[str, int]
    proofs: tuple[FiledEvidence, ...]
    enrolled: bool
    erasing: bool


def look(services: Services, person_id: str, actor: str) -> Standing:
    """What the person agreed to; the look is audited. Raises NotFound."""
    with services.store.write() as tx:
        return _look(services, tx, person_id, actor)[0]


def _look(services: Services, tx: Tx, person_id: str, actor: str) -> tuple[Standing, str | None]:
    """The standing, and the pseudonym of the person in the audit row."""
    standing = roster.load(services, tx.connection, person_id)
    subject = roster.subject(services, tx, person_id)
    tx.audit(Action.RECORD_LOOK, actor, subject=subject)
    return standing, subject


def open_file(services: Services, person_id: str, actor: str, staff: Staff | None = None) -> PersonFile:
    """The file of the person, with the photographs that `staff` may see; the look is audited. Raises NotFound."""
    with services.store.write() as tx:
        standing, subject = _look(services, tx, person_id, actor)
        conn = tx.connection
        s, j = t.sealed.c, t.job.c
        items = select(s.id, s.kind, s.subject, s.created_at).where(s.person_id == person_id)
        sealed = conn.execute(items).all()
        erasing = select(j.id).where(j.kind == "erase", j.key == person_id, j.state != "done")
        return PersonFile(
            person=standing.person,
            email=register.email_of(services, conn, person_id) if subject else "",
            guardians=tuple(str(one["name"]) for one in register.guardians_of(services, conn, person_id)),
            versions=_build_versions(standing, tx.now),
            photographs=_count_photographs(conn, person_id, staff),
            proofs=_build_evidence(sealed, standing.quitclaims),
            enrolled=any(kind == "template" for _, kind, _, _ in sealed),
            erasing=conn.execute(erasing).first() is not None,
        )


def _build_versions(standing: Standing, at: datetime) -> tuple[FiledVersion, ...]:
    terms = {term.grant.id: term for term in standing.terms()}
    newest = sorted(standing.quitclaims, key=lambda one: -one.version)
    return tuple(FiledVersion(claim, tuple(_build_line(terms[one.id], at) for one in claim.grants)) for claim in newest)


def _build_line(term: rules.Term, at: datetime) -> GrantLine:
    grant = term.grant
    why = term.why.value if term.why is not None else ""
    if term.window is None:
        return GrantLine(grant, "never", grant.valid_from, term.end, why)
    start, end = term.window
    if end is not None and end <= at:
        return GrantLine(grant, "ended", start, end, why)
    return GrantLine(grant, "in force" if start <= at else "to come", start, end, "")


def _count_photographs(conn: Connection, person_id: str, staff: Staff | None) -> dict[str, int]:
    mine = t.tag.c.person_id == person_id
    here = select(t.tag.c.origin, func.count().label("n")).join(t.resource, t.resource.c.id == t.tag.c.resource_id)
    query = here.where(mine, sight.photographs(staff)).group_by(t.tag.c.origin)
    return {str(row.origin): int(row.n) for row in conn.execute(query)}


def _build_evidence(
    sealed: Sequence[tuple[str, str, str, datetime]], claims: Sequence[Quitclaim]
) -> tuple[FiledEvidence, ...]:
    versions = {claim.id: claim.version for claim in claims}
    found = [
        FiledEvidence(id_, versions[subject], at)
        for id_, kind, subject, at in sealed
        if kind == "evidence" and subject in versions
    ]
    return tuple(sorted(found, key=lambda proof: (-proof.version, proof.since)))


def open_evidence(services: Services, person_id: str, sealed_id: str, actor: str) -> tuple[str, bytes]:
    """The name and the bytes of a piece of evidence; the look is audited. Raises NotFound, VaultError."""
    s = t.sealed.c
    this = (s.id == sealed_id) & (s.person_id == person_id) & (s.kind == "evidence")
    with services.store.write() as tx:
        row = tx.execute(select(t.sealed.c.subject).where(this)).first()
        if row is None:
            raise NotFound("there is no such evidence: it may be past its term")
        body = services.vault.open(tx.connection, sealed_id)
        subject = roster.subject(services, tx, person_id)
        tx.audit(Action.EVIDENCE_LOOK, actor, subject=subject, quitclaim=row.subject)
    name, _, content = body.partition(b"\0")
    return name.decode("utf-8", "replace"), content


def end_on_behalf(
    services: Services, person_id: str, act: EndingAct, grants: Collection[str] | None, asked_by: str, actor: str
) -> int:
    """Withdraw or restrict the grants (None: all) because `asked_by` asked the staff to; returns how many ended.

    Returns 0 if all of it had ended before; raises NothingDone if there was nothing to end. The request is audited
    first: after a crash the log shows what was asked and not done. Raises ConsentError, NotFound.
    """
    if asked_by not in ASKED_BY:
        raise ConsentError("say who asked for it: the person, a guardian, or an authority")
    if grants is not None and not grants:
        raise ConsentError("choose at least one line, or everything")
    with services.store.write() as tx:
        roster.load(services, tx.connection, person_id)
        subject = roster.subject(services, tx, person_id)
        tx.audit(Action.CONSENT_ASK, actor, subject=subject, asked_by=asked_by, act=act)
    ended = withdrawal.stop(services, person_id, StopMode(act), grants, actor)
    if not ended:
        already_done.find_ended_at(services, person_id, grants, act)
    return ended
