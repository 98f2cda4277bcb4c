"""Sample accounts of the server, made and deleted by its own API and pages; and their way into the console."""

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, Page, expect

from tests.doubles.resourcespace_house import Server
from tests.live.given import Given, answer
from tests.live.office import Office


@dataclass
class Account:
    """One account of the server."""

    server: Server
    ref: int
    name: str
    password: str

    def change(self, **data: object) -> None:
        """As an administrator of the server changes it: `usergroup`, `approved` (2: disabled), `account_expires`."""
        told = answer(self.server, "save_user", ref=self.ref, data=json.dumps(data))
        assert told["status"] == "success", told


@contextmanager
def account(server: Server, office: Office, name: str, group: int) -> Iterator[Account]:
    """An account in this group, for as long as this lasts."""
    password = f"Sample-{secrets.token_hex(8)}!1"
    made = answer(server, "new_user", username=name, usergroup=group)
    assert made["status"] == "success", made
    one = Account(server, int(made["data"]["ref"]), name, password)
    try:
        one.change(password=password, fullname=f"{name} (sample)", usergroup=group, approved=1)
        yield one
    finally:
        page = f"pages/team/team_user_edit.php?ref={one.ref}"
        office.post(page, ref=one.ref, username=name, deleteme="yes", save="true")


class Consoles:
    """The console, in a browser of its own for each account of the staff."""

    def __init__(self, browser: Browser, given: Given, address: str) -> None:
        self._browser, self._given, self._address = browser, given, address
        self._stack = ExitStack()

    def close(self) -> None:
        """Close the browsers."""
        self._stack.close()

    def enter(self, name: str, password: str) -> Page:
        """Signed in to the server by its own form, and in from there by the plugin's page."""
        context = self._browser.new_context(
            viewport={"width": 1180, "height": 1200}, locale="en-GB", base_url=self._address
        )
        self._stack.callback(context.close)
        page = context.new_page()
        page.goto(f"{self._given.url}/login.php")
        page.fill("#username", name)
        page.fill("#password", password)
        page.locator("#loginform [type=submit], form [type=submit]").first.click()
        page.wait_for_load_state("networkidle")
        page.goto(f"{self._given.url}/plugins/facelease/pages/console.php")
        page.wait_for_url("**/console/", timeout=20_000)
        return page


def enter_person(page: Page, name: str, email: str = "") -> None:
    """An adult, entered in the console; the page of the person is shown."""
    page.goto("/console/people/new")
    page.fill("#name", name)
    page.fill("#email", email)
    page.locator("input[name=of_age]").check()
    page.locator("main form button.primary").click()
    page.wait_for_url(re.compile(r"/console/people/[0-9a-f-]{32,}"))


def open_person(page: Page, name: str) -> None:
    """The page of a person."""
    page.goto("/console/people")
    page.get_by_role("link", name=name, exact=True).click()


def hand_over(page: Page) -> str:
    """On the page of a person: the link that is shown once."""
    page.locator("button[name=how][value=link]").click()
    return page.locator("#address").input_value()


def confirm_address(page: Page, name: str) -> None:
    """Somebody was recognised, and a letter goes to the address on file."""
    open_person(page, name)
    section = page.locator("section[aria-labelledby=h-addresses]")
    section.locator("details:has(input[name=how]) summary").click()
    section.locator("input[name=how]").first.check()
    section.locator("form[action$=recognised] button").click()
    expect(page.get_by_role("status")).to_contain_text("Recorded")
    page.locator("form[action$=letter] button").click()
    expect(page.get_by_role("status")).to_contain_text("letter")
