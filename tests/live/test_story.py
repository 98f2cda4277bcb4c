"""The whole story on a real server, in its own pages: uploaded, tagged, confirmed, taken back."""

import re
from pathlib import Path
from time import monotonic

import exiftool
from playwright.sync_api import expect

from plugin.hooks.resourcespace.api.answers import expect_objects
from sidecar.commands.demo import samples
from tests.live.given import answer, found, names_in, until
from tests.live.story import ASA, Story

SECONDS = 10.0  # within which a withdrawal has reached the DAM


def _embedded(file: Path) -> set[str]:
    """The people whose names stand in a file, in any tag."""
    with exiftool.ExifToolHelper() as tool:
        tags = tool.get_metadata(str(file))[0]
    return {ASA for value in tags.values() if ASA in str(value)}


def test_the_mode_is_switched_in_the_menu_of_a_collection(story: Story) -> None:
    """Without a basis it is refused and stays off; with one it is kept, with who chose it; in both languages."""
    collection = story.collection()
    story.put(collection, story.portrait(samples.B_STANDING, "one.jpg"))
    for language, refused, kept in (("en", "Not saved", "Saved"), ("nl", "Niet opgeslagen", "Opgeslagen")):
        story.pages.speak(language)
        story.pages.choose(collection, "auto", basis="")
        expect(story.pages.page.locator(".FaceleaseError").first).to_contain_text(refused)
        story.pages.choose(collection, "auto")
        expect(story.pages.page.locator("#CentralSpace")).to_contain_text(kept)
        story.pages.picture(f"collection-{language}", ".BasicsBox:has(#facelease_mode)")
    modes = {str(one["ref"]): one for one in answer(story.server, "facelease_modes")}
    assert (modes[collection]["mode"], modes[collection]["set_by"]) == ("auto", story.server.user)
    assert not story.pages.errors


def test_an_upload_is_tagged_shown_and_confirmed(story: Story) -> None:
    """By the server's own upload page: the name comes into the metadata, the panel says who named her and until when
    each channel is cleared; confirmed there, the channel's date field is filled; in both languages."""
    story.asa_signs("website", "internal", "press")
    collection = story.collection()
    story.pages.choose(collection, "auto")
    story.pages.upload(collection, [story.portrait(samples.A_STANDING, "one.jpg")])
    (ref,) = until(lambda: story.members(collection))
    story.until_named(ref)
    panel = story.pages.view(ref)
    assert story.pages.named() == {ASA}
    assert "tagged by: recognition, not yet confirmed" in panel.inner_text()
    assert panel.locator(".FaceleaseBox").count() == 1
    panel = story.pages.press("confirm")
    assert "confirmed by an editor" in panel.inner_text()
    assert "website: cleared until the end of" in panel.inner_text()
    assert panel.locator("button[data-action=confirm]").count() == 0
    assert until(lambda: _cleared(story, ref, "cleareduntilwebsite"))
    assert not _cleared(story, ref, "cleareduntilprint")
    for language in ("en", "nl"):
        story.pages.speak(language)
        story.pages.view(ref)
        story.pages.picture(f"panel-confirmed-{language}", ".RecordBox:has(.FaceleasePanel)")
    story.pages.speak("en")
    assert not story.pages.errors


def _cleared(story: Story, ref: str, field: str) -> str:
    shown = story.server.client().ask("get_resource_field_data", expect_objects, resource=ref)
    return next(str(row["value"] or "") for row in shown if row["name"] == field)


def test_a_suggestion_waits_for_an_editor(story: Story) -> None:
    """In mode suggest no name is written until somebody presses Confirm; "Not this person" is remembered; an
    unnamed face left out for a reason no longer stands in the way."""
    story.asa_signs("website")
    collection = story.collection()
    story.pages.choose(collection, "suggest")
    both = story.put(collection, story.together("both.jpg", samples.A_STANDING, samples.B_STANDING))
    other = story.put(collection, story.portrait(samples.A_STANDING, "again.jpg"))
    for ref in (both, other):
        until(lambda ref=ref: ASA in story.pages.view(ref).inner_text())  # type: ignore[misc]
        assert names_in(story.server, ref) == set()
    panel = story.pages.view(both)
    assert panel.locator(".FaceleaseBox").count() == 2
    for language in ("en", "nl"):
        story.pages.speak(language)
        story.pages.view(both)
        story.pages.picture(f"panel-suggested-{language}", ".RecordBox:has(.FaceleasePanel)")
    story.pages.speak("en")
    story.pages.view(both)
    panel = story.pages.press("confirm")
    story.until_named(both)
    assert "website: unknown" in panel.inner_text()
    panel = story.pages.press("dismiss", "no_person")
    assert "website: cleared" in panel.inner_text()
    story.pages.view(other)
    panel = story.pages.press("reject")
    assert panel.locator("button[data-action=confirm]").count() == 0
    assert names_in(story.server, other) == set()
    assert not story.pages.errors


def test_a_withdrawal_reaches_metadata_search_and_a_fresh_download(story: Story, tmp_path: Path) -> None:
    """Within seconds nothing on the server names her: not the metadata, not the search, not a file fetched anew."""
    story.asa_signs("website", "internal")
    collection = story.collection()
    story.pages.choose(collection, "auto")
    refs = [story.put(collection, story.portrait(samples.A_STANDING, f"{n}.jpg")) for n in range(3)]
    for ref in refs:
        story.until_named(ref)
    assert found(story.server, f"person:{ASA}") >= set(refs)
    with story.pages.embedding("XMP:PersonInImage"):
        before = _embedded(story.pages.download(refs[0], tmp_path / "before.jpg"))
        assert before == {ASA}, "set $exiftool_write_option = true in the server's config.php"
        began = monotonic()
        story.sidecar.run("quitclaim", "withdraw", "--yes", ASA, handed_on=True)
        until(lambda: not any(names_in(story.server, ref) for ref in refs), SECONDS)
        until(lambda: not found(story.server, f"person:{ASA}"), SECONDS)
        took = monotonic() - began
        after = _embedded(story.pages.download(refs[0], tmp_path / "after.jpg"))
    assert after == set()
    assert took < SECONDS
    panel = story.pages.view(refs[0])
    assert story.pages.named() == set()
    assert ASA not in panel.inner_text()
    assert "cleared until" not in panel.inner_text()


def test_while_the_sidecar_is_stopped_nothing_is_cleared_and_nothing_is_lost(story: Story) -> None:
    """An upload by the server's own page goes through; the panel says unknown, never cleared; once the sidecar is
    back the photograph is examined and named."""
    story.asa_signs("website")
    collection = story.collection()
    story.pages.choose(collection, "auto")
    story.sidecar.stop()
    story.pages.upload(collection, [story.portrait(samples.A_STANDING, "one.jpg")])
    (ref,) = story.members(collection)
    for language, said in (("en", "Unknown: FaceLease did not answer"), ("nl", "Onbekend: FaceLease gaf geen")):
        story.pages.speak(language)
        panel = story.pages.view(ref)
        assert said in panel.inner_text()
        assert panel.locator(".FaceleaseChannel").count() == 0
        story.pages.picture(f"panel-unknown-{language}", ".RecordBox:has(.FaceleasePanel)")
    story.pages.speak("en")
    assert names_in(story.server, ref) == set()
    story.sidecar.up()
    story.until_named(ref)
    assert "recognition, not yet confirmed" in story.pages.view(ref).inner_text()


def test_the_set_up_page_finds_both_signatures_accepted(story: Story) -> None:
    """The test of the connection, on the plugin's set-up page, in both languages. What waited for a sidecar that was
    away is sent as soon as it succeeds, not only when the pause is over."""
    story.sidecar.stop()
    story.put(story.collection(), story.portrait(samples.B_STANDING, "one.jpg"))
    waiting = until(lambda: _waiting(story))
    story.sidecar.up()
    for language, accepts in (("en", "accepts our signature"), ("nl", "aanvaardt onze handtekening")):
        story.pages.speak(language)
        assert _tested(story).count(accepts) == 2
    until(lambda: _waiting(story) < waiting)
    for language in ("en", "nl"):
        story.pages.speak(language)
        _tested(story)
        story.pages.picture(f"setup-{language}", "#CentralSpace .BasicsBox")


def _tested(story: Story) -> str:
    story.pages.open("plugins/facelease/pages/setup.php")
    story.pages.page.locator("form:has(input[name=facelease_test]) input[type=submit]").click()
    story.pages.page.wait_for_load_state("networkidle")
    return story.pages.page.locator("#CentralSpace").inner_text()


def _waiting(story: Story) -> int:
    """How many events the set-up page says are waiting."""
    story.pages.open("plugins/facelease/pages/setup.php")
    said = story.pages.page.locator("#CentralSpace").inner_text()
    return int(re.findall(r"(?:delivered|wachten): ([0-9]+)", said)[0])
