"""Carry out what was judged good: each row in a transaction of its own, and none of them twice."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import uuid4

from plugin.errors import FaceLeaseError, StoreAway
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.consent import grant_endings
from plugin.flows.importing import judge, name_conflicts
from plugin.flows.importing.entries import Line
from plugin.flows.importing.judge import GOOD, Book, Known, Status, Verdict
from plugin.flows.people import ages, register
from plugin.flows.people.ages import Age
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent import mapping
from plugin.quitclaim.consent.mapping import Entry
from plugin.quitclaim.consent.model import clean_name, name_key


def rehearsed(services: Services, lines: Sequence[Line]) -> list[Verdict]:
    """What would become of each line, in the lines' order; nothing is written."""
    standing = name_conflicts.standing(services, _names(lines))
    verdicts: dict[int, Verdict] = {}
    with services.store.read() as conn:
        book = Book(services, conn, standing, judge.origins(services, conn))
        for place in _by_signature(lines):
            verdicts[place] = book.judge(lines[place])
            book.rehearse(verdicts[place])
    return [verdicts[place] for place in range(len(lines))]


Watch = Callable[[Sequence[int]], Iterable[int]]
"""Hands on what it is given, one after the other: for whoever shows how far it is."""


def carried_out(services: Services, lines: Sequence[Line], actor: str, watch: Watch = iter) -> list[Verdict]:
    """Import the good lines; returns what became of each, in the lines' order.

    The names in the DAM are looked up once, before. An error stops its own row only.
    """
    standing = name_conflicts.standing(services, _names(lines))
    with services.store.read() as conn:
        origins = judge.origins(services, conn)
    verdicts: dict[int, Verdict] = {}
    for place in watch(_by_signature(lines)):
        verdicts[place] = _one(services, lines[place], standing, origins, actor)
    return [verdicts[place] for place in range(len(lines))]


def _names(lines: Sequence[Line]) -> list[str]:
    return [line.entry.name for line in lines if line.entry is not None]


def _by_signature(lines: Sequence[Line]) -> list[int]:
    """In the order of signing: the ledger takes forms of one person in that order only."""
    return sorted(
        range(len(lines)),
        key=lambda place: (entry.signed if (entry := lines[place].entry) else date.max, place),
    )


def _one(
    services: Services,
    line: Line,
    standing: name_conflicts.Standing,
    origins: dict[str, judge.Origin],
    actor: str,
) -> Verdict:
    try:
        evidence = line.evidence()
        with services.store.write() as tx:
            verdict = Book(services, tx.connection, standing, origins).judge(line)
            if line.entry is None or verdict.status not in GOOD:
                return verdict
            entry = replace(line.entry, name=clean_name(line.entry.name))
            person_id = _enter(services, tx, entry, verdict, evidence, actor)
    except StoreAway:
        raise
    except FaceLeaseError as error:
        return Verdict(line, Status.REFUSED, str(error))
    origins[entry.source] = judge.Origin(person_id, entry.fingerprint)
    reason = verdict.status.value + (f": {verdict.reason}" if verdict.unsure else "")
    return replace(verdict, status=Status.IMPORTED, reason=reason, person_id=person_id)


def _enter(
    services: Services,
    tx: Tx,
    entry: Entry,
    verdict: Verdict,
    evidence: Sequence[grant_endings.Evidence],
    actor: str,
) -> str:
    """Person, guardians, quitclaim, where it came from and audit rows, in one transaction."""
    person_id = verdict.person_id or _newcomer(services, tx, entry, verdict, actor)
    known = Book(services, tx.connection, name_conflicts.Standing({}), {}).known(person_id)
    guardians = tuple(_guardian(services, tx, known, name) for name in entry.guardians)
    if verdict.person_id:
        ages.say_in(services, tx, person_id, Age(of_age=entry.of_age), actor)
    standing = roster.load(services, tx.connection, person_id)
    claims = standing.quitclaims
    signing = mapping.signing(
        entry, standing.person, claims, guardians, services.ages, tx.now, verdict.keep, lambda: uuid4().hex
    )
    claim = grant_endings.enter(services, tx, person_id, signing, evidence, actor)
    origin = json.dumps({"source": entry.source, "fingerprint": entry.fingerprint}).encode()
    services.vault.seal(tx, person_id, "record", judge.KIND, origin, subject=claim.id)
    tx.audit(
        Action.CONSENT_IMPORT, actor, subject=roster.subject(services, tx, person_id),
        quitclaim=claim.id, source=entry.source.split(":", 1)[0], keep=verdict.keep.value,
    )  # fmt: skip
    return person_id


def _newcomer(services: Services, tx: Tx, entry: Entry, verdict: Verdict, actor: str) -> str:
    language = entry.language or services.config.site.language
    newcomer = register.Newcomer(entry.name, language, entry.birth_date, entry.email, of_age=entry.of_age)
    person_id = uuid4().hex
    register.enter(services, tx, person_id, newcomer, actor, verdict.adopt, verdict.unsure)
    return person_id


def _guardian(services: Services, tx: Tx, known: Known, name: str) -> str:
    """The guardian of this name, entered where the person has none: declared, not verified."""
    key = name_key(clean_name(name))
    if key not in known.guardians:
        known.guardians[key] = register.enter_guardian(services, tx, known.person.id, name)
    return known.guardians[key]


def note(services: Services, action: Action, source: str, verdicts: Sequence[Verdict], actor: str) -> None:
    """The audit row of a whole run: how many rows came to what, and no name."""
    counts: dict[str, Any] = dict(Counter(verdict.status.name.lower() for verdict in verdicts))
    with services.store.write() as tx:
        tx.audit(action, actor, source=source, rows=len(verdicts), **counts)
