"""N1: signing loses nothing, in a real browser: whatever goes wrong, what was filled in is there; and nothing after."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from plugin.clock import ManualClock
from plugin.flows.collections import modes
from plugin.flows.common.services import Services
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from tests import support
from tests.browser.conftest import Opened, serious, shot
from tests.crowd import A, B, Crowd
from tests.signers import Desk

NAME = "Åsa Öberg"
HELD = "() => Object.keys(sessionStorage).filter((key) => key.startsWith('facelease'))"


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house whose DAM is a folder."""
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    with support.opened(support.configuration(tmp_path), clock, examiner) as open_:
        yield open_


@pytest.fixture
def desk(services: Services) -> Desk:
    return Desk(services)


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    """A photograph with nobody on it."""
    Image.new("RGB", (900, 700), "white").save(tmp_path / "blank.jpg")
    return tmp_path / "blank.jpg"


@pytest.fixture
def group(tmp_path: Path, examiner: Examiner) -> Path:
    """B and A, who is the largest, on one photograph."""
    crowd, page = Crowd(examiner), Image.new("RGB", (800, 440), (120, 120, 120))
    for prefix, size, place in ((B, 300, 0), (A[0], 400, 350)):
        page.paste(crowd.head(prefix, size), (place, 20))
    page.save(tmp_path / "group.png")
    return tmp_path / "group.png"


def draw(page: Page) -> None:
    """A signature, by pointer."""
    canvas = page.locator(".pad canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 20, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 20)
    page.mouse.move(box["x"] + 180, box["y"] + 70)
    page.mouse.up()


def fill(page: Page) -> None:
    """Everything but what a fault may be about."""
    page.locator("input[name=choice][value='communication:press']").check()
    page.locator("input[name=recognition]").check()
    page.locator("#files").set_input_files(samples.portrait(samples.A_FRONT))
    page.locator("#camera").set_input_files(samples.portrait(samples.A_SPEECH))
    expect(page.locator(".verdicts .good")).to_have_count(2, timeout=30_000)
    page.locator("#signer").fill(NAME)
    page.locator("#email").fill("asa@example.org")
    draw(page)


def filled(page: Page) -> dict[str, object]:
    """What stands in the form now."""
    expect(page.locator(".verdicts .good")).to_have_count(2, timeout=30_000)
    page.wait_for_function("() => document.querySelector('.pad canvas').getContext('2d')"
                           ".getImageData(0, 0, 700, 260).data.some((one) => one)")  # fmt: skip
    return {
        "choice": page.locator("input[value='communication:press']").is_checked(),
        "other": page.locator("input[value='communication:website']").is_checked(),
        "recognition": page.locator("input[name=recognition]").is_checked(),
        "signer": page.locator("#signer").input_value(),
        "email": page.locator("#email").input_value(),
        "pictures": page.locator(".verdicts .good img").evaluate_all("all => all.map((one) => one.src)"),
        "drawn": page.locator(".pad canvas").evaluate("(one) => one.toDataURL()"),
    }


def press(page: Page) -> None:
    page.locator("button.main").click()


def missing(page: Page) -> None:
    """A tick and a name are missing."""
    page.locator("#signer").fill("")
    page.locator("input[value='communication:press']").uncheck()
    page.locator("input[name=recognition]").uncheck()
    press(page)
    expect(page.get_by_role("alert")).to_be_focused()
    page.locator("#signer").fill(NAME)
    page.locator("input[value='communication:press']").check()
    page.locator("input[name=recognition]").check()


def wrong_address(page: Page) -> None:
    page.locator("#email").fill("asa")
    press(page)
    expect(page.locator("#email-fault")).to_be_visible()
    page.locator("#email").fill("asa@example.org")


def typed_meanwhile(page: Page) -> None:
    """Something is typed while the form, which is not whole, is on its way."""
    page.locator("#signer").fill("")
    press(page)
    page.locator("#signer").fill(NAME)
    expect(page.locator("#signer-fault")).to_be_visible()


def _once(page: Page, path: str, answer: Callable[[Route], None], act: Callable[[Page], None]) -> None:
    page.route(path, answer)
    act(page)
    expect(page.get_by_role("alert")).to_contain_text(re.compile("Nothing that you filled in|Niets van wat"))
    page.unroute(path)


def no_network(page: Page) -> None:
    _once(page, "**/s/form", lambda route: route.abort(), press)


def too_large(page: Page) -> None:
    _once(page, "**/s/form", lambda route: route.fulfill(status=413, body="<main><h1>Too large</h1></main>"), press)


def forgery_token_over(page: Page) -> None:
    """The server knows the form's token no more."""
    token = page.locator("#sign input[name=csrf_token]")
    kept = token.input_value()
    token.evaluate("(one) => { one.value = 'over' }")
    press(page)
    expect(page.get_by_role("alert")).to_contain_text("Nothing that you filled in")
    token.evaluate("(one, kept) => { one.value = kept }", kept)


def other_language(page: Page) -> None:
    page.get_by_role("button", name="Nederlands").click()
    expect(page.locator("html")).to_have_attribute("lang", "nl")
    page.get_by_role("button", name="English").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")


def read_again(page: Page) -> None:
    page.reload()


def away_and_back(page: Page) -> None:
    page.goto("/s/lost")
    page.go_back()


def visit_over(page: Page, link: str) -> None:
    """The cookie is gone, so the link is opened again."""
    page.context.clear_cookies()
    press(page)
    expect(page.get_by_role("alert")).to_contain_text("Nothing that you filled in")
    page.goto(f"/s/{link}")


@pytest.mark.promise
@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_nothing_is_lost(
    services: Services, desk: Desk, cast: support.Cast, on: Opened, blank: Path, promise: Callable[[str, str], None],
    size: str,
) -> None:  # fmt: skip
    """Ticks, fields, photographs and the drawn signature stand after every fault, switch and reload, and are signed."""
    asa = cast.add(NAME)
    link = desk.invite(asa)
    page = on(size)
    page.goto(f"/s/{link}")
    fill(page)
    before = filled(page)
    assert (before["choice"], before["signer"]) == (True, NAME)

    def bad_picture(page: Page) -> None:
        page.locator("#files").set_input_files(blank)
        expect(page.locator(".verdicts .bad")).to_contain_text("no face", timeout=30_000)
        shot(page, f"sign-pictures-{size}")
        page.locator(".verdicts .bad").get_by_role("button", name="Remove").click()
        expect(page.locator(".verdicts .bad")).to_have_count(0)

    faults: list[Callable[[Page], None]] = [
        *(bad_picture, missing, wrong_address, typed_meanwhile, no_network, too_large, forgery_token_over),
        *(other_language, read_again, away_and_back, lambda page: visit_over(page, link)),
    ]
    lost = 0
    for fault in faults:
        fault(page)
        after = filled(page)
        lost += sum(before[name] != after[name] for name in before)
        assert before == after
    assert desk.kept()["quitclaim"] == 0
    assert serious(page) == []
    press(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("it is signed", timeout=30_000)
    expect(page.get_by_text("Photographs kept for recognition: 2.")).to_be_visible()
    _nothing_stays(page)
    promise("N1", f"inputs lost by {len(faults)} faults, switches and reloads ({size}): {lost}")


def _nothing_stays(page: Page) -> None:
    """Neither in the tab nor by going back."""
    assert page.evaluate(HELD) == []
    page.go_back()
    page.wait_for_load_state()
    assert page.locator("#signer").count() == 0 or page.locator("#signer").input_value() == ""
    assert NAME not in page.content()


def test_the_answer_lost_on_its_way_signs_once(desk: Desk, cast: support.Cast, on: Opened) -> None:
    """The server signed and its answer was lost: sent again, also after a reload, it is the same signature."""
    page = on("phone")
    page.goto(f"/s/{desk.invite(cast.add(NAME))}")
    fill(page)

    def lose(route: Route) -> None:
        route.fetch(max_redirects=0)
        route.abort()

    _once(page, "**/s/form", lose, press)
    assert desk.kept()["quitclaim"] == 1
    press(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("it is signed", timeout=30_000)
    assert desk.kept()["quitclaim"] == 1


def test_a_bystander_is_cut_away_before_the_form_is_sent(
    services: Services, desk: Desk, cast: support.Cast, on: Opened, group: Path
) -> None:
    """Several people: the largest is offered, another is chosen by keyboard, and what is sent is that face alone."""
    page = on("phone")
    page.goto(f"/s/{desk.invite(cast.add(NAME))}")
    page.locator("input[name=recognition]").check()
    page.locator("#files").set_input_files(group)
    expect(page.get_by_role("radio", name="Face 2 of 2, from the left")).to_be_checked(timeout=30_000)
    shot(page, "sign-choose-phone")
    assert serious(page) == []
    page.get_by_role("radio", name="Face 2 of 2, from the left").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("radio", name="Face 1 of 2, from the left")).to_be_focused()
    chosen = page.locator(".verdicts .face img").first.get_attribute("src")
    page.locator("#signer").fill(NAME)
    page.locator("#typed").fill(NAME)
    with page.expect_request("**/s/form") as sent:
        press(page)
    body = sent.value.post_data_buffer or b""
    assert body.count(b'name="face-') == 1
    assert str(chosen).encode() in body
    expect(page.get_by_text("Photographs kept for recognition: 1.")).to_be_visible()


def test_turned_photographs_are_upright_and_small(desk: Desk, cast: support.Cast, on: Opened, tmp_path: Path) -> None:
    """A camera's large picture that says that it lies on its side is sent upright, at most 1600 px, once."""
    picture = Image.open(samples.portrait(samples.A_FRONT)).convert("RGB")
    side = picture.resize((picture.width * 4000 // picture.height, 4000)).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    side.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    page = on("phone")
    page.goto(f"/s/{desk.invite(cast.add(NAME))}")
    page.locator("input[name=recognition]").check()
    with page.expect_request("**/s/photo") as sent:
        page.locator("#camera").set_input_files(tmp_path / "turned.jpg")
    expect(page.locator(".verdicts .good")).to_have_count(1, timeout=30_000)
    body = sent.value.post_data_buffer or b""
    assert len(body) < 600_000 < (tmp_path / "turned.jpg").stat().st_size
    width, height = page.locator(".verdicts img").evaluate("(one) => [one.naturalWidth, one.naturalHeight]")
    assert (width, height) > (0, 0)


def test_the_next_visitor_of_a_shared_phone_finds_nothing(desk: Desk, cast: support.Cast, on: Opened) -> None:
    """Declined, or another link opened in the same browser: nothing of the one before is in the form or the tab."""
    first, second = desk.invite(cast.add(NAME)), desk.invite(cast.add("Bo Ek"))
    page = on("phone")
    page.goto(f"/s/{first}")
    fill(page)
    assert page.evaluate(HELD) != []
    page.goto(f"/s/{second}")
    assert page.locator("#signer").input_value() == "Bo Ek"  # the name of whoever this link asks
    assert page.locator("input:checked").count() == 0
    assert page.evaluate(HELD) == []
    fill(page)
    page.get_by_role("button", name="I say no to everything").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_function(f"({HELD})().length === 0")
    page.go_back()
    assert NAME not in page.content()
    assert page.locator("#signer").count() == 0


def test_who_leaves_leaves_nothing(desk: Desk, cast: support.Cast, on: Opened) -> None:
    """The button that empties the form empties the tab too: going back, or by the link, nothing is there."""
    link = desk.invite(cast.add("Bo Ek"))
    page = on("phone")
    page.goto(f"/s/{link}")
    fill(page)
    page.get_by_role("button", name="Empty this form and close it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Closed")
    page.wait_for_function(f"({HELD})().length === 0")
    page.go_back()
    assert NAME not in page.content()
    page.goto(f"/s/{link}")
    assert page.locator("input:checked").count() == 0
    assert page.locator("#email").input_value() == ""


def test_two_tabs_with_one_link(desk: Desk, cast: support.Cast, on: Opened) -> None:
    """Signed in one tab, the other shows nothing of it any more."""
    link = desk.invite(cast.add(NAME))
    page = on("phone")
    page.goto(f"/s/{link}")
    other = page.context.new_page()
    other.goto(f"/s/{link}")
    other.locator("#signer").fill("Typed in the other")
    page.goto(f"/s/{link}")
    fill(page)
    press(page)
    expect(page.get_by_role("heading", level=1)).to_contain_text("it is signed", timeout=30_000)
    expect(other.locator("#signer")).to_have_count(0)
    assert other.evaluate(HELD) == []
    assert "Typed in the other" not in other.content()


def test_at_a_shoot_a_new_scan_begins_anew(services: Services, desk: Desk, on: Opened) -> None:
    """Many share the link of a shoot: who opens it again finds an empty form; a reload keeps what was filled in."""
    ruling = modes.Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("spring shoot", "the photographer"))
    modes.decide(services, support.SHOOT, ruling, "test")
    code = desk.invite(collection_ref=support.SHOOT)
    page = on("phone")
    page.goto(f"/s/{code}")
    page.locator("#name").fill(NAME)
    page.reload()
    assert page.locator("#name").input_value() == NAME
    page.goto(f"/s/{code}")
    assert page.locator("#name").input_value() == ""
    assert page.evaluate(HELD) == []


def test_without_script_all_is_kept_in_the_page(
    desk: Desk, cast: support.Cast, on: Opened, blank: Path, group: Path
) -> None:
    """Another language and a bad photograph: ticks, names and the good faces stand in the page that comes back."""
    page = on("phone", java_script_enabled=False)
    page.goto(f"/s/{desk.invite(cast.add(NAME))}")
    page.locator("input[value='communication:press']").check()
    page.locator("input[name=recognition]").check()
    page.locator("#files").set_input_files([samples.portrait(samples.A_FRONT), blank, group])
    page.locator("#signer").fill(NAME)
    page.locator("#typed").fill(NAME)
    page.get_by_role("button", name="Nederlands").click()
    expect(page.locator("html")).to_have_attribute("lang", "nl")
    assert page.locator("#signer").input_value() == NAME
    assert page.locator("input[value='communication:press']").is_checked()
    expect(page.locator(".kept img")).to_have_count(3)
    shot(page, "sign-kept-noscript-nl")
    page.get_by_role("radio", name="Gezicht 2 van 2, van links").check()
    page.get_by_role("button", name="English").click()
    expect(page.locator(".kept img")).to_have_count(2)
    expect(page.locator(".kept input:checked")).to_have_count(2)
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.get_by_text("Photographs kept for recognition: 2.")).to_be_visible()
