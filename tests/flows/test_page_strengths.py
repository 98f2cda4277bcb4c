"""Keys, full pages and addresses, played by somebody who is after another's page (rules 6 to 10)."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, insert, select

from plugin.errors import ConsentError, LinkRefused, NotFound
from plugin.flows.access import links
from plugin.flows.access.links import Link, LinkKind
from plugin.flows.common import roster
from plugin.flows.mail import page_links
from plugin.flows.people import addresses, recognitions, register
from plugin.flows.self_service import own_page
from plugin.flows.signing import invitations, key_links, lost_links
from plugin.flows.signing.invitations import InvitationRequest
from plugin.ledger import tables as t
from plugin.ledger.store.actions import Action
from plugin.quitclaim.consent.lifecycle import StopMode
from sidecar.running.runner import Runner
from tests import mailbox, visiting
from tests.posting import Post
from tests.signers import Desk, Visit

EDITOR, OTHER, OFFICER = "dam:ed", "dam:eve", "dam:olga"
LINK = re.compile(r"/s/([\w-]{43})")


@pytest.fixture
def desk(post: Post) -> Desk:
    return Desk(post.services)


def ask(desk: Desk, person_id: str, actor: str, **about: Any) -> str:
    """The token of a link that this account makes."""
    asked = InvitationRequest(person_id=person_id, form=desk.form.form.name, **about)
    return invitations.invite(desk.services, asked, actor).token


def mailed(post: Post) -> list[tuple[str, list[str]]]:
    """To whom letters went since, each with the kinds of the links in it."""
    before = len(post.box.got)
    Runner(post.services).drain((lost_links.JOB,))
    post.work()
    found = []
    for letter in post.box.letters[before:]:
        text = mailbox.text_of(letter)
        found.append((str(letter["To"]), [links.find_open(post.services, one).kind for one in LINK.findall(text)]))
    return found


def mailed_token(post: Post) -> str:
    """The token of the last letter that holds one."""
    post.work()
    texts = [mailbox.text_of(one) for one in post.box.letters]
    return next(str(found[-1]) for text in reversed(texts) if (found := LINK.findall(text)))


def opens_a_page(desk: Desk, visit: Visit) -> bool:
    """Whether this browser is on somebody's full page."""
    return visit.client.get("/s/me").status_code == 200


def in_force(desk: Desk, person_id: str) -> int:
    with desk.services.store.read() as conn:
        standing = roster.load(desk.services, conn, person_id)
    return len(standing.unended(desk.services.clock.now()))


def pages_of(desk: Desk, person_id: str) -> int:
    """How many links to a full page of this person open."""
    with desk.services.store.read() as conn:
        rows = conn.execute(select(t.invitation).where(t.invitation.c.person_id == person_id)).all()
    count = 0
    for row in rows:
        if row.kind == "page":
            try:
                own_page.find_visitor(desk.services, row.id)
                count += 1
            except LinkRefused:
                pass
    return count


# ---- faults 1.2: three ways to another's page, and the forged first signature --------------------


def test_an_editor_asks_nobody_anew_who_has_agreed_to_something(desk: Desk, post: Post) -> None:
    """(a) On paper, no address: the editor gets no link; by a stolen one of the officer's a key, and no page."""
    rita = post.cast.add("Rita Real")
    post.cast.sign(rita)
    with pytest.raises(ConsentError, match="mailed to a confirmed address"):
        ask(desk, rita, EDITOR)
    stolen = Visit(desk.app, ask(desk, rita, OFFICER, may_replace=True))
    assert stolen.sign("press", email="ed@example.org").status_code == 303
    assert not opens_a_page(desk, stolen)
    assert "Rita" not in stolen.client.get("/s/key").text
    mailed(post)
    lost_links.request_letter(desk.services, name="Rita Real")
    lost_links.send_letter(desk.services, rita, None, EDITOR)
    lost_links.send_letter(desk.services, rita, None, OTHER)
    sent = mailed(post)
    assert sent
    assert {kind for _, kinds in sent for kind in kinds} == {"key"}
    assert pages_of(desk, rita) == 0


def test_a_typed_address_stays_the_holders_word(desk: Desk, post: Post) -> None:
    """(b) Typed at a hand-over, then written to by whoever likes: no account has entered it."""
    rita = post.cast.add("Rita Real")
    first = Visit(desk.app, ask(desk, rita, EDITOR))
    first.sign("press", email="ed@example.org")
    assert mailed(post) == [("ed@example.org", ["key"])]
    for actor in (EDITOR, OTHER, "cli:root", "api:1234"):
        with pytest.raises(ConsentError):
            ask(desk, rita, actor, by_mail=True)
    ask(desk, rita, OFFICER, by_mail=True, may_replace=True)
    second = Visit(desk.app, mailed_token(post))
    assert second.sign("press").status_code == 303
    assert not opens_a_page(desk, second)
    assert pages_of(desk, rita) == 0


def test_a_forged_first_signature_keeps_its_key_and_nothing_else(desk: Desk, post: Post) -> None:
    """The real person's address replaces the forger's, who is told, and after seven days opens the page: to her."""
    rita, services = post.cast.add("Rita Real"), desk.services
    forged = Visit(desk.app, ask(desk, rita, EDITOR))
    forged.sign("press", email="ed@example.org")
    key = links.find_open(services, forged.kept_link())
    register.change_address(services, rita, "rita@example.org", OTHER)
    assert [to for to, _ in mailed(post)] == ["ed@example.org", "ed@example.org"], "receipt, and another address"
    recognitions.recognise(services, rita, None, "met", OFFICER, officer=True)
    ask(desk, rita, OFFICER, by_mail=True, may_replace=True)
    early = Visit(desk.app, mailed_token(post))
    early.sign("website")
    assert not opens_a_page(desk, early), "the new address waits seven days"
    post.clock.advance(timedelta(days=7, seconds=1))
    ask(desk, rita, EDITOR, by_mail=True)
    real = Visit(desk.app, mailed_token(post))
    assert real.sign("website", "press").status_code == 303
    assert opens_a_page(desk, real)
    holder = key_links.find_holder(services, key.id)
    assert key_links.load_page(services, holder).replaced
    assert key_links.end_uses(services, holder, StopMode.WITHDRAW, None) == 0
    assert in_force(desk, rita) == 1
    again = Visit(desk.app, _retoken(desk, key.id))
    assert not opens_a_page(desk, again)


def _retoken(desk: Desk, link_id: str) -> str:
    """A second copy of a key, as its holder has it."""
    with desk.services.store.write() as tx:
        row = tx.execute(select(t.invitation).where(t.invitation.c.id == link_id)).one()
        key = key_links.NewKey(row.person_id, row.quitclaim_id, "en")
        return key_links.make_key(desk.services, tx, key, "person").token


# ---- rule 7 -------------------------------------------------------------------------------------


def test_a_letter_that_brings_the_first_signature_confirms_its_address(desk: Desk, post: Post) -> None:
    asa = post.cast.add("Åsa Sample", email="asa@example.org")
    ask(desk, asa, EDITOR, by_mail=True)
    visit = Visit(desk.app, mailed_token(post))
    assert visit.sign("press").status_code == 303
    assert opens_a_page(desk, visit)
    assert ("asa@example.org", ["page"]) in mailed(post)


@pytest.mark.parametrize("past", ["version", "pictures", "name by hand"])
def test_but_not_where_there_was_something_of_theirs(desk: Desk, post: Post, past: str) -> None:
    """Then the letter may have gone to somebody who is after what there was."""
    asa, services = post.cast.add("Åsa Sample"), desk.services
    if past == "version":
        post.cast.sign(asa)
        with services.store.write() as tx:
            tx.execute(t.grant.update().values(ended_at=tx.now, ended_kind="withdrawn", settled_at=tx.now))
    with services.store.write() as tx:
        if past == "pictures":
            tx.execute(
                insert(t.reference_set).values(
                    id="s", person_id=asa, came_by="link", added_at=tx.now, added_by="person"
                )
            )
        if past == "name by hand":
            tx.execute(
                insert(t.resource).values(
                    id=1, ref="a.jpg", **{c.name: _filler(c, tx) for c in _needed(t.resource, {"id", "ref"})}
                )
            )
            tx.execute(
                insert(t.tag).values(
                    resource_id=1,
                    node_key="åsa sample",
                    origin="hand",
                    **{c.name: _filler(c, tx) for c in _needed(t.tag, {"resource_id", "node_key", "origin", "id"})},
                )
            )
    register.change_address(services, asa, "ed@example.org", EDITOR)
    ask(desk, asa, EDITOR, by_mail=True)
    visit = Visit(desk.app, mailed_token(post))
    assert visit.sign("press").status_code == 303
    assert not opens_a_page(desk, visit)
    assert pages_of(desk, asa) == 0


def _needed(table: Any, given: set[str]) -> list[Any]:
    return [c for c in table.columns if c.name not in given and not c.nullable and c.default is None]


def _filler(column: Any, tx: Any) -> Any:
    kind = str(column.type).upper()
    return tx.now if "INSTANT" in kind or column.name.endswith("_at") else 0 if "INT" in kind else "x"


def test_a_first_letter_says_nothing_of_who_signs_later_by_another_way(desk: Desk, post: Post) -> None:
    """An editor's forged first letter; then the person herself signs on a tablet, or on paper: his page closes."""
    rita, services = post.cast.add("Rita Real"), desk.services
    register.change_address(services, rita, "ed@example.org", EDITOR)
    ask(desk, rita, EDITOR, by_mail=True)
    forged = Visit(desk.app, mailed_token(post))
    forged.sign("press")
    assert opens_a_page(desk, forged), "of what he signed himself"
    tablet = Visit(desk.app, ask(desk, rita, OFFICER, may_replace=True))
    assert tablet.sign("website").status_code == 303
    assert not opens_a_page(desk, forged)
    assert pages_of(desk, rita) == 0
    lost_links.request_letter(services, name="Rita Real")
    assert mailed(post)[-1] == ("ed@example.org", [])


def test_two_accounts_confirm_one_does_not_under_whatever_name(desk: Desk, post: Post) -> None:
    asa, services = post.cast.add("Åsa Sample"), desk.services
    post.cast.sign(asa)
    register.change_address(services, asa, "asa@example.org", EDITOR)
    for actor in (EDITOR, "cli:ED", "calendar", "person", "system", ""):
        with services.store.read() as conn:
            assert not addresses.may_open_page(services, conn, asa, None, actor), actor
    lost_links.send_letter(services, asa, None, "cli:ed")
    assert [kinds for _, kinds in mailed(post)] == [[]]
    lost_links.send_letter(services, asa, None, OTHER)
    assert [kinds for _, kinds in mailed(post)] == [["page"]]
    lost_links.request_letter(services, name="åsa  SAMPLE")
    assert [kinds for _, kinds in mailed(post)] == [["page"]], "it is recorded"


def test_who_entered_an_address_does_not_confirm_it(desk: Desk, post: Post) -> None:
    """But in a house with one account, with a reason, which stands on the officer's list; a program never."""
    asa, services = post.cast.add("Åsa Sample"), desk.services
    register.change_address(services, asa, "asa@example.org", EDITOR)
    with pytest.raises(ConsentError, match="say why"):
        recognitions.recognise(services, asa, None, "met", "cli:ed")
    recognitions.recognise(services, asa, None, "met", "cli:ed", reason="I am the only one here")
    with services.store.read() as conn:
        (listed,) = recognitions.list_self_confirmed(services, conn)
        assert (listed.account, listed.reason) == ("cli:ed", "I am the only one here")
    register.change_address(services, asa, "new@example.org", OTHER)
    register.change_address(services, asa, "newer@example.org", EDITOR)
    with pytest.raises(ConsentError, match="another account"):
        recognitions.recognise(services, asa, None, "met", EDITOR, reason="I say so")
    with pytest.raises(ConsentError, match="not by a program"):
        recognitions.recognise(services, asa, None, "met", "api:1234", reason="I say so")
    recognitions.recognise(services, asa, None, "met", OTHER)


def test_an_address_whose_enterer_nobody_knows_takes_the_officer(desk: Desk, post: Post) -> None:
    """It was on file before this was noted: any account may be the one that entered it."""
    asa, services = post.cast.add("Åsa Sample", email="asa@example.org"), desk.services
    post.cast.sign(asa)
    with services.store.write() as tx:
        tx.execute(t.address.delete())
        tx.audit(Action.RECORD_CHANGE, OTHER)
    for actor in (EDITOR, OTHER, OFFICER):
        lost_links.send_letter(services, asa, None, actor)
    assert [kinds for _, kinds in mailed(post)] == [[], [], []]
    with pytest.raises(ConsentError):
        recognitions.recognise(services, asa, None, "met", EDITOR, reason="I say so")
    recognitions.recognise(services, asa, None, "document", OFFICER, officer=True)
    lost_links.send_letter(services, asa, None, EDITOR)
    assert [kinds for _, kinds in mailed(post)] == [["page"]]


@pytest.mark.parametrize("way", ["at once", "removed first", "twice"])
def test_a_new_address_waits_seven_days_and_the_old_one_closes_at_once(desk: Desk, post: Post, way: str) -> None:
    asa, services = post.cast.add("Åsa Sample"), desk.services
    post.cast.sign(asa)
    page = visiting.link_of(services, asa)
    own_page.find_visitor(services, page.id)
    mailed(post)
    if way == "removed first":
        register.change_address(services, asa, "", EDITOR)
    register.change_address(services, asa, "evil@example.org", EDITOR)
    if way == "twice":
        register.change_address(services, asa, "evil@example.org", OTHER)
    assert ("sample@example.org", []) in mailed(post), "the old one is told"
    with pytest.raises(LinkRefused):
        own_page.find_visitor(services, page.id)
    recognitions.recognise(services, asa, None, "met", OFFICER, officer=True)
    post.clock.advance(timedelta(days=7) - timedelta(seconds=1))
    lost_links.send_letter(services, asa, None, OFFICER)
    assert "page" not in mailed(post)[-1][1]
    post.clock.advance(timedelta(seconds=1))
    lost_links.send_letter(services, asa, None, OFFICER)
    assert mailed(post)[-1] == ("evil@example.org", ["page"])


def test_a_childs_vouched_face_or_address_says_nothing_of_the_guardian(desk: Desk, post: Post) -> None:
    """The child's address confirmed opens no page to the guardian; a guardian's letter to it makes it not its own."""
    clara, services = post.cast.add("Clara Sample", birth_date=date(2014, 5, 1)), desk.services
    register.change_address(services, clara, "family@example.org", EDITOR)
    ask(desk, clara, EDITOR, by_mail=True)
    visit = Visit(desk.app, mailed_token(post))
    assert visit.sign("press", signer="Greta Sample", typed="Greta", email="greta@example.org").status_code == 303
    assert not opens_a_page(desk, visit)
    with services.store.read() as conn:
        assert not addresses.is_own(conn, clara)
    assert pages_of(desk, clara) == 0
    visiting.confirm(services, clara)
    greta = _guardian(desk, clara)
    lost_links.send_letter(services, clara, greta, EDITOR)
    assert mailed(post)[-1] == ("greta@example.org", ["key"])


def _guardian(desk: Desk, person_id: str) -> str:
    with desk.services.store.read() as conn:
        return str(register.guardians_of(desk.services, conn, person_id)[0]["id"])


# ---- rule 6: what a key does and does not ----------------------------------------------------------


def test_a_key_reads_and_ends_what_was_signed_in_that_visit(desk: Desk, post: Post) -> None:
    """No name, no photograph, no other version, no form; after another version it ends nothing."""
    asa, services = post.cast.add("Åsa Sample"), desk.services
    first = desk.visit(asa)
    first.sign("press", "website")
    page = first.client.get("/s/key").text
    assert "Åsa" not in page
    assert 'type="file"' not in page
    assert not re.search(r"/s/me\b|/s/form|/s/key/(?!stop|receipt|leave)", page)
    for path in ("/s/me", "/s/me/photos", "/s/me/forget", "/s/form"):
        assert first.client.get(path).status_code == 404, path
    token = visiting.token(page)
    for path in ("/s/me/export", "/s/me/references/1", "/s/me/anew", "/s/me/child", "/s/form", "/s/photo"):
        assert first.client.post(path, data={"csrf_token": token}).status_code in (404, 405), path
    grant = re.findall(r"/s/key/stop/(\w+)", page)[0]
    desk.visit(asa).sign("press")
    with services.store.read() as conn:
        second = roster.load(services, conn, asa).quitclaims[1].grants[0].id
    assert "A newer version" in first.client.get("/s/key").text
    for one in (grant, second):
        sent = {"csrf_token": token, "how": "withdraw"}
        assert first.client.post(f"/s/key/stop/{one}", data=sent).status_code == 404
    first.client.post("/s/key/stop/all", data={"csrf_token": token, "how": "withdraw"})
    assert in_force(desk, asa) == 1
    receipt = first.client.get("/s/key/receipt.json").json
    assert receipt is not None
    assert len([line for line in receipt["lines"] if line["agreed"]]) == 2, "the version of the key"


def test_a_key_ends_one_use_or_all_at_once_and_the_address_is_told(desk: Desk, post: Post) -> None:
    asa = post.cast.add("Åsa Sample", email="asa@example.org")
    visit = desk.visit(asa)
    visit.sign("press", "website")
    mailed(post)
    page = visit.client.get("/s/key").text
    one = re.findall(r"/s/key/stop/(\w{32})", page)[0]
    assert visiting.send(visit.client, f"/s/key/stop/{one}", how="withdraw").status_code == 200
    with desk.services.store.read() as conn:
        assert len([g for g in roster.load(desk.services, conn, asa).quitclaims[0].grants if g.ended_at]) == 1
    assert mailed(post) == [("asa@example.org", [])]
    visiting.send(visit.client, "/s/key/stop/all", how="restrict")
    assert in_force(desk, asa) == 0


def test_the_first_of_two_guardians_takes_back_what_waits_and_later_the_whole(desk: Desk, post: Post) -> None:
    clara = post.cast.add("Clara Sample", birth_date=date(2014, 5, 1))
    two = Desk.__new__(Desk)
    two.services, two.app = desk.services, desk.app
    from plugin.flows.mail import form_store
    from tests.signers import tree

    two.form = form_store.add(desk.services, tree(name="Two", guardians=2), "test")
    about = {
        "signer": "Greta",
        "typed": "Greta",
        "email": "g@example.org",
        "other_signer": "Hugo",
        "other_email": "h@example.org",
    }
    first = two.visit(clara)
    assert first.sign("press", **about).status_code == 303
    assert "has not signed yet" in first.client.get("/s/key").text
    other = Visit(two.app, mailed_token(post))
    shown = other.page()
    visiting.send(first.client, "/s/key/stop/all", how="withdraw")
    assert other.send({"choice": "communication:press", "typed": "Hugo"}, shown).status_code == 410
    assert in_force(two, clara) == 0
    again = two.visit(clara)
    assert again.sign("press", **about).status_code == 303
    whole = Visit(two.app, mailed_token(post))
    assert whole.sign("press", typed="Hugo").status_code == 303
    assert in_force(two, clara) == 1
    visiting.send(again.client, "/s/key/stop/all", how="withdraw")
    assert in_force(two, clara) == 0


def test_a_key_opens_until_the_end_of_what_it_opens(desk: Desk, post: Post) -> None:
    asa, services = post.cast.add("Åsa Sample"), desk.services
    desk.visit(asa).sign("press")
    with services.store.read() as conn:
        row = conn.execute(select(t.invitation).where(t.invitation.c.kind == "key")).first()
        claim = roster.load(services, conn, asa).quitclaims[0]
    assert row is not None
    end = key_links.find_end(claim)
    assert end is not None
    assert row.expires_at >= max(end, services.clock.now() + timedelta(days=services.config.signing.page_days))


# ---- rules 8 and 9 ----------------------------------------------------------------------------------


def test_a_full_signature_ends_older_pages_and_every_address_is_told(desk: Desk, post: Post) -> None:
    clara, services = post.cast.add("Clara Sample", birth_date=date(2014, 5, 1)), desk.services
    hers = register.add_guardian(services, clara, "Greta", EDITOR, "greta@example.org")
    his = register.add_guardian(services, clara, "Hugo", EDITOR, "hugo@example.org")
    visiting.confirm(services, clara, his)
    old, kept = visiting.link_of(services, clara, hers), visiting.link_of(services, clara, his)
    mailed(post)
    visit = desk.letter(clara, hers)
    assert visit.sign("press", signer="Greta", typed="Greta").status_code == 303
    for link in (old, kept):
        with pytest.raises(LinkRefused):
            own_page.find_visitor(services, link.id)
    assert opens_a_page(desk, visit)
    assert sorted(mailed(post)) == [("greta@example.org", ["page"]), ("hugo@example.org", ["page"])]


def test_a_link_from_before_does_not_replace_what_was_signed_since(desk: Desk, post: Post) -> None:
    """An editor who keeps a handed-over link for later; the check stands in the transaction of the signature."""
    rita = post.cast.add("Rita Real")
    kept = Visit(desk.app, ask(desk, rita, EDITOR))
    form = kept.page()
    desk.visit(rita).sign("website")
    sent = {"choice": "communication:press", "signer": "Rita", "typed": "Rita"}
    assert kept.send(sent, form).status_code == 410
    assert desk.kept()["quitclaim"] == 1


def test_a_renewal_by_the_own_page_is_as_strong_as_the_page(desk: Desk, post: Post) -> None:
    asa, services = post.cast.add("Åsa Sample"), desk.services
    first = desk.letter(asa)
    first.sign("press")
    page = first.client.get("/s/me").text
    made = first.client.post("/s/me/anew", data={"csrf_token": visiting.token(page)})
    anew = Visit(desk.app, made.location.rpartition("/")[2])
    register.change_address(services, asa, "new@example.org", EDITOR)
    assert anew.sign("website").status_code == 410, "the address it hung on is on file no more"
    assert desk.kept()["quitclaim"] == 1


def test_nobody_makes_a_page_link_by_hand(desk: Desk, post: Post) -> None:
    """A link of that kind without an address, or to one that is not confirmed, opens nothing."""
    asa, services = post.cast.add("Åsa Sample", email="asa@example.org"), desk.services
    with services.store.write() as tx:
        row = addresses.find_on_file(tx.connection, asa)
        assert row is not None
        made = [
            links.make(services, tx, Link(LinkKind.PAGE, "en", asa, address_id=one), EDITOR) for one in (None, row.id)
        ]
        assert page_links.make(services, tx, asa, EDITOR) is None
    for one in made:
        with pytest.raises(LinkRefused):
            own_page.find_visitor(services, one.id)


# ---- rule 10: lost ----------------------------------------------------------------------------------


def test_a_lost_link_is_asked_for_and_the_answer_is_always_the_same(desk: Desk, post: Post) -> None:
    known = post.cast.add("Åsa Sample", email="asa@example.org")
    post.cast.add("Bo Sample")
    visiting.confirm(desk.services, known)
    answers, rows = set(), set()
    for name in ("Åsa Sample", "Bo Sample", "Nobody Sample", "", "åsa sample"):
        browser = visiting.fresh(desk.app)
        before = _rows(desk)
        shown = visiting.send(browser, "/s/lost", name=name)
        answers.add((shown.status_code, re.sub(r'value="[^"]+"', "", shown.text)))
        rows.add(tuple(after - one for after, one in zip(_rows(desk), before, strict=True)))
        Runner(desk.services).drain((lost_links.JOB,))
    assert len(answers) == 1
    assert len(rows) == 1, "the same is written in the request, whoever is meant"
    assert [to for to, _ in mailed(post)] == ["asa@example.org", "asa@example.org"]
    with desk.services.store.read() as conn:
        (listed,) = conn.execute(select(t.mail).where(t.mail.c.state == "failed")).all()
        jobs = conn.execute(select(t.job.c.key, t.job.c.payload).where(t.job.c.kind == lost_links.JOB)).all()
    assert listed.error == lost_links.NO_ADDRESS
    assert "sample" not in str(jobs).casefold()


def _rows(desk: Desk) -> list[int]:
    with desk.services.store.read() as conn:
        tables = (t.job, t.audit, t.mail, t.invitation, t.sealed, t.event)
        return [int(conn.scalar(select(func.count()).select_from(one)) or 0) for one in tables]


def test_a_link_that_is_over_leads_to_a_letter(desk: Desk, post: Post) -> None:
    """Expired, used or revoked, also by the change that closed all pages: to the address on file, and to no other."""
    asa, services = post.cast.add("Åsa Sample", email="asa@example.org"), desk.services
    page = visiting.link_of(services, asa)
    with services.store.write() as tx:
        links.revoke(services, tx, page.id, "test")
    browser = visiting.fresh(desk.app)
    shown = browser.get(f"/s/{page.token}")
    assert shown.status_code == 410
    assert "Send me the e-mail" in shown.text
    sent = browser.post("/s/lost", data={"csrf_token": visiting.token(shown.text), "token": page.token})
    assert sent.status_code == 200
    assert mailed(post) == [("asa@example.org", ["page"])]


def test_letters_have_a_budget(desk: Desk, post: Post) -> None:
    post.cast.add("Åsa Sample", email="asa@example.org")
    for number in range(12):
        lost_links.request_letter(desk.services, name="Åsa Sample", network=f"10.0.0.{number}")
        Runner(desk.services).drain((lost_links.JOB,))
    assert len(mailed(post)) <= 3


def test_the_time_of_an_answer_tells_nothing(desk: Desk, post: Post) -> None:
    """Who is looked for is looked for in the job: the request asks the store the same, and reads no person."""
    post.cast.add("Åsa Sample", email="asa@example.org")
    asked: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        told = []
        for name in ("Nobody Sample", "Åsa Sample"):
            asked.clear()
            lost_links.request_letter(desk.services, name=name)
            told.append(list(asked))
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    unknown, known = told
    assert unknown
    assert known == unknown
    assert not [statement for statement in known if " person " in statement or "person_name" in statement]


def test_a_letter_that_staff_send_is_seen_by_no_staff(desk: Desk, post: Post) -> None:
    asa, services = post.cast.add("Åsa Sample"), desk.services
    with pytest.raises(ConsentError, match="no address is on file"):
        lost_links.send_letter(services, asa, None, EDITOR)
    with pytest.raises(NotFound):
        register.change_address(services, asa, "x@example.org", EDITOR, guardian_id="nobody")


def test_a_handed_over_form_says_no_more_than_it_must(desk: Desk, post: Post) -> None:
    asa = post.cast.add("Åsa Sample", email="asa@example.org")
    assert "a•••@example.org" not in desk.visit(asa).page()
    assert "a•••@example.org" in desk.letter(asa).page()
