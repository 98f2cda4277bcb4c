"""More ways to pass for somebody else, and needs that must not be refused (rules 1, 6 to 11 and 14)."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from plugin.flows.access import links, rate_limits
from plugin.flows.access.rate_limits import MailCause, Requester
from plugin.flows.common import roster
from plugin.flows.mail import coming_of_age
from plugin.flows.people import register
from plugin.flows.rights import key_rotation
from plugin.flows.signing import invitations, lost_links
from plugin.flows.signing.invitations import InvitationRequest
from plugin.ledger import tables as t
from sidecar.running.runner import Runner
from tests import mailbox, visiting
from tests.posting import Post
from tests.signers import Desk, Visit

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
EDITOR, OTHER, OFFICER = "dam:ed", "dam:eve", "dam:olga"
BORN = date(2010, 6, 1)
SIXTEEN = datetime(2026, 6, 1, tzinfo=AMSTERDAM)


@pytest.fixture
def desk(post: Post) -> Desk:
    return Desk(post.services)


def ask(desk: Desk, person_id: str, actor: str, **about: object) -> str:
    asked = InvitationRequest(person_id=person_id, form=desk.form.form.name, **about)  # type: ignore[arg-type]
    return invitations.invite(desk.services, asked, actor).token


def texts(post: Post, to: str, since: int = 0) -> list[str]:
    """What was written to this address."""
    Runner(post.services).drain((lost_links.JOB,))
    post.work()
    return [mailbox.text_of(one) for one in post.box.letters[since:] if str(one["To"]) == to]


# ---- coming of age: whose the child's address is -----------------------------------------------------


def test_an_address_that_was_a_guardians_is_not_the_childs_after_the_guardian_has_another(post: Post) -> None:
    """It was a guardian's when it was entered, whichever of the two came first: who reads it is the guardian."""
    for first in ("child", "guardian"):
        email = "mum@example.org" if first == "child" else ""
        clara = post.cast.add(f"Clara {first}", by="cli:one", birth_date=BORN, email=email)
        mum = register.add_guardian(post.services, clara, "Mum", "cli:one", "mum@example.org")
        if first == "guardian":
            post.reach(clara, None, "mum@example.org")
        post.reach(clara, mum, "new@example.org")
        with post.services.store.read() as conn:
            assert coming_of_age.find_own_address(post.services, conn, clara) is None, first


@pytest.mark.parametrize(
    "spelled",
    ["Mum@Example.org", "mum+clara@example.org", "mum@example.org.", " mum@example.org", "MUM+x@example.org."],
)
def test_a_guardians_address_in_another_spelling_is_not_the_childs_own(post: Post, spelled: str) -> None:
    clara, (mum,) = post.child(BORN, "mum@example.org", email=spelled)
    post.cast.sign(clara, recognition=False, guardians=(mum,))
    post.until(SIXTEEN + timedelta(days=1))
    with post.services.store.read() as conn:
        assert conn.scalar(select(func.count()).select_from(t.invitation)) == 0
        assert coming_of_age.find_own_address(post.services, conn, clara) is None


def test_a_letter_to_the_child_that_a_guardian_signs_opens_no_page_of_the_young_adult(desk: Desk, post: Post) -> None:
    """Two accounts entered it and wrote to it, and a guardian reads it: not the child's page, and not their own."""
    clara = post.cast.add("Clara Sample", by=EDITOR, birth_date=BORN, email="mum@example.org")
    visit = Visit(desk.app, ask(desk, clara, OTHER, by_mail=True))
    answer = visit.sign("website", signer="Mum Sample", typed="Mum Sample", email="mum@example.org")
    assert answer.status_code == 303, answer.text
    before = len(post.box.got)
    lost_links.send_letter(desk.services, clara, None, OTHER)
    post.clock.set(SIXTEEN + timedelta(days=1))
    lost_links.send_letter(desk.services, clara, None, OTHER)
    for text in texts(post, "mum@example.org", before):
        for token in (word.rsplit("/", 1)[1] for word in text.split() if "/s/" in word):
            row = links.find_open(desk.services, token)
            assert row.kind != "page", "the page of somebody who has come of age"


def test_a_guardian_who_has_no_say_any_more_gets_no_page_by_a_letter(desk: Desk, post: Post) -> None:
    clara, (mum,) = post.child(BORN, "mum@example.org")
    post.cast.sign(clara, recognition=False, guardians=(mum,))
    old = visiting.link_of(desk.services, clara, mum)
    post.clock.set(SIXTEEN + timedelta(days=1))
    before = len(post.box.got)
    lost_links.request_letter(desk.services, token=old.token)
    assert not any("/s/" in text for text in texts(post, "mum@example.org", before))


# ---- lost letters ------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["name", "link"])
def test_a_letter_that_waits_while_the_master_key_changes_finds_its_person(desk: Desk, post: Post, by: str) -> None:
    """Each erasure changes it, in the same worker, and the letter is behind it in the queue."""
    asa = post.cast.add("Åsa Sample", email="asa@example.org")
    token = visiting.link_of(desk.services, asa).token if by == "link" else ""
    before = len(post.box.got)
    lost_links.request_letter(desk.services, name="" if token else "Åsa Sample", token=token)
    key_rotation.rotate(desk.services)
    assert len(texts(post, "asa@example.org", before)) == 1


def test_a_budget_outlives_a_change_of_the_master_key(desk: Desk) -> None:
    asker = Requester(address="asa@example.org")
    with desk.services.store.write() as tx:
        spent = [rate_limits.spend(desk.services, tx, MailCause.CODE, asker) for _ in range(5)]
    key_rotation.rotate(desk.services)
    with desk.services.store.write() as tx:
        assert not rate_limits.spend(desk.services, tx, MailCause.CODE, asker)
    assert spent == [True, True, True, False, False]


def test_one_mailbox_is_one_address_however_it_is_spelled(desk: Desk) -> None:
    """By one shoot's link: else a stranger sends somebody as many letters as there are networks."""
    went = 0
    for number in range(40):
        spelled = (f"asa+{number}@example.org", f"ASA+{number}@Example.ORG.", "asa@example.org")[number % 3]
        asker = Requester(link_id="link", address=spelled, network=f"10.0.0.{number}", shoot=True)
        with desk.services.store.write() as tx:
            went += rate_limits.spend(desk.services, tx, MailCause.CODE, asker)
    assert went == rate_limits.LIMITS[MailCause.CODE]["address"][0]


# ---- what must not be refused ------------------------------------------------------------------------


def typed_and_signed(desk: Desk, post: Post) -> str:
    """Somebody signed on their own telephone by a link handed over, and typed an address."""
    asa = post.cast.add("Åsa Öberg", by=EDITOR)
    visit = Visit(desk.app, ask(desk, asa, EDITOR))
    assert visit.sign("website", email="asa@example.org").status_code == 303
    post.work()
    return asa


def in_force(desk: Desk, person_id: str) -> frozenset[str]:
    with desk.services.store.read() as conn:
        standing = roster.load(desk.services, conn, person_id)
    return standing.unended(desk.services.clock.now())


def test_an_address_typed_in_a_visit_is_renewed_year_after_year(desk: Desk, post: Post) -> None:
    """The letter's link is signed, by the pages; and what it brought is renewed by the next one."""
    asa = typed_and_signed(desk, post)
    for year in range(3):
        before, signed = len(post.box.got), in_force(desk, asa)
        for _ in range(150):
            post.day(6)
            found = [text for text in texts(post, "asa@example.org", before) if "choose again here" in text]
            if found:
                break
        assert found, f"no letter with a link in year {year + 1}"
        visit = Visit(desk.app, mailbox.token(found[-1]))
        assert visit.sign("press").status_code == 303, f"year {year + 1}"
        now = in_force(desk, asa)
        assert len(now) == 1
        assert now != signed
        with desk.services.store.read() as conn:
            kinds = conn.execute(select(t.invitation.c.kind).where(t.invitation.c.kind == "page")).all()
        assert kinds == [], "it still confirms nothing"


def test_a_lost_key_comes_again_for_what_the_last_letter_brought(desk: Desk, post: Post) -> None:
    asa = typed_and_signed(desk, post)
    before = len(post.box.got)
    while not (found := [one for one in texts(post, "asa@example.org", before) if "choose again here" in one]):
        post.day(6)
    assert Visit(desk.app, mailbox.token(found[-1])).sign("press").status_code == 303
    before = len(post.box.got)
    texts(post, "asa@example.org")
    before = len(post.box.got)
    lost_links.request_letter(desk.services, name="Åsa Öberg")
    (text,) = texts(post, "asa@example.org", before)
    row = links.find_open(desk.services, mailbox.token(text))
    assert (row.kind, row.quitclaim_id) == ("key", next(iter(in_force(desk, asa))))


def test_a_renewed_letter_replaces_nothing_that_was_signed_another_way(desk: Desk, post: Post) -> None:
    """The forged first signature's address is written to, and she has signed on paper since: it gets no link."""
    asa = typed_and_signed(desk, post)
    post.cast.sign(asa, recognition=False)
    before, signed = len(post.box.got), in_force(desk, asa)
    for _ in range(150):
        post.day(6)
    assert not any("/s/" in text for text in texts(post, "asa@example.org", before))
    assert signed


def test_a_letter_by_staff_goes_to_the_guardian_who_came_first(desk: Desk, post: Post) -> None:
    """Not to one that was added, however often the first one's address is entered again."""
    clara = post.cast.add("Clara Sample", by=OTHER, birth_date=BORN)
    mum = register.add_guardian(desk.services, clara, "Mum", OTHER, "mum@example.org")
    for number in range(6):
        post.clock.advance(timedelta(minutes=1))
        register.add_guardian(desk.services, clara, f"Ed {number}", EDITOR, "ed@example.org")
    post.clock.advance(timedelta(minutes=1))
    register.change_address(desk.services, clara, "mum2@example.org", OTHER, mum)
    invitations.invite(
        desk.services,
        InvitationRequest(person_id=clara, form=desk.form.form.name, by_mail=True, may_replace=True),
        OFFICER,
    )
    with desk.services.store.read() as conn:
        assert conn.scalar(select(t.invitation.c.guardian_id)) == mum
