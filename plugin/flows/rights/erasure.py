"""Forget a person everywhere; a certificate says where it looked, what was reached and what was not.

At once: every grant ends, both keys are destroyed, no link opens. Then the DAM is cleaned, and only after it has been
read back are the last rows deleted; until then the job is retried.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import delete

from plugin.errors import DamError, NotFound, StoreError, VaultError
from plugin.flows.clearance import photo_answers
from plugin.flows.common import closed_house, roster
from plugin.flows.common.batches import chunked
from plugin.flows.common.services import Services
from plugin.flows.consent import tag_revocation, withdrawal
from plugin.flows.rights import (
    backup_traces,
    certificate,
    certificate_lines,
    dam_leftovers,
    erasure_register,
    erasure_rows,
    key_rotation,
    last_letter,
    name_search,
)
from plugin.flows.rights.certificate import Certificate
from plugin.flows.rights.erasure_register import ErasureFacts, Filed
from plugin.hooks.mention import CertificateLine, Mentions
from plugin.hooks.name_search import SoughtName
from plugin.ledger import tables as t
from plugin.ledger.keys import rotation
from plugin.ledger.log.endings import Ending
from plugin.ledger.queue.jobs import ClaimedJob
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import ErasureRow
from plugin.quitclaim.consent import lifecycle

ERASED = "erased"
Beat = Callable[[], None]
_PENDING = CertificateLine("open_pending")
_STORE = frozenset({"open_pending", "open_master", "open_log"})


@dataclass(frozen=True)
class _Cleaned:
    """What became of the DAM and the rows."""

    mentions: Mentions
    done: Sequence[CertificateLine]
    left: Sequence[CertificateLine]


def erase(services: Services, person_id: str, actor: str) -> Certificate:
    """Forget the person. The certificate is unfinished if the DAM failed; the job then goes on. Raises NotFound."""
    begin(services, person_id, actor, tell=True)
    try:
        return finish(services, person_id)
    except DamError as error:
        known = _find_known(services, person_id)
        if known is None:
            return _load_finished(services, person_id)
        keys, why = CertificateLine("keys_gone"), CertificateLine("dam_error", {"why": str(error)})
        return replace(_build_blank(services, *known), done=[keys], left=[why, CertificateLine("open_rows")])


def begin(services: Services, person_id: str, actor: str, logged: bool = False, tell: bool = False) -> str:
    """From this commit on nothing of the person's opens, matches or is cleared; returns the certificate's number."""
    filed = erasure_register.read_filed(services, person_id)
    with services.store.write() as tx:
        return begin_in(services, tx, person_id, actor, filed, logged, last_letter.PERSON if tell else "")


def begin_in(
    services: Services, tx: Tx, person_id: str, actor: str, filed: Filed, logged: bool = False, asked_by: str = ""
) -> str:
    """The same in the caller's transaction. `asked_by`: who gets the last letter; "" for nobody."""
    standing = roster.load(services, tx.connection, person_id)
    if not logged:
        services.ended.append(tx, Ending(person_id, None, tx.now, ERASED))
    number = _enter(services, tx, person_id, standing.person.language, actor, filed, asked_by)
    tx.audit(Action.ERASURE_RUN, actor, subject=roster.subject(services, tx, person_id))
    ended = lifecycle.withdraw(standing.quitclaims, None, tx.now)
    withdrawal.end_in(services, tx, person_id, withdrawal.find_ended(standing.quitclaims, ended), actor)
    for purpose in ("face", "record"):
        services.vault.destroy_key(tx, person_id, purpose)
    tx.execute(delete(t.guardian).where(t.guardian.c.person_id == person_id))
    tx.move_generation()
    services.queue.put(tx, "erase", person_id, {"asked": tx.now.isoformat()}, priority=1)
    return number


def _enter(services: Services, tx: Tx, person_id: str, language: str, actor: str, filed: Filed, asked_by: str) -> str:
    """Register the erasure, with what must be known later. Idempotent."""
    number = erasure_register.enter(services, tx, person_id, actor, filed)
    row = erasure_register.find_by_number(tx.connection, number)
    known = erasure_register.read_held(services, tx.connection, row)
    if known is None or not known.spellings:
        spellings = name_search.list_spellings(tx.connection, person_id)
        held = replace(known or ErasureFacts(language=language), spellings=spellings)
        if asked_by and not held.to and services.vault.has_key(tx.connection, person_id, "record"):
            held = last_letter.find_recipient(services, tx.connection, person_id, held, asked_by)
        erasure_register.hold(services, tx, number, held)
        erasure_register.reopen(tx, number)
        if known is None or not known.to:
            last_letter.put(services, tx, number, held)
    return number


def handle_erase(services: Services, job: ClaimedJob) -> None:
    """The job that finishes an erasure; its key is the person's id."""
    with services.store.read() as conn:
        there = roster.load_many(services, conn, [job.key])
        row = erasure_register.find_of_person(conn, job.key)
    if there or (row is not None and row.finished_at is None):
        finish(services, job.key, lambda: services.queue.heartbeat(job))
    left = make_unreadable(services, job.key)
    if left:
        raise StoreError("the rows are deleted, but not yet beyond reading back: it is tried again")
    with services.store.write() as tx:
        services.queue.finish(tx, job)


def finish(services: Services, person_id: str, beat: Beat = lambda: None) -> Certificate:
    """Clean the DAM, delete the rows, look for what is left, shred. Raises DamError while the DAM cannot be cleaned.

    A run that was interrupted after deleting the rows leaves its facts, so that the next knows the name to look for.
    """
    known = _find_known(services, person_id)
    if known is None:
        return _load_finished(services, person_id)
    row, held = known
    held = replace(held, spellings=name_search.add_renamed(services, held.spellings))
    sought = SoughtName(held.spellings)
    with services.store.read() as conn:
        there = bool(roster.load_many(services, conn, [person_id]))
    if there:
        cleaned = _clean(services, row, held, sought, beat)
    elif not held.spellings:
        cleaned = _Cleaned(Mentions(), certificate_lines.rows_gone(held), [CertificateLine("name_unknown")])
    else:
        cleaned = _Cleaned(services.dam.mentions(sought, beat), certificate_lines.rows_gone(held), [])
    made = _build_certificate(services, row, held, sought, cleaned, beat)
    with services.store.write() as tx:
        now = erasure_register.find_by_number(tx.connection, row.number)
        if now.finished_at is None:  # else by another process meanwhile, which saw more
            told = erasure_register.read_held(services, tx.connection, now) or held
            waits = [last_letter.WAITS] if told.to else []
            with certificate.alone(services):
                certificate.save(services, replace(made, finished_at=tx.now, left=[*waits, *made.left]))
            erasure_register.finish(services, tx, now, told)
    return _load_finished(services, person_id)


def _load_finished(services: Services, person_id: str) -> Certificate:
    make_unreadable(services, person_id)
    made = certificate.find_of_person(services, person_id)
    if made is None:
        raise NotFound("the erasure is finished; its certificate was taken away")
    return made


def make_unreadable(services: Services, person_id: str) -> list[CertificateLine]:
    """Shred whatever could be restored, from the store or from a copy; returns what is not certain yet."""
    done, still = _overwrite(services, person_id)
    looked, opened = backup_traces.search_key_files(services, person_id)
    with certificate.alone(services):
        made = certificate.find_of_person(services, person_id)
        if made is not None and any(one.key in _STORE for one in made.left):
            settled = made.settled(done, [*still, *opened], _STORE | {"keys_open", "keys_unread"})
            certificate.save(services, replace(settled, looks=_replace_looks(made.looks, looked)))
    return still


def _replace_looks(looks: Sequence[CertificateLine], files: Sequence[CertificateLine]) -> list[CertificateLine]:
    keys = {one.key for one in files}
    return [*(one for one in looks if one.key not in keys), *files]


def _find_known(services: Services, person_id: str) -> tuple[ErasureRow, ErasureFacts] | None:
    """The erasure's row and facts, entered now if it began before there was a register. None if it is finished: a
    worker and a command may both run it. After a restore there are no facts. Raises NotFound."""
    filed = erasure_register.read_filed(services, person_id)
    with services.store.write() as tx:
        row = erasure_register.find_of_person(tx.connection, person_id)
        held = erasure_register.read_held(services, tx.connection, row) if row is not None else None
        if row is not None and held is not None and held.spellings:
            return row, held
        if row is not None and not roster.load_many(services, tx.connection, [person_id]):
            return (row, held or ErasureFacts()) if row.finished_at is None else None
        person = roster.load(services, tx.connection, person_id).person
        _enter(services, tx, person_id, person.language, "system", filed, "")
    return _find_known(services, person_id)


def _clean(services: Services, row: ErasureRow, held: ErasureFacts, sought: SoughtName, beat: Beat) -> _Cleaned:
    """Remove the names and read back, delete the rows; then search everything once."""
    person_id, name, unread = row.person_id, held.spellings[0], list[str]()
    refs = sorted({*held.refs, *dam_leftovers.list_named(services, person_id)})
    removed = tag_revocation.remove_tags(services, person_id, tag_revocation.ALL, everywhere=True, unread=unread)
    left = [] if dam_leftovers.forget(services, name) else [CertificateLine("dam_list")]
    left += certificate_lines.beside(dam_leftovers.find_beside(services, refs))
    still = {*unread, *(row.ref for row in tag_revocation.list_tags(services, person_id, tag_revocation.ALL))}
    held = _count(services, row.number, replace(held, refs=tuple(refs)), person_id)
    erasure_rows.clear_photographs(services, person_id, name, still, beat)
    gone = erasure_rows.delete_rows(services, person_id, name, still, removed)
    mentions = services.dam.mentions(sought, beat)
    _distrust(services, certificate_lines.named(mentions))
    left += [CertificateLine("dam_unread", {"at": sought.masked(ref)}) for ref in sorted({*unread})]
    left = [*certificate_lines.mentioned(mentions, frozenset(refs)), *left]
    done = certificate_lines.rows_gone(held)
    if gone:
        done = [CertificateLine("tags_out", {"count": removed}), *done, CertificateLine("clearances")]
    return _Cleaned(mentions, done, left)


def _distrust(services: Services, refs: set[str]) -> None:
    """Photographs that still have the name are unknown until the next look, which also removes returned ones."""
    for some in chunked(sorted(refs), photo_answers.PORTION):
        with services.store.write() as tx:
            photo_answers.recompute(services, tx, dam_leftovers.distrust(tx, some))


def _count(services: Services, number: str, held: ErasureFacts, person_id: str) -> ErasureFacts:
    """Before the first row is deleted, so that an interrupted run leaves the counts to the next."""
    with services.store.read() as conn:
        rows = held.rows or erasure_rows.count(conn, person_id, held.spellings[0])
    held = replace(held, rows=rows)
    with services.store.write() as tx:
        erasure_register.hold(services, tx, number, held)
    return held


def _build_certificate(
    services: Services, row: ErasureRow, held: ErasureFacts, sought: SoughtName, cleaned: _Cleaned, beat: Beat
) -> Certificate:
    """The certificate, as far as it can be written before the store is overwritten."""
    looks, found = name_search.search_ours(services, sought, row.person_id, beat) if held.spellings else ([], [])
    left = cleaned.left or certificate_lines.mentioned(cleaned.mentions, frozenset())
    name = [CertificateLine("looked_name", {"count": len(held.spellings)})] if held.spellings else []
    return replace(
        _build_blank(services, row, held),
        looks=[*name, *cleaned.mentions.looked, *looks],
        done=[CertificateLine("keys_gone"), *cleaned.done],
        left=[
            _PENDING,
            *left,
            *found,
            *cleaned.mentions.unread,
            *services.dam.keeps,
            CertificateLine("copies"),
            CertificateLine("audit"),
            CertificateLine("ended_closed" if closed_house.find_reason(services) else "ended"),
        ],
        provided=[
            CertificateLine(
                "condition_copies", {"version": backup_traces.find_wrapping_version(services, row.person_id)}
            ),
            CertificateLine("condition_backup_keys"),
            CertificateLine("condition_sqlite" if services.store.is_sqlite else "condition_postgresql"),
            CertificateLine("condition_spelling"),
            CertificateLine("condition_pictures"),
        ],
    )


def _build_blank(services: Services, row: ErasureRow, held: ErasureFacts) -> Certificate:
    return Certificate(row.number, row.person_id, row.asked_at, held.language, services.config.site.zone)


def _overwrite(services: Services, person_id: str) -> tuple[list[CertificateLine], list[CertificateLine]]:
    done: list[CertificateLine] = []
    still: list[CertificateLine] = []
    if rotation.is_rotation_due(services.store):
        try:
            key_rotation.rotate(services)
        except VaultError as error:
            still.append(CertificateLine("open_master", {"why": str(error)}))
    services.master.reload()
    oldest = services.master.versions[0]
    if not still and oldest <= backup_traces.find_wrapping_version(services, person_id):
        still.append(CertificateLine("open_master", {"why": f"version {oldest} of the master key"}))
    if not still:
        done.append(CertificateLine("master_gone", {"version": services.master.current}))
    if services.store.is_sqlite and services.store.checkpoint():
        done.append(CertificateLine("log_gone"))
    elif services.store.is_sqlite:
        still.append(CertificateLine("open_log"))
    return done, still
