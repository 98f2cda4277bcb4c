"""Import the rows that were judged good, idempotently, each in a transaction of its own."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from uuid import uuid4

from plugin.errors import FaceLeaseError, StoreAway
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.consent import recording
from plugin.flows.importing import judge, name_conflicts
from plugin.flows.importing.entries import ImportLine
from plugin.flows.importing.judge import GOOD_STATUSES, KnownPerson, RowJudge, RowStatus, RowVerdict
from plugin.flows.people import ages, register
from plugin.flows.people.ages import Age
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent import mapping
from plugin.quitclaim.consent.mapping import ForeignConsent
from plugin.quitclaim.consent.model import clean_name, name_key


def rehearse(services: Services, lines: Sequence[ImportLine]) -> list[RowVerdict]:
    """The verdict on each line, in their order; nothing is written."""
    standing = name_conflicts.count_names(services, _list_names(lines))
    verdicts: dict[int, RowVerdict] = {}
    with services.store.read() as conn:
        book = RowJudge(services, conn, standing, judge.list_imported(services, conn))
        for place in _by_signature(lines):
            verdicts[place] = book.judge(lines[place])
            book.rehearse(verdicts[place])
    return [verdicts[place] for place in range(len(lines))]


Progress = Callable[[Sequence[int]], Iterable[int]]
"""Wraps the iteration to show progress."""


def carry_out(services: Services, lines: Sequence[ImportLine], actor: str, watch: Progress = iter) -> list[RowVerdict]:
    """Import the good lines; returns the verdict on each, in their order.

    The names in the DAM are looked up once, before. An error stops its own row only.
    """
    standing = name_conflicts.count_names(services, _list_names(lines))
    with services.store.read() as conn:
        origins = judge.list_imported(services, conn)
    verdicts: dict[int, RowVerdict] = {}
    for place in watch(_by_signature(lines)):
        verdicts[place] = _import_line(services, lines[place], standing, origins, actor)
    return [verdicts[place] for place in range(len(lines))]


def _list_names(lines: Sequence[ImportLine]) -> list[str]:
    return [line.entry.name for line in lines if line.entry is not None]


def _by_signature(lines: Sequence[ImportLine]) -> list[int]:
    """Indices in the order of signing, because the ledger accepts a person's forms in that order only."""
    return sorted(range(len(lines)), key=lambda at: (entry.signed if (entry := lines[at].entry) else date.max, at))


def _import_line(
    services: Services,
    line: ImportLine,
    standing: name_conflicts.NameCounts,
    origins: dict[str, judge.ImportedForm],
    actor: str,
) -> RowVerdict:
    try:
        evidence = line.evidence()
        with services.store.write() as tx:
            verdict = RowJudge(services, tx.connection, standing, origins).judge(line)
            if line.entry is None or verdict.status not in GOOD_STATUSES:
                return verdict
            entry = replace(line.entry, name=clean_name(line.entry.name))
            person_id = _enter_signing(services, tx, entry, verdict, evidence, actor)
    except StoreAway:
        raise
    except FaceLeaseError as error:
        return RowVerdict(line, RowStatus.REFUSED, str(error))
    origins[entry.source] = judge.ImportedForm(person_id, entry.fingerprint)
    reason = verdict.status.value + (f": {verdict.reason}" if verdict.unsure else "")
    return replace(verdict, status=RowStatus.IMPORTED, reason=reason, person_id=person_id)


def _enter_signing(
    services: Services,
    tx: Tx,
    entry: ForeignConsent,
    verdict: RowVerdict,
    evidence: Sequence[recording.SignatureEvidence],
    actor: str,
) -> str:
    """Store person, guardians, quitclaim, source and audit rows in one transaction."""
    person_id = verdict.person_id or _enter_newcomer(services, tx, entry, verdict, actor)
    known = RowJudge(services, tx.connection, name_conflicts.NameCounts({}), {}).known(person_id)
    guardians = tuple(_find_or_enter_guardian(services, tx, known, name) for name in entry.guardians)
    if verdict.person_id:
        ages.declare_in(services, tx, person_id, Age(of_age=entry.of_age), actor)
    standing = roster.load(services, tx.connection, person_id)
    claims = standing.quitclaims
    signing = mapping.make_signing(
        entry, standing.person, claims, guardians, services.ages, tx.now, verdict.keep, lambda: uuid4().hex
    )
    claim = recording.record_in(services, tx, person_id, signing, evidence, actor)
    origin = json.dumps({"source": entry.source, "fingerprint": entry.fingerprint}).encode()
    services.vault.seal(tx, person_id, "record", judge.SEALED_KIND, origin, subject=claim.id)
    subject, source = roster.subject(services, tx, person_id), entry.source.split(":", 1)[0]
    about = {"quitclaim": claim.id, "source": source, "keep": verdict.keep.value}
    tx.audit(Action.CONSENT_IMPORT, actor, subject, None, **about)
    return person_id


def _enter_newcomer(services: Services, tx: Tx, entry: ForeignConsent, verdict: RowVerdict, actor: str) -> str:
    language = entry.language or services.config.site.language
    newcomer = register.Newcomer(entry.name, language, entry.birth_date, entry.email, of_age=entry.of_age)
    person_id = uuid4().hex
    register.enter(services, tx, person_id, newcomer, actor, verdict.adopt, verdict.unsure)
    return person_id


def _find_or_enter_guardian(services: Services, tx: Tx, known: KnownPerson, name: str) -> str:
    """The id of the guardian with this name, entered if the person has none: declared, not verified."""
    key = name_key(clean_name(name))
    if key not in known.guardians:
        known.guardians[key] = register.enter_guardian(services, tx, known.person.id, name)
    return known.guardians[key]


def note_run(services: Services, action: Action, source: str, verdicts: Sequence[RowVerdict], actor: str) -> None:
    """Audit a whole run: counts by status, without names."""
    counts = Counter(verdict.status.name.lower() for verdict in verdicts)
    with services.store.write() as tx:
        tx.audit(action, actor, None, None, source=source, rows=len(verdicts), **counts)
