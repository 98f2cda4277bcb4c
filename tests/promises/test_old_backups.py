"""E2: an old backup brings nobody back, and opens nothing that was shut."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from plugin.clock import ManualClock
from plugin.config import Config
from plugin.errors import LinkRefused, StoreError, TokenRefused
from plugin.flows.access import links
from plugin.flows.access.links import Link, LinkKind
from plugin.flows.access.programs import api_tokens
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.matching import gallery
from plugin.flows.rights import erasure
from plugin.flows.schedule import calendar, restoration
from plugin.ledger import tables as t
from plugin.ledger.backups import backup, restore
from plugin.ledger.backups.backup_trust import RestoreOptions
from plugin.ledger.backups.restore import RestoreReport
from plugin.ledger.keys.master_keys import MasterKeys
from plugin.ledger.log.head_book import HeadBook
from plugin.quitclaim.consent.lifecycle import StopMode
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import support
from tests.stores import Stores

ENDED = ("erased", "withdrawn", "restricted", "shortened", "shortened later")
NEWEST = RestoreOptions()


@dataclass
class Past:
    """What a house had before most of it ended: people by what became of them, and what opened something."""

    people: dict[str, list[str]] = field(default_factory=dict)
    templates: dict[str, list[bytes]] = field(default_factory=dict)
    shut_links: list[str] = field(default_factory=list)
    shut_tokens: list[str] = field(default_factory=list)
    open_links: list[str] = field(default_factory=list)
    open_tokens: list[str] = field(default_factory=list)


def _begin(services: Services, count: int) -> Past:
    cast, past = support.Cast(services), Past()
    for group in (*ENDED, "living"):
        past.people[group] = [cast.add(f"{group} {n}") for n in range(count)]
        for person_id in past.people[group]:
            cast.sign(person_id)
            cast.enrol(person_id, samples.A_FRONT)
    past.templates = _templates(services, past.people["living"])
    return past


def _open_doors(services: Services, past: Past) -> tuple[list[links.MadeLink], list[api_tokens.NewToken]]:
    """Links and tokens of the living: half of them are shut afterwards."""
    made_links = []
    for person_id in past.people["living"] * 2:
        with services.store.write() as tx:
            made_links.append(links.make(services, tx, Link(LinkKind.PAGE, "en", person_id), "test"))
    made_tokens = [api_tokens.create(services, f"token {n}", ["people:read"], "test") for n in range(len(made_links))]
    return made_links, made_tokens


def _end(services: Services, clock: ManualClock, past: Past) -> None:
    cast = support.Cast(services)
    for person_id in past.people["erased"]:
        erasure.erase(services, person_id, "test")
    for person_id in past.people["withdrawn"]:
        withdrawal.withdraw(services, person_id, None, "test")
    for person_id in past.people["restricted"]:
        withdrawal.stop(services, person_id, StopMode.RESTRICT, None, "test")
    for person_id in past.people["shortened"]:
        cast.sign(person_id, lasts=timedelta(days=5))
    for person_id in past.people["shortened later"]:
        cast.sign(person_id, start=clock.now() + timedelta(days=5), lasts=timedelta(days=5))


def _shut(
    services: Services, past: Past, made_links: list[links.MadeLink], made_tokens: list[api_tokens.NewToken]
) -> None:
    half = len(made_links) // 2
    for link in made_links[:half]:
        with services.store.write() as tx:
            links.revoke(services, tx, link.id, "test")
    for token in made_tokens[:half]:
        api_tokens.revoke(services, token.id, "test")
    past.shut_links, past.open_links = _tokens_of(made_links, half)
    past.shut_tokens = [token.secret for token in made_tokens[:half]]
    past.open_tokens = [token.secret for token in made_tokens[half:]]


def _tokens_of(made: list[links.MadeLink], half: int) -> tuple[list[str], list[str]]:
    return [link.token for link in made[:half]], [link.token for link in made[half:]]


def _usable(services: Services, person_id: str) -> list[str]:
    """What of a person a house would act upon now: a template, a match, a publication."""
    now = services.clock.now()
    with services.store.read() as conn:
        standing = roster.load_many(services, conn, [person_id]).get(person_id)
        sealed = services.vault.find(conn, person_id, "template")
        key = services.vault.has_key(conn, person_id, "face")
    gallery.refresh(services)
    found = ["template"] * len(sealed) + ["face key"] * key
    found += ["gallery"] if person_id in services.faces.enrolled else []
    if standing is not None and standing.recognition(now) is not None:
        found.append("recognition")
    if standing is not None and standing.any_publication(now):
        found.append("publication")
    return found


def _opening(services: Services, link_tokens: list[str], secrets: list[str]) -> int:
    """How many of these links and tokens open something."""
    count = 0
    for token in link_tokens:
        try:
            links.find_open(services, token)
            count += 1
        except LinkRefused:
            continue
    for secret in secrets:
        try:
            api_tokens.authenticate(services, secret)
            count += 1
        except TokenRefused:
            continue
    return count


def _moved(config: Config, url: str) -> Config:
    return config.model_copy(update={"store": config.store.model_copy(update={"url": url})})


def _restore(config: Config, clock: ManualClock, wish: RestoreOptions = NEWEST) -> RestoreReport:
    master, book = MasterKeys.load(config.path(config.keys.master_file)), HeadBook.from_config(config)
    return restore.restore_backup(config.store_url, config.path(config.backup.folder), master, clock, book, wish)


@pytest.mark.promise
def test_an_old_backup_brings_nobody_back(
    tmp_path: Path,
    clock: ManualClock,
    examiner: Examiner,
    stores: Stores,
    store_kind: str,
    promise: Callable[[str, str], None],
    full: bool,
) -> None:
    """A backup from before erasures, withdrawals, restrictions, shortened grants, revoked links and tokens revives
    none, nor does one from half-way; the living keep all."""
    count = 20 if full else 2
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    config = support.configuration(tmp_path, store={"url": stores.empty(store_kind)})
    with support.opened(config, clock, examiner) as services:
        past = _begin(services, count)
        doors = _open_doors(services, past)
        made = [_backup(services)]
        clock.advance(timedelta(days=1))
        _end(services, clock, past)
        made.append(_backup(services))
        _shut(services, past, *doors)
        support.Cast(services).work()
        calendar.run_housekeeping(services)
        assert all(_usable(services, p) for p in past.people["shortened later"])
    clock.advance(timedelta(days=2))
    over = [ENDED[:4], ENDED[:3]]  # the second backup has the shorter versions, which hold for three days more
    figures = [
        _figures(_moved(config, stores.migrated(store_kind)), clock, examiner, past, one, groups)
        for one, groups in zip(made, over, strict=True)
    ]
    revived, opened, kept = (sum(values) for values in zip(*figures, strict=True))
    ended, doors_shut = len(ENDED) * count, len(past.shut_links) + len(past.shut_tokens)
    promise(
        "E2",
        f"{store_kind}: backups {len(made)}: revived {revived} of {len(made) * ended}; shut doors open {opened} of "
        f"{len(made) * doors_shut}; living kept {kept} of {len(made) * count}",
    )
    assert (revived, opened, kept) == (0, 0, len(made) * count)


def _backup(services: Services) -> str:
    config = services.config
    return backup.write_backup(
        services.store,
        services.master,
        config.path(config.backup.folder),
        services.clock,
        HeadBook.from_config(config),
        config.backup.key_days,
    ).name


def _figures(
    moved: Config, clock: ManualClock, examiner: Examiner, past: Past, name: str, over: tuple[str, ...]
) -> tuple[int, int, int]:
    """Of a restore of that backup, now and once everything has had its time: revived, opened, kept."""
    at = clock.now()
    with support.opened(moved, clock, examiner):
        pass
    assert _restore(moved, clock, RestoreOptions(name)).rows
    with support.opened(moved, clock, examiner) as services:
        calendar.start_process(services)
        support.Cast(services).work()
        early = {who for g in over for who in past.people[g] if _usable(services, who)}
        opened = _opening(services, past.shut_links, past.shut_tokens)
        assert _opening(services, past.open_links, past.open_tokens) == len(past.open_links) * 2
        back = restoration.count_restored(services)
        assert back.links >= len(past.open_links)
        assert back.tokens == len(past.open_tokens)
        clock.advance(timedelta(days=10))
        calendar.sweep_endings(services)
        support.Cast(services).work()
        late = {who for g in ENDED for who in past.people[g] if _usable(services, who)}
        kept = sum(bodies == past.templates[who] for who, bodies in _templates(services, past.people["living"]).items())
        names = _names(services)
    clock.set(at)
    living = {f"living {n}" for n in range(len(past.people["living"]))}
    assert living <= names
    assert not any(name.startswith("erased") for name in names)
    return len(early | late), opened, kept


def test_without_ended_log_nothing_is_restored_or_nothing_opens(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, stores: Stores, store_kind: str
) -> None:
    """Refused without a reason; with one, no link and no token opens, and whose key is gone is gone all the same."""
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    config = support.configuration(tmp_path, store={"url": stores.empty(store_kind)})
    with support.opened(config, clock, examiner) as services:
        past = _begin(services, 1)
        doors = _open_doors(services, past)
        _backup(services)
        clock.advance(timedelta(days=1))
        _end(services, clock, past)
        _shut(services, past, *doors)
        support.Cast(services).work()
        calendar.run_housekeeping(services)
        services.ended.path.rename(tmp_path / "lost.log")
    moved = _moved(config, stores.migrated(store_kind))
    with support.opened(moved, clock, examiner) as services:
        with pytest.raises(StoreError, match=r"ended\.log is missing.*Nothing was restored"):
            _restore(moved, clock)
        with services.store.read() as conn:
            assert conn.scalar(select(func.count()).select_from(t.person)) == 0
    done = _restore(moved, clock, RestoreOptions(without_ended_log="the disk is lost"))
    assert (done.links_shut, done.tokens_shut) == (2, 2)
    with support.opened(moved, clock, examiner) as services:
        assert _opening(services, past.shut_links + past.open_links, past.shut_tokens + past.open_tokens) == 0
        for group in ("erased", "withdrawn"):
            for person_id in past.people[group]:
                assert not {"template", "face key", "gallery"} & set(_usable(services, person_id))


def _templates(services: Services, people: list[str]) -> dict[str, list[bytes]]:
    with services.store.read() as conn:
        return {
            who: [services.vault.open(conn, found) for found in services.vault.find(conn, who, "template")]
            for who in people
        }


def _names(services: Services) -> set[str]:
    with services.store.read() as conn:
        return set(conn.scalars(select(t.person.c.display_name)))
