"""Asking in good time: alerts, reminders, coming of age; and that silence is never a yes."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, update

from plugin.errors import ConsentError
from plugin.flows.access import links
from plugin.flows.access.links import LinkKind
from plugin.flows.common import roster
from plugin.flows.consent import withdrawal
from plugin.flows.mail import coming_of_age
from plugin.flows.people import addresses, contacts, register
from plugin.flows.signing import invitations
from plugin.ledger import tables as t
from tests import mailbox
from tests.posting import Post
from tests.signers import Desk

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
TO_ASA, TO_OWNER = "asa@example.org", "owner@example.org"


def _asa(post: Post, days: float = 365, form_id: str | None = None) -> str:
    """Åsa, who agreed for so many days by a form that is in use."""
    asa = post.cast.add("Åsa", by="cli:one", email=TO_ASA)
    post.confirm(asa)
    post.cast.sign(asa, recognition=False, lasts=timedelta(days=days))
    _of_form(post, asa, form_id or post.form())
    return asa


def _of_form(post: Post, person_id: str, form_id: str) -> None:
    """Their quitclaim was signed by this form."""
    with post.services.store.write() as tx:
        tx.execute(update(t.quitclaim).where(t.quitclaim.c.person_id == person_id).values(form_id=form_id))


def _to(sent: Sequence[tuple[str, str]], address: str) -> list[str]:
    return [subject for to, subject in sent if to == address]


def _link(post: Post, text: str) -> Any:
    """The row of the link in a letter. Raises LinkRefused."""
    return links.find_open(post.services, mailbox.token(text))


def test_three_alerts_each_once(post: Post) -> None:
    """60, 14 and 1 days before the end, to the person with a link to renew and to the owner; then it ends by itself."""
    asa = _asa(post)
    days = [day for day in range(1, 370) if _to(post.day(), TO_ASA)]
    assert days == [365 - 60, 365 - 14, 365 - 1]
    assert [row.cause.rsplit(":", 1)[1] for row in post.mails("ending")] == ["60", "14", "1"]
    assert len(post.mails("ending-owner")) == 3
    with post.services.store.read() as conn:
        assert not roster.load(post.services, conn, asa).in_force(post.clock.now())
        row = conn.execute(select(t.grant)).one()
    assert (row.ended_kind, row.ended_at) == ("lapsed", datetime(2027, 3, 2, 12, tzinfo=UTC))


def test_the_link_renews_and_the_newest_alone_opens(post: Post) -> None:
    """Each alert brings a fresh link for the form in use, good until after the end; the one before is revoked."""
    old = post.form()
    _asa(post, form_id=old)
    with post.services.store.write() as tx:
        tx.execute(update(t.form).values(retired_at=tx.now))
    new = post.form(version=2)
    post.day(306)
    first = next(text for to, text in _texts(post) if to == TO_ASA)
    row = _link(post, first)
    assert (row.kind, row.form_id, row.most_uses) == ("renew", new, 1)
    assert row.expires_at >= datetime(2027, 3, 2, 12, tzinfo=UTC)
    post.day(46)
    second = [text for to, text in _texts(post) if to == TO_ASA][-1]
    with pytest.raises(Exception, match="revoked"):
        _link(post, first)
    assert _link(post, second).kind == "renew"
    assert "That ends after 2 March 2027." in second


def _texts(post: Post) -> list[tuple[str, str]]:
    return [(str(one["To"]), mailbox.text_of(one)) for one in post.box.letters]


def test_days_without_us_bring_one_alert(post: Post) -> None:
    """Of three that were missed only the nearest is sent; none once the quitclaim has ended."""
    _asa(post)
    sent = post.day(364.5)
    assert len(_to(sent, TO_ASA)) == 1
    assert [row.cause.rsplit(":", 1)[1] for row in post.mails("ending")] == ["1"]
    assert post.day(0.1) == []
    assert post.day(3) == []


def test_an_alert_is_not_sent_again_when_its_row_is_past_its_term(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retention forgets that it was sent; by then it is too late to be due."""
    monkeypatch.setitem(post.services.config.retention.__dict__, "mails_days", 20)
    _asa(post)
    post.day(306)
    for _ in range(30):
        post.day()
        with post.services.store.write() as tx:
            tx.execute(t.mail.delete().where(t.mail.c.finished_at < tx.now - timedelta(days=20)))
    assert len([1 for to, _ in _texts(post) if to == TO_ASA]) == 1


def test_a_form_says_when(post: Post) -> None:
    """Its own days before the end; and a quitclaim shorter than that has no alert on the day it is signed."""
    _asa(post, 100, post.form("School", alerts=[90, 30]))
    days = [day for day in range(1, 101) if _to(post.day(), TO_ASA)]
    assert days == [10, 70]
    bo = post.cast.add("Bo", email="bo@example.org")
    post.cast.sign(bo, recognition=False, lasts=timedelta(days=10))
    assert [day for day in range(1, 12) if _to(post.day(), "bo@example.org")] == [9]


def test_who_is_asked_each_year_is_written_to_in_time(post: Post) -> None:
    """A yearly form whose last day is years ahead: what was signed ends within 366 days, and each alert renews."""
    desk = Desk(post.services, renew_yearly=True, duration={"last_day": "2030-12-31"})
    asa = post.cast.add("Åsa", by="cli:one", email=TO_ASA)
    post.confirm(asa)
    assert desk.visit(asa).sign("website").status_code == 303
    with post.services.store.read() as conn:
        ends = set(conn.scalars(select(t.grant.c.valid_until)))
    assert ends == {datetime(2027, 3, 4, tzinfo=AMSTERDAM)}  # signed on 2 March 2026: through 3 March
    days = [day for day in range(1, 367) if any("end" in subject for subject in _to(post.day(), TO_ASA))]
    assert days == [367 - 60, 367 - 14, 367 - 1]  # at noon of each; the midnight after day 366 is the end
    assert _link(post, [text for to, text in _texts(post) if to == TO_ASA][-1]).form_id == desk.form.id


def test_who_has_renewed_or_withdrawn_is_left_alone(post: Post) -> None:
    """No alert for what has no end, for an older version, or for what is over."""
    asa = _asa(post)
    post.clock.advance(timedelta(days=300))
    post.cast.sign(asa, recognition=False, lasts=timedelta(days=365))
    assert post.day(6) == []
    withdrawal.withdraw(post.services, asa, None, "test")
    assert post.day(307) == []
    bo = post.cast.add("Bo", email="bo@example.org")
    post.cast.sign(bo, recognition=False, lasts=None)
    assert post.day(1000) == []


def test_an_alert_that_waits_is_dropped_when_its_cause_goes(post: Post) -> None:
    """The mail server was down; meanwhile everything was withdrawn."""
    asa = _asa(post)
    post.box.rcpt = lambda _address: "451 down"
    post.day(306)
    withdrawal.withdraw(post.services, asa, None, "test")
    post.box.rcpt = lambda _address: mailbox.TAKEN
    assert post.day() == []
    assert {row.state for row in post.mails()} == {"dropped"}


def test_the_owner_gets_the_photographs(post: Post) -> None:
    """One letter over everybody whose end is near, at most 200 lines and then a count; a name by hand counts too."""
    asa = _asa(post)
    bo = post.cast.add("Bo")
    post.cast.sign(bo, recognition=False, lasts=timedelta(days=365))
    with post.services.store.write() as tx:
        for number in range(230):
            who, name = (asa, "Åsa") if number < 150 else (bo, "Bo")
            made = tx.execute(
                insert(t.resource).values(ref=f"shoot/{number:03}.jpg", file_version="v", kind="photo", seen_at=tx.now)
            )
            resource = made.inserted_primary_key[0]  # type: ignore[index]
            tx.execute(
                insert(t.tag).values(
                    resource_id=resource,
                    node=name,
                    node_key=name.casefold(),
                    person_id=who,
                    origin="hand",
                    places=[],
                    created_at=tx.now,
                )
            )
    sent = post.day(306)
    assert _to(sent, TO_OWNER) == ["Photographs affected: 2 quitclaims end soon"]
    text = next(text for to, text in _texts(post) if to == TO_OWNER)
    lines = text.splitlines()
    assert "Åsa, until 2 March 2027: 150 photographs" in lines
    assert "Bo, until 2 March 2027: 80 photographs" in lines
    assert sum("shoot/" in line for line in lines) == 200
    assert "- and 30 more photographs" in lines
    assert len(post.mails("ending-owner")) == 1


def test_guardians_are_asked_each_by_a_link_of_their_own(post: Post) -> None:
    """Those who signed, in the child's language; the child is not written to."""
    clara, (one, two) = post.child(date(2016, 1, 1), "one@example.org", "two@example.org", email="clara@example.org")
    post.confirm(clara, one, two)
    post.cast.sign(clara, recognition=False, guardians=(one, two))
    _of_form(post, clara, post.form())
    sent = post.day(306)
    assert {to for to, _ in sent} == {"one@example.org", "two@example.org", TO_OWNER}
    found = [_link(post, text) for to, text in _texts(post) if to != TO_OWNER]
    assert {row.guardian_id for row in found} == {one, two}
    assert {row.kind for row in found} == {"renew"}


# ---- unanswered invitations ---------------------------------------------------------------


def test_reminders_come_as_often_as_configured(post: Post) -> None:
    """Twice, a week apart; each brings a fresh link with the same end, and the one before opens no more."""
    asa = post.cast.add("Åsa", email=TO_ASA)
    post.invite(asa, post.form())
    post.work()
    days = [day for day in range(1, 40) if post.day()]
    assert days == [7, 14]
    invited, first, second = (text for _, text in _texts(post))
    for old in (invited, first):
        with pytest.raises(Exception, match="revoked"):
            _link(post, old)
    with post.services.store.read() as conn:
        last = conn.execute(select(t.invitation).where(t.invitation.c.token_sha256 == mailbox.digest(second))).one()
        ends = set(conn.scalars(select(t.invitation.c.expires_at)))
    assert (last.reminded, len(ends)) == (2, 1)
    assert "takes the place of the earlier one" in second


@pytest.mark.parametrize("answer", ["used", "revoked", "signed", "no mail", "shoot"])
def test_who_has_answered_is_not_reminded(post: Post, answer: str) -> None:
    """Nor who was handed the link by hand, nor a shoot's code."""
    asa = post.cast.add("Åsa", email=TO_ASA)
    form = post.form()
    if answer in ("no mail", "shoot"):
        kind = LinkKind.SHOOT if answer == "shoot" else LinkKind.SIGN
        post.link(asa, kind, form_id=form, by_mail=answer == "shoot")
    else:
        made = post.invite(asa, form)
        post.work()
        with post.services.store.write() as tx:
            if answer == "used":
                links.count_use(post.services, tx, made.id)
            elif answer == "revoked":
                links.revoke(post.services, tx, made.id, "test")
    if answer == "signed":
        post.cast.sign(asa, recognition=False)
    assert post.day(8) == []


# ---- coming of age ------------------------------------------------------------------------

BORN = date(2010, 6, 1)
SIXTEEN = datetime(2026, 6, 1, tzinfo=AMSTERDAM)


def test_the_young_person_is_told_and_asked(post: Post) -> None:
    """60 and 14 days ahead without a link that could do nothing yet, and on the day with one of their own."""
    clara, (guardian,) = post.child(BORN, "one@example.org", email="clara@example.org")
    post.cast.sign(clara, recognition=False, guardians=(guardian,))
    _of_form(post, clara, post.form())
    days = {}
    post.until(datetime(2026, 3, 31, 9, tzinfo=AMSTERDAM))
    for ahead in range(62, -5, -1):
        sent = post.until(SIXTEEN - timedelta(days=ahead) + timedelta(hours=9))
        if _to(sent, "clara@example.org"):
            days[ahead] = _to(sent, "clara@example.org")
        assert not _to(sent, "one@example.org")
    assert days == {
        60: ["From 1 June 2026 you decide yourself about your photographs at Museum Åkerø"],
        14: ["From 1 June 2026 you decide yourself about your photographs at Museum Åkerø"],
        0: ["You decide now about your photographs at Museum Åkerø"],
    }
    row = _link(post, [text for to, text in _texts(post) if to == "clara@example.org"][-1])
    assert (row.kind, row.person_id, row.guardian_id) == ("majority", clara, None)
    assert [to for to, _ in _texts(post)].count(TO_OWNER) == 3
    with post.services.store.read() as conn:
        assert not roster.load(post.services, conn, clara).in_force(post.clock.now())


def _secrets(post: Post) -> str:
    """All that ever was mailed, and every link there is."""
    return " ".join(f"{to} {text}" for to, text in _texts(post))


@pytest.mark.parametrize("whose", ["none", "a guardian's", "in capitals", "typed by a holder", "nobody knows"])
def test_without_an_address_of_their_own_nobody_gets_the_link(post: Post, whose: str) -> None:
    """Not the guardians, nor the child's address where it is a guardian's too, or where nobody of the staff entered
    it. The guardians get a letter without a link, and the staff a task, until there is an address."""
    email = {"a guardian's": "one@example.org", "in capitals": "ONE@Example.org"}.get(whose, "")
    clara, guardians = post.child(BORN, "one@example.org", "two@example.org", email=email)
    with post.services.store.write() as tx:
        if whose == "typed by a holder":
            addresses.enter(post.services, tx, clara, "typed@example.org", "guardian", account="cli:one")
        elif whose == "nobody knows":
            contacts.seal_email(post.services, tx, clara, "old@example.org")
    post.cast.sign(clara, recognition=False, guardians=tuple(guardians))
    _of_form(post, clara, post.form())
    assert coming_of_age.list_without_address(post.services) == []
    sent = post.until(SIXTEEN - timedelta(days=13)) + post.until(SIXTEEN + timedelta(days=2))
    assert {to for to, _ in sent} == {"one@example.org", "two@example.org", TO_OWNER}
    assert len([to for to, _ in sent if to != TO_OWNER]) == 4
    assert "/s/" not in _secrets(post)
    with post.services.store.read() as conn:
        assert conn.execute(select(t.invitation)).all() == []
    task = coming_of_age.list_without_address(post.services)
    assert [(one.person_id, one.name, one.day) for one in task] == [(clara, "Clara", SIXTEEN)]
    post.reach(clara, None, "clara@example.org")
    sent = post.day()
    assert [to for to, subject in sent if "decide" in subject] == ["clara@example.org"]
    assert _link(post, _texts(post)[-1][1]).kind == "majority"
    assert coming_of_age.list_without_address(post.services) == []
    assert post.day() == []


def test_no_link_of_a_young_adult_goes_to_a_guardian(post: Post) -> None:
    """One that was made before the birthday is not brought again to a guardian after it; nor one for the child to an
    address that has become a guardian's since."""
    clara, (guardian,) = post.child(BORN, "one@example.org", email="clara@example.org")
    form = post.form()
    post.clock.set(SIXTEEN - timedelta(days=3))
    post.invite(clara, form, guardian)
    post.invite(clara, form)
    post.work()
    post.reach(clara, guardian, "clara@example.org")
    before = len(post.box.got)
    sent = post.until(SIXTEEN + timedelta(days=6))
    assert [text for _, text in _texts(post)[before:] if "/s/" in text] == []
    assert [subject for _, subject in sent if "Reminder" in subject] == []


@pytest.mark.parametrize(
    ("warn", "told"),
    [
        ((14, 1), [14, 1, 0]),
        ((60, 6), [60, 6, 0]),
        ((10, 1, 100), [100, 10, 1, 0]),
        ((), [0]),
        ((2, 21, 2), [21, 2, 0]),
    ],
)
def test_each_day_of_warning_brings_its_letter(
    post: Post, warn: tuple[int, ...], told: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once each, whatever digits one number of days has in common with another; the same for guardians."""
    monkeypatch.setitem(post.services.config.minors.__dict__, "warn_days", warn)
    clara, (hers,) = post.child(date(2026, 7, 1).replace(year=2010), "one@example.org", email="clara@example.org")
    dora = post.cast.add("Dora", birth_date=date(2010, 7, 1))
    his = register.add_guardian(post.services, dora, "Gustaf", "cli:one", "gustaf@example.org")
    for child, guardian in ((clara, hers), (dora, his)):
        post.cast.sign(child, recognition=False, guardians=(guardian,), lasts=timedelta(days=900))
    seventh = datetime(2026, 7, 1, 9, tzinfo=AMSTERDAM)
    found: dict[str, list[int]] = {"clara@example.org": [], "gustaf@example.org": []}
    for ahead in range(118, -4, -1):
        for to, _ in post.until(seventh - timedelta(days=ahead)):
            if to in found:
                found[to].append(ahead)
    assert found == {"clara@example.org": told, "gustaf@example.org": told}


# ---- whose an address is ------------------------------------------------------------------


def _ending_letter(post: Post) -> str:
    post.day(306)
    return next(text for to, text in _texts(post) if to == TO_ASA and "ends after" in text)


@pytest.mark.parametrize("how", ["entered", "changed a day ago", "nobody knows", "typed for another", "same account"])
def test_an_ending_letter_has_a_link_only_where_the_address_is_known_to_be_theirs(post: Post, how: str) -> None:
    """Else it says to ask; and no link to renew is there for anybody to find."""
    asa = post.cast.add("Åsa", by="cli:one", email="" if how == "nobody knows" else TO_ASA)
    with post.services.store.write() as tx:
        if how == "nobody knows":
            contacts.seal_email(post.services, tx, asa, TO_ASA)
        elif how == "typed for another":
            addresses.enter(post.services, tx, asa, "", "cli:one")
            addresses.enter(post.services, tx, asa, TO_ASA, "person", account="cli:one", quitclaim_id="another")
    if how == "same account":
        assert post.asked_of(asa, by="dam:ONE")
    post.cast.sign(asa, recognition=False)
    _of_form(post, asa, post.form())
    if how == "changed a day ago":
        post.confirm(asa)
        post.clock.advance(timedelta(days=305))
        post.reach(asa, None, "new@example.org")
        post.reach(asa, None, TO_ASA)
        post.confirm(asa)
        post.day()
        text = next(text for to, text in _texts(post) if to == TO_ASA and "ends after" in text)
    else:
        text = _ending_letter(post)
    assert "ask us for the form" in text
    assert "/s/" not in text
    with post.services.store.read() as conn:
        assert conn.execute(select(t.invitation).where(t.invitation.c.kind == "renew")).all() == []


def test_an_address_typed_in_the_visit_whose_quitclaim_ends_gets_the_link(post: Post) -> None:
    """Whoever signed may sign again what they signed, and the link names the address that it was delivered to."""
    asa = post.cast.add("Åsa")
    post.cast.sign(asa, recognition=False)
    _of_form(post, asa, post.form())
    with post.services.store.write() as tx:
        claim = tx.execute(select(t.quitclaim.c.id)).scalar_one()
        typed = addresses.enter(post.services, tx, asa, TO_ASA, "person", account="cli:one", quitclaim_id=claim)
    row = _link(post, _ending_letter(post))
    assert (row.kind, row.address_id, row.by_mail) == ("renew", typed, True)


@pytest.mark.parametrize("change", ["another", "away and back", "none"])
def test_a_reminder_goes_only_where_the_invitation_went(post: Post, change: str) -> None:
    """An address that took its place since gets none, not even if it reads the same; the link keeps its address."""
    asa = post.cast.add("Åsa", by="cli:one", email=TO_ASA)
    made = post.invite(asa, post.form())
    post.work()
    if change != "none":
        post.reach(asa, None, "new@example.org")
    if change == "away and back":
        post.reach(asa, None, TO_ASA)
    sent = [subject for _, subject in post.day(8) if "Reminder" in subject]
    assert len(sent) == (1 if change == "none" else 0)
    with post.services.store.read() as conn:
        rows = conn.execute(select(t.invitation)).all()
    assert len({row.address_id for row in rows}) == 1
    assert all(row.address_id for row in rows)
    assert (rows[0].id == made.id) or (rows[1].id == made.id)


@pytest.mark.parametrize("how", ["withdrawn", "signed", "long ago"])
def test_nobody_is_asked_on_a_birthday_that_ends_nothing(post: Post, how: str) -> None:
    """What guardians withdrew is over; who has signed at once need not be asked."""
    clara, (guardian,) = post.child(BORN, "one@example.org", email="clara@example.org")
    post.cast.sign(clara, recognition=False, guardians=(guardian,), lasts=timedelta(days=2000))
    if how == "withdrawn":
        withdrawal.withdraw(post.services, clara, None, "test")
    elif how == "signed":
        post.clock.set(SIXTEEN + timedelta(hours=1))
        post.cast.sign(clara, recognition=False)
    sent = post.until(SIXTEEN + timedelta(days=200 if how == "long ago" else 1))
    assert not _to(sent, "clara@example.org")


def test_an_invitation_of_a_young_adult_is_not_mailed_to_a_guardian(post: Post) -> None:
    """Who asks by mail is told; with an address of their own it goes there."""
    post.form()
    clara, (guardian,) = post.child(BORN, "one@example.org", email="One@example.org")
    post.cast.sign(clara, recognition=False, guardians=(guardian,))
    post.until(SIXTEEN + timedelta(days=1))
    with pytest.raises(ConsentError, match="young person's own"):
        invitations.invite(post.services, invitations.InvitationRequest(clara, by_mail=True), "cli:two")
    post.reach(clara, None, "clara@example.org")
    invitations.invite(post.services, invitations.InvitationRequest(clara, by_mail=True), "cli:two")
    before = len(post.box.got)
    post.work()
    assert [to for to, text in _texts(post)[before:] if "/s/" in text] == ["clara@example.org"]
