"""V1 and S2 on a real server: somebody asked by letter, by hand-over, by a shoot's code and on paper; what each of
their pages must not show, before and after a face is vouched for; and a role that is taken away in the server."""

import json
import re
import statistics
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import pytest
from playwright.sync_api import Browser, Page

from plugin.flows.mail import form_store
from sidecar.commands.demo import samples
from tests import mailbox
from tests.doubles.resourcespace_house import Server
from tests.live import accounts
from tests.live.accounts import Account, Consoles
from tests.live.given import Given, Sidecar, answer, bin_all, forget, names_in, until
from tests.live.office import Office
from tests.live.pages import Pages
from tests.live.phones import Phone, Told, letter_to
from tests.live.story import ASA, Story
from tests.mailbox import Mailbox

BO, GEA, MALLORY = "Bo Sample", "Gea Sample", "Mallory Sample"
EVERYBODY = (ASA, BO, GEA, MALLORY)
EVE = "eve-sample"
FACE_OF_A = (samples.A_FRONT, samples.A_SPEECH)
NOT_SIGNED_IN = {401, 403}
GENERAL_USERS = 2  # the number of this group in every ResourceSpace

Promise = Callable[[str, str], None]


@dataclass
class House:
    """A story with a mail server, two accounts of the staff in the console, and people with phones."""

    story: Story
    box: Mailbox
    admin: Page
    eve: Page
    account: Account
    browser: Browser
    consoles: Consoles
    stack: ExitStack
    shown: int = field(default=0)

    def phone(self) -> Phone:
        made = Phone(self.browser, self.story.sidecar.url)
        self.stack.callback(made.context.close)
        return made

    def letter(self, to: str, since: int = 0) -> str:
        return until(lambda: letter_to(self.box, to, since))

    def faces(self, *prefixes: str) -> list[Path]:
        return [self.story.portrait(one, f"face-{one}.jpg") for one in prefixes]

    def named(self, name: str) -> set[str]:
        return {ref for ref in self.story.refs if name in names_in(self.story.server, ref)}

    def suggested(self, ref: str, name: str) -> None:
        """Wait until the panel of the photograph speaks of somebody."""
        until(lambda: name in self.story.pages.view(ref).inner_text())

    def live_list(self, collection: str) -> str:
        """What the live list of a shoot shows to Eve."""
        self.eve.goto(f"/console/shoot?ref={collection}")
        return self.eve.locator("main").inner_text()


@pytest.fixture
def sidecar(given: Given, tmp_path: Path) -> Iterator[Sidecar]:
    """As everywhere, with mail."""
    with mailbox.running(tmp_path / "mail") as box, Sidecar(tmp_path, given, mail=box.section()) as running:
        (tmp_path / "form.toml").write_text(form_store.read_sample())
        running.run("form", "add", str(tmp_path / "form.toml"))
        running.box = box  # type: ignore[attr-defined]
        running.up()
        yield running


@pytest.fixture
def house(
    given: Given, server: Server, sidecar: Sidecar, pages: Pages, browser: Browser, tmp_path: Path
) -> Iterator[House]:
    for name in EVERYBODY:
        forget(server, name)
    with ExitStack() as stack:
        told = Story(server, sidecar, pages, tmp_path)
        for name in EVERYBODY:
            stack.callback(forget, server, name)
        stack.callback(lambda: bin_all(server, told.refs))
        stack.callback(told.end_collections)
        account = stack.enter_context(accounts.account(server, Office(given), EVE, given.editors))
        consoles = Consoles(browser, given, sidecar.url)
        stack.callback(consoles.close)
        admin, eve = (consoles.enter(*who) for who in ((given.user, given.password), (EVE, account.password)))
        box = sidecar.box  # type: ignore[attr-defined]
        yield House(told, box, admin, eve, account, browser, consoles, stack)


def nothing_of_photographs(told: Told, *others: str) -> None:
    """No picture, no count, no path, no other's name; neither shown nor given."""
    assert told.images == 0, [what for what, status in told.status.items() if status == 200]
    assert told.holds(*others) == []
    for what in ("photographs", "faces", "not_this_person"):
        assert told.export.get(what, []) == [], what
    assert "photograph-" not in told.text.get("me", "")
    assert not [what for what, status in told.status.items() if what.startswith("not me") and status == 200]


def only_a_key(told: Told, *others: str) -> None:
    """The text, the choices and the receipt of one visit; no full page, no form, no name but on the receipt."""
    nothing_of_photographs(told, *others)
    assert told.status["key"] == 200
    assert told.status["key/receipt.json"] in {200, 404}, "of a text that is no form of ours there is none"
    assert {told.status[what] for what in ("me", "me/photos", "export", "references")} <= {403, 404, 405, 410}
    assert [what for what, _ in told.holds(*EVERYBODY) if "receipt" not in what] == []


def test_by_letter_everything_and_by_hand_over_a_key(house: House, promise: Promise) -> None:
    """Eve enters her with her address, and the administrator has the letter sent: the full page. Before her face is
    vouched for it shows no photograph, though suggestions wait; then exactly hers, without anybody else's name."""
    story = house.story
    collection = story.collection()
    story.pages.choose(collection, "auto")
    accounts.enter_person(house.eve, ASA, "asa@example.org")
    accounts.open_person(house.admin, ASA)
    house.admin.locator("button[name=how][value=mail]").click()
    asa = house.phone()
    asa.sign(house.letter("asa@example.org"), ASA, "website", photographs=house.faces(*FACE_OF_A))
    alone = story.put(collection, story.portrait(samples.A_STANDING, "alone.jpg"))
    both = story.put(collection, story.together("both.jpg", samples.A_STANDING, samples.B_STANDING))
    story.put(collection, story.portrait(samples.B_STANDING, "other.jpg"))
    assert asa.own, "a letter to an address that another account entered brings the full page"
    house.suggested(alone, ASA)
    house.suggested(both, ASA)
    before = asa.everything(asa.own)
    assert before.status["me"] == 200
    nothing_of_photographs(before, BO)
    assert (house.named(ASA), "resembles" in house.eve.content()) == (set(), False)

    accounts.enter_person(house.eve, BO)
    bo = house.phone()
    bo.sign(accounts.hand_over(house.eve), BO, "website")
    assert bo.own == ""
    answer(story.server, "update_field", resource=both, field=29, value=f'"{BO}"')
    only_a_key(bo.everything(bo.key), ASA)

    accounts.open_person(house.eve, ASA)
    house.eve.locator("form[action$='/vouch'] input[value=met]").check()
    house.eve.locator("form[action$='/vouch'] button.primary").click()
    until(lambda: house.named(ASA) == {alone, both})
    after = asa.everything(asa.own)
    assert "2 photographs" in after.text["me"]
    assert after.pictures == 2
    assert len(after.export["photographs"]) == 2
    assert after.holds(BO) == []
    only_a_key(bo.everything(bo.key), ASA)
    asas_key = house.phone()
    only_a_key(asas_key.everything(asa.key), BO)
    promise(
        "V1",
        "real server, by letter and by hand-over: photographs, counts or names shown before the face was vouched for "
        f"{before.images}, afterwards {after.pictures} of her 2, others' names 0",
    )


def test_a_key_shows_no_later_version(house: House) -> None:
    """Signed again by a link of the administrator's: the first key says that it was replaced, and not by what."""
    accounts.enter_person(house.eve, BO)
    bo, later = house.phone(), house.phone()
    bo.sign(accounts.hand_over(house.eve), BO, "website")
    accounts.open_person(house.eve, BO)
    house.eve.locator("button[name=how][value=link]").click()
    assert house.eve.locator("#address").count() == 0, "an editor ends nothing by a new form"
    accounts.open_person(house.admin, BO)
    later.sign(accounts.hand_over(house.admin), BO, "press")
    old, new = bo.everything(bo.key), later.everything(later.key)
    only_a_key(old)
    only_a_key(new)
    assert (uses(old), uses(new)) == (["Website"], ["Press"])


def uses(told: Told) -> list[str]:
    """What the page of a key lists, by channel."""
    lines = re.findall(r'<strong id="line-[^"]*">([^<]+)</strong>', told.text["key"])
    return [line.partition(":")[0] for line in lines]


def shoot(house: House) -> tuple[str, str]:
    """A collection on auto on the basis of a shoot, and the path of its code."""
    collection = house.story.collection("Shoot (sample)")
    house.story.pages.choose(collection, "auto", basis="shoot")
    until(lambda: house.admin.goto(f"/console/collections/one?ref={collection}").status == 200)  # type: ignore[union-attr]
    house.admin.locator("form[action$=invite] button").click()
    return collection, house.admin.locator("#address").input_value()


def test_a_guest_with_anothers_face(house: House, promise: Promise) -> None:
    """At a shoot Mallory sends pictures of somebody else who is on two photographs. An editor confirms one of them:
    nothing is cleared, and neither key, nor full page, nor export tells anything. Seen by staff, refused: gone."""
    story = house.story
    collection, code = shoot(house)
    mallory = house.phone()
    mallory.sign(code, MALLORY, "website", photographs=house.faces(*FACE_OF_A), email="mallory@example.org")
    assert mallory.mark
    assert mallory.mark in house.live_list(collection)
    first = story.put(collection, story.portrait(samples.A_STANDING, "first.jpg"))
    second = story.put(collection, story.together("second.jpg", samples.A_STANDING, samples.B_STANDING))
    house.suggested(first, MALLORY)
    house.suggested(second, MALLORY)
    assert house.named(MALLORY) == set()
    story.pages.view(first)
    panel = story.pages.press("confirm")
    until(lambda: house.named(MALLORY) == {first})
    assert "cleared until" not in panel.inner_text()
    since = len(house.box.got)
    only_a_key(mallory.everything(mallory.key))
    accounts.confirm_address(house.eve, MALLORY)
    link = house.letter("mallory@example.org", since)
    full = mallory.everything(link)
    assert full.status["me"] == 200, "somebody of the staff knows whose address it is, not whose face that is"
    nothing_of_photographs(full)
    house.eve.goto("/console/references")
    refusal = house.eve.locator("details:has(form[action$=refuse])")
    refusal.locator("summary").click()
    refusal.locator("input[name=sure]").check()
    refusal.locator("button.danger").click()
    until(lambda: house.named(MALLORY) == set())
    nothing_of_photographs(mallory.everything(link))
    panel = story.pages.view(first)
    assert (MALLORY in panel.inner_text(), "cleared until" in panel.inner_text()) == (False, False)
    promise(
        "V1",
        "real server, a shoot's guest with anothers pictures: named by itself 0 of 2, cleared after one was "
        f"confirmed 0, shown to the guest {full.images}, names left after the refusal 0",
    )


def test_a_guest_who_is_seen_with_the_phone(house: House) -> None:
    """Gea's mark on the live list is the one on her phone; chosen there, the photographs get her name, her key still
    shows none of them, and her full page exactly hers."""
    story = house.story
    collection, code = shoot(house)
    gea = house.phone()
    gea.sign(code, GEA, "website", photographs=house.faces(*FACE_OF_A), email="gea@example.org")
    hers = story.put(collection, story.portrait(samples.A_STANDING, "hers.jpg"))
    story.put(collection, story.portrait(samples.B_STANDING, "other.jpg"))
    house.suggested(hers, GEA)
    assert house.named(GEA) == set()
    assert gea.mark in house.live_list(collection)
    house.eve.get_by_role("button", name=gea.mark).click()
    until(lambda: house.named(GEA) == {hers})
    only_a_key(gea.everything(gea.key))
    since = len(house.box.got)
    accounts.confirm_address(house.eve, GEA)
    page = gea.everything(house.letter("gea@example.org", since))
    assert "1 photograph" in page.text["me"]
    assert (page.pictures, len(page.export["photographs"])) == (1, 1)


def test_on_paper_with_a_slip_and_a_guest_who_resembles_her(house: House) -> None:
    """The staff chose her pictures: named at once. Her slip shows none of it. A guest with her face is held: a task
    for the staff, no suggestion, and told nothing of it; nor does she learn of the guest."""
    story, sidecar = house.story, house.story.sidecar
    collection, code = shoot(house)
    open_ = story.collection()
    story.pages.choose(open_, "auto")
    form = story.folder / "paper.txt"
    form.write_text("SAMPLE, NOT SIGNED BY THE PERSON SHOWN.\n")
    sidecar.run("person", "add", ASA, "--of-age")
    slip = story.folder / "slip.svg"
    said = sidecar.run(
        "quitclaim",
        "add",
        ASA,
        "--recognition",
        "--publication",
        "communication:website",
        "--until",
        "2027-12-31",
        "--text-version",
        "sample",
        "--evidence",
        str(form),
        "--slip",
        str(slip),
        "--json",
        handed_on=True,
    )
    sidecar.run("person", "enrol", ASA, *map(str, house.faces(*FACE_OF_A)), handed_on=True)
    assert slip.stat().st_size > 1000
    hers = story.put(open_, story.portrait(samples.A_STANDING, "hers.jpg"))
    until(lambda: house.named(ASA) == {hers})
    only_a_key(house.phone().everything(json.loads(said)["key"]), MALLORY)
    at_shoot = story.put(collection, story.portrait(samples.A_STANDING, "shoot.jpg"))
    mallory = house.phone()
    mallory.sign(code, MALLORY, "website", photographs=house.faces(*FACE_OF_A))
    only_a_key(mallory.everything(mallory.key), ASA)
    assert f"resemble {ASA}" in house.live_list(collection)
    until(lambda: "1." in story.pages.view(at_shoot).inner_text())
    assert MALLORY not in story.pages.view(at_shoot).inner_text()
    assert house.named(MALLORY) == set()
    only_a_key(house.phone().everything(json.loads(said)["key"]), MALLORY)


@pytest.mark.promise
def test_a_role_that_is_taken_away_ends_the_next_page(house: House, given: Given, promise: Promise) -> None:
    """Another group, disabled, expired, or gone in the server, while the console is open: no page after it."""
    page, account = house.eve, house.account
    took, bare, opened = pace(page), ask_pace(house.story.server), []
    for change, back in (
        ({"usergroup": GENERAL_USERS}, {"usergroup": given.editors}),
        ({"approved": 2}, {"approved": 1}),
        ({"account_expires": "2020-01-01"}, {"account_expires": ""}),
    ):
        assert status(page, "/console/people") == 200
        account.change(**change)
        opened += [one for one in PATHS if status(page, one) not in NOT_SIGNED_IN]
        account.change(**back)
        assert status(page, "/console/people") == 401, "given back, one signs in anew"
        page = house.consoles.enter(EVE, account.password)
    promise(
        "S2",
        f"real server, roles taken away: pages after it {len(opened)} of {3 * len(PATHS)}; the groups call "
        f"{bare:.0f} ms, a console page with it {took:.0f} ms (medians of {PAGES})",
    )
    assert opened == []


PATHS = ("/console/", "/console/people", "/console/review", "/console/references", "/console/people/new")
PAGES = 30


def status(page: Page, path: str) -> int:
    return page.context.request.get(path).status


def pace(page: Page) -> float:
    """The median time of a page of the console, in ms."""
    return _median(lambda: page.context.request.get("/console/people"))


def ask_pace(server: Server) -> float:
    """The median time of the call that each page makes, in ms."""
    client = server.client()
    return _median(lambda: client.ask("facelease_account", str, username=EVE))


def _median(act: Callable[[], object]) -> float:
    times = []
    for _ in range(PAGES):
        began = perf_counter()
        act()
        times.append(1000 * (perf_counter() - began))
    return statistics.median(times)
