"""On a real server: docs/first-day.md as it is written, from the installation to the first name."""

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

from plugin.flows.mail import form_store
from sidecar.commands.demo import samples
from tests.live.given import names_in, until
from tests.live.phones import Phone
from tests.live.story import Story

DOCUMENT = Path(__file__).parents[2] / "docs" / "first-day.md"
NAME = "Bo First (sample)"


def labels() -> set[str]:
    """What the document says in bold below its first paragraph, but for the headings of the steps."""
    steps = DOCUMENT.read_text().split("\n1. ", 1)[1]
    bold = {" ".join(one.split()) for one in re.findall(r"\*\*([^*]+)\*\*", steps)}
    return bold - {
        " ".join(one.split()) for one in re.findall(r"^(?:\d+\. )?\*\*([^*]+\.)\*\*", "1. " + steps, re.MULTILINE)
    }


def test_the_first_day(story: Story, browser: Browser) -> None:
    """Each step; and each word that the document quotes stands on a page that was opened."""
    seen: list[str] = []
    page = story.pages.page

    def look() -> None:
        choices = page.locator("option, input[type=submit]").evaluate_all("all => all.map(one => one.value + one.text)")
        seen.append(" ".join([page.inner_text("body"), *choices]))

    form = story.folder / "form.toml"
    form.write_text(form_store.read_sample())
    story.sidecar.run("form", "add", str(form))
    collection = story.collection()
    ref = story.put(collection, story.together("one.jpg", samples.B_STANDING))
    story.pages.open(f"pages/search.php?search=!collection{collection}")
    look()
    story.pages.face_recognition(collection)
    look()
    story.pages.choose(collection, "suggest")
    look()
    until(lambda: story.pages.view(ref).locator(".FaceleaseBox").count() == 1)
    page.locator(".FaceleaseInvite summary").click()
    look()
    box = page.locator(".FaceleaseInvite")
    box.locator("input[name=person]").fill(NAME)
    box.locator("input[name=of_age]").check()
    box.locator("select[name=how]").select_option("link")
    with page.expect_response("**/panel.php"):
        box.locator("button").click()
    link = page.locator(".FaceleaseLink input").input_value()
    phone = Phone(browser, f"http://127.0.0.1:{story.sidecar.port}")
    try:
        phone.sign(link, NAME, "website")
    finally:
        phone.context.close()
    story.pages.view(ref)
    look()
    with page.expect_response("**/panel.php"):
        page.locator(".FaceleaseNow .FaceleasePointer + .FaceleaseAction button").click()
    until(lambda: names_in(story.server, ref) == {NAME})
    until(lambda: "cleared until the end of" in story.pages.view(ref).inner_text())
    look()
    story.pages.picture("first-day", ".RecordBox:has(.FaceleasePanel)")
    story.pages.open(f"pages/search.php?search=!collection{collection}&display=thumbs")
    expect(page.locator(f"#ResourceShell{ref} .FaceleaseSign-partly")).to_have_count(1)
    look()
    text = " ".join(" ".join(seen).split())
    assert [one for one in sorted(labels()) if one not in text] == []
    assert story.pages.errors == []
