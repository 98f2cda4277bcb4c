"""Scheduled chores and the job handlers. Each chore looks up what is due by now, and is idempotent."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import timedelta
from functools import partial

from plugin.flows.clearance import dam_dates
from plugin.flows.collections import foreign_rulings, modes, ruling_identity
from plugin.flows.common import dam_events, worker_state
from plugin.flows.common.batches import queue_jobs
from plugin.flows.common.services import Services
from plugin.flows.consent import cuts, renaming, tag_revocation, withdrawal
from plugin.flows.mail import delivery, reminders
from plugin.flows.matching import engine_change, reencoding, vouching
from plugin.flows.matching.gallery import REENCODE
from plugin.flows.names import name_doubts, name_index, resources
from plugin.flows.people import register
from plugin.flows.photos import (
    comparison,
    mode_change,
    recompute_library,
    reexamination,
    returned_removal,
    scan_queue,
    tagging,
)
from plugin.flows.rights import erasure, key_rotation
from plugin.flows.schedule import (
    house_closing,
    log_heads,
    overdue_letter,
    replay_endings,
    retention,
    retries,
    text_sealing,
    unreadable_rows,
)
from plugin.flows.signing import lost_links
from plugin.flows.tags import intents, removed_names
from plugin.hooks.dam import Change, ChangeKind, KeepsLog
from plugin.ledger.keys import rotation
from plugin.ledger.queue import set_aside
from plugin.ledger.queue.jobs import NIGHTLY, ClaimedJob
from plugin.ledger.store.audit import Action

_A_DAY = timedelta(days=1)

Handler = Callable[[Services, ClaimedJob], None]

WITHOUT_DAM: Mapping[str, Handler] = {
    cuts.JOB: cuts.handle_cut,
    vouching.SUGGESTED: vouching.handle_vouched,
    REENCODE: reencoding.handle_portion,
    "anew": recompute_library.handle_portion,
    reexamination.JOB: reexamination.handle_portion,
    scan_queue.LATE_JOB: scan_queue.handle_late_portion,
    "unheld": mode_change.handle_unheld,
    "mail": delivery.handle_mail,
    lost_links.JOB: lost_links.handle_request,
}
"""The kinds of jobs that do not call the DAM. One thread of the worker runs only these, so a DAM that hangs and
blocks all other threads does not delay them."""

HANDLERS: Mapping[str, Handler] = {
    **WITHOUT_DAM,
    "photo": tagging.handle_photo,
    "names": tagging.handle_names,
    "compare": tagging.handle_comparison,
    "returned": returned_removal.handle_returned,
    "gone": tagging.handle_gone,
    "members": dam_events.handle_members,
    "renamed": dam_events.handle_renamed,
    "state": dam_dates.handle_state,
    "revoke": tag_revocation.handle_revoke,
    "look-again": tag_revocation.handle_look_again,
    "recompute": tag_revocation.handle_recompute,
    name_doubts.JOB: name_doubts.handle_look_up,
    vouching.REFUSED: vouching.handle_refused,
    comparison.JOB: comparison.handle_portion,
    "remode": mode_change.handle_mode_change,
    "rulings": ruling_identity.handle_follow,
    "erase": erasure.handle_erase,
    register.JOB: register.handle_adopt,
    renaming.JOB: renaming.handle_follow,
}
"""The handler of each kind of job."""


def start_process(services: Services) -> int:
    """Run first in every process that works, before any job: what has ended stays ended. Returns how many ended.

    Clearances stored under another configuration are invalidated (see `recompute_library`).
    """
    house_closing.check_ended_log(services)
    log_heads.create_missing_key(services)
    foreign_rulings.lose_those_of_another_dam(services)
    ended = replay_endings.replay_ended_log(services) + withdrawal.end_due(services, thorough=True)
    unreadable_rows.report_unreadable(services)
    recompute_library.follow_policy(services)
    engine_change.follow(services)
    reexamination.queue_waiting(services)
    removed_names.backfill(services)
    text_sealing.seal_plain_texts(services)
    return ended


def sweep_endings(services: Services) -> int:
    """Every minute, in a worker: end what is due, and recover intents without an outcome. Returns how many ended."""
    house_closing.check_ended_log(services)
    ended = replay_endings.replay_ended_log(services) if replay_endings.is_due(services) else 0
    ended += withdrawal.end_due(services)
    name_doubts.end_doubts(services)
    cuts.resume(services)
    stranded = intents.list_stranded(services)
    with services.store.write() as tx:
        tx.see()
        worker_state.note_sweep(services, tx)
    retries.queue_missing(services, "names", stranded)
    return ended


def poll_dam(services: Services) -> int:
    """Queue a job for each change in the DAM since the last poll; returns how many."""
    began = services.clock.now()
    with services.dam.one_walk():
        changes = services.dam.changes()
        ruling_identity.follow(services, changes)
    if isinstance(services.dam, KeepsLog) and services.dam.set_back():
        _start_over(services, services.dam)
    entered = set_aside.act_on_each(
        services.store, "a change in the DAM", changes, partial(_queue_change, services), _pseudonym_of
    )
    if entered:
        services.dam.acknowledge(entered)
    before = name_index.note_poll(services, began, len(changes) - len(entered))
    if before is not None:
        retries.retry_after_outage(services, before, began)
    name_doubts.end_doubts(services)
    return len(entered)


def _pseudonym_of(change: Change) -> str:
    """A path may contain a name; a number does not."""
    return change.ref if change.ref.isdigit() else modes.pseudonym(change.ref)


def _start_over(services: Services, dam: KeepsLog) -> None:
    """The DAM's log was set back and misses changes, so every photograph is compared again."""
    foreign_rulings.reread_after_restore(services)
    asked = begin_comparison(services, gone=True)
    with services.store.write() as tx:
        tx.audit(Action.LOG_SET_BACK, "dam", resources=asked)
    dam.set_back_heard()


def _queue_change(services: Services, change: Change) -> Change:
    with services.store.write() as tx:
        if change.what is ChangeKind.MOVED and change.old_ref:
            resources.move(tx, change.old_ref, change.ref)
            services.queue.put(tx, "gone", change.old_ref)
        name_index.mark_stale(tx, change.ref)
        kind = {ChangeKind.METADATA: "names", ChangeKind.DELETED: "gone"}.get(change.what, "photo")
        services.queue.put(tx, kind, change.ref)
    return change


def run_housekeeping(services: Services) -> dict[str, int]:
    """Nightly: retry owed jobs, expire undecided suggestions and rows past their term, rotate the master key if due.

    Owed jobs are retried first, because they never expire. After the log is pruned a head is written at once: only a
    head proves that the term was over. A step that fails does not stop the others.
    """
    try:
        retries.retry_owed(services)
    finally:
        counts = _run_nightly_steps(services)
    return counts


def _run_nightly_steps(services: Services) -> dict[str, int]:
    counts = retention.expire_all(services)
    with ExitStack() as night:
        last = (dam_dates.resume, text_sealing.overwrite_plain_texts, dam_dates.renew)
        first = (write_log_head,) if counts["audit"] else ()
        for step in (*last, key_rotation.renew_key_file, _rotate, unreadable_rows.report_unreadable, *first):
            night.callback(step, services)  # the last one runs first
    return counts


def _rotate(services: Services) -> None:
    if rotation.is_rotation_due(services.store):
        key_rotation.rotate(services)


def send_reminders(services: Services) -> dict[str, int]:
    """Daily, and at start: send the letters that are due, and retry those that no mail server has accepted yet."""
    return reminders.queue_due(services) | {"waiting": delivery.resume(services)}


def follow_up_owed(services: Services) -> int:
    """Hourly, and at start: retry owed jobs, each once a day, and report overdue ones by mail; returns how many."""
    count = unreadable_rows.hasten_unreadable_jobs(services) + retries.retry_owed(services)
    overdue_letter.queue_overdue_letter(services)
    return count


def write_log_head(services: Services) -> None:
    """Hourly: write the head of the audit log to the file outside the store."""
    log_heads.write_head(services)


def begin_comparison(services: Services, gone: bool = False, whole: bool = False) -> int:
    """Daily: find changes without an event. A round reads every known photograph again; returns how many there are.

    A round that is under way continues, unless `whole` (see `comparison.begin_round`). `gone`: also photographs that
    were deleted in the DAM, which a restored database brings back.
    """
    with services.dam.one_walk():
        ruling_identity.follow(services, services.dam.changes(), thorough=True)
    scan_queue.begin_late_consent(services)
    queue_jobs(services, "revoke", tag_revocation.list_overdue(services), priority=1)
    known = comparison.begin_round(services, whole or gone, gone)
    return known + scan_queue.enqueue(services, scan_queue.list_unknown(services), NIGHTLY)


def begin_missed_comparison(services: Services) -> int:
    """The same if no comparison has begun for a day, because the machine was off at that hour."""
    began = comparison.find_round(services, counted=False).began_at
    missed = began is None or services.clock.now() - began > _A_DAY
    return begin_comparison(services) if missed else 0
