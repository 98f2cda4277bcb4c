"""Signing by a link, through the pages' own code: what is asked, what is kept, what is refused."""

import json
from datetime import date, timedelta
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select, update

from plugin.clock import ManualClock
from plugin.errors import ConsentError
from plugin.flows.access import links
from plugin.flows.collections import modes
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.mail.papers import receipts
from plugin.flows.people import register
from plugin.flows.self_service import own_page
from plugin.flows.signing import pending_signatures
from plugin.flows.views.people import people_list
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.quitclaim.consent.lifecycle import StopMode
from plugin.quitclaim.consent.model import EndKind
from plugin.quitclaim.forms.sheets import make_sheet
from plugin.recognizer.process.examiner import Examiner
from sidecar.app import create_app
from sidecar.commands.demo import samples
from tests import support, visiting
from tests.signers import Desk, Visit, data_url, drawing


@pytest.fixture
def desk(services: Services) -> Desk:
    return Desk(services)


def quitclaims(services: Services, person_id: str) -> Any:
    with services.store.read() as conn:
        return roster.load(services, conn, person_id).quitclaims


def lines(services: Services, person_id: str) -> set[str]:
    """The lines that are in force now."""
    with services.store.read() as conn:
        standing = roster.load(services, conn, person_id)
    found = standing.in_force(services.clock.now())
    return {grant.channel or "recognition" for grant in found}


def proof(services: Services, person_id: str, quitclaim_id: str) -> dict[str, bytes]:
    with services.store.read() as conn:
        found = services.vault.find(conn, person_id, "evidence", subject=quitclaim_id)
        bodies = [services.vault.open(conn, one) for one in found]
    return {name.decode(): body for name, _, body in (one.partition(b"\0") for one in bodies)}


def photographs() -> list[bytes]:
    return [samples.portrait(p).read_bytes() for p in (samples.A_FRONT, samples.A_SPEECH)]


def enrolled(services: Services, person_id: str) -> bool:
    with services.store.read() as conn:
        return bool(services.vault.find(conn, person_id, "template"))


def test_what_was_seen_and_chosen_is_kept_with_its_proof(desk: Desk, cast: support.Cast) -> None:
    """One line a tick, the text as it was shown and its hash, the signature; a receipt and a page to open."""
    services, asa = desk.services, cast.add("Åsa", language="nl")
    visit = desk.visit(asa)
    answer = visit.sign("press", typed="", drawn=data_url(drawing()), email="asa@example.org")
    assert (answer.status_code, answer.location) == (303, "/s/done")
    (claim,) = quitclaims(services, asa)
    assert lines(services, asa) == {"press"}
    assert claim.signed_by_person
    assert (claim.method, claim.language, claim.text_version) == ("link", "nl", "Photographs v1")
    shown = make_sheet(desk.form.form, "nl", services.today())
    kept = proof(services, asa, claim.id)
    assert claim.text_sha256 == shown.sha256()
    assert kept["text.txt"].decode() == shown.text()
    said = json.loads(kept["signing.json"])
    assert said["chosen"] == ["communication:press"]
    assert said["signature"] == "drawn"
    assert Image.open(BytesIO(kept["signature.png"])).format == "PNG"
    with services.store.read() as conn:
        assert register.email_of(services, conn, asa) == "asa@example.org"
        receipt = receipts.load(services, conn, claim.id)
    assert receipts.verify(receipt.json)
    assert visit.client.get("/s/receipt.json").data == receipt.json
    assert visit.client.get("/s/receipt.pdf").data.startswith(b"%PDF")
    assert visit.client.get("/s/done").status_code == 200


def test_every_sentence_of_the_text_stands_on_the_page(desk: Desk, cast: support.Cast) -> None:
    """What is hashed is what was seen."""
    page = " ".join(unescape(desk.visit(cast.add("Åsa")).page()).split())
    shown = make_sheet(desk.form.form, "en", desk.services.today())
    said = [shown.title, shown.who, shown.asks, shown.why, shown.until, shown.empty, shown.recognition]
    said += [shown.recognition_text, shown.photographs, shown.retention, shown.withdraw, shown.officer]
    assert [line for line in said if line not in page] == []
    assert page.count('type="checkbox"') == 3
    assert " checked" not in page


def test_looking_changes_nothing(desk: Desk, cast: support.Cast) -> None:
    """A mail program that opens the link and all that it leads to leaves no trace; people still can sign."""
    asa = cast.add("Åsa")
    token = desk.invite(asa)
    before = desk.kept()
    with desk.services.store.read() as conn:
        row = conn.execute(select(t.invitation)).one()
    for _ in range(3):
        Visit(desk.app, token).page()
    with desk.services.store.read() as conn:
        assert conn.execute(select(t.invitation)).one() == row
    assert desk.kept() == before
    assert Visit(desk.app, token).sign("press").status_code == 303


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"choice": []}, "You ticked nothing"),
        ({"choice": ["communication:tv"]}, "look at your choices"),
        ({"signer": " "}, "Fill in the name of whoever signs"),
        ({"typed": ""}, "Draw your signature"),
        ({"drawn": "data:image/png;base64,AAAA"}, "cannot be read"),
        ({"drawn": "data:image/png;base64,%%"}, "cannot be read"),
        ({"email": "nowhere"}, "not an e-mail address"),
        ({"photographs": [b"x"]}, "thrown them away"),
        ({"recognition": "yes", "photographs": [b"no picture"]}, "cannot be read as a photograph"),
        ({"recognition": "yes", "photographs": [b"x"] * 6}, "Five photographs at most"),
    ],
)
def test_a_form_that_is_not_whole_comes_back_as_it_was_typed(
    desk: Desk, cast: support.Cast, fields: dict[str, Any], words: str
) -> None:
    """What is wrong is said, what was typed and ticked stands there again, and nothing was stored."""
    visit = desk.visit(cast.add("Åsa"))
    before = desk.kept()
    answer = visit.sign("press", **({"other": ""} | fields))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert words in page
    assert desk.kept() == before
    if "choice" not in fields:
        assert 'value="communication:press" id="c-communication-press" checked' in page
    if "signer" not in fields:
        assert 'value="Åsa Öberg"' in page
    if "photographs" in fields:
        assert 'class="kept"' not in page  # none of them serves


def test_photographs_are_kept_only_with_recognition(desk: Desk, cast: support.Cast) -> None:
    """With the grant a template is made; without it photographs are refused and nothing is signed."""
    asa, bo = cast.add("Åsa"), cast.add("Bo")
    assert desk.visit(asa).sign("press", "recognition", photographs=photographs()).status_code == 303
    assert enrolled(desk.services, asa)
    assert lines(desk.services, asa) == {"press", "recognition"}
    assert desk.visit(bo).sign("press", photographs=photographs()).status_code == 422
    assert not enrolled(desk.services, bo)
    assert not quitclaims(desk.services, bo)


def test_one_photograph_is_looked_at_and_forgotten(desk: Desk, cast: support.Cast) -> None:
    """The quality is told at once, in the visitor's language; no encoding is made and nothing stored."""
    visit = desk.visit(cast.add("Åsa", language="nl"))
    before, token = desk.kept(), {"X-CSRFToken": visit.hidden()["csrf_token"]}

    def look(body: bytes) -> Any:
        file = {"photograph": (BytesIO(body), "a.jpg")}
        return visit.client.post("/s/photo", data=file, headers=token).get_json()

    seen = look(photographs()[0])
    assert (seen["good"], seen["words"]) == (True, "Deze foto is geschikt.")
    unread = look(b"nothing")
    assert (unread["good"], unread["words"]) == (False, "Dit bestand is niet te lezen als foto. Kies een ander.")
    assert (unread["faces"], unread["offered"], len(unread), len(seen)) == ([], 0, 4, 4)
    blank = BytesIO()
    Image.new("RGB", (400, 400), "white").save(blank, "JPEG")
    assert "Wij zien geen gezicht" in look(blank.getvalue())["words"]
    assert desk.kept() == before


def test_the_last_page_ends_with_the_link_of_the_visit(desk: Desk, cast: support.Cast) -> None:
    """A link that was revoked while the page is open ends it: no receipt, and no link to be read off."""
    asa = cast.add("Åsa")
    visit = desk.visit(asa)
    assert visit.sign("press").status_code == 303
    paths = ("/s/done", "/s/receipt.json", "/s/receipt.pdf")
    assert [visit.client.get(path).status_code for path in paths] == [200, 200, 200]
    with desk.services.store.write() as tx:
        assert links.revoke_all(desk.services, tx, asa, links.LinkKind.KEY, "test")
    assert [visit.client.get(path).status_code for path in paths] == [410, 410, 410]


def test_a_link_that_the_staff_was_shown_opens_nobodys_past(
    tmp_path: Path, clock: ManualClock, examiner: Examiner
) -> None:
    """An editor who signs by it himself gets to no page of theirs; what is mailed goes to them."""
    mail = {"host": "127.0.0.1", "port": 2525, "security": "none", "sender": "photos@example.org"}
    config = support.configuration(tmp_path, mail=mail, server={"public_url": "http://127.0.0.1:8731"})
    with support.opened(config, clock, examiner) as services:
        desk, cast = Desk(services), support.Cast(services)
        asa, bo = cast.add("Åsa", email="asa@example.org"), cast.add("Bo")
        for person in (asa, bo):
            assert desk.visit(person).sign("press").status_code == 303
            theirs = desk.visit(person)
            page = theirs.page()
            session = theirs.client.get_cookie("facelease_sign", path="/s")
            assert session is not None
            sent = {"choice": "communication:press", "signer": "Åsa", "typed": "Å", "email": "editor@example.org"}
            for _ in range(2):  # the second press as well
                theirs.client.set_cookie("facelease_sign", session.value, path="/s")
                assert theirs.send(sent, page).location == "/s/done"
                key = links.find_open(services, theirs.kept_link())
                assert (key.kind, key.person_id) == ("key", person)
                assert theirs.client.get("/s/me").status_code == 404
                assert theirs.client.get("/s/key").status_code == 200
                assert theirs.client.get("/s/receipt.json").status_code == 200
        with services.store.read() as conn:
            assert conn.execute(select(t.invitation.c.id).where(t.invitation.c.kind == "page")).first() is None
            letters = select(t.mail.c.id).where(t.mail.c.person_id == asa).order_by(t.mail.c.created_at)
            last = conn.scalars(letters).all()[-1]
            (found,) = services.vault.find(conn, asa, "mail", subject=last)
            letter = json.loads(services.vault.open(conn, found))
        assert letter == {"to": "asa@example.org"}, "an address that nobody confirmed gets the receipt alone"


def test_the_link_to_keep_is_under_our_own_address(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> None:
    """Whatever host a request names: behind a proxy it is another, and whoever sends one may choose it."""
    config = support.configuration(tmp_path, server={"public_url": "http://127.0.0.1:8731"})
    with support.opened(config, clock, examiner) as services:
        desk = Desk(services)
        visit = desk.visit(support.Cast(services).add("Åsa"))
        assert visit.sign("press").status_code == 303
        shown = visit.client.get("/s/done").get_data(as_text=True)
        assert "http://127.0.0.1:8731/s/" in shown
        assert "localhost" not in shown


def test_the_same_form_twice_is_one(desk: Desk, cast: support.Cast) -> None:
    """Two presses of one button make one version; both lead to the receipt."""
    asa = cast.add("Åsa")
    visit = desk.visit(asa)
    page = visit.page()
    other = Visit(desk.app, desk.invite(asa))  # another browser has nothing to do with it
    session = visit.client.get_cookie("facelease_sign", path="/s")
    assert session is not None
    fields = {"choice": "communication:press", "signer": "Åsa", "typed": "Åsa"}
    assert visit.send(fields, page).location == "/s/done"
    visit.client.set_cookie("facelease_sign", session.value, path="/s")
    assert visit.send(fields, page).location == "/s/done"
    assert visit.client.get("/s/receipt.json").status_code == 200
    assert len(quitclaims(desk.services, asa)) == 1
    assert other.client.get("/s/done").status_code == 404


def test_links_that_open_nothing_say_so_kindly(desk: Desk, cast: support.Cast, clock: ManualClock) -> None:
    """Wrong, guessed, used, revoked, expired: a page in the visitor's language that names nobody."""
    asa = cast.add("Åsa Geheim")
    used, revoked, old = desk.invite(asa), desk.invite(asa), desk.invite(asa)
    Visit(desk.app, used).sign("press")
    with desk.services.store.write() as tx:
        row = links.find_open(desk.services, revoked)
        links.revoke(desk.services, tx, row.id, "test")
    late = Visit(desk.app, old)
    _refused(desk, used, 410, "used already", "al gebruikt")
    _refused(desk, revoked, 410, "no longer valid", "niet meer geldig")
    clock.advance(timedelta(days=31))
    _refused(desk, old, 410, "has expired", "verlopen")
    for guess in ("A" * 43, old[:-1], old + "A", "%00", old.swapcase()):
        _refused(desk, guess, 404, "cut off", "niet volledig")
    assert late.client.get("/s/form").status_code == 410
    assert desk.app.test_client().get("/s/form").status_code == 404
    assert desk.app.test_client().post("/s/form").status_code == 400


def _refused(desk: Desk, token: str, status: int, *words: str) -> None:
    for language, said in zip(("en", "nl"), words, strict=True):
        answer = desk.app.test_client().get(f"/s/{token}", headers={"Accept-Language": language})
        page = answer.get_data(as_text=True)
        assert (answer.status_code, said in page, "Geheim" in page) == (status, True, False), token


def test_who_says_no_is_not_asked_again(desk: Desk, cast: support.Cast) -> None:
    """The link is answered; nothing is agreed to."""
    asa = cast.add("Åsa")
    token = desk.invite(asa)
    visit = Visit(desk.app, token)
    answer = visit.client.post("/s/no", data=visit.hidden())
    assert "You said no" in answer.get_data(as_text=True)
    assert not quitclaims(desk.services, asa)
    assert Visit(desk.app, token).opened.status_code == 410


# ---- minors --------------------------------------------------------------------------------------


def test_a_guardian_signs_for_a_child_and_both_names_are_on_the_receipt(desk: Desk, cast: support.Cast) -> None:
    """Below the age the page asks for the guardian, who is kept with address and proof of their own."""
    clara = cast.add("Clara", birth_date=date(2014, 5, 1))
    visit = desk.visit(clara)
    refused = visit.sign("press", signer="", email="").get_data(as_text=True)
    assert "Fill in the name of whoever signs" in refused
    assert "Fill in an e-mail address" not in refused, "a key needs no address"
    visit.sign("press", "recognition", signer="Greta Sample", email="greta@example.org", typed="Greta Sample")
    (claim,) = quitclaims(desk.services, clara)
    assert not claim.signed_by_person
    assert lines(desk.services, clara) == {"press", "recognition"}
    with desk.services.store.read() as conn:
        (known,) = register.guardians_of(desk.services, conn, clara)
        receipt = receipts.load(desk.services, conn, claim.id).tree
    assert (known["name"], known["email"]) == ("Greta Sample", "greta@example.org")
    assert claim.signed_by_guardians == (known["id"],)
    assert (receipt["person"], receipt["guardians"]) == ("Clara", ["Greta Sample"])
    page = links.find_open(desk.services, visit.kept_link())
    assert (page.person_id, page.guardian_id) == (clara, known["id"])


def test_two_guardians_sign_one_after_the_other(services: Services, cast: support.Cast) -> None:
    """Nothing holds before the second has signed, and then only what both ticked."""
    desk = Desk(services, guardians=2)
    clara = cast.add("Clara", birth_date=date(2014, 5, 1))
    visit = desk.visit(clara)
    both = {"other_signer": "Hugo Sample", "other_email": "hugo@example.org", "email": "greta@example.org"}
    same = both | {"other_signer": "GRETA sample", "other_email": "Greta@example.org"}
    assert visit.sign("press", signer="Greta Sample", **same).status_code == 422
    first = visit.sign("press", "website", signer="Greta Sample", **both)
    assert first.location == "/s/done"
    assert not quitclaims(services, clara)
    assert visit.client.get("/s/receipt.json").status_code == 404
    second = Visit(desk.app, visit.kept_link())
    page = second.page()
    assert "Greta Sample has signed already" in page
    assert 'name="recognition"' not in page
    assert 'name="signer"' not in page
    assert second.sign("press", "recognition", typed="Hugo").status_code == 422
    assert second.sign("press", typed="Hugo Sample").location == "/s/done"
    (claim,) = quitclaims(services, clara)
    assert lines(services, clara) == {"press"}
    with services.store.read() as conn:
        assert receipts.load(services, conn, claim.id).tree["guardians"] == ["Greta Sample", "Hugo Sample"]
    assert set(proof(services, clara, claim.id)) == {
        "first text.txt",
        "first signing.json",
        "second text.txt",
        "second signing.json",
    }


def test_a_half_that_stays_one_goes_with_its_link(services: Services, cast: support.Cast, clock: ManualClock) -> None:
    """What the first guardian signed is destroyed when the second's link has ended without them."""
    desk = Desk(services, guardians=2)
    clara = cast.add("Clara", birth_date=date(2014, 5, 1))
    visit = desk.visit(clara)
    visit.sign("press", signer="Greta", email="g@example.org", other_signer="Hugo", other_email="h@example.org")
    assert pending_signatures.expire_pending(services) == 0
    clock.advance(timedelta(days=31))
    assert pending_signatures.expire_pending(services) == 1
    with services.store.read() as conn:
        assert not pending_signatures.list_pending(services, conn, clara)


@pytest.mark.parametrize("by", ["the page", "the desk"])
def test_what_was_taken_back_is_not_brought_back_by_a_second_guardian(
    services: Services, cast: support.Cast, by: str
) -> None:
    """The first guardian's half ends with what they withdraw after it, and so does the link to the second."""
    desk = Desk(services, guardians=2)
    clara = cast.add("Clara", birth_date=date(2014, 5, 1))
    about = {"signer": "Greta", "email": "g@example.org", "other_signer": "Hugo", "other_email": "h@example.org"}
    first = desk.visit(clara)
    first.sign("press", "recognition", **about)
    assert Visit(desk.app, first.kept_link()).sign("press", "recognition", typed="Hugo").status_code == 303
    again = desk.visit(clara)
    again.sign("press", "recognition", **about)
    other = Visit(desk.app, again.kept_link())
    shown = other.page()
    if by == "the desk":
        withdrawal.withdraw(services, clara, None, "dam:Olga")
    else:
        with services.store.write() as tx:
            greta = next(
                one["id"] for one in register.guardians_of(services, tx.connection, clara) if one["name"] == "Greta"
            )
        made = visiting.link_of(services, clara, greta)
        own_page.end_uses(services, own_page.find_visitor(services, made.id), StopMode.WITHDRAW, None)
    sent = {"choice": "communication:press", "recognition": "yes", "typed": "Hugo"}
    assert other.send(sent, shown).status_code == 410
    assert lines(services, clara) == set()


def test_a_reminder_brings_the_second_guardian_to_the_same_half(services: Services, cast: support.Cast) -> None:
    """A new link in the place of the old finds what the first guardian signed; the old one is of no use."""
    desk = Desk(services, guardians=2)
    clara = cast.add("Clara", birth_date=date(2014, 5, 1))
    visit = desk.visit(clara)
    visit.sign("press", signer="Greta", email="g@example.org", other_signer="Hugo", other_email="h@example.org")
    old = links.find_open(services, visit.kept_link())
    with services.store.write() as tx:
        again = links.Link(links.LinkKind.SIGN, "en", clara, old.form_id, old.guardian_id, by_mail=True, most_uses=1)
        made = links.make(services, tx, again, "calendar")
        links.revoke(services, tx, old.id, "calendar")
    assert pending_signatures.expire_pending(services) == 0
    assert Visit(desk.app, made.token).sign("press", typed="Hugo").status_code == 303
    assert len(quitclaims(services, clara)[0].signed_by_guardians) == 2


def test_a_first_guardians_form_sent_twice_is_one(services: Services, cast: support.Cast) -> None:
    """The second press leads to the page for the other guardian, whose link it shows; the first link is of no use."""
    desk = Desk(services, guardians=2)
    ruling = modes.Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("spring shoot", "the photographer"))
    modes.decide(services, support.SHOOT, ruling, "test")
    visit = desk.visit(collection_ref=support.SHOOT)
    page = visit.page()
    session = visit.client.get_cookie("facelease_sign", path="/s")
    assert session is not None
    sent = {"choice": "communication:press", "name": "Clara", "birth_date": "2014-05-01", "signer": "Greta"}
    sent |= {"typed": "Greta", "email": "g@example.org"}
    sent |= {"other_signer": "Hugo", "other_email": "h@example.org"}
    assert visit.send(sent, page).location == "/s/done"
    first = visit.kept_link()
    visit.client.set_cookie("facelease_sign", session.value, path="/s")
    assert visit.send(sent, page).location == "/s/done"
    assert desk.kept()["person"] == 1
    assert Visit(desk.app, first).opened.status_code == 410
    assert Visit(desk.app, visit.kept_link()).sign("press", typed="Hugo").status_code == 303
    assert _members(services) == {"Clara"}


def test_who_comes_back_after_the_evidence_went_signs_anew(desk: Desk, cast: support.Cast) -> None:
    """The record key of long ago is destroyed; a new signature makes a new one."""
    asa = cast.add("Åsa", email="asa@example.org")
    with desk.services.store.write() as tx:
        withdrawal.destroy_key(desk.services, tx, asa, "record", "calendar")
    visit = desk.visit(asa)
    assert visit.sign("press", email="new@example.org").status_code == 303
    with desk.services.store.read() as conn:
        assert register.email_of(desk.services, conn, asa) == "new@example.org"


@pytest.mark.usefixtures("one_minute")
def test_more_than_is_allowed_is_refused_kindly(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Too many tries, too many bytes: a page in plain words; no address and no link is logged."""
    caplog.set_level("DEBUG")
    stranger = desk.app.test_client()
    answer = stranger.post("/s/form", data={"photographs": (BytesIO(b"x" * (2 << 20)), "a.jpg")})
    assert (answer.status_code, "too much at once" in answer.get_data(as_text=True)) == (413, True)
    uncounted = {stranger.get(f"/s/{number:043d}").status_code for number in range(125)}
    assert uncounted == {404}  # at the desk of the tests nobody is told to wait
    guesser = create_app(desk.services.config, desk.services).test_client()
    tried = [guesser.get(f"/s/{number:043d}") for number in range(125)]
    assert [answer.status_code for answer in tried] == [404] * 120 + [429] * 5
    assert "Try again in a minute" in tried[-1].get_data(as_text=True)
    assert "127.0.0.1" not in caplog.text
    assert f"{124:043d}" not in caplog.text


@pytest.mark.usefixtures("one_minute")
def test_what_costs_much_is_not_had_without_end(services: Services, cast: support.Cast) -> None:
    """A receipt is made for each who asks, and the front page counts the whole store: one visitor cannot stop all."""
    desk, asa = Desk(services), cast.add("Åsa")
    app = create_app(services.config, services)
    visit = Visit(app, desk.invite(asa))
    assert visit.sign("press").status_code == 303
    said = [visit.client.get("/s/receipt.json").status_code for _ in range(21)]
    assert said == [200] * 20 + [429]
    said = [visit.client.get("/s/key/receipt.json").status_code for _ in range(21)]
    assert said == [200] * 20 + [429]
    (claim,) = quitclaims(services, asa)
    page = visiting.fresh(app)
    page.get(f"/s/{visiting.link_of(services, asa).token}")
    said = [page.get(f"/s/me/receipt/{claim.id}.json").status_code for _ in range(21)]
    assert said == [200] * 20 + [429]
    for path in ("/", "/metrics"):
        assert [app.test_client().get(path).status_code for _ in range(61)] == [200] * 60 + [429]


def test_a_photograph_touches_no_disk(desk: Desk, cast: support.Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is uploaded by people stays in memory: it may be of somebody who does not sign in the end."""

    def on_disk(*_: object, **__: object) -> None:
        raise AssertionError("a temporary file was made")

    for name in ("SpooledTemporaryFile", "TemporaryFile"):
        monkeypatch.setattr(f"werkzeug.formparser.{name}", on_disk, raising=False)
    picture = BytesIO()
    Image.effect_noise((1200, 1200), 90).convert("RGB").save(picture, "PNG")
    assert len(picture.getvalue()) > 1_000_000
    visit = desk.visit(cast.add("Åsa"))
    answer = visit.sign("press", "recognition", photographs=[picture.getvalue()])
    assert "We see no face" in answer.get_data(as_text=True)


def test_a_small_child_is_not_recognised(desk: Desk, cast: support.Cast) -> None:
    """Below the lowest age the line is not offered, and one that is sent all the same is refused."""
    kleintje = cast.add("Kleintje", birth_date=date(2025, 1, 1))
    visit = desk.visit(kleintje)
    assert 'name="recognition"' not in visit.page()
    assert visit.sign("press", "recognition", signer="Greta", email="g@example.org").status_code == 422
    assert visit.sign("press", signer="Greta", email="g@example.org").status_code == 303


def test_a_child_that_objected_is_not_recognised_by_a_guardians_signature(desk: Desk, cast: support.Cast) -> None:
    """The line is gone from the form of whoever signs for them."""
    clara = cast.add("Clara", birth_date=date(2014, 5, 1))
    withdrawal.object_to_recognition(desk.services, clara, "person")
    assert 'name="recognition"' not in desk.visit(clara).page()


def test_a_young_person_signs_from_their_birthday_on(desk: Desk, cast: support.Cast, clock: ManualClock) -> None:
    """The link that was sent ahead says from when; then it opens the form, without a guardian."""
    clara = cast.add("Clara", birth_date=date(2010, 3, 20))
    token = desk.invite(clara, kind=links.LinkKind.MAJORITY)
    assert "You can sign from 20 March 2026" in Visit(desk.app, token).page()
    assert Visit(desk.app, token).send({"nonce": "0" * 32}).status_code == 400  # no form, no token
    clock.advance(timedelta(days=20))
    assert Visit(desk.app, token).sign("press", signer="Clara", typed="Clara").status_code == 303
    assert quitclaims(desk.services, clara)[0].signed_by_person


# ---- a shoot -------------------------------------------------------------------------------------


@pytest.fixture
def shoot(desk: Desk) -> str:
    """The token of a code that hangs at a shoot."""
    evidence = BasisEvidence("spring shoot", "the photographer")
    ruling = modes.Ruling(Mode.SUGGEST, Basis.SHOOT, evidence)
    modes.decide(desk.services, support.SHOOT, ruling, "test")
    return desk.invite(collection_ref=support.SHOOT)


def _members(services: Services) -> set[str]:
    query = select(t.person.c.display_name).join(t.shoot_person, t.shoot_person.c.person_id == t.person.c.id)
    with services.store.read() as conn:
        return set(conn.scalars(query))


def test_a_guardians_link_signs_for_nobody_who_has_come_of_age(
    desk: Desk, cast: support.Cast, clock: ManualClock
) -> None:
    """Mailed before the birthday and opened after it: nothing is signed, and what was begun is refused as well."""
    clara = cast.add("Clara", birth_date=date(2010, 3, 20))
    greta = register.add_guardian(desk.services, clara, "Greta", "test", "g@example.org")
    clock.set(clock.now().replace(day=19))
    visit = desk.visit(clara, guardian_id=greta)
    page = visit.page()
    assert "Greta" in page
    clock.advance(timedelta(hours=12))
    fields = {"choice": "communication:press", "typed": "Greta", "signer": "Greta"}
    assert visit.send(fields, page).status_code == 410
    with pytest.raises(ConsentError, match="decides for themselves"):
        desk.invite(clara, guardian_id=greta)
    assert quitclaims(desk.services, clara) == ()


def test_many_sign_up_by_one_code(desk: Desk, shoot: str, photos: Path) -> None:
    """Each is entered as they sign, becomes a member of the shoot, and stays one when its mode changes."""
    for name in ("Åsa Öberg", "Bo Ek", "Eva"):
        assert Visit(desk.app, shoot).sign("press", name=name, typed=name).status_code == 303
    assert _members(desk.services) == {"Åsa Öberg", "Bo Ek", "Eva"}
    with desk.services.store.read() as conn:
        assert all(conn.scalars(select(t.person.c.self_entered)))
    ruling = modes.Ruling(Mode.AUTO, Basis.SHOOT, BasisEvidence("spring shoot", "the photographer"))
    modes.decide(desk.services, support.SHOOT, ruling, "test")
    assert _members(desk.services) == {"Åsa Öberg", "Bo Ek", "Eva"}


def test_a_form_opens_nobody_elses_page(desk: Desk, shoot: str, clock: ManualClock) -> None:
    """Two people whose forms bear no number are not one; a form that is found later is no key to a page."""
    for name in ("Åsa", "Bo"):
        answer = Visit(desk.app, shoot).sign("press", name=name, typed=name, nonce="")
        assert answer.status_code == 422
    assert desk.kept()["person"] == 0
    visit = Visit(desk.app, shoot)
    page = visit.page()
    session = visit.client.get_cookie("facelease_sign", path="/s")
    assert session is not None
    sent = {"choice": "communication:press", "name": "Åsa", "typed": "Åsa", "of_age": "yes"}
    assert visit.send(sent, page).location == "/s/done"
    links_then = desk.kept()["invitation"]
    clock.advance(timedelta(hours=2))
    visit.client.set_cookie("facelease_sign", session.value, path="/s")
    assert visit.send(sent, page).status_code == 410
    assert (desk.kept()["person"], desk.kept()["invitation"]) == (1, links_then)


def test_a_namesake_is_told_nothing_and_marked_for_the_staff(
    desk: Desk, shoot: str, cast: support.Cast, photos: Path
) -> None:
    """The answer is the same as for anybody; the name is made to differ, also from one by hand in the DAM."""
    cast.add("Åsa Öberg")
    support.put(photos, "shoot/one.jpg", samples.A_FRONT)
    first, second = (Visit(desk.app, shoot).sign("press", name=name) for name in ("åsa öberg", "Bo"))
    assert first.status_code == second.status_code == 303
    marked = {one.person.display_name: one.namesake for one in people_list.search(desk.services)}
    assert marked == {"Åsa Öberg": False, "åsa öberg 2": True, "Bo": False}


def test_a_guardian_without_an_address_signs_and_ends_it_by_key(desk: Desk, shoot: str) -> None:
    """At a shoot, on a phone: the key is shown, and it is all that they need."""
    visit = Visit(desk.app, shoot)
    assert visit.sign("press", name="Clara", birth_date="2014-05-01", signer="Greta").status_code == 303
    holder = Visit(desk.app, visit.kept_link()).client
    assert "Press" in holder.get("/s/key").text
    assert visiting.send(holder, "/s/key/stop/all", how="withdraw").status_code == 200
    with desk.services.store.read() as conn:
        (row,) = conn.execute(select(t.person)).all()
        (known,) = register.guardians_of(desk.services, conn, row.id)
    assert not known.get("email")
    (claim,) = quitclaims(desk.services, row.id)
    assert [grant.ended_kind for grant in claim.grants] == [EndKind.WITHDRAWN]


def test_a_child_at_a_shoot_needs_a_guardian(desk: Desk, shoot: str) -> None:
    """A date of birth below the age asks for the guardian; a guardian without a date asks for that."""
    visit = Visit(desk.app, shoot)
    page = visit.sign("press", name="Clara", birth_date="2014-05-01", signer="").get_data(as_text=True)
    assert "Fill in the name of whoever signs" in page
    page = visit.sign("press", name="Clara", signer="Greta").get_data(as_text=True)
    assert "Fill in the date of birth" in page
    page = visit.sign(
        "press", "recognition", name="Clara", birth_date="2025-05-01", signer="Greta", email="g@example.org"
    ).get_data(as_text=True)
    assert "Children below 6 are not recognised" in page
    assert desk.kept()["person"] == 0
    done = visit.sign("press", name="Clara", birth_date="2014-05-01", signer="Greta", email="g@example.org")
    assert done.status_code == 303
    with desk.services.store.read() as conn:
        (row,) = conn.execute(select(t.person)).all()
        assert row.birth_date == date(2014, 5, 1)
        assert register.email_of(desk.services, conn, row.id) == ""
    assert not quitclaims(desk.services, row.id)[0].signed_by_person


def test_a_child_entered_for_a_half_goes_with_it(services: Services, clock: ManualClock) -> None:
    """Who was entered at a shoot only for a signature that never became whole is forgotten again."""
    desk = Desk(services, guardians=2)
    ruling = modes.Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("spring shoot", "the photographer"))
    modes.decide(services, support.SHOOT, ruling, "test")
    visit = desk.visit(collection_ref=support.SHOOT)
    fields = {"email": "g@example.org", "other_signer": "Hugo", "other_email": "h@example.org"}
    page = visit.page()
    sent = {
        "choice": "communication:press",
        "name": "Clara",
        "birth_date": "2014-05-01",
        "signer": "Greta",
        "typed": "Greta",
        **fields,
    }
    visit.send(sent, page)
    assert desk.kept()["person"] == 1
    assert not _members(services)
    clock.advance(timedelta(days=31))
    assert pending_signatures.expire_pending(services) == 1
    support.Cast(services).work()
    assert desk.kept()["person"] == 0


def test_a_code_with_one_shoot_cannot_be_declined_for_all(desk: Desk, shoot: str) -> None:
    """Who says no at a shoot just goes: the code stays for the others."""
    visit = Visit(desk.app, shoot)
    assert visit.client.post("/s/no", data=visit.hidden()).status_code == 404
    assert Visit(desk.app, shoot).sign("press", name="Bo").status_code == 303


def test_what_is_renewed_supersedes_what_was(desk: Desk, cast: support.Cast, clock: ManualClock) -> None:
    """A renewal is a new version; the template of an unbroken consent stays without new photographs."""
    asa = cast.add("Åsa")
    desk.visit(asa).sign("press", "recognition", photographs=photographs())
    clock.advance(timedelta(days=30))
    shown = desk.visit(asa, kind=links.LinkKind.RENEW).page()
    assert "We have photographs already" not in shown, "a link that was handed over says no more than it must"
    visit = desk.letter(asa)
    assert "We have photographs already" in visit.page()
    visit.sign("website", "recognition")
    assert [claim.version for claim in quitclaims(desk.services, asa)] == [1, 2]
    assert lines(desk.services, asa) == {"website", "recognition"}
    assert enrolled(desk.services, asa)


def test_uses_that_rest_on_a_contract_say_so(services: Services, cast: support.Cast) -> None:
    """The legal basis of a line is kept with its grant and stands on the receipt."""
    uses = [
        {"purpose": "communication", "channels": ["website"], "basis": "contract"},
        {"purpose": "communication", "channels": ["press"]},
    ]
    desk = Desk(services, uses=uses)
    asa = cast.add("Åsa")
    visit = desk.visit(asa)
    assert "under a contract with Sample organisation" in visit.page()
    visit.sign("website", "press", "recognition")
    with services.store.read() as conn:
        found = {row.channel: row.basis for row in conn.execute(select(t.grant))}
        (claim,) = roster.load(services, conn, asa).quitclaims
        record = json.loads(receipts.load(services, conn, claim.id).json)["consent_record"]
    assert found == {"website": "contract", "press": None, None: None}
    basis = [line["lawful_basis"] for line in record["pii_processing"]["purposes"]]
    assert basis == ["dpv-gdpr:A6-1-b", "dpv-gdpr:A6-1-a", "dpv-gdpr:A9-2-a"]


def test_what_goes_wrong_at_the_end_leaves_nothing(desk: Desk, shoot: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Person, quitclaim, template, link, receipt: together or not at all."""
    before = desk.kept()

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(receipts, "store", fails)
    desk.app.config["PROPAGATE_EXCEPTIONS"] = False
    answer = Visit(desk.app, shoot).sign("press", "recognition", name="Bo", photographs=photographs())
    assert answer.status_code == 500
    assert desk.kept() == before
    with desk.services.store.read() as conn:
        assert conn.scalar(select(t.invitation.c.uses)) == 0


def test_a_used_up_code_number_is_counted(desk: Desk, shoot: str) -> None:
    """The uses of a shoot's code are counted, and a limit on them holds."""
    with desk.services.store.write() as tx:
        tx.execute(update(t.invitation).values(most_uses=1))
    assert Visit(desk.app, shoot).sign("press", name="Bo").status_code == 303
    assert Visit(desk.app, shoot).opened.status_code == 410


@pytest.mark.usefixtures("one_minute")
def test_one_who_opens_a_shoots_link_for_ever_keeps_nobody_out(desk: Desk, shoot: str) -> None:
    """A link that all who stand there share is counted for each network: 60 a minute; the others go on."""
    app = create_app(desk.services.config, desk.services)

    def opened(address: str) -> int:
        return app.test_client().get(f"/s/{shoot}", environ_base={"REMOTE_ADDR": address}).status_code

    assert [opened("192.0.2.7") for _ in range(62)] == [303] * 60 + [429] * 2
    assert opened("192.0.2.8") == 303
