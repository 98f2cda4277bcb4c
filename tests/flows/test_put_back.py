"""A backup put back: nothing that was shut since the copy was made opens again."""

import sqlite3
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from plugin.clock import ManualClock
from plugin.errors import LinkRefused, TokenRefused
from plugin.flows.access import links, staff_sessions, token_digest, visits
from plugin.flows.access.programs import api_tokens
from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from plugin.flows.signing import pending_signatures
from plugin.ledger import tables as t
from plugin.ledger.backups import backup, restore
from plugin.ledger.keys.master_keys import MasterKeys
from plugin.ledger.log.head_book import HeadBook
from plugin.recognizer.process.examiner import Examiner
from tests import support
from tests.signers import Desk, Visit

KEY_DAYS = 30


def _made(services: Services, person_id: str) -> links.MadeLink:
    with services.store.write() as tx:
        return links.make(services, tx, links.Link(links.LinkKind.PAGE, "en", person_id), "test")


def _session(services: Services) -> str:
    """A token of somebody of the staff, who is signed in."""
    with services.store.write() as tx:
        row = {"user": "olga", "role": "officer", "language": "en", "created_at": tx.now, "seen_at": tx.now}
        ends = tx.now + timedelta(hours=8)
        tx.execute(insert(t.session).values(id_sha256=token_digest.digest("olga's"), expires_at=ends, **row))
    return "olga's"


def test_what_was_shut_since_a_backup_stays_shut(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> None:
    """Links revoked or used up, API tokens revoked, sessions and a half that became whole; what was open stays open."""
    config = support.configuration(tmp_path)
    folder = tmp_path / "backups"
    with support.opened(config, clock, examiner) as services:
        desk, cast = Desk(services, guardians=2), support.Cast(services)
        asa, clara = cast.add("Åsa"), cast.add("Clara", birth_date=date(2014, 5, 1))
        leaked, kept, used = _made(services, asa), _made(services, asa), desk.invite(asa)
        first = desk.visit(clara)
        first.sign("press", signer="Greta", email="g@example.org", other_signer="Hugo", other_email="h@example.org")
        second = first.kept_link()
        stolen = api_tokens.create(services, "lost laptop", ["people:read"], "test")
        good = api_tokens.create(services, "cms", ["gate:use"], "test")
        staff = _session(services)
        assert staff_sessions.find(services, staff) is not None
        visit = visits.begin(services, kept.id, b"{}").token
        assert visits.find(services, visit) is not None
        made = backup.write_backup(
            services.store, services.master, folder, clock, HeadBook.from_config(config), KEY_DAYS
        )
        with sqlite3.connect(made.store) as copy:
            counted = [copy.execute(f"SELECT count(*) FROM {name}").fetchone() for name in ("session", "visit")]
        assert counted == [(0,), (0,)]
        clock.advance(timedelta(minutes=5))
        with services.store.write() as tx:
            links.revoke(services, tx, leaked.id, "test")
        assert Visit(desk.app, used).sign("press").status_code == 303
        assert Visit(desk.app, second).sign("press", typed="Hugo").status_code == 303
        api_tokens.revoke(services, stolen.id, "test")
        staff_sessions.sign_out(services, staff)

    moved = config.model_copy(update={"store": config.store.model_copy(update={"url": "sqlite:///{data}/restored.db"})})
    with support.opened(moved, clock, examiner):
        pass
    master = MasterKeys.load(moved.path(moved.keys.master_file))
    restore.restore_backup(moved.store_url, folder, master, clock, HeadBook.from_config(moved))
    with support.opened(moved, clock, examiner) as services:
        calendar.start_process(services)
        for token in (leaked.token, used, second):
            with pytest.raises(LinkRefused):
                links.find_open(services, token)
        with services.store.read() as conn:
            assert pending_signatures.list_pending(services, conn, clara) == []
        with pytest.raises(TokenRefused):
            api_tokens.authenticate(services, stolen.secret)
        assert staff_sessions.find(services, staff) is None
        assert visits.find(services, visit) is None
        assert links.find_open(services, kept.token).id == kept.id
        assert api_tokens.authenticate(services, good.secret).id == good.id
        assert calendar.start_process(services) == 0, "told once more, it changes nothing"


def test_a_form_that_is_refused_leaves_its_link_open(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was rolled back is not in ended.log: the next start does not shut the link."""
    with support.opened(support.configuration(tmp_path), clock, examiner) as services:
        desk = Desk(services)
        token = desk.invite(support.Cast(services).add("Åsa"))
        with monkeypatch.context() as broken:
            broken.setattr("plugin.flows.mail.papers.receipts.store", lambda *_: 1 / 0)
            assert Visit(desk.app, token).sign("press").status_code == 500
        calendar.start_process(services)
        assert Visit(desk.app, token).sign("press").status_code == 303


def test_two_processes_may_be_told_at_once(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that comes second finds the token revoked, and starts."""
    made = api_tokens.create(services, "cms", ["gate:use"], "test")
    api_tokens.revoke(services, made.id, "test")
    monkeypatch.setattr("plugin.flows.schedule.replay_endings.list_open_doors", lambda _: {("token", made.id)})
    calendar.start_process(services)
    assert [row.revoked_at is not None for row in api_tokens.list_all(services)] == [True]
