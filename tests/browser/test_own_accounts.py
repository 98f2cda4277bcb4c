"""Accounts of our own in a browser: link, password, second step, console; by keyboard, without JavaScript, with axe."""

import re
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Page, expect

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.recognizer.process.examiner import Examiner
from tests import own_accounts, support
from tests.browser.conftest import Opened, serious, shot


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A folder of photographs, without an address of ours."""
    with support.opened(support.configuration(tmp_path), clock, examiner) as open_:
        yield open_


def look(page: Page, name: str) -> None:
    """Nothing keeps anybody out, nothing is wider than the screen."""
    shot(page, name)
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("size", "language"), [("phone", "nl"), ("desktop", "en"), ("wide", "nl")])
def test_from_the_link_to_the_console(
    services: Services, clock: ManualClock, on: Opened, size: str, language: str
) -> None:
    """By keyboard alone, without JavaScript: what has to be typed has the focus, and Enter goes on."""
    page = on(size, language)
    page.goto("/console/")
    look(page, f"door-none-{size}")
    page.goto(own_accounts.add(services, "ann", "administrator"))
    look(page, f"door-password-{size}")
    page.keyboard.type(own_accounts.PASSWORD)
    page.keyboard.press("Tab")
    page.keyboard.type(own_accounts.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/console/sign-in/code")
    look(page, f"door-enrol-{size}")
    found = re.search(r"secret=([A-Z2-7]+)", page.content())
    assert found
    page.locator("#code").focus()
    page.keyboard.type(pyotp.TOTP(found[1]).at(clock.now()))
    page.keyboard.press("Enter")
    expect(page.locator(".codes li")).to_have_count(10)
    look(page, f"door-codes-{size}")
    page.locator("main a.primary").click()
    page.wait_for_url("**/console/")
    for path in ("account", "staff"):
        page.goto(f"/console/{path}")
        look(page, f"door-{path}-{size}")
    page.locator(".me form button").click()
    page.goto("/console/people")
    expect(page.locator("#name")).to_be_focused()
    look(page, f"door-sign-in-{size}")


def test_all_of_it_without_javascript(services: Services, clock: ManualClock, on: Opened) -> None:
    """Forms alone: a link, a password, and in; a wrong password is said."""
    page = on("phone", "en", java_script_enabled=False)
    page.goto(own_accounts.add(services, "bea", "editor"))
    page.locator("#password").fill(own_accounts.PASSWORD)
    page.locator("#again").fill(own_accounts.PASSWORD)
    page.locator("main button").click()
    page.wait_for_url("**/console/")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/console/")
    page.locator("#name").fill("bea")
    page.locator("#password").fill("not this one, no")
    page.locator("main button").click()
    expect(page.get_by_role("alert")).to_contain_text("Name or password is wrong.")
    page.locator("#password").fill(own_accounts.PASSWORD)
    page.locator("main button").click()
    page.wait_for_url("**/console/")
    expect(page.get_by_role("link", name="bea")).to_be_visible()
