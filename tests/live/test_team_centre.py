"""From the DAM's team centre into FaceLease, on a real server, without a password of its own."""

import re

import requests
from playwright.sync_api import expect

from tests.live.story import Story


def test_the_team_centre_hands_over_once(story: Story) -> None:
    """The entry opens FaceLease signed in as who one is there; the form that did so does it once."""
    story.pages.open("pages/team/team_home.php")
    with story.pages.page.context.expect_page() as opening:
        story.pages.page.get_by_role("link", name="FaceLease", exact=True).click()
    console = opening.value
    expect(console.get_by_role("heading", level=1)).to_have_text("What waits")
    expect(console.locator("header")).to_contain_text("admin, administrator")
    page = story.pages.page.request.get(f"{story.server.url}/plugins/facelease/pages/console.php").text()
    form = dict(re.findall(r'name="(payload|signature)" value="([^"]+)"', page))
    address = f"http://127.0.0.1:{story.sidecar.port}/signin/resourcespace"
    statuses = [requests.post(address, data=form, allow_redirects=False, timeout=10).status_code for _ in "12"]
    assert statuses == [303, 401]
    console.goto(f"http://127.0.0.1:{story.sidecar.port}/console/")
    console.get_by_role("button", name="Sign out").click()
    console.goto(f"http://127.0.0.1:{story.sidecar.port}/console/people")
    expect(console.get_by_role("heading", name="People", exact=True)).to_have_count(0)
