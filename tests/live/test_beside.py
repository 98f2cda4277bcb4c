"""On a real server: the panel beside "Consent management", categories, the upload page, the way to the review."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from sidecar.commands.demo import samples
from tests.live.given import answer, until
from tests.live.story import ASA, Story


@pytest.fixture
def category(story: Story) -> Iterator[tuple[str, str]]:
    """A featured category, and a collection in it."""
    made = [str(answer(story.server, "create_collection", name=f"Sample {one}")) for one in ("category", "below")]
    above, below = made
    for ref, parent in ((above, "0"), (below, above)):
        data = json.dumps({"name": f"Sample {ref}", "public": 1, "type": 3, "parent": int(parent), "allow_changes": 1})
        answer(story.server, "save_collection", ref=ref, coldata=data)
    yield above, below
    for ref in reversed(made):
        answer(story.server, "delete_collection", collection=ref)


def test_a_category_counts_below_and_says_what_it_will_compare(story: Story, category: tuple[str, str]) -> None:
    """Before it is chosen, how many photographs and people; afterwards the photograph below is compared."""
    above, below = category
    story.asa_signs("website")
    ref = story.put(below, story.together("one.jpg", samples.A_STANDING))
    page = story.pages.page
    form = f"plugins/facelease/pages/collection.php?collection={above}"
    for language, words in (("nl", "vergeleken foto’s: 1; mensen"), ("en", "photographs compared: 1; people")):
        story.pages.speak(language)
        story.pages.open(form)
        expect(page.locator(".FaceleaseComparing").first).to_contain_text(words)
        expect(page.locator(".FaceleaseComparing")).to_have_count(2)
        story.pages.picture(f"category-{language}", ".BasicsBox")
    page.select_option("#facelease_mode", "suggest")
    page.select_option("#facelease_basis", "all-asked")
    for name, value in (("reference", "List (sample)"), ("decided_by", "A. Sample"), ("decided", "2026-05-02")):
        page.fill(f"#facelease_{name}", value)
    page.locator("form:has(#facelease_mode) input[type=submit]").click()
    expect(page.locator(".FaceleaseDone")).to_be_visible()
    until(lambda: story.pages.view(ref).locator(".FaceleaseFace[data-open='1']").count() == 1)
    expect(story.pages.page.locator(".FaceleaseChoice")).to_contain_text("Suggest names to editors")
    story.pages.open(f"pages/upload_batch.php?collection_add={below}&entercolname=")
    expect(page.locator(".FaceleaseNote")).to_contain_text("are compared, and names are suggested")
    story.pages.picture("upload-note", ".FaceleaseNote")
    story.pages.open(f"plugins/facelease/pages/console.php?to=review&collection={below}")
    page.wait_for_url(re.compile(rf"/console/review\?list=unmatched&shoot={below}$"), timeout=20_000)
    assert story.pages.errors == []


def test_the_panels_know_of_one_another(story: Story) -> None:
    """Linked both ways; a form that is over of somebody who agrees here is a warning."""
    collection = story.collection()
    story.pages.choose(collection, "suggest")
    story.asa_signs("website")
    ref = story.put(collection, story.together("one.jpg", samples.A_STANDING))
    until(lambda: story.pages.view(ref).locator("button[data-action=confirm]").count() == 1)
    story.pages.press("confirm")
    forms = [consent(story, ASA, "2020-01-01"), consent(story, "Bo Elsewhere", "")]
    try:
        for form in forms:
            answer(story.server, "consentmanager_link_consent", consent=form, resource=ref)
        for language, words in (("nl", "is verlopen, en hier stemt"), ("en", "is over, and here they agree")):
            story.pages.speak(language)
            panel = story.pages.view(ref)
            expect(panel).to_contain_text(words)
            expect(panel).to_contain_text("Bo Elsewhere")
            expect(panel.locator("a[href='#facelease_forms']")).to_have_count(1)
            expect(story.pages.page.locator("#facelease_forms")).to_have_count(1)
            expect(story.pages.page.locator("a[href='#facelease_panel']")).to_have_count(1)
            story.pages.picture(f"beside-forms-{language}", ".FaceleasePanel")
        assert story.pages.errors == []
    finally:
        for form in forms:
            answer(story.server, "consentmanager_delete_consent", ref=form)


def consent(story: Story, name: str, expires: str) -> int:
    """A form in the server's own plugin."""
    said = {"name": name, "email": "", "telephone": "", "consent_usage": "Websites", "notes": "", "expires": expires}
    return int(answer(story.server, "consentmanager_create_consent", **said))
