"""What a certificate says where pieces meet: two who finish one erasure, old copies, short names, texts of others."""

import shutil
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import select

from plugin.errors import DamError, NotFound
from plugin.flows.common.services import Services
from plugin.flows.consent import tag_revocation
from plugin.flows.rights import certificate, erasure, erasure_register, erasure_requests
from plugin.flows.rights.certificate import Certificate
from plugin.ledger import tables as t
from plugin.ledger.backups import backup
from plugin.ledger.keys import sealing
from plugin.ledger.log.head_book import HeadBook
from plugin.ledger.store.audit import Action
from tests import support
from tests.posting import Post


def back_up(services: Services) -> str:
    config = services.config
    folder, book = config.path(config.backup.folder), HeadBook.from_config(config)
    made = backup.write_backup(services.store, services.master, folder, services.clock, book, config.backup.key_days)
    return str(made)


def keys(made: Certificate, part: str) -> list[str]:
    return [line.key for line in getattr(made, part)]


@pytest.mark.parametrize("name", ["Mark", "May", "Bo", "Ada", "É"])
def test_a_name_that_is_a_word_does_not_stand_in_a_covered_backup(
    services: Services, cast: support.Cast, name: str
) -> None:
    """Columns and statements of the store have words too, and covered text has letters: neither is the name."""
    person = cast.add(name)
    cast.sign(person, recognition=False)
    back_up(services)
    made = erasure.erase(services, person, "test")
    assert "backup_sealed" in keys(made, "looks")
    assert "backup_names" not in keys(made, "left")
    assert not any("audit.hash" in line or "audit.previous" in line for line in made.not_reached)


def test_an_account_of_the_staff_stands_in_plain_in_a_backup(services: Services, cast: support.Cast) -> None:
    """However the words of the name are parted in it."""
    person = cast.add("Ann Sample")
    with services.store.write() as tx:
        tx.audit(Action.CERTIFICATE_LOOK, "dam:ann.sample")
    back_up(services)
    made = erasure.erase(services, person, "test")
    assert any("audit.actor" in line for line in made.not_reached)
    assert "backup_names" in keys(made, "left")


def test_a_backup_of_the_version_before_is_read_value_by_value(services: Services, cast: support.Cast) -> None:
    """Its paths and reasons are not covered: that they are is not said of it."""
    ann, bo = cast.add("Ann Maria Sample"), cast.add("Bo Sample")
    folder = services.config.path(services.config.backup.folder)
    back_up(services)
    (manifest,) = folder.glob("manifest-*.json")
    manifest.write_text(manifest.read_text().replace('"format": 2', '"format": 1').replace('"format":2', '"format":1'))
    assert '"format":1' in manifest.read_text().replace(" ", "")
    (copy,) = folder.glob("store-*.db")
    with sqlite3.connect(copy) as store:
        store.execute("UPDATE state SET worked_as = 'on AnnMaria_Sample.jpg'")
        store.execute("UPDATE audit SET details = details")
    store.close()
    made = erasure.erase(services, ann, "test")
    assert "backup_names" in keys(made, "left")
    assert "backup_places" not in keys(made, "left")
    made = erasure.erase(services, bo, "test")
    assert "backup_sealed" in keys(made, "looks")


def test_a_file_of_keys_that_cannot_be_read_is_not_said_to_hold_none(services: Services, cast: support.Cast) -> None:
    """Nor a copy of the store that cannot be."""
    ann = cast.add("Ann Sample")
    back_up(services)
    folder = services.config.path(services.config.backup.folder)
    (file,) = folder.glob("keys-*.json")
    file.write_bytes(file.read_bytes()[:40])
    (copy,) = folder.glob("store-*.db")
    copy.unlink()
    copy.mkdir()
    made = erasure.erase(services, ann, "test")
    assert {"keys_unread", "backup_unread"} <= set(keys(made, "left"))
    assert file.name not in "\n".join(made.looked)


@pytest.mark.embedded
def test_copies_of_the_store_that_somebody_laid_aside_are_found(services: Services, cast: support.Cast) -> None:
    """In the data folder, and with the backups: also one without its manifest."""
    ann = cast.add("Ann Sample")
    folder = services.config.path(services.config.backup.folder)
    back_up(services)
    services.store.checkpoint()
    store = services.config.path("{data}/ledger.db")
    shutil.copy(store, store.with_suffix(".bak"))
    shutil.copy(store, folder / "store-20250101T000000Z.db")
    services.config.path("{data}/Ann Sample.txt").write_text("Ann Sample")
    made = erasure.erase(services, ann, "test")
    left = "\n".join(made.not_reached)
    assert "ledger.bak" in left
    assert "store-20250101T000000Z.db" in left
    assert [line.values["found"] for line in made.looks if line.key == "looked_files"] == [3]


def test_what_is_sealed_for_another_person_is_looked_into(
    services: Services, cast: support.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reason that another person was given names this one; each key is unwrapped once."""
    ann, bo = cast.add("Ann Sample"), cast.add("Bo Sample")
    for number in range(6):
        with services.store.write() as tx:
            erasure_requests.request_in(services, tx, bo, "person", erasure_requests.read_filed(services, bo))
        (waiting,) = erasure_requests.list_waiting(services)
        erasure_requests.decide(services, waiting.id, False, "officer", f"{number}: for Ann Sample's sake")
    count = 0
    real = sealing.unwrap

    def counted(*args: object) -> bytes:
        nonlocal count
        count += args[2:4] == (bo, "record")
        return real(*args)  # type: ignore[arg-type]

    erasure.begin(services, ann, "test")
    monkeypatch.setattr(sealing, "unwrap", counted)
    made = erasure.finish(services, ann)
    assert any("request.reason, rows: 6" in line for line in made.not_reached)
    assert count <= 2


def test_a_command_and_the_worker_finish_one_erasure(
    services: Services, cast: support.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes second neither fails nor writes that nothing was deleted."""
    ann = cast.add("Ann Sample")
    cast.sign(ann, recognition=False)
    erasure.begin(services, ann, "test")
    cast.work()
    first = erasure.finish(services, ann)
    assert first.finished_at is not None
    assert any("person 1" in line for line in first.reached)


@pytest.mark.parametrize("at", ["take_out", "mentions", "read_back"])
def test_they_finish_it_at_the_same_time(
    services: Services, cast: support.Cast, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """The certificate of the one that deleted the rows stays."""
    ann = cast.add("Ann Sample")
    cast.sign(ann, recognition=False)
    erasure.begin(services, ann, "test")
    owner, name = {
        "take_out": (tag_revocation, "remove_tags"),
        "mentions": (type(services.dam), "mentions"),
        "read_back": (tag_revocation, "read_back"),
    }[at]
    real = getattr(owner, name)

    def other_first(*args: object, **words: object) -> object:
        monkeypatch.setattr(owner, name, real)
        erasure.finish(services, ann)
        return real(*args, **words)

    monkeypatch.setattr(owner, name, other_first)
    made = erasure.finish(services, ann)
    assert any("person 1" in line for line in made.reached), made.text()


def test_a_certificate_that_was_taken_away_is_not_called_unfinished(services: Services, cast: support.Cast) -> None:
    """It says so, and where it was."""
    number = erasure.erase(services, cast.add("Ann Sample"), "test").number
    shutil.rmtree(services.config.path("{data}/certificates"))
    with pytest.raises(NotFound, match="not among those that are kept"):
        erasure_register.read_certificate(services, number, "test")


def test_the_certificate_of_before_says_nothing_of_who_is_erased_again(
    services: Services, cast: support.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an old store somebody came back; the DAM is down: unfinished, under the same number."""
    ann = cast.add("Ann Sample")
    number = erasure.erase(services, ann, "test").number
    with services.store.write() as tx:
        tx.execute(t.erasure.delete())
        tx.execute(
            t.person.insert().values(
                id=ann,
                display_name="Ann Sample",
                name_key="ann sample",
                language="en",
                created_at=tx.now,
                node_adopted=False,
            )
        )

    def down(*_: object, **__: object) -> None:
        raise DamError("the DAM does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(type(services.dam), "mentions", down)
        assert erasure.erase(services, ann, "test").number == number
        assert erasure_register.read_certificate(services, number, "test").finished_at is None
    assert certificate.load(services, number).finished_at is not None
    erasure.finish(services, ann)  # the rows are gone already: the job finishes it
    assert erasure_register.read_certificate(services, number, "test").finished_at is not None


def test_a_backup_in_the_midst_of_an_erasure_holds_neither_name_nor_address(post: Post) -> None:
    """The house's key, which outlives the erasure, would open them."""
    services = post.services
    ann = post.cast.add("Ann Sample", email="ann@example.org")
    number = erasure.begin(services, ann, "test", tell=True)
    back_up(services)
    with services.store.read() as conn:
        assert conn.scalar(select(t.erasure.c.held)) is not None
    (copy,) = services.config.path(services.config.backup.folder).glob("store-*.db")
    with sqlite3.connect(copy) as store:
        assert store.execute("SELECT number, held FROM erasure").fetchall() == [(number, None)]
    store.close()


def test_after_a_restore_in_the_midst_of_an_erasure_it_says_that_nothing_was_searched(
    services: Services, cast: support.Cast
) -> None:
    """The person is left out of the restore, and nobody knows the name any more."""
    ann = cast.add("Ann Sample")
    number = erasure.begin(services, ann, "test")
    with services.store.write() as tx:
        tx.execute(t.erasure.update().values(held=None))
        tx.execute(t.intent.delete())
        tx.execute(t.person.delete())
    cast.work()
    made = erasure_register.read_certificate(services, number, "test")
    assert made.finished_at is not None
    assert "name_unknown" in keys(made, "left")
    assert not {"looked_name", "looked_store", "dam_names"} & set(keys(made, "looks"))


def test_a_request_that_nobody_decided_on_does_not_go_on_by_itself(services: Services, cast: support.Cast) -> None:
    """Its number is known already; the certificate says for what it waits."""
    ann = cast.add("Ann Sample")
    with services.store.write() as tx:
        number = erasure_requests.request_in(
            services, tx, ann, "person", erasure_requests.read_filed(services, ann)
        ).number
    assert keys(erasure_register.read_certificate(services, number, "test"), "left") == ["open_request"]
    (waiting,) = erasure_requests.list_waiting(services)
    erasure_requests.decide(services, waiting.id, True, "officer")
    assert keys(erasure_register.read_certificate(services, number, "test"), "left") == ["open_rows"]


def test_a_closed_house_does_not_say_that_ended_log_keeps_the_person_away(
    services: Services, cast: support.Cast
) -> None:
    """The line is in a file that is not the known one, or in none."""
    ann = cast.add("Ann Sample")
    bo = cast.add("Bo Sample")
    erasure.erase(services, bo, "test")
    services.ended.path.write_bytes(b"what was this?\n")
    made = erasure.erase(services, ann, "test")
    assert "ended_closed" in keys(made, "left")
    assert "ended" not in keys(made, "left")


@pytest.mark.parametrize("name", ["Ann % Sample_", "O'Ne(il", 'Ann "Q" Sample', "Ann 🦊 Sample", "שרה כהן", "A" * 80])
def test_signs_that_mean_something_to_programs_mean_nothing_in_a_name(
    services: Services, cast: support.Cast, photos: Path, name: str
) -> None:
    """It is found where it stands, and the certificate does not bear it."""
    person = cast.add(name)
    cast.sign(person, recognition=False)
    (photos / "shoot" / "list.txt").write_text(f"present: {name}\n", "utf-8")
    back_up(services)
    made = erasure.erase(services, person, "test")
    assert any("shoot/list.txt" in line for line in made.not_reached)
    assert name not in made.text()
    assert "backup_names" not in keys(made, "left")
