"""Letters: what is in them, what becomes of them, and that they go once."""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, insert, update

from plugin.errors import LeaseLost, MailError
from plugin.flows.access import links
from plugin.flows.access.links import LinkKind
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.mail import delivery, letter_words
from plugin.flows.mail.smtp import Attachment
from plugin.flows.people.outbox import OWNER
from plugin.flows.rights import erasure
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.words.catalogues import LANGUAGES, Words
from sidecar.doctor import checks, machine_checks
from tests import mailbox
from tests.posting import Post


def test_an_invitation_arrives(post: Post) -> None:
    """In the person's words, with the link and until when it works; afterwards no address is kept."""
    asa = post.cast.add("Åsa", email="asa@example.org")
    _, address = post.link(asa)
    assert post.put("invite", asa, language="nl", secret={"link": address})
    post.work()
    letter, text = post.box.last()
    assert letter["To"] == "asa@example.org"
    assert letter["Subject"] == "Museum Åkerø vraagt: mogen wij foto's van u gebruiken?"
    assert text.startswith("Beste Åsa,\n\nMuseum Åkerø wil graag")
    assert f"\n{address}\n" in text
    assert "tot en met 1 april 2026" in text
    assert text.endswith("Met vriendelijke groet,\nMuseum Åkerø\n")
    (row,) = post.mails()
    assert (row.state, row.finished_at, row.error) == ("sent", post.clock.now(), None)
    assert letter["Message-ID"] == f"<{row.id}@example.org>"
    assert post.sealed() == 0
    assert (post.audited(Action.MAIL_QUEUE), post.audited(Action.MAIL_SEND)) == (1, 1)


def test_without_a_mail_server_nothing_is_queued(services: Services, clock: Any) -> None:
    """Links are then handed over by hand, and the calendar writes to nobody."""
    post = Post(services, mailbox.Mailbox(services.config.path("{data}"), 0), clock)
    asa = post.cast.add("Åsa", email="asa@example.org")
    post.cast.sign(asa, recognition=False, lasts=timedelta(days=30))
    assert not post.put("changed", asa)
    assert post.day(20) == []
    assert post.mails() == []


def test_a_guardian_is_greeted_by_name(post: Post) -> None:
    """A letter about a child speaks to who decides for it."""
    clara, (guardian,) = post.child(date(2015, 1, 1), "parent@example.org")
    _, address = post.link(clara, LinkKind.PAGE, guardian_id=guardian)
    post.put("page", clara, guardian, secret={"link": address})
    post.work()
    letter, text = post.box.last()
    assert letter["To"] == "parent@example.org"
    assert letter["Subject"] == "The page about Clara at Museum Åkerø"
    assert text.startswith("Hello Guardian 1,\n")


def test_a_change_is_confirmed_with_what_stands_now(post: Post) -> None:
    """Every line that is still agreed to, with its last day; "nothing" where nothing is."""
    asa = post.cast.add("Åsa", email="asa@example.org")
    grants = post.cast.sign(asa, channels=("website", "press"), lasts=timedelta(days=10))
    withdrawal.withdraw(post.services, asa, [grants["press"]], "test")
    post.put("changed", asa)
    post.work()
    text = post.box.last()[1]
    assert (
        "now:\n- your name may be set on photographs by face recognition, until 12 March 2026\n"
        "- website (communication), until 12 March 2026\n\n" in text
    )
    assert "Your own page" not in text  # no link, so no paragraph about one
    withdrawal.withdraw(post.services, asa, None, "test")
    post.put("changed", asa, language="nl")
    post.work()
    assert "Wat u nu goedvindt:\n- niets\n" in post.box.last()[1]


def test_what_goes_with_a_letter_arrives(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receipt bears its files."""

    def receipt(_services: Services, row: Row[Any]) -> Sequence[Attachment]:
        return [Attachment("receipt.json", "application/json", row.data["quitclaim"].encode())]

    monkeypatch.setitem(delivery.ATTACHMENTS, "receipt", receipt)
    asa = post.cast.add("Åsa", email="asa@example.org")
    post.cast.sign(asa, recognition=False)
    with post.services.store.read() as conn:
        quitclaim = conn.execute(t.quitclaim.select()).one().id
    post.put("receipt", asa, data={"quitclaim": quitclaim})
    post.work()
    (file,) = post.box.last()[0].iter_attachments()
    assert file.get_content() == quitclaim.encode()


def test_a_code_goes_at_once(post: Post) -> None:
    """To whoever is not known yet: nothing of it is kept, and a refusal is told to who waits."""
    delivery.send_now(post.services, "c0de", "code", "new@example.org", "en", code="123456")
    letter, text = post.box.last()
    assert (letter["To"], letter["Message-ID"]) == ("new@example.org", "<c0de@example.org>")
    assert "Your code is 123456\n" in text
    assert "123456" not in letter["Subject"]
    assert post.mails() == []
    post.box.rcpt = lambda _address: "550 no"
    with pytest.raises(MailError, match="refuses the address"):
        delivery.send_now(post.services, "c0de", "code", "new@example.org", "en", code="123456")


def test_what_becomes_of_forget_me_is_said(post: Post) -> None:
    """By when it is decided, and a refusal with the officer's reason on a line of its own."""
    asa = post.cast.add("Åsa", email="asa@example.org")
    post.put("forget", asa, data={"what": "erasure", "due": "2026-04-01"})
    post.work()
    assert "by 1 April 2026." in post.box.last()[1]
    with post.services.store.write() as tx:
        tx.execute(
            insert(t.request).values(
                id="r",
                person_id=asa,
                kind="erasure",
                asked_at=tx.now,
                asked_by="person",
                due_on=date(2026, 4, 1),
                decided_at=tx.now,
                decided_by="officer",
                outcome="refused",
                reason="a contract\nruns",
            )
        )
    post.put("kept", asa, data={"request": "r"})
    post.put("changed", asa, data={"what": "not me", "resource": 7})
    post.work()
    subjects = [str(one["Subject"]) for one in post.box.letters[1:]]
    assert subjects == [
        "Museum Åkerø: why we cannot forget you yet",
        "Museum Åkerø: we take your name off a photograph",
    ]
    assert "\n\na contract runs\n\n" in mailbox.text_of(post.box.letters[1])


@pytest.mark.parametrize("gone", ["revoked", "expired", "used", "erased", "guardian"])
def test_what_has_lost_its_cause_is_dropped(post: Post, gone: str) -> None:
    """Between the queue and the mail server much can happen; nobody is asked by a link that is dead."""
    clara, (guardian,) = post.child(date(2015, 1, 1), "parent@example.org")
    made = post.invite(clara, post.form(), guardian)
    with post.services.store.write() as tx:
        if gone == "revoked":
            links.revoke(post.services, tx, made.id, "test")
        elif gone == "used":
            links.count_use(post.services, tx, made.id)
    if gone == "expired":
        post.clock.advance(timedelta(days=31))
    elif gone == "erased":
        erasure.begin(post.services, clara, "test")
    elif gone == "guardian":
        with post.services.store.write() as tx:
            tx.execute(t.sealed.delete().where(t.sealed.c.subject == guardian))
    post.work()
    assert post.box.seen == 0
    (row,) = post.mails()
    assert row.state == "dropped"
    assert row.error
    assert (post.sealed(), post.audited(Action.MAIL_DROP)) == (0, 1)


def test_a_letter_of_an_erased_person_leaves_no_trace(post: Post) -> None:
    """Its row goes with the person, and its job ends well; only the last letter goes out, and names nobody."""
    asa = post.cast.add("Åsa", email="asa@example.org")
    post.put("changed", asa)
    erasure.erase(post.services, asa, "test")
    post.cast.work()
    assert ([(row.kind, row.person_id) for row in post.mails()], post.box.seen) == ([("erased", None)], 1)
    assert post.services.queue.counts()["dead"] == 0


def test_a_refused_address_is_seen(post: Post) -> None:
    """It is not tried again; the doctor names it, without the address, and so do the metrics' states."""
    post.box.rcpt = lambda address: f"550 no {address}"
    asa = post.cast.add("Åsa", email="asa@example.org")
    post.put("changed", asa)
    post.work()
    (row,) = post.mails()
    assert (row.state, row.error) == ("failed", "the mail server refuses the address (it answered 550)")
    assert (post.sealed(), post.audited(Action.MAIL_FAIL)) == (0, 1)
    finding = checks._check_letters(post.services)
    assert not finding.ok
    assert "1 not delivered" in finding.said
    assert "asa@" not in finding.said


def test_patience_is_the_queues(post: Post) -> None:
    """A server that is busy gets the same letter later, under the same Message-ID."""
    post.box.data = lambda number: "451 busy" if number < 3 else mailbox.TAKEN
    asa = post.cast.add("Åsa", email="asa@example.org")
    post.put("changed", asa)
    for _ in range(3):
        post.work()
        post.clock.advance(timedelta(minutes=2))
    (row,) = post.mails()
    assert (row.state, post.box.seen) == ("sent", 3)
    assert [one["Message-ID"] for one in post.box.letters] == [f"<{row.id}@example.org>"]


def test_a_server_down_for_days_loses_no_letter(post: Post) -> None:
    """Jobs are given up after an hour; the letter is tried anew each day, for a month, and then it is said."""
    post.box.rcpt = lambda _address: "451 down"
    asa = post.cast.add("Åsa", email="asa@example.org")
    bo = post.cast.add("Bo", email="bo@example.org")
    post.put("changed", asa)

    def hours(count: int) -> None:
        for _ in range(count):
            post.clock.advance(timedelta(hours=1))
            post.work()

    hours(12)
    assert post.services.queue.counts() | {"dead": 1, "queued": 0} == post.services.queue.counts()
    assert not checks._check_letters(post.services).ok
    post.box.rcpt = lambda _address: mailbox.TAKEN
    post.day()
    assert [row.state for row in post.mails()] == ["sent"]
    post.box.rcpt = lambda _address: "451 down"
    post.put("changed", bo)
    for _ in range(6):
        hours(12)
        post.day(0.5)
    assert [row.state for row in post.mails()] == ["sent", "queued"]
    for _ in range(25):
        post.day()
    assert [row.state for row in post.mails()] == ["sent", "failed"]
    assert "30 days" in str(post.mails()[1].error)
    assert post.sealed() == 0


def test_the_doctor_connects(post: Post) -> None:
    """With what is set wrongly in one sentence."""
    config = post.services.config
    assert machine_checks.check_mail_server(config).ok
    wrong = config.model_copy(update={"mail": config.mail.model_copy(update={"user": "x"})})
    assert (
        machine_checks.check_mail_server(wrong).said
        == "the mail server refuses the account or its password (it answered 535)"
    )
    bare = config.model_copy(update={"server": config.server.model_copy(update={"public_url": ""})})
    assert not machine_checks.check_mail_server(bare).ok
    assert post.box.seen == 0


# ---- the words ----------------------------------------------------------------------------

WORDS = {
    "site",
    "name",
    "guardian",
    "link",
    "key",
    "until",
    "code",
    "standing",
    "end",
    "count",
    "photographs",
    "day",
    "due",
    "reason",
    "number",
    "owed",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_letter_is_whole(language: str) -> None:
    """Each kind in each language: no unknown word, no word left over, nothing that only we understand."""
    known = Words("letter", language)
    kinds = {key.rpartition(".")[0] for key in known}
    assert set(known) == {f"{kind}.{part}" for kind in kinds for part in ("subject", "text")}
    for kind in kinds:
        form = known[f"{kind}.subject"] + " " + known[f"{kind}.text"]
        assert set(re.findall(r"\$(\w+)", form)) <= WORDS
        subject, text = letter_words.letter(kind, language, dict.fromkeys(WORDS, "§") | {"count": "7"})
        assert "$" not in subject + text
        assert not re.search(r"\b(grant|template|encoding|quitclaim)\b", text.lower()) or kind == "ending-owner"
        assert "Museum" not in text


def test_the_owner_is_written_to_without_a_person(post: Post) -> None:
    """And not at all where no owner is named."""
    assert post.put("test", None, OWNER)
    post.work()
    assert post.box.last()[0]["To"] == "owner@example.org"


def test_a_letter_is_sent_by_one(post: Post) -> None:
    """Who has lost its lease while it wrote sends nothing."""
    asa = post.cast.add("Åsa", email="asa@example.org")
    post.put("changed", asa)
    mine = post.services.queue.claim(["mail"])
    with post.services.store.write() as tx:
        tx.execute(update(t.job).values(lease_until=tx.now))
    theirs = post.services.queue.claim(["mail"])
    assert mine is not None
    assert theirs is not None
    with pytest.raises(LeaseLost):
        delivery.handle_mail(post.services, mine)
    assert post.box.seen == 0
    delivery.handle_mail(post.services, theirs)
    assert len(post.box.got) == 1
