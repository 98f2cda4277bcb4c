"""Several processes on one store: what one does at the same moment, or has not heard of yet, harms nobody."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Table, delete, func, select
from werkzeug.test import TestResponse

from plugin.clock import ManualClock
from plugin.flows.access import email_codes, links
from plugin.flows.access.links import Link, LinkKind
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.rights import key_rotation
from plugin.flows.signing import sign_form
from plugin.ledger import tables as t
from plugin.ledger.keys.master_keys import MasterKeys
from plugin.ledger.keys.vault import Vault
from plugin.ledger.store import audit
from plugin.ledger.store.actions import Action
from plugin.recognizer.process.examiner import Examiner
from tests import signers, support, visiting
from tests.cut_line import Line
from tests.stores import Stores

FALSE = ("Nothing was stored", "Nothing was changed", "Internal Server Error")
"""What a page does not say where nobody knows."""


def beside(services: Services) -> Services:
    """Another process of the same house, which has read the master key by itself."""
    master = MasterKeys.load(services.config.path(services.config.keys.master_file))
    return replace(services, master=master, vault=Vault(master))


def test_a_mailed_code_is_good_whatever_key_is_changed_meanwhile(services: Services, cast: support.Cast) -> None:
    """An erasure changes the master key while somebody has a code in hand, and another process is asked about it."""
    desk, other = signers.Desk(services), beside(services)
    asa, sent = cast.add("Åsa"), list[str]()
    with services.store.write() as tx:
        link = links.make(services, tx, Link(LinkKind.SIGN, "en", asa, desk.form.id), "test").id
    email_codes.send(services, link, "asa@example.org", lambda _id, _to, code: sent.append(code))
    key_rotation.rotate(services)
    for process in (other, services):
        assert email_codes.verify(process, link, "ASA@example.org", sent[0]) is not None
        assert email_codes.verify(process, link, "bo@example.org", sent[0]) is None


def test_a_form_that_is_sent_twice_at_once_is_answered_twice(
    services: Services, cast: support.Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A button that is pressed twice: the browser shows the second answer, which is no less than the first."""
    visit = signers.Desk(services).visit(cast.add("Åsa"))
    form, known, answers = visit.hidden(), sign_form.find_earlier_result, list[TestResponse]()

    def sent_meanwhile(*asked: Any) -> Any:
        found = known(*asked)
        if not answers:
            answers.append(visit.client.get("/health"))
            press = threading.Thread(target=lambda: answers.append(visit.sign("website", **form)))
            press.start()
            press.join(60)
        return found

    monkeypatch.setattr(sign_form, "find_earlier_result", sent_meanwhile)
    answers.append(visit.sign("website", **form))
    assert [one.status_code for one in answers] == [200, 303, 303]
    assert _count(services, t.quitclaim) == 1
    assert "/s/" in visit.client.get("/s/done").text


@pytest.fixture
def line(stores: Stores) -> Iterator[Line]:
    """A line to a store on a server."""
    with Line(stores.migrated("postgresql")) as made:
        yield made


@pytest.fixture
def cut_off(tmp_path: Path, clock: ManualClock, examiner: Examiner, line: Line) -> Iterator[Services]:
    """A house at the end of that line."""
    with support.opened(support.configuration(tmp_path, store={"url": line.url}), clock, examiner) as open_:
        yield open_


@pytest.mark.embedded
def test_a_commit_whose_answer_is_lost_is_not_told_to_whoever_signs_as_nothing(cut_off: Services, line: Line) -> None:
    """Whichever commit of the request it is: they read a page that does not say the opposite, and it is signed once."""
    desk, cast = signers.Desk(cut_off), support.Cast(cut_off)
    desk.app.config["PROPAGATE_EXCEPTIONS"] = False
    visit = desk.visit(cast.add("Åsa"))
    form, number, kept = visit.hidden(), 0, 0
    while not kept:
        number += 1
        line.cut_at_commit(number)
        answer = visit.sign("website", **form)
        line.cut_at_commit(0)
        kept = _count(cut_off, t.quitclaim)
        assert (answer.status_code, answer.mimetype) == (503, "text/html")
    assert not any(one in answer.text for one in FALSE)
    again = visit.sign("website", **form)
    assert not any(one in again.text for one in FALSE)
    assert (line.cuts, _count(cut_off, t.quitclaim)) == (number, 1)


@pytest.mark.embedded
def test_a_withdrawal_whose_answer_is_lost_is_whole_or_not_at_all(cut_off: Services, line: Line) -> None:
    """Cut at each commit of the request in turn: grant, cut, key, jobs and log agree, and so does what is read."""
    cast = support.Cast(cut_off)
    asa = cast.add("Åsa")
    me = visiting.visit(cut_off, asa)
    me.application.config["PROPAGATE_EXCEPTIONS"] = False
    stop, number, seen = f"{visiting.PAGE}/stop/all", 0, list[bool]()
    while line.cuts == number:  # until the request has no commit that is left to be cut
        number += 1
        cast.sign(asa)
        cast.enrol(asa)
        with cut_off.store.write() as tx:
            tx.execute(delete(t.job))
            tx.execute(delete(t.cut))
        before = _ended(cut_off)
        token = visiting.token(me.get(stop).text)
        line.cut_at_commit(number)
        answer = me.post(stop, data={"csrf_token": token, "how": "withdraw"})
        line.cut_at_commit(0)
        now = _ended(cut_off)
        done = now > before
        assert not (done and any(one in answer.text for one in FALSE))
        assert (now[0] - before[0], now[1] - before[1]) == (2 * done, 2 * done)
        face = t.person_key.c.purpose == "face"
        assert (_count(cut_off, t.cut) > 0, _count(cut_off, t.person_key, face) == 0) == (done, done)
        assert (_jobs(cut_off) >= {"cut", "revoke"}) == done
        assert done or answer.status_code == 503
        seen.append(done)
        withdrawal.withdraw(cut_off, asa, None, "test")
    assert seen[-2:] == [True, True], "its own commit was cut, and it was carried out all the same"
    with cut_off.store.read() as conn:
        audit.verify_chain(conn)


def _ended(services: Services) -> tuple[int, int]:
    """Grants that were withdrawn, and rows of the log that say so."""
    withdrawn = _count(services, t.grant, t.grant.c.ended_kind == "withdrawn")
    return withdrawn, _count(services, t.audit, t.audit.c.action == Action.CONSENT_WITHDRAW.value)


def _count(services: Services, table: Table, *where: ColumnElement[bool]) -> int:
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).select_from(table).where(*where)) or 0


def _jobs(services: Services) -> set[str]:
    with services.store.read() as conn:
        return set(conn.scalars(select(t.job.c.kind)))
