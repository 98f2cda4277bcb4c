"""The engine is changed: everybody is encoded again, the old one serves until then, and nothing is lost."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from plugin.clock import ManualClock
from plugin.config import Config
from plugin.errors import EngineError
from plugin.flows.common.reference_sets import PictureSource
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.matching import engine_change, engine_status, gallery, serving_engine
from plugin.flows.matching.engine_status import Lack
from plugin.flows.matching.serving_engine import Going
from plugin.flows.people import resemblance
from plugin.flows.photos import scan_queue
from plugin.flows.schedule import calendar, retries
from plugin.ledger import tables as t
from plugin.ledger.backups import backup, restore
from plugin.ledger.backups.backup_trust import RestoreOptions
from plugin.ledger.log.head_book import HeadBook
from plugin.recognizer.engines.registry import EngineSource
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.common import Shell
from sidecar.commands.demo import samples
from sidecar.commands.installation.engines import engine
from sidecar.running import bootstrap
from sidecar.words import engine_words
from tests import other_engine, support

DLIB = "retinaface-dlib/1"


class House:
    """A house whose processes open whichever engine serves."""

    def __init__(self, config: Config, clock: ManualClock, services: Services) -> None:
        self.config, self.clock, self.services = config, clock, services
        self.cast = support.Cast(services)

    def templates(self) -> dict[str, int]:
        """How many there are of each engine."""
        with self.services.store.read() as conn:
            found = conn.scalars(select(t.sealed.c.engine).where(t.sealed.c.kind == "template")).all()
        return {engine: found.count(engine) for engine in found}

    def roles(self) -> dict[str, str]:
        with self.services.store.read() as conn:
            found = {role: serving_engine.find(conn, role) for role in ("serving", "wanted")}
        return {role: f"{one.id} {one.going.value}" for role, one in found.items() if one is not None}


@pytest.fixture
def card(examiner: Examiner, tmp_path: Path) -> Path:
    return other_engine.write(tmp_path / "engine", Path(os.environ["FACELEASE_MODELS"]))


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock, house_store: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.delenv("FACELEASE_ENGINE_FILES", raising=False)
    config = support.configuration(tmp_path, recognizer={"engine": "auto"})
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    support.begin(config, clock)
    with bootstrap.open_house(config, clock) as services:
        calendar.start_process(services)
        yield House(config, clock, services)


@pytest.fixture
def asa(house: House) -> str:
    """Åsa, enrolled by the engine that comes with FaceLease."""
    person = house.cast.add("Åsa")
    house.cast.sign(person)
    house.cast.enrol(person)
    return person


def photographed(house: House, name: str, prefix: str) -> str:
    """A photograph comes and is examined."""
    ref = support.put(house.config.path(house.config.folder.path), f"{support.SHOOT}/{name}", prefix)
    calendar.poll_dam(house.services)
    house.cast.work()
    return ref


def meanwhile(house: House, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do this once, after templates were made and before any of them is kept."""
    encode_with, acts = house.services.faces.encode_with, [act]

    @contextmanager
    def stepping(source: EngineSource) -> Iterator[Examiner]:
        with encode_with(source) as examiner:
            yield examiner
        if acts:
            acts.pop()()

    monkeypatch.setattr(house.services.faces, "encode_with", stepping)


def test_people_are_found_by_the_new_engine(house: House, asa: str, card: Path) -> None:
    """Enrolled before, found afterwards; the old one serves until the end, and its templates are gone then.

    What was examined before is not examined again by itself.
    """
    house.cast.open_collection()
    one = photographed(house, "one.jpg", samples.A_STANDING)
    assert house.cast.tags(asa) == {one: "machine"}
    assert house.roles() == {"serving": f"{DLIB} on"}
    engine_change.choose(house.services, str(card), "test")
    assert list(house.roles()) == ["serving", "wanted"]
    assert house.services.faces.engine_id == DLIB
    house.cast.work()
    new = house.services.faces.engine_id
    assert new.startswith("retinaface-other/1-")
    assert (house.roles(), house.templates()) == ({"serving": f"{new} on"}, {new: 1})
    calendar.begin_comparison(house.services)
    house.cast.work()
    with house.services.store.read() as conn:
        assert set(conn.scalars(select(t.resource.c.engine))) == {DLIB}
    assert list(scan_queue.list_due(house.services)) == []
    assert list(scan_queue.list_due(house.services, other_engine=True)) == [one]
    assert engine_status.read(house.services).scanned == 1
    two = photographed(house, "two.jpg", samples.A_FRONT)
    assert house.cast.tags(asa) == {one: "machine", two: "machine"}


def test_who_comes_and_goes_meanwhile(house: House, asa: str, card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who withdraws has no template of either engine; who enrols meanwhile is encoded before the other serves; whose
    grant begins later is encoded then."""
    bo, eva, late = (house.cast.add(name) for name in ("Bo", "Eva", "Late"))
    for person in (bo, eva, late):
        house.cast.sign(person)
    house.cast.enrol(bo, samples.B_STANDING)
    house.cast.enrol(late, samples.B_STANDING)
    with house.services.store.write() as tx:
        later = house.clock.now() + timedelta(days=3)
        tx.execute(update(t.grant).where(t.grant.c.person_id == late).values(valid_from=later))

    def act() -> None:
        withdrawal.withdraw(house.services, bo, None, "test")
        house.cast.enrol(eva, samples.A_STANDING)

    meanwhile(house, monkeypatch, act)
    engine_change.choose(house.services, str(card), "test")
    house.cast.work()
    new = house.services.faces.engine_id
    with house.services.store.read() as conn:
        kept = conn.execute(select(t.sealed.c.person_id, t.sealed.c.engine).where(t.sealed.c.kind == "template")).all()
        assert {(row.person_id, row.engine) for row in kept} == {(asa, new), (eva, new)}
        assert not house.services.vault.has_key(conn, bo, "face")
    house.clock.advance(timedelta(days=4))
    retries.retry_owed(house.services)
    house.cast.work()
    assert house.templates() == {new: 3}


def test_both_sets_of_a_person_are_encoded(house: House, asa: str, card: Path) -> None:
    """Vouched for, and newer by a link."""
    body = samples.portrait(samples.A_STANDING).read_bytes()
    enrolment = gallery.make_template(house.services, [body])
    with house.services.store.write() as tx:
        source = PictureSource("link", "link", "dam:inviter")
        gallery.enrol_in(house.services, tx, asa, enrolment, [body], "person", source)
    assert house.templates() == {DLIB: 2}
    engine_change.choose(house.services, str(card), "test")
    house.cast.work()
    assert house.templates() == {house.services.faces.engine_id: 2}


def test_a_set_made_by_the_engine_before_is_encoded_again(house: House, asa: str, card: Path) -> None:
    """A process that has the old engine open keeps its template after the other one serves: nobody is lost by that."""
    body = samples.portrait(samples.B_STANDING).read_bytes()
    bo = house.cast.add("Bo")
    house.cast.sign(bo)
    enrolment = gallery.make_template(house.services, [body])
    engine_change.choose(house.services, str(card), "test")
    house.cast.work()
    new = house.services.faces.engine_id
    with house.services.store.write() as tx:
        gallery.enrol_in(house.services, tx, bo, enrolment, [body], "test", PictureSource())
    assert house.templates() == {new: 1, DLIB: 1}
    house.cast.work()
    assert house.templates()[new] == 2
    gallery.refresh(house.services)
    assert house.services.faces.enrolled == {asa, bo}


def test_a_change_is_paused_given_up_and_waits_in_a_closed_house(
    house: House, asa: str, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paused nothing is made; given up, what was made is gone; in a closed house nothing is kept until it opens."""
    bo = house.cast.add("Bo")
    house.cast.sign(bo)
    withdrawal.withdraw(house.services, bo, None, "test")  # from then on there is an ended.log
    engine_change.choose(house.services, str(card), "test")
    engine_change.steer(house.services, Going.PAUSED, "test")
    house.cast.work()
    assert house.templates() == {DLIB: 1}
    assert retries.retry_owed(house.services) == 0
    ended, aside = house.services.ended.path, house.services.ended.path.with_suffix(".aside")
    meanwhile(house, monkeypatch, lambda: ended.rename(aside))
    engine_change.steer(house.services, Going.ON, "test")
    house.cast.work()
    assert house.templates() == {DLIB: 1}
    aside.rename(ended)
    house.clock.advance(timedelta(minutes=2))
    target = house.roles()["wanted"].split()[0]
    meanwhile(house, monkeypatch, lambda: engine_change.choose(house.services, support.ENGINE, "test"))
    house.cast.work()
    assert (house.templates(), house.roles()) == ({DLIB: 1}, {"serving": f"{DLIB} on"})
    engine_change.choose(house.services, str(card), "test")
    house.cast.work()
    assert house.templates() == {target: 1}


def test_who_cannot_be_encoded_is_named_and_too_many_hold_the_change(house: House, asa: str, card: Path) -> None:
    """A damaged photograph of one of two people: the old engine serves until somebody decides."""
    bo = house.cast.add("Bo")
    house.cast.sign(bo)
    house.cast.enrol(bo, samples.B_STANDING)
    with house.services.store.write() as tx:
        mine = (t.sealed.c.person_id == bo) & (t.sealed.c.kind == "reference")
        tx.execute(update(t.sealed).where(mine).values(body=b"damaged"))
    engine_change.choose(house.services, str(card), "test")
    house.cast.work()
    found = engine_status.read(house.services)
    assert house.roles()["serving"] == f"{DLIB} on"
    assert (found.going, found.made, found.of) == (Going.HELD, 1, 2)
    assert [(one.name, one.why) for one in found.missed] == [("Bo", "damaged")]
    assert "facelease engine use NAME --anyway" in engine_words.list_faults(found)[0]
    assert "1 persoon zal niet meer worden herkend" in " ".join(engine_words.list_faults(found, "nl"))
    engine_change.choose(house.services, str(card), "test", anyway=True)
    house.cast.work()
    found = engine_status.read(house.services)
    assert (found.wanted, [one.name for one in found.missed]) == (None, ["Bo"])
    assert house.templates() == {found.serving: 1}
    house.cast.enrol(bo, samples.B_STANDING)
    assert engine_status.read(house.services).missed == ()


def test_an_engine_that_cannot_be_opened_recognises_nobody_until_another_one_has_encoded_all(
    house: House, asa: str, card: Path
) -> None:
    """Its files are gone: doctor says so; the best that is installed takes over."""
    engine_change.choose(house.services, str(card), "test")
    house.cast.work()
    card.with_suffix(".onnx").unlink()
    found = engine_status.read(house.services)
    assert found.lacks is Lack.FILES
    assert "nobody is recognised" in engine_words.list_faults(found)[0]
    with pytest.raises(EngineError):
        gallery.make_template(house.services, [samples.portrait(samples.A_FRONT).read_bytes()])
    card.unlink()
    assert engine_status.read(house.services).lacks is Lack.CARD
    assert resemblance.open_templates(house.services).templates  # who refuses pictures needs them
    engine_change.choose(house.services, "auto", "test")
    house.cast.work()
    assert (house.templates(), house.roles()) == ({DLIB: 1}, {"serving": f"{DLIB} on"})


def test_the_commands_say_how_far_it_is(house: House, asa: str, card: Path) -> None:
    """`use` is not done before a worker has encoded everybody: 3 until then, whatever was said before; 0 after it."""

    def told(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(engine, list(words), obj=Shell(house.config, house.clock))
        return done.exit_code, done.output + str(done.exception or "")

    code, said = told("use", str(card))
    assert (code, "encoded: 0 of 1" in said) == (3, True), said
    code, said = told("use", str(card))
    assert (code, "is used already" in said) == (3, False), said
    assert told("pause")[0] == 0
    code, said = told("pause")
    assert (code, "it goes so already" in said) == (0, True), said
    assert told("resume")[0] == 0
    house.cast.work()
    code, said = told("use", str(card))
    assert (code, "is used already" in said) == (0, True), said
    code, said = told("status", "--json")
    assert (code, json.loads(said)["wanted"], json.loads(said)["encoded"]) == (0, None, 1)
    code, said = told("pause")
    assert (code, "no engine is being changed" in said) == (1, True), said


@pytest.mark.embedded
def test_what_the_configuration_names_no_command_changes(tmp_path: Path, clock: ManualClock, card: Path) -> None:
    """It refuses and says what to do; where nobody is enrolled another engine serves at once."""
    config = support.configuration(tmp_path)
    (tmp_path / "photos").mkdir()
    support.begin(config, clock)
    with bootstrap.open_house(config, clock) as services:
        calendar.start_process(services)
        with pytest.raises(EngineError, match=r"recognizer\.engine there to \"auto\""):
            engine_change.choose(services, "classic", "test")
        with pytest.raises(EngineError, match="is in use"):
            engine_change.refuse_used(services, support.ENGINE)
    other = support.configuration(tmp_path, recognizer={"engine": str(card)})
    with bootstrap.open_house(other, clock) as services:
        assert services.faces.engine_id == DLIB
        calendar.start_process(services)
        assert services.faces.engine_id.startswith("retinaface-other/1-")


@pytest.mark.embedded
def test_a_backup_from_before_the_change_is_encoded_after_it_was_restored(house: House, asa: str, card: Path) -> None:
    """Into a store in which an engine serves already; the templates that come back are of the one before."""
    config, services = house.config, house.services
    folder = config.path(config.backup.folder)
    book = HeadBook.from_config(config)
    name = backup.write_backup(services.store, services.master, folder, house.clock, book, config.backup.key_days).name
    engine_change.choose(services, str(card), "test")
    house.cast.work()
    new = services.faces.engine_id
    store = {"url": f"sqlite:///{config.path('{data}')}/restored.db"}
    moved = config.model_copy(update={"store": config.store.model_copy(update=store)})
    support.begin(moved, house.clock)
    with bootstrap.open_house(moved, house.clock) as again:
        calendar.start_process(again)
        engine_change.choose(again, str(card), "test")
    restore.restore_backup(moved.store_url, folder, services.master, house.clock, book, RestoreOptions(name))
    with bootstrap.open_house(moved, house.clock) as again:
        calendar.start_process(again)
        other = House(moved, house.clock, again)
        assert (other.templates(), other.roles()) == ({DLIB: 1}, {"serving": f"{DLIB} on"})
        engine_change.choose(again, str(card), "test")
        other.cast.work()
        assert (other.templates(), other.roles()) == ({new: 1}, {"serving": f"{new} on"})
