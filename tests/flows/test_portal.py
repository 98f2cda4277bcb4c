"""A person's own page: what it shows, what is changed there, and that it is about nobody else."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from plugin.clock import ManualClock
from plugin.errors import ConsentError, LinkRefused, NotFound
from plugin.flows.access import links
from plugin.flows.common import reference_sets
from plugin.flows.common.services import Services
from plugin.flows.mail import page_links
from plugin.flows.matching import vouching
from plugin.flows.people import guardian_links, register
from plugin.flows.review import face_decisions
from plugin.flows.rights import erasure_requests
from plugin.flows.schedule import calendar
from plugin.flows.self_service import own_page
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.recognizer.process.examiner import Examiner
from sidecar.app import create_app
from sidecar.commands.demo import samples
from sidecar.serving.surfaces import Surface, find_place
from tests import support
from tests.crowd import A, B, Crowd
from tests.signers import Desk, Visit
from tests.visiting import confirm, link_of, on, press, send, token, visit

MAIL = {"host": "127.0.0.1", "port": 2525, "security": "none", "sender": "photos@example.org"}
PUBLIC = {"public_url": "http://127.0.0.1:8731"}


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house that sends mail and knows its address."""
    config = support.configuration(tmp_path, mail=MAIL, server=PUBLIC)
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    with support.opened(config, clock, examiner) as open_:
        yield open_


def letters(services: Services) -> list[tuple[str, str, Any]]:
    with services.store.read() as conn:
        rows = conn.execute(select(t.mail).order_by(t.mail.c.created_at)).all()
        return [
            (row.kind, json.loads(services.vault.open(conn, found))["to"], row.data)
            for row in rows
            for found in services.vault.find(conn, row.person_id, "mail", subject=row.id)
        ]


def audited(services: Services, action: Action) -> int:
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).where(t.audit.c.action == action.value)) or 0


@pytest.fixture
def asa(cast: support.Cast, services: Services) -> str:
    """Åsa, who agreed, enrolled, and is on one photograph alone and on one with Bo."""
    person = cast.add("Åsa", email="asa@example.org")
    cast.sign(person, channels=("website", "press"))
    cast.enrol(person)
    return person


@pytest.fixture
def tagged(cast: support.Cast, services: Services, photos: Path, asa: str, examiner: Examiner) -> list[str]:
    """The two photographs, scanned."""
    cast.open_collection()
    crowd = Crowd(examiner)
    refs = [
        crowd.put(photos, "shoot/Bo Ek alone.jpg", crowd.row([A[0]])),
        crowd.put(photos, "shoot/two.jpg", crowd.row([A[1], B])),
    ]
    calendar.poll_dam(services)
    cast.work()
    assert set(cast.tags(asa)) == set(refs)
    return refs


def number(services: Services, ref: str) -> int:
    with services.store.read() as conn:
        return conn.scalar(select(t.resource.c.id).where(t.resource.c.ref == ref)) or -1


def test_the_page_says_what_was_agreed_to_and_shows_the_photographs(
    services: Services, asa: str, tagged: list[str]
) -> None:
    """Each use with its days and state, each photograph with its picture and where it may be used; no file name."""
    browser = visit(services, asa)
    page = browser.get("/s/me")
    assert page.status_code == 200
    for words in (
        "Being recognised on photographs",
        "Website: communication",
        "Press: communication",
        "since 2 March 2026",
        "until 2 March 2027",
        "2 photographs",
    ):
        assert words in page.text
    assert "Bo Ek" not in page.text, "a file may be called after somebody else"
    assert "website (to 2 March 2027)" in page.text
    pictures = re.findall(r'src="(/s/me/photos/\d+/picture)"', page.text)
    assert len(pictures) == 2
    for path in pictures:
        picture = browser.get(path)
        assert picture.data[:2] == b"\xff\xd8"
        assert len(picture.data) < 60_000
        assert b"Exif" not in picture.data
        assert b"xmp" not in picture.data
    assert audited(services, Action.RECORD_LOOK) == 1, "a look is audited, once a session"
    assert "Waarmee u hebt ingestemd" in browser.get("/s/me?lang=nl").text
    assert "Foto's met uw naam" in browser.get("/s/me").text.replace("&#39;", "'"), "the language stays"


def test_whose_pictures_nobody_vouched_for_is_shown_nothing_that_rests_on_them(
    services: Services, asa: str, tagged: list[str]
) -> None:
    """By a link somebody may send a photograph of somebody else: what was then found reaches nobody, not even as
    a number, before an account has said how it knows the face; that an editor confirmed it is no such word."""
    with services.store.write() as tx:
        declared = {"came_by": "link", "vouched_at": None, "vouched_by": None, "vouched_how": None}
        tx.execute(update(t.reference_set).values(**declared))
    with services.store.read() as conn:
        mine = (t.face.c.resource_id == number(services, tagged[0])) & (t.face.c.person_id == asa)
        face = conn.scalar(select(t.face.c.id).where(mine))
        set_id = reference_sets.list_of(conn, asa)[0].id
    face_decisions.confirm(services, face or 0, "editor")
    browser = visit(services, asa)
    who = own_page.Visitor("link", asa, None, "en", (asa,))
    assert (own_page.load_page(services, who).album.total, "/photos/" in browser.get("/s/me").text) == (0, False)
    paths = [f"/s/me/photos/{number(services, ref)}" for ref in tagged]
    assert {browser.get(f"{path}/picture").status_code for path in paths} == {404}
    assert {browser.get(f"{path}/not-me").status_code for path in paths} == {404}
    with pytest.raises(NotFound):
        own_page.disown(services, own_page.Visitor("link", asa, None, "en"), number(services, tagged[0]))
    vouching.vouch(services, set_id, "met", "dam:editor")
    assert [browser.get(f"{path}/picture").status_code for path in paths] == [200, 200]
    assert own_page.load_page(services, who).album.total == 2


def test_one_use_is_withdrawn_with_one_button_and_one_page(
    services: Services, cast: support.Cast, asa: str, tagged: list[str]
) -> None:
    """At once, with a letter; the others stay. A grant that is over has nothing to stop."""
    browser = visit(services, asa)
    page = browser.get("/s/me").text
    press_line = re.findall(r'id="line-([0-9a-f]+)">Press', page)[0]
    sure = browser.get(f"/s/me/stop/{press_line}")
    assert "Press: communication" in sure.text
    done = send(browser, f"/s/me/stop/{press_line}", how="withdraw")
    assert "It is over as of now" in done.text
    assert "Press: communication" in done.text.split("What ended before")[1]
    assert [(kind, to, data["what"]) for kind, to, data in letters(services)] == [
        ("changed", "asa@example.org", "withdraw")
    ]
    assert browser.get(f"/s/me/stop/{press_line}").status_code == 404
    cast.work()
    assert set(cast.tags(asa)) == set(tagged), "the other use and recognition still stand"


def test_everything_is_withdrawn_and_the_tags_go(
    services: Services, cast: support.Cast, asa: str, tagged: list[str]
) -> None:
    """The names leave the files, and the page says that nothing is agreed to."""
    browser = visit(services, asa)
    done = send(browser, "/s/me/stop/all", how="withdraw")
    assert "Nothing is agreed to" in done.text
    cast.work()
    assert [cast.names_on(ref) for ref in tagged] == [set(), set()]
    assert "Your name is on no photograph" in browser.get("/s/me").text


def test_restricting_stops_the_use_and_keeps_the_record(services: Services, asa: str) -> None:
    """GDPR Art. 18: said as such, audited as such."""
    browser = visit(services, asa)
    assert "Stopped, record kept" in send(browser, "/s/me/stop/all", how="restrict").text
    assert audited(services, Action.CONSENT_RESTRICT) == 3
    assert audited(services, Action.CONSENT_WITHDRAW) == 0


def test_that_is_not_me_takes_the_name_off_for_good(
    services: Services, cast: support.Cast, asa: str, tagged: list[str]
) -> None:
    """Off the file at once, and the face is not proposed again; the other photograph keeps the name."""
    browser = visit(services, asa)
    path = f"/s/me/photos/{number(services, tagged[0])}/not-me"
    assert "not you" in browser.get(path).text
    assert "The name is taken off" in send(browser, path).text
    assert cast.names_on(tagged[0]) == set()
    with services.store.write() as tx:
        services.queue.put(tx, "photo", tagged[0])
    cast.work()
    assert cast.names_on(tagged[0]) == set()
    with services.store.read() as conn:
        states = set(conn.scalars(select(t.face.c.state).where(t.face.c.resource_id == number(services, tagged[0]))))
        assert states == {"rejected"}
    assert cast.names_on(tagged[1]) == {"Åsa"}
    assert browser.get(path).status_code == 404
    assert letters(services)[-1][2]["what"] == "not me"


def test_a_name_by_hand_goes_too_when_the_person_says_so(
    services: Services, cast: support.Cast, photos: Path, asa: str
) -> None:
    """Somebody set it by hand; no face is known, so no picture is shown, and the person may take it off."""
    ref = support.put(photos, "by-hand.jpg", samples.B_STANDING)
    from plugin.hooks.dam import Write

    services.dam.write(ref, [Write("Åsa", True, services.dam.places)], None)
    calendar.poll_dam(services)
    calendar.begin_comparison(services)
    cast.work()
    assert cast.tags(asa) == {ref: "hand"}
    browser = visit(services, asa)
    page = browser.get("/s/me").text
    assert "Named by a person" in page
    assert "we do not know for certain which face is yours" in page
    photo = number(services, ref)
    assert browser.get(f"/s/me/photos/{photo}/picture").status_code == 404
    send(browser, f"/s/me/photos/{photo}/not-me")
    assert cast.names_on(ref) == set()


def test_forget_me_goes_to_the_officers_list_with_its_term(
    services: Services, cast: support.Cast, asa: str, clock: ManualClock
) -> None:
    """Listed once, however often it is asked; refused with a reason that the person is told; granted, all goes."""
    browser = visit(services, asa)
    assert "1 April 2026" in send(browser, "/s/me/forget").text
    browser.post("/s/me/forget", data={"csrf_token": token(browser.get("/s/me/forget").text)})
    (waiting,) = erasure_requests.list_waiting(services)
    assert (waiting.person_id, waiting.due_on, waiting.asked_by, waiting.overdue) == (
        asa,
        date(2026, 4, 1),
        "person",
        False,
    )
    clock.advance(timedelta(days=31))
    assert erasure_requests.list_waiting(services)[0].overdue
    with pytest.raises(ConsentError, match="reason"):
        erasure_requests.decide(services, waiting.id, False, "officer", " ")
    erasure_requests.decide(services, waiting.id, False, "officer", "a contract runs until May")
    assert [kind for kind, _, _ in letters(services)] == ["forget", "kept"]
    with pytest.raises(NotFound):
        erasure_requests.decide(services, waiting.id, True, "officer")
    browser = visit(services, asa)  # a month later the visit of then is over
    send(browser, "/s/me/forget")
    erasure_requests.decide(services, erasure_requests.list_waiting(services)[0].id, True, "officer")
    gone = browser.get("/s/me")
    assert (gone.status_code, "You are forgotten" in gone.text) == (410, True)
    cast.work()
    with services.store.read() as conn:
        assert conn.scalar(select(func.count()).select_from(t.person)) == 0
        assert conn.scalar(select(func.count()).select_from(t.request)) == 0
    assert "link does not work" in browser.get("/s/me").text


def test_forget_me_at_once_where_the_house_says_so(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> None:
    """The erasure has begun with the answer, and the visit is over."""
    config = support.configuration(tmp_path, requests={"erasure": "at once"})
    with support.opened(config, clock, examiner) as services:
        person = support.Cast(services).add("Eva")
        browser = visit(services, person)
        assert "cannot be undone" in browser.get("/s/me/forget").text
        assert "You are forgotten" in send(browser, "/s/me/forget").text
        with services.store.read() as conn:
            assert not services.vault.has_key(conn, person, "record")
        assert browser.get("/s/me").status_code == 404


def test_everything_that_is_held_is_exported(services: Services, asa: str, tagged: list[str]) -> None:
    """One JSON file: choices, photographs, faces, links, letters, requests, evidence; audited. No token in it."""
    browser = visit(services, asa)
    send(browser, "/s/me/forget")
    answer = press(browser, "/s/me/export")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    held = json.loads(answer.data)
    assert held["person"]["display_name"] == "Åsa"
    assert [one["kind"] for one in held["requests"]] == ["erasure"]
    assert {one["kind"] for one in held["invitations"]} == {"page"}
    assert [one["kind"] for one in held["mails"]] == ["forget"]
    assert [(one["name"], one["bytes"]) for one in held["evidence"]] == [("form.txt", 21)]
    assert {one["ref"] for one in held["faces"]} == set(tagged)
    assert "token" not in answer.text
    assert audited(services, Action.RECORD_EXPORT) == 1


def test_reference_photographs_are_had_as_they_came_and_each_look_is_audited(services: Services, asa: str) -> None:
    """One a download, the very bytes that were given; no other number is one."""
    browser = visit(services, asa)
    paths = re.findall(r'action="(/s/me/references/\d+)"', browser.get("/s/me").text)
    assert paths == ["/s/me/references/1", "/s/me/references/2"]
    bodies = {press(browser, path).data for path in paths}
    assert bodies == {samples.portrait(p).read_bytes() for p in (samples.A_FRONT, samples.A_SPEECH)}
    assert audited(services, Action.REFERENCE_LOOK) == 2
    assert [press(browser, f"/s/me/references/{n}").status_code for n in (0, 3)] == [404, 404]
    assert audited(services, Action.REFERENCE_LOOK) == 2


def test_a_reference_photograph_is_opened_after_its_audit_row_and_in_no_write(
    services: Services, asa: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it is decrypted others write; the look was told before."""
    browser, real, seen = visit(services, asa), services.vault.open, list[int]()
    with services.store.read() as conn:
        theirs = services.vault.find(conn, asa, "reference")

    def opened(connection: Connection, sealed_id: str) -> bytes:
        if sealed_id in theirs:
            # A write inside a write is refused: this one would be, were it opened in one.
            with services.store.write() as tx:
                tx.see()
            seen.append(audited(services, Action.REFERENCE_LOOK))
        return real(connection, sealed_id)

    monkeypatch.setattr(services.vault, "open", opened)
    assert press(browser, "/s/me/references/1").status_code == 200
    assert seen == [1]


@pytest.mark.usefixtures("one_minute")
def test_reference_photographs_are_fetched_seldom_and_beside_the_pages(services: Services, asa: str) -> None:
    """Twenty a minute for one visit; they take no thread of the public pages."""
    browser = on(services, link_of(services, asa).token, create_app(services.config, services))
    said = {"csrf_token": token(browser.get("/s/me").text)}
    codes = [browser.post("/s/me/references/1", data=said).status_code for _ in range(21)]
    assert codes == [200] * 20 + [429]
    assert find_place("/s/me/references/1").surface is Surface.UPLOADS
    assert find_place("/s/me").surface is Surface.PUBLIC


def _guardian(services: Services, child: str) -> str:
    with services.store.read() as conn:
        return str(register.guardians_of(services, conn, child)[0]["id"])


def _child(services: Services, cast: support.Cast, name: str, born: date) -> tuple[str, str]:
    child = cast.add(name, birth_date=born, guardians=("Gerda",))
    guardian = _guardian(services, child)
    cast.sign(child, guardians=(guardian,))
    return child, guardian


def test_a_guardian_sees_the_children_that_the_staff_joined_and_no_other(
    services: Services, cast: support.Cast, clock: ManualClock
) -> None:
    """Both ways or not at all; until the birthday that ends the guardian's say."""
    clara, hers = _child(services, cast, "Clara", date(2012, 5, 1))
    carl, his = _child(services, cast, "Carl", date(2010, 3, 20))
    stranger, _ = _child(services, cast, "Cleo", date(2012, 5, 1))
    clock.set(clock.now().replace(day=19, hour=22))
    browser, before = visit(services, clara, hers), link_of(services, carl, his)
    assert "Carl" not in browser.get("/s/me").text
    assert press(browser, "/s/me/child", child=carl).status_code == 404
    guardian_links.link_guardians(services, (clara, hers), (carl, his), "test")
    guardian_links.link_guardians(services, (clara, hers), (carl, his), "test")
    assert "Show Carl" in browser.get("/s/me").text
    assert press(browser, "/s/me/child", child=stranger).status_code == 404
    page = press(browser, "/s/me/child", child=carl)
    assert "The page about Carl" in page.text
    assert audited(services, Action.RECORD_LOOK) == 2
    clock.advance(timedelta(hours=1, minutes=30))
    assert "The page about Clara" in browser.get("/s/me").text, "Carl is sixteen and decides himself"
    assert "Carl" not in browser.get("/s/me").text
    confirm(services, carl, his)
    with services.store.write() as tx:
        assert page_links.make(services, tx, carl, "test", his) is None
    with pytest.raises(LinkRefused):
        own_page.find_visitor(services, before.id)


def test_one_guardians_export_holds_no_address_of_another(services: Services, cast: support.Cast) -> None:
    """Their own address, and the other's name, which is on the receipt; the officer's export has both."""
    clara = cast.add("Clara", birth_date=date(2012, 5, 1))
    hers = register.add_guardian(services, clara, "Greta", "test", "greta@example.org")
    his = register.add_guardian(services, clara, "Hugo", "test", "hugo@example.org")
    cast.sign(clara, guardians=(hers, his))
    for guardian, own, other in ((hers, "greta", "hugo"), (his, "hugo", "greta"), (None, "", "greta")):
        held = press(visit(services, clara, guardian), "/s/me/export").text
        assert f"{other}@example.org" not in held
        assert f"{own}@example.org" in held or not own
        assert {one["name"] for one in json.loads(held)["guardians"]} == {"Greta", "Hugo"}
    assert len([one for one in register.export(services, clara, "test")["guardians"] if one.get("email")]) == 2


def test_a_page_that_was_locked_is_not_come_back_to(services: Services, cast: support.Cast) -> None:
    """Whoever has a mislaid link makes themselves another from the page: it is taken back with the rest."""
    desk, asa = Desk(services), cast.add("Åsa", email="asa@example.org")
    first = desk.letter(asa)
    assert first.sign("press").status_code == 303
    page = first.client.get("/s/me").text
    made = first.client.post("/s/me/anew", data={"csrf_token": token(page)})
    anew, unused = Visit(desk.app, made.location.rpartition("/")[2]), visit(services, asa)
    form = anew.page()
    with services.store.write() as tx:
        assert links.revoke_page_links(services, tx, asa, "test") == 5
    sent = {"choice": "communication:press", "signer": "Åsa", "typed": "Åsa"}
    assert anew.send(sent, form).status_code == 410
    assert unused.get("/s/me").status_code == 410
    assert desk.kept()["quitclaim"] == 1


def test_what_was_asked_about_one_child_never_falls_on_another(
    services: Services, cast: support.Cast, clock: ManualClock
) -> None:
    """Two tabs of one browser, or a child that comes of age in between: nothing is changed, and that is said."""
    clara, hers = _child(services, cast, "Clara", date(2012, 5, 1))
    carl, his = _child(services, cast, "Carl", date(2010, 3, 20))
    guardian_links.link_guardians(services, (clara, hers), (carl, his), "test")
    clock.set(clock.now().replace(day=19, hour=22))
    browser = visit(services, clara, hers)
    sure = browser.get("/s/me/stop/all").text
    assert "The page about Clara" in sure, "a confirmation says whom it is about"
    first = {"csrf_token": token(sure), "about": clara, "how": "withdraw"}
    assert f'name="about" value="{clara}"' in sure
    press(browser, "/s/me/child", child=carl)
    assert browser.post("/s/me/stop/all", data=first).status_code == 409
    assert browser.post("/s/me/forget", data=first).status_code == 409
    assert browser.post("/s/me/export", data=first).status_code == 409
    clock.advance(timedelta(hours=1, minutes=30))  # Carl decides himself: the visit falls back to Clara
    assert browser.post("/s/me/stop/all", data=first | {"about": carl}).status_code == 409
    with services.store.read() as conn:
        assert conn.execute(select(t.grant.c.id).where(t.grant.c.ended_kind == "withdrawn")).first() is None
        assert conn.execute(select(t.request)).first() is None
    assert browser.post("/s/me/stop/all", data=first).status_code == 303


def test_a_childs_objection_stops_recognition_and_no_guardian_brings_it_back(
    services: Services, cast: support.Cast
) -> None:
    """By the child's own page; an adult withdraws instead."""
    clara, hers = _child(services, cast, "Clara", date(2012, 5, 1))
    cast.enrol(clara)
    browser = visit(services, clara)
    assert "I do not want to be recognised" in browser.get("/s/me").text
    assert "does not look for this face any more" in send(browser, "/s/me/object").text
    with services.store.read() as conn:
        assert not services.vault.has_key(conn, clara, "face")
    with pytest.raises(ConsentError):
        cast.sign(clara, guardians=(hers,))
    adult = cast.add("Dag")
    cast.sign(adult)
    other = visit(services, adult)
    assert "I do not want to be recognised" not in other.get("/s/me").text
    assert send(other, "/s/me/object").status_code == 409


def test_a_link_that_ends_while_the_page_is_open_ends_the_visit(
    services: Services, asa: str, clock: ManualClock
) -> None:
    """Revoked or expired: a friendly page, and nothing is changed."""
    made = link_of(services, asa)
    browser = on(services, made.token)
    form = token(browser.get("/s/me/stop/all").text)
    with services.store.write() as tx:
        links.revoke(services, tx, made.id, "test")
    refused = browser.post("/s/me/stop/all", data={"how": "withdraw", "csrf_token": form})
    assert (refused.status_code, "no longer valid" in refused.text) == (410, True)
    assert audited(services, Action.CONSENT_WITHDRAW) == 0
    later = visit(services, asa)
    clock.advance(timedelta(days=services.config.signing.page_days))
    assert "has expired" in later.get("/s/me").text


def test_only_a_link_to_the_page_opens_the_page(services: Services, asa: str) -> None:
    """An invitation to sign shows nothing of what is held."""
    with services.store.write() as tx:
        made = links.make(services, tx, links.Link(links.LinkKind.SIGN, "en", asa), "test")
    answer = on(services, made.token).get("/s/me")
    assert (answer.status_code, "Åsa" in answer.text) == (404, False)


def test_choosing_anew_leads_to_the_form_that_was_signed_last(services: Services, asa: str) -> None:
    """The newest version of it that is not retired, by a link for a day; without a form there is no button."""
    browser = visit(services, asa)
    assert "Change my choices" not in browser.get("/s/me").text
    assert press(browser, "/s/me/anew").status_code == 409
    with services.store.write() as tx:
        for version in (1, 2):
            tx.execute(
                t.form.insert().values(
                    id=f"form-{version}",
                    name="Photographs",
                    version=version,
                    body={},
                    sha256="0" * 64,
                    created_at=tx.now,
                    created_by="test",
                )
            )
        tx.execute(update(t.quitclaim).values(form_id="form-1"))
    assert "Change my choices" in browser.get("/s/me").text
    gone = browser.post("/s/me/anew", data={"csrf_token": token(browser.get("/s/me").text)})
    opened = links.find_open(services, gone.headers["Location"].rsplit("/", 1)[1])
    assert (opened.kind, opened.form_id, opened.person_id) == ("renew", "form-2", asa)


@contextmanager
def _more(services: Services, cast: support.Cast, photos: Path, count: int) -> Iterator[None]:
    for n in range(count):
        support.put(photos, f"shoot/more-{n:02}.jpg", samples.A_STANDING, (300 + n, 400))
    calendar.poll_dam(services)
    cast.work()
    yield


def test_many_photographs_come_a_page_at_a_time(services: Services, cast: support.Cast, photos: Path, asa: str) -> None:
    """Every one once, the latest first, numbered from the oldest."""
    cast.open_collection()
    with _more(services, cast, photos, 14):
        browser = visit(services, asa)
        page, numbers, path = browser.get("/s/me").text, [], ""
        while True:
            numbers += [int(n) for n in re.findall(r">Photograph (\d+)<", page)]
            more = re.search(r'href="(/s/me/photos\?after=\d+)"', page)
            if more is None:
                break
            path = more[1]
            page = browser.get(path).text
    assert path
    assert numbers == list(range(14, 0, -1))
