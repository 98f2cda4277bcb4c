"""Every decision about a collection can be read back: appended, never changed."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, select, text, update

from plugin.clock import ManualClock
from plugin.flows.collections import modes, ruling_history, shoots
from plugin.flows.collections.modes import Ruling
from plugin.flows.collections.ruling_history import PastRuling, RulingCause
from plugin.flows.common.services import Services
from plugin.flows.people import register
from plugin.flows.rights import erasure
from plugin.hooks.dam import CollectionRuling
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.cli import cli
from sidecar.commands.common import Shell
from tests import support
from tests.expired_rows import delete_expired
from tests.stores import Stores

ROOT = Path(__file__).parents[2]
FIRST = Ruling(Mode.AUTO, Basis.ALL_ASKED, BasisEvidence("list of March", "Ann Sample", date(2026, 2, 1)))
SECOND = Ruling(Mode.AUTO, Basis.CONTROLLER, BasisEvidence("DPIA 7", "Bo Sample", date(2026, 3, 1), date(2026, 9, 1)))
HEARD = CollectionRuling(support.SHOOT, "Shoot", "suggest", "all-asked", "list", "Ann Sample", set_by="admin")


def _history(services: Services, ref: str = support.SHOOT) -> list[PastRuling]:
    with services.store.read() as conn:
        return list(ruling_history.list_rulings(services, conn, ref))


@pytest.fixture(params=["sqlite", "postgresql"])
def house(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, stores: Stores, request: pytest.FixtureRequest
) -> Iterator[Services]:
    """A house with one collection, on either store."""
    config = support.configuration(tmp_path, store={"url": stores.migrated(request.param)})
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    with support.opened(config, clock, examiner) as services:
        yield services


def _raw(conn: Connection) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in conn.execute(text("SELECT * FROM ruling ORDER BY id"))]


def test_a_second_decision_overwrites_nothing_that_cannot_be_read_back(house: Services, clock: ManualClock) -> None:
    """Who, when, mode, basis, reference, review and why, of each: also where only the basis changed."""
    first = clock.now()
    modes.decide(house, support.SHOOT, FIRST, "cli:ann")
    clock.advance(timedelta(days=2))
    modes.decide(house, support.SHOOT, SECOND, "cli:bo")
    past = _history(house)
    assert [(one.mode, one.basis, one.reference, one.by, one.set_by, one.why) for one in past] == [
        ("auto", "all-asked", "list of March", "Ann Sample", "cli:ann", RulingCause.SET),
        ("auto", "controller", "DPIA 7", "Bo Sample", "cli:bo", RulingCause.SET),
    ]
    assert [one.decided for one in past] == [date(2026, 2, 1), date(2026, 3, 1)]
    assert [one.review_date for one in past] == [None, date(2026, 9, 1)]
    assert [one.set_at for one in past] == [first, clock.now()]


def test_no_way_of_deciding_changes_what_stands_there(house: Services) -> None:
    """Set, heard, joined, followed, lost, and a member erased: every row that was there is there to the letter."""
    cast = support.Cast(house)
    asa = cast.add("Åsa")
    cast.sign(asa)
    shoot = Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("the shoot of May"), ("Åsa",))

    def hear(ruling: CollectionRuling) -> None:
        with house.store.write() as tx:
            modes.import_in(house, tx, [ruling])

    def join() -> None:
        with house.store.write() as tx:
            modes.join_shoot(tx, support.SHOOT, asa)

    def lose() -> None:
        with house.store.write() as tx:
            tx.execute(update(t.collection).values(lost_at=tx.now))
            ruling_history.append(house, tx, support.SHOOT, RulingCause.LOST, "system")

    acts: list[Callable[[], object]] = [
        lambda: modes.decide(house, support.SHOOT, FIRST, "cli:ann"),
        lambda: modes.decide(house, support.SHOOT, shoot, "cli:ann"),
        lambda: hear(HEARD),
        lambda: hear(replace(HEARD, basis="controller", decided=date(2026, 1, 1), review=date(2026, 9, 1))),
        join,
        lose,
        lambda: erasure.erase(house, asa, "cli:ann"),
    ]
    before: list[tuple[Any, ...]] = []
    for act in acts:
        act()
        with house.store.read() as conn:
            after = _raw(conn)
        assert after[: len(before)] == before
        before = after
    assert [one.why.value for one in _history(house)] == ["set", "set", "heard", "heard", "lost"]


def test_a_shoots_members_are_known_until_they_are_erased(house: Services) -> None:
    """A second list of members leaves the first to be read; the number of an erased one stays."""
    cast = support.Cast(house)
    for name in ("Åsa", "Bo"):
        cast.sign(cast.add(name))
    for members in (("Åsa", "Bo"), ("Bo",)):
        shoot = Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("the shoot of May"), members)
        modes.decide(house, support.SHOOT, shoot, "cli:ann")
    assert [(one.members, one.names) for one in _history(house)] == [(2, ("Bo", "Åsa")), (1, ("Bo",))]
    with house.store.read() as conn:
        asa = str(conn.scalar(select(t.person.c.id).where(t.person.c.display_name == "Åsa")))
    erasure.erase(house, asa, "cli:ann")
    assert [(one.members, one.names) for one in _history(house)] == [(2, ("Bo",)), (1, ("Bo",))]


def test_who_signs_up_later_was_not_meant_by_what_was_decided_before(house: Services, clock: ManualClock) -> None:
    """The list that holds today grows; each ruling keeps to those who were in it then."""
    cast = support.Cast(house)
    ids = {name: cast.add(name) for name in ("Åsa", "Bo", "Cy")}
    for person_id in ids.values():
        cast.sign(person_id)
    shoot = Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("the shoot of May"), ("Åsa",))
    modes.decide(house, support.SHOOT, shoot, "cli:ann")
    for name in ("Bo", "Bo", "Cy"):
        with house.store.write() as tx:
            modes.join_shoot(tx, support.SHOOT, ids[name])
        modes.decide(house, support.SHOOT, replace(shoot, members=()), "cli:ann")
    assert [one.names for one in _history(house)] == [("Åsa",), ("Bo", "Åsa"), ("Bo", "Åsa"), ("Bo", "Cy", "Åsa")]
    with house.store.read() as conn:
        assert shoots.list_people(conn, None) == {support.SHOOT: set(ids.values())}
    modes.decide(house, support.SHOOT, FIRST, "cli:ann")
    with house.store.read() as conn:
        assert not shoots.list_people(conn, None)
    assert _history(house)[3].names == ("Bo", "Cy", "Åsa")


def test_what_is_held_on_somebody_names_the_shoots_of_past_decisions(house: Services) -> None:
    """They are in a list that a past ruling names, though not in the one of today."""
    cast = support.Cast(house)
    ids = {name: cast.add(name) for name in ("Åsa", "Bo", "Cy")}
    shoot = Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("the shoot of May"), ("Åsa",))
    for members in (("Åsa",), ("Bo",)):
        modes.decide(house, support.SHOOT, replace(shoot, members=members), "cli:ann")
    held = {name: register.export(house, person_id, "cli:ann")["shoots"] for name, person_id in ids.items()}
    assert held == {
        "Åsa": [{"collection_ref": support.SHOOT, "today": False}],
        "Bo": [{"collection_ref": support.SHOOT, "today": True}],
        "Cy": [],
    }


def test_whoever_is_stopped_while_the_list_is_filled_has_decided_nothing(
    house: Services, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was decided before holds, and the list that nothing rests on goes after a day; those in use stay."""
    cast = support.Cast(house)
    ids = {name: cast.add(name) for name in ("Åsa", "Bo", "Cy")}
    for person_id in ids.values():
        cast.sign(person_id)
    shoot = Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("the shoot of May"), ("Åsa",))
    modes.decide(house, support.SHOOT, shoot, "cli:ann")
    modes.decide(house, support.SHOOT, replace(shoot, members=("Åsa", "Bo")), "cli:ann")
    monkeypatch.setattr(ruling_history, "append", _stopped)
    with pytest.raises(KeyboardInterrupt):
        modes.decide(house, support.SHOOT, replace(shoot, members=("Bo", "Cy")), "cli:ann")
    monkeypatch.undo()
    rows = select(t.shoot_person.c.person_id)
    with house.store.read() as conn:
        assert shoots.list_people(conn, None) == {support.SHOOT: {ids["Åsa"], ids["Bo"]}}
        assert len(conn.execute(rows).all()) == 5
    for days, left in ((0, 5), (2, 3)):
        clock.advance(timedelta(days=days))
        with house.store.write() as tx:
            delete_expired(tx, house.config, clock.now())
        with house.store.read() as conn:
            assert len(conn.execute(rows).all()) == left
    assert [one.names for one in _history(house)] == [("Åsa",), ("Bo", "Åsa")]


def _stopped(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_what_is_heard_again_is_one_row_and_a_basis_alone_is_another(house: Services) -> None:
    """Each photograph tells the DAM's ruling anew; the administrator of the DAM decides when there is a new one."""

    def hear(ruling: CollectionRuling) -> None:
        with house.store.write() as tx:
            modes.import_in(house, tx, [ruling])

    for _ in range(3):
        hear(HEARD)
    hear(replace(HEARD, reference="another list", set_by="other"))
    assert [(one.reference, one.set_by, one.why) for one in _history(house)] == [
        ("list", "admin", RulingCause.HEARD),
        ("another list", "other", RulingCause.HEARD),
    ]


def test_a_collection_that_moves_takes_its_history_along(house: Services) -> None:
    """It is read under the new ref; the old one says where it went, and does not claim what comes after."""
    modes.decide(house, support.SHOOT, FIRST, "cli:ann")
    with house.store.write() as tx:
        tx.execute(update(t.collection).where(t.collection.c.ref == support.SHOOT).values(ref="party"))
        ruling_history.append(house, tx, "party", RulingCause.FOLLOWED, "system", moved_from=support.SHOOT)
    modes.decide(house, support.SHOOT, SECOND, "cli:bo")  # a new folder of the old name
    assert [(one.ref, one.why.value) for one in _history(house, "party")] == [("shoot", "set"), ("party", "followed")]
    assert [(one.ref, one.set_by) for one in _history(house)] == [
        ("shoot", "cli:ann"),
        ("party", "system"),
        ("shoot", "cli:bo"),
    ]


def test_no_code_changes_or_deletes_a_row_of_the_history() -> None:
    """One module writes it, and it only appends; its members go with their person, in the one place of erasures."""
    sources = {
        path.relative_to(ROOT).as_posix(): path.read_text()
        for folder in ("plugin", "sidecar")
        for path in (ROOT / folder).rglob("*.py")
        if "migrations" not in path.parts
    }
    touching = re.compile(r"(insert|update|delete)\(\s*(?:t\.|tables\.)?(ruling|shoot_person)\b")
    raw = re.compile(r"(INSERT INTO|UPDATE|DELETE FROM)\s+ruling", re.IGNORECASE)
    found = {(name, *hit) for name, source in sources.items() for hit in touching.findall(source)}
    assert found == {
        ("plugin/flows/collections/ruling_history.py", "insert", "ruling"),
        ("plugin/flows/collections/shoots.py", "insert", "shoot_person"),
    }
    assert not [name for name, source in sources.items() if raw.search(source)]
    mentioned = {name for name, source in sources.items() if re.search(r"\bt\.ruling\b", source)}
    assert mentioned == {  # the others read their numbers
        "plugin/flows/collections/ruling_history.py",
        "plugin/flows/collections/shoots.py",
        "plugin/ledger/queue/retention_rules.py",
    }
    assert {name for name, source in sources.items() if "t.shoot_person" in source} == {
        "plugin/flows/collections/shoots.py",
        "plugin/flows/rights/erasure_rows.py",
        "plugin/ledger/queue/retention_rules.py",
    }


def test_whoever_changes_a_collections_mode_appends() -> None:
    """Each module that writes the mode of a collection calls `append`."""
    writing = re.compile(r"(?:insert|update)\(t\.collection\)")
    writers = {
        path.name: path.read_text()
        for path in (ROOT / "plugin").rglob("*.py")
        if "migrations" not in path.parts and writing.search(path.read_text())
    }
    assert "modes.py" in writers
    assert not [name for name, source in writers.items() if "ruling_history.append(" not in source]


def test_the_history_is_read_by_a_command(services: Services, clock: ManualClock) -> None:
    """For people and for machines; one of which nothing is known is said to be so, and a look at names is audited."""
    cast = support.Cast(services)
    cast.sign(cast.add("Åsa"))
    modes.decide(services, support.SHOOT, FIRST, "cli:ann")
    shoot = Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("the shoot of May"), ("Åsa",))
    modes.decide(services, support.SHOOT, shoot, "cli:bo")
    shell = Shell(services.config, clock)
    told = CliRunner().invoke(cli.commands["collection"], ["history", support.SHOOT], obj=shell)
    assert (told.exit_code, "cli:ann" in told.output, "list of March" in told.output) == (0, True, True)
    told = CliRunner().invoke(cli.commands["collection"], ["history", support.SHOOT, "--json"], obj=shell)
    assert [(one["mode"], one["basis"], one["names"]) for one in json.loads(told.stdout)] == [
        ("auto", "all-asked", []),
        ("suggest", "shoot", ["Åsa"]),
    ]
    unknown = CliRunner().invoke(cli.commands["collection"], ["history", "."], obj=shell)
    assert unknown.exit_code != 0
    with services.store.read() as conn:
        looks = conn.scalars(select(t.audit.c.action).where(t.audit.c.action == "collection:mode:look")).all()
    assert len(looks) == 2
