"""Close the house when ended.log is not the known file, and open it when that file is back.

The store and the newest signed head each know a mark; the file must contain both. A longer file is fine: it is
replayed (`replay_endings`).
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, or_, select

from plugin.errors import ConsentError, StoreAway, StoreBusy, StoreError, VaultError
from plugin.flows.access import links
from plugin.flows.access.programs import api_tokens
from plugin.flows.common import closed_house
from plugin.flows.common.batches import in_short_writes, queue_jobs
from plugin.flows.common.services import Services
from plugin.flows.people import resemblance
from plugin.flows.people.resemblance import NONE_OPEN, OpenTemplates
from plugin.flows.photos import recompute_library
from plugin.flows.schedule import known_endings, replay_endings
from plugin.flows.schedule.replay_endings import Door
from plugin.ledger import tables as t
from plugin.ledger.log import ended_marks, heads, house_state
from plugin.ledger.log.ended_marks import EndedMark
from plugin.ledger.log.endings import LINK, NOTHING_ENDED, TOKEN, Mark, NewEndedLog
from plugin.ledger.log.house_state import HouseState
from plugin.ledger.store.audit import Action, Scalar
from plugin.ledger.store.store import Tx

LONGEST_REASON = 200
_DELAY = timedelta(minutes=1)
_TRIES = 20


def check_ended_log(services: Services) -> None:
    """Read the whole ended.log, at the start of every process and each minute, and close or open the house.

    An older store that knows no mark adopts the file as it is, once.
    """
    said = _read_heads(services)
    services.ended.read_anew()
    with services.store.read() as conn:
        now = house_state.read(conn)
    lacks = services.ended.lacks(*ended_marks.list_known_marks(now, said))
    if lacks:
        _close(services, said)
    elif now.closed_at is not None:
        try:
            _open(services, said)
        except StoreAway:
            raise
        except (StoreError, OSError):
            pass  # the file is open to others, or away again: it stays closed
    elif _is_unknown(now, said):
        with services.store.write() as tx:
            _adopt(services, tx, said)
    recompute_library.follow_house_closing(services)


def _read_heads(services: Services) -> EndedMark:
    """What the heads signed by our key say; nothing without the key, because none can be verified then."""
    keys = services.config.keys
    try:
        return ended_marks.read_ended_mark(services.config.path(keys.heads_file), services.head_key.known)
    except VaultError:
        return EndedMark()


def _is_unknown(now: HouseState, said: EndedMark) -> bool:
    return now.mark is None or now.mark not in ended_marks.list_known_marks(now, said)


def _adopt(services: Services, tx: Tx, said: EndedMark) -> None:
    now = house_state.read(tx.connection)
    if now.closed_at is None and _is_unknown(now, said):
        house_state.set_mark(tx, said.mark or services.ended.mark())
        if said.anew_at is not None:
            house_state.set_restarted_at(tx, said.anew_at)


def _close(services: Services, said: EndedMark) -> None:
    """Close the house, or update the reason why it is closed."""
    with services.store.write() as tx:
        now = house_state.read(tx.connection)
        known = ended_marks.list_known_marks(now, said)
        lacks = services.ended.lacks(*known)
        furthest = max(known, key=lambda mark: mark.lines, default=NOTHING_ENDED)
        if lacks and now.closed_at is None:
            house_state.close(tx, lacks, furthest)
        elif lacks and (now.mark, now.closed_why) != (furthest, lacks):
            house_state.change_reason(tx, lacks, furthest)


def _open(services: Services, said: EndedMark) -> None:
    """The right file is back: replay it, and write into it what ended while the house was closed.

    Both happen before the write that opens the house, which checks that nothing is missing; else it is retried.
    """
    for _ in range(_TRIES):
        began = services.ended.mark()
        replay_endings.replay_lines(services)
        others = _prepare_opening(services)
        ended = known_endings.find_endings(services)
        there = {(one.person_id, one.grant_id, one.kind) for one in services.ended.lines()}
        added = [one for one in ended.lines if (one.person_id, one.grant_id, one.kind) not in there]
        if services.ended.mark() != began:
            continue
        services.ended.write(*added)
        mark = services.ended.mark()
        if mark.lines != began.lines + len(added):
            continue  # another process wrote a line, which may have to be carried out
        with services.store.write() as tx:
            now = house_state.read(tx.connection)
            if now.closed_at is None or services.ended.lacks(*ended_marks.list_known_marks(now, said)):
                return
            if not ended.are_all(tx.connection) or services.ended.mark() != mark:
                continue
            house_state.reopen(tx, mark)
            if said.anew_at is not None:  # the process that began the file may have died before the store knew
                house_state.set_restarted_at(tx, said.anew_at)
            tx.audit(Action.HOUSE_OPEN, "system", without_ended_log=False, lines=began.lines, added=len(added))
            _hold_missed_sets(services, tx, now.closed_at, others)
        _queue_recompute(services, now.closed_at)
        return


@dataclass(frozen=True)
class ReplacedEndedLog:
    """A new file: how many endings it holds, where the previous one was moved (None: there was none), and how many
    links and tokens were revoked."""

    lines: int
    aside: Path | None
    links: int
    tokens: int


def open_without_ended_log(services: Services, reason: str, actor: str, restored: bool = False) -> ReplacedEndedLog:
    """Open the house without the known file: a new one begins with every ending that the store knows.

    The wrong file is moved aside, into the same folder. `restored`: the store is an older copy, so every link and
    token that it knows is revoked. Raises ConsentError without a reason (which names nobody), and if the house is
    open, as after a race with another process.
    """
    reason = clean_reason(reason)
    shut = _shut_all(services, actor) if restored else []
    for _ in range(_TRIES):
        others, ended = _prepare_opening(services), known_endings.find_endings(services)
        begun = NewEndedLog.of(ended.lines)
        with suppress(VaultError):  # writing the head reports it
            heads.refuse_unreachable(services.config.path(services.config.keys.heads_file))
        with services.store.write() as tx:
            if not restored and closed_house.find_reason_in(services, tx.connection) is None:
                raise ConsentError("the house is open: ended.log is what was known of it, and stays")
            if not ended.are_all(tx.connection):
                continue
            closed_at = house_state.read(tx.connection).closed_at
            aside = _begin_new_log(services, tx, begun, actor, restored=restored, reason=reason)
            shut += _shut(services, tx, list(replay_endings.list_open_doors(tx.connection)), actor) if restored else []
            if closed_at is not None:
                _hold_missed_sets(services, tx, closed_at, others)
        break
    else:
        raise StoreBusy("others end something all the time: stop the server and the worker, and ask again")
    if closed_at is not None:
        _queue_recompute(services, closed_at)
    recompute_library.follow_house_closing(services)
    kinds = [kind for kind, _ in shut]
    return ReplacedEndedLog(len(ended.lines), aside, kinds.count(LINK), kinds.count(TOKEN))


def _begin_new_log(services: Services, tx: Tx, begun: NewEndedLog, actor: str, **why: Scalar) -> Path | None:
    """Write the new file and a head that records it, and open the house; returns where the old file was moved."""
    spare = services.ended.path.with_name(f"{services.ended.path.name}.aside-{tx.now:%Y%m%dT%H%M%S%fZ}")
    aside = spare if services.ended.begin_anew(begun, spare) else None
    mark = services.ended.mark()
    house_state.reopen(tx, mark)
    tx.audit(Action.HOUSE_OPEN, actor, None, None, without_ended_log=True, lines=mark.lines, **why)
    house_state.set_restarted_at(tx, _write_head(services, tx, mark, actor))
    return aside


def clean_reason(reason: str) -> str:
    """The reason with white space normalized. Raises ConsentError if it is empty, too long or not printable."""
    reason = " ".join(reason.split())
    if not reason or len(reason) > LONGEST_REASON or not reason.isprintable():
        raise ConsentError(
            f"--without-ended-log needs a reason of 1 to {LONGEST_REASON} characters; it stands in the log for years, "
            "so name nobody in it"
        )
    return reason


def _write_head(services: Services, tx: Tx, mark: Mark, actor: str) -> datetime:
    """Write a head for the new file, so that older heads do not reject it; without the key no head counts.

    Returns the moment from which the new file counts.
    """
    config = services.config
    try:
        key = services.head_key
    except VaultError:
        return tx.now
    months = config.retention.audit_months
    note = {"kind": heads.ENDED_RESTARTED}
    return heads.add(tx, key, config.path(config.keys.heads_file), months, mark, note, actor).at


def _shut_all(services: Services, actor: str) -> list[Door]:
    """Revoke in short writes, each with its lines; a retry after a crash continues with the rest."""
    with services.store.read() as conn:
        doors = sorted(replay_endings.list_open_doors(conn))
    in_short_writes(services.store, doors, lambda tx, some: _shut(services, tx, some, actor))
    return doors


def _shut(services: Services, tx: Tx, doors: Sequence[Door], actor: str) -> list[Door]:
    for kind, number in doors:
        revoke = links.revoke if kind == LINK else api_tokens.revoke_in
        revoke(services, tx, number, actor)
    return list(doors)


def _prepare_opening(services: Services) -> OpenTemplates:
    """Slow work before the write that opens the house: delayed jobs, and the templates for `_hold_missed_sets`.

    The jobs are queued again afterwards, so that neither a crash nor a concurrent write leaves one out.
    """
    with services.store.read() as conn:
        since = house_state.read(conn).closed_at
        came = [] if since is None else _list_sets_since(conn, since)
    if since is not None:
        _queue_recompute(services, since, _DELAY)
    return resemblance.open_templates(services) if came else NONE_OPEN


def _queue_recompute(services: Services, since: datetime, delay: timedelta = timedelta(0)) -> None:
    """No dates were written to the DAM while the house was closed: recompute what was named there since."""
    i = t.intent.c
    written = select(i.resource_id).where(i.finished_at >= since)
    named = select(t.tag.c.person_id).where(t.tag.c.resource_id.in_(written), t.tag.c.person_id.is_not(None))
    with services.store.read() as conn:
        people = sorted(set(conn.scalars(named)))
    queue_jobs(services, "recompute", people, delay=delay)


def _hold_missed_sets(services: Services, tx: Tx, since: datetime, others: OpenTemplates) -> None:
    """Reference sets added while the house was closed were not compared with people who look alike."""
    for set_id in _list_sets_since(tx.connection, since):
        resemblance.hold_near(services, tx, set_id, others)


def _list_sets_since(conn: Connection, since: datetime) -> list[str]:
    s = t.reference_set.c
    query = select(s.id).where(s.ended_at.is_(None), or_(s.added_at >= since, s.vouched_at >= since))
    return list(conn.scalars(query))


def find_new_log_start(conn: Connection) -> datetime | None:
    """When the current ended.log replaced a lost one; None if it never did."""
    return house_state.read(conn).anew_at
