"""Somebody with a browser of their own, who signs by a link; and all that their pages tell, to be searched."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import APIResponse, Browser, Page

from tests.mailbox import Mailbox, text_of

LINK = re.compile(r"/s/[\w-]{43}")
_PHOTOGRAPHS = 25
"""So many numbers of photographs are tried: a store that is new to each test has fewer."""


@dataclass
class Told:
    """Everything that somebody's pages answered: by address, what was sent; and the pictures that came."""

    status: dict[str, int] = field(default_factory=dict)
    text: dict[str, str] = field(default_factory=dict)
    pictures: int = 0
    export: dict[str, Any] = field(default_factory=dict)

    def add(self, what: str, sent: APIResponse) -> str:
        self.status[what] = sent.status
        kind = sent.headers.get("content-type", "")
        if sent.status == 200 and kind.startswith("image/"):
            self.pictures += 1
        elif kind.startswith(("text/", "application/json")):
            self.text[what] = sent.text()
        return self.text.get(what, "")

    def holds(self, *words: str) -> list[tuple[str, str]]:
        """Where which of these words stands."""
        return [
            (what, word) for what, text in self.text.items() for word in words if word.casefold() in text.casefold()
        ]

    @property
    def images(self) -> int:
        """How many pictures of photographs the pages show or give."""
        return self.pictures + sum(len(re.findall(r"<img\b", text)) for text in self.text.values())


class Phone:
    """A browser that has seen nothing of us before, at a phone's size."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.context = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB", base_url=address)
        self.page: Page = self.context.new_page()
        self.key = self.own = self.mark = ""

    def sign(self, link: str, name: str, *channels: str, photographs: Sequence[Path] = (), email: str = "") -> None:
        """Open a link and sign for these channels, with photographs for recognition too; keeps what it gives."""
        page = self.page
        page.goto(link)
        for channel in channels:
            page.locator(f"input[name=choice][value='communication:{channel}']").check()
        if photographs:
            page.locator("#recognition").check()
            page.locator("#files").set_input_files([str(one) for one in photographs])
        for where in ("#name", "#signer"):
            if page.locator(where).is_visible():
                page.fill(where, name)
        if page.locator("input[name=of_age]").count():
            page.locator("input[name=of_age]").check()
        if email:
            page.fill("#email", email)
        page.fill("#typed", name)
        page.locator("button[name=sign]").click()
        page.wait_for_url("**/s/done", timeout=60_000)
        self._keep()

    def _keep(self) -> None:
        page = self.page
        self.key = page.locator("section[aria-labelledby=key] .keep a").get_attribute("href") or ""
        own = page.locator("section:not([aria-labelledby]) .keep a")
        self.own = (own.get_attribute("href") or "") if own.count() else ""
        mark = page.locator(".mark")
        self.mark = mark.inner_text().strip() if mark.count() else ""

    def everything(self, link: str) -> Told:
        """Open a link, and fetch whatever a page of a person, or a key, could give; whatever it answers."""
        ask, told = self.context.request, Told()
        told.add("opened", ask.get(link))
        for path in ("done", "receipt.json", "key", "key/receipt.json", "me", "me/photos", "me/object", "me/forget"):
            told.add(path, ask.get(f"/s/{path}"))
        for number in range(_PHOTOGRAPHS):
            told.add(f"picture {number}", ask.get(f"/s/me/photos/{number}/picture"))
            told.add(f"not me {number}", ask.get(f"/s/me/photos/{number}/not-me"))
        shown = told.text.get("me", "") + told.text.get("key", "")
        for path in sorted(set(re.findall(r'href="(/s/[^"#]+)"', shown)) - {"/s/lost"}):
            told.add(path, ask.get(path))
        self._take_along(told)
        return told

    def _take_along(self, told: Told) -> None:
        """The export and the reference photographs, by the forms of the page, or with what a page would send."""
        guards = (re.search(r'name="csrf_token" value="([^"]+)"', told.text.get(one, "")) for one in ("me", "key"))
        found = next(filter(None, guards), None)
        about = re.search(r'name="about" value="([^"]+)"', told.text.get("me", ""))
        form = {"csrf_token": found[1] if found else "", "about": about[1] if about else ""}
        form = {name: value for name, value in form.items() if value}
        for what in ("export", "references"):
            text = told.add(what, self.context.request.post(f"/s/me/{what}", form=form))
            if what == "export" and told.status[what] == 200:
                told.export = json.loads(text)


def letter_to(box: Mailbox, address: str, since: int = 0) -> str:
    """The path of the link in the last letter to an address, "" while there is none; the first `since` are left out."""
    for letter in reversed(box.letters[since:]):
        found = LINK.findall(text_of(letter)) if str(letter["To"]) == address else []
        if found:
            return str(found[-1])
    return ""
