"""On a real server: the panel of a photograph with eleven faces is worked without scrolling."""

from typing import Any

from playwright.sync_api import expect

from plugin.flows.mail import form_store
from sidecar.commands.demo import samples
from tests.live.given import names_in, until
from tests.live.story import ASA, Story

ELEVEN = (samples.A_STANDING, *(samples.B_STANDING,) * 10)
_FITS = """() => {
  const parts = ['.FaceleaseFace.FaceleaseNow', '.FaceleasePicture', '.FaceleaseRest'];
  const all = parts.map(one => document.querySelector(one).getBoundingClientRect());
  return Math.max(...all.map(one => one.bottom)) - Math.min(...all.map(one => one.top));
}"""


def test_eleven_faces_without_scrolling(story: Story) -> None:
    """Picture and answers fit one window; numbers light boxes; a name by hand, and the rest left out in one act."""
    collection = story.collection()
    story.pages.choose(collection, "suggest")
    story.asa_signs("website")
    ref = story.put(collection, story.together("eleven.jpg", *ELEVEN))
    page = story.pages.page
    page.set_viewport_size({"width": 1280, "height": 800})
    until(lambda: story.pages.view(ref).locator(".FaceleaseBox").count() == len(ELEVEN))
    assert page.evaluate(_FITS) < 800
    for width, height in ((1280, 800), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        story.pages.picture(f"panel-eleven-{width}", ".RecordBox:has(.FaceleasePanel)")
    page.set_viewport_size({"width": 1280, "height": 800})
    story.pages.view(ref)
    page.locator(".FaceleaseChip").nth(4).click()
    lit: Any = page.locator(".FaceleaseBox.FaceleaseNow")
    expect(lit).to_have_count(1)
    expect(lit.locator("span")).to_have_text("5")
    page.locator(".FaceleaseBox").nth(0).click()
    expect(page.locator(".FaceleaseFace.FaceleaseNow")).to_contain_text("1.")
    page.locator(".FaceleaseNow input[name=person]").press_sequentially("sampl", delay=20)
    expect(page.locator(".FaceleaseNow datalist option")).to_have_count(1)
    page.locator(".FaceleaseNow input[name=person]").fill("Nobody At All")
    with page.expect_response("**/panel.php"):
        page.locator(".FaceleaseNow input[name=person]").press("Enter")
    expect(page.locator(".FaceleasePanel .FaceleaseUnknown")).to_contain_text("nobody of that name")
    page.locator(".FaceleaseChip").nth(0).click()
    page.locator(".FaceleaseNow input[name=person]").fill(ASA)
    with page.expect_response("**/panel.php"):
        page.locator(".FaceleaseNow button[data-action=name]").click()
    expect(page.locator(".FaceleasePerson")).to_contain_text(ASA)
    expect(page.locator(".FaceleaseFace.FaceleaseNow")).to_be_focused()
    page.locator(".FaceleaseRest select").select_option("bystander")
    with page.expect_response("**/panel.php"):
        page.locator(".FaceleaseRest button").click()
    expect(page.locator(".FaceleaseLeft")).to_contain_text("0 of 11")
    story.pages.picture("panel-eleven-done", ".RecordBox:has(.FaceleasePanel)")
    story.pages.speak("nl")
    story.pages.view(ref)
    story.pages.picture("panel-eleven-dutch", ".RecordBox:has(.FaceleasePanel)")
    assert story.pages.errors == []


def test_somebody_is_invited_from_a_face(story: Story) -> None:
    """By a link to hand over: the page says so, the face remembers it, and nobody is named."""
    form = story.folder / "form.toml"
    form.write_text(form_store.read_sample())
    story.sidecar.run("form", "add", str(form))
    collection = story.collection()
    story.pages.choose(collection, "suggest")
    ref = story.put(collection, story.together("two.jpg", samples.A_STANDING, samples.B_STANDING))
    page = story.pages.page
    page.set_viewport_size({"width": 1280, "height": 900})
    until(lambda: story.pages.view(ref).locator(".FaceleaseBox").count() == 2)
    page.locator(".FaceleaseBox").nth(1).click()
    page.locator(".FaceleaseInvite summary").click()
    box = page.locator(".FaceleaseInvite")
    expect(box.locator("select[name=face] option:checked")).to_have_text("face 2")
    story.pages.picture("panel-invite", ".FaceleasePanel")
    box.locator("input[name=person]").fill("Bo Sample (panel)")
    box.locator("input[name=of_age]").check()
    box.locator("select[name=how]").select_option("link")
    with page.expect_response("**/panel.php"):
        box.locator("button").click()
    expect(page.locator(".FaceleasePanel .FaceleaseDone")).to_contain_text("Hand this link over now")
    assert "/s/" in page.locator(".FaceleaseLink input").input_value()
    page.locator(".FaceleaseChip").nth(1).click()
    expect(page.locator(".FaceleasePointer:visible")).to_contain_text("Bo Sample (panel) was invited from this face")
    story.pages.picture("panel-invited", ".FaceleasePanel")
    assert names_in(story.server, ref) == set()
    story.pages.speak("nl")
    story.pages.view(ref)
    page.locator(".FaceleaseInvite summary").click()
    story.pages.picture("panel-invite-dutch", ".FaceleasePanel")
    assert story.pages.errors == []
