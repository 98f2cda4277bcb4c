"""Every chore and act that writes, with its preparation, in the order in which `longest_write` runs them."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from sqlalchemy import select

from bench import fixtures
from bench.library import Library
from plugin.flows.clearance import dam_dates
from plugin.flows.collections import modes, ruling_identity
from plugin.flows.common.services import Services
from plugin.flows.consent import cuts, withdrawal
from plugin.flows.mail import delivery
from plugin.flows.matching import vouching
from plugin.flows.people import register
from plugin.flows.photos import comparison, recompute_library, scan_queue
from plugin.flows.rights import erasure
from plugin.flows.schedule import calendar, house_closing, retries
from plugin.flows.schedule import retention as terms
from plugin.flows.tags import removed_names
from plugin.hooks.dam import Change, Collection, CollectionRuling, Dam, NamedCollections
from plugin.hooks.folder.index import FolderIndex, KnownFile
from plugin.hooks.folder.tree import FileEntry
from plugin.hooks.mention import Mentions
from plugin.ledger import tables as t
from plugin.ledger.keys import rotation
from plugin.ledger.queue import retention_rules
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.quitclaim.consent.lifecycle import StopMode
from sidecar.running.runner import Runner

SHOWN = 20_000
"""Photographs that show one person; and people who take part in a shoot, or are enrolled."""
RULED = 100_000
_FILES, _LETTERS, _RULINGS = 50_000, 5_000, 1_000
_PORTIONS = 20  # of each chain: they are alike
_ACTOR = "cli:bench"

Act = tuple[str, Callable[[], object], Callable[[], object]]
"""Its name, its preparation (not measured), and the function that is measured."""


class FilelessDam:
    """A DAM whose photographs have no files: only the store is measured."""

    at_once = 50

    def __init__(self, inner: Dam) -> None:
        self._inner = inner
        self.heard: Sequence[CollectionRuling] = ()
        self.inhabitants: Sequence[str] = ()

    def __getattr__(self, name: str) -> Any:
        if hasattr(NamedCollections, name):
            raise AttributeError(name)  # its collections have numbers, unless `name_collections`
        return getattr(self._inner, name)

    def name_collections(self, marks: dict[str, str]) -> None:
        """Have it be one of NamedCollections, with these marks; without any no more."""
        able = {"identities": lambda _refs=None: marks, "sure": lambda _mark: True, "out_of_sight": lambda _ref: False}
        for name, answer in able.items():
            if marks:
                setattr(self, name, answer)
            else:
                delattr(self, name)

    def collections(self) -> Sequence[Collection]:
        return [Collection(fixtures.ALL, "All of them", RULED)]

    def rulings(self) -> Sequence[CollectionRuling]:
        return self.heard

    def changes(self) -> Sequence[Change]:
        return []

    def refs(self, *_collections: str) -> Iterator[str]:
        return iter(self.inhabitants)

    def state_many(self, until: dict[str, Any]) -> dict[str, None]:
        return dict.fromkeys(until)

    def write_many(self, tasks: Sequence[Any]) -> dict[str, Any]:
        return {task.ref: () for task in tasks}

    def names_on(self, refs: Sequence[str]) -> dict[str, Any]:
        return dict.fromkeys(refs, ())

    def forget(self, _name: str) -> bool:
        return True

    def leftovers(self, _refs: Sequence[str]) -> dict[str, int]:
        return {}

    def mentions(self, *_: object) -> Mentions:
        return Mentions()


def _nothing() -> None:
    return


def _run_jobs(services: Services, *kinds: str) -> bool:
    runner = Runner(services)
    return any(not runner.run_one(kinds) for _ in range(_PORTIONS))


def list_acts(library: Library) -> Iterator[Act]:
    """All acts, in order."""
    services = library.services
    yield from _list_chores(services)
    yield from _list_decisions(services)
    yield from _list_acts_on_people(library)
    yield from _list_acts_while_closed(services)
    yield from _list_nightly(services)


def _list_chores(services: Services) -> Iterator[Act]:
    jobs = partial(_run_jobs, services)
    yield "start", _nothing, partial(calendar.start_process, services)
    yield "sweep", _nothing, partial(calendar.sweep_endings, services)
    yield (
        "computing anew",
        partial(fixtures.forget_policy, services),
        lambda: (recompute_library.follow_policy(services), jobs("anew")),
    )
    late = partial(scan_queue.begin_late_consent, services)
    yield ("late consent", partial(fixtures.allow_comparison, services), lambda: (late(), jobs(scan_queue.LATE_JOB)))
    begin = partial(comparison.begin_round, services)
    yield ("a round", partial(fixtures.clear_jobs, services), lambda: (begin(), jobs(comparison.JOB)))
    yield "a poll", _nothing, lambda: FolderIndex(services.store).put(_make_files())


def _list_decisions(services: Services) -> Iterator[Act]:
    jobs = partial(_run_jobs, services)
    lie = partial(fixtures.fill_large_collection, services, RULED)
    yield "a mode", lie, partial(modes.decide, services, fixtures.ALL, modes.Ruling(Mode.NEVER), _ACTOR)
    yield "what follows a mode", _nothing, lambda: jobs("remode")
    yield "a shoot", _nothing, partial(_set_shoot, services)
    yield "a shoot once more", _nothing, partial(_set_shoot, services)
    follow = partial(ruling_identity.follow, services, [], exact=True)
    yield "a folder renamed", partial(fixtures.rename_folder, services), follow
    heard = [CollectionRuling(str(10_000_000 + n), "A collection", "detect") for n in range(_RULINGS)]
    yield (
        "rulings heard",
        partial(fixtures.use_numbered_collections, services, heard),
        partial(modes.import_from_dam, services),
    )
    some = [f"new/{number}.jpg" for number in range(5000)]
    yield ("a collection filled", partial(fixtures.fill_collection, services, some), lambda: jobs("members"))


def _set_shoot(services: Services) -> None:
    members = tuple(fixtures.list_people(services)[:SHOWN])
    modes.decide(
        services, fixtures.ALL, modes.Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("a list", "me"), members), _ACTOR
    )


def _list_acts_on_people(library: Library) -> Iterator[Act]:
    services = library.services
    jobs, clear = partial(_run_jobs, services), partial(fixtures.clear_jobs, services)
    named = partial(fixtures.name_by_hand, services, "Adopted Sample", SHOWN)
    newcomer = register.Newcomer("Adopted Sample", of_age=True)
    yield "a name adopted", named, partial(register.add, services, newcomer, _ACTOR, adopt=True)
    yield "what follows adoption", _nothing, lambda: jobs(register.JOB)
    shown = library.withdrawing
    yield f"an export of {SHOWN}", _nothing, partial(register.export, services, shown[SHOWN][0], _ACTOR)
    for size in (SHOWN, 5000, 50):
        who = shown[size]
        yield (f"a withdrawal of {size}", clear, partial(withdrawal.withdraw, services, who[0], None, _ACTOR))
        if size != SHOWN:  # taking so many names out of the DAM is not what is measured
            yield f"what follows it ({size})", _nothing, lambda: jobs("revoke", "recompute", "state")
        yield f"its cut ({size})", clear, lambda: (cuts.resume(services), jobs("cut"))
    yield (
        f"a restriction of {SHOWN}",
        clear,
        partial(withdrawal.stop, services, shown[SHOWN][1], StopMode.RESTRICT, None, _ACTOR),
    )
    yield "a grant given", clear, partial(fixtures.sign_quitclaim, services, shown[SHOWN][2])
    yield "what follows a grant", _nothing, lambda: jobs("recompute", "cut")
    yield "an erasure begun", clear, partial(erasure.begin, services, shown[500][0], _ACTOR)
    yield "an erasure", _nothing, partial(erasure.finish, services, shown[500][0])
    someone = shown[SHOWN][2]
    yield (
        f"an enrolment beside {SHOWN}",
        partial(fixtures.enrol_many, services, SHOWN),
        partial(fixtures.enrol, services, someone),
    )
    yield ("vouching", _nothing, lambda: vouching.vouch(services, fixtures.find_declared_set(services), "met", _ACTOR))


def _list_nightly(services: Services) -> Iterator[Act]:
    jobs, clear = partial(_run_jobs, services), partial(fixtures.clear_jobs, services)
    yield "dates", partial(fixtures.add_past_dates, services, RULED), partial(dam_dates.renew, services)
    yield "dates told", _nothing, lambda: jobs("state")
    yield "terms", partial(fixtures.expire_rows, services), partial(terms.expire_all, services)
    yield "the log pruned", _nothing, partial(_prune, services)
    yield (
        "names taken off",
        partial(fixtures.take_names_off, services, RULED),
        partial(removed_names.backfill, services),
    )
    yield (
        "a new master key",
        partial(fixtures.create_face_keys, services),
        partial(rotation.rotate, services.store, services.master),
    )
    yield "letters", partial(fixtures.queue_letters, services, _LETTERS), partial(delivery.resume, services)
    dead = partial(fixtures.fill_queue, services, "dead", 5000)
    yield "begun again", lambda: (clear(), dead()), partial(retries.retry_owed, services, at_once=True)
    yield "a full queue", partial(fixtures.fill_queue, services), partial(_take_turns, services)
    yield ("revocations owed", partial(fixtures.end_all_grants, services), partial(calendar.begin_comparison, services))


def _take_turns(services: Services) -> None:
    """Claim a job, put it back, claim it again and finish it, repeatedly."""
    queue = services.queue
    for _ in range(_PORTIONS):
        if job := queue.claim(("photo",)):
            queue.put_back(job)
        if job := queue.claim(("photo",)):
            with services.store.write() as tx:
                queue.finish(tx, job)


def _prune(services: Services) -> None:
    with services.store.write() as tx:
        last = tx.connection.scalar(select(t.audit_head.c.seq)) or 0
        retention_rules.prune_audit_log(tx, services.config, tx.now.replace(year=tx.now.year + 20), last)


def _list_acts_while_closed(services: Services) -> Iterator[Act]:
    jobs = partial(_run_jobs, services)
    yield "closing", _nothing, partial(fixtures.close_house, services)
    yield "a closed house", _nothing, lambda: (recompute_library.follow_policy(services), jobs("anew"))
    yield "opening", _nothing, partial(house_closing.check_ended_log, services)


def _make_files() -> list[KnownFile]:
    return [KnownFile(FileEntry(f"new/{number}.jpg", 1, 1, None), "v") for number in range(_FILES)]
