"""The pages of the server's administrator, by plain requests: plugins, shares, reverts, set-up; and its tables."""

import html
import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from tests.live.given import Given

CAN_RESTORE = bool(os.environ.get("FACELEASE_LIVE_DUMP") and os.environ.get("FACELEASE_LIVE_RESTORE"))


class Office:
    """A Super Admin, signed in."""

    def __init__(self, given: Given) -> None:
        self._given, self._session = given, requests.Session()
        self._asking: dict[str, dict[str, str]] = {}
        self.post("login.php", username=given.user, password=given.password)

    def page(self, path: str) -> str:
        """What a page shows, without the invisible spaces that the server puts into long words."""
        shown = self._session.get(f"{self._given.url}/{path}", timeout=30).text
        return shown.replace("\u200b", "").replace("&#8203;", "")

    def post(self, path: str, **form: Any) -> str:
        """Send a form with the page's token."""
        shown = self.page(path)
        found = re.search(r'name="CSRFToken" value="([^"]+)"', shown[max(0, shown.find('id="anc-post"')) :])
        data = {**form, "CSRFToken": found[1] if found else ""}
        return self._session.post(f"{self._given.url}/{path}", data=data, timeout=60).text

    def panel(self, ref: str, seconds: float = 30) -> requests.Response:
        """The panel of a resource, asked as its page does."""
        if ref not in self._asking:
            shown = self.page(f"pages/view.php?ref={ref}")
            told = re.search(r'data-csrf="([^"]+)"', shown)
            assert told, "no panel on the page"
            self._asking[ref] = json.loads(html.unescape(told[1]))
        data = {"ajax": "true", "ref": ref, **self._asking[ref]}
        page = f"{self._given.url}/plugins/facelease/pages/panel.php"
        return self._session.post(page, data=data, timeout=seconds)

    def marks(self, csrf: str, *refs: str) -> str:
        """The marks of resources, asked as a page of results does, with its token; "" is a refusal."""
        data = {"ajax": "true", "refs": ",".join(refs), **json.loads(html.unescape(csrf))}
        page = f"{self._given.url}/plugins/facelease/pages/marks.php"
        answer = self._session.post(page, data=data, timeout=30)
        return answer.text if answer.ok else ""

    @contextmanager
    def plugin(self, name: str) -> Iterator[None]:
        """While this lasts, a plugin of the server's own is on."""
        self.post("pages/team/team_plugins.php", activate=name)
        try:
            yield
        finally:
            self.post("pages/team/team_plugins.php", deactivate=name)

    def share(self, collection: str) -> str:
        """The key of a new share of a collection, which needs no sign-in."""
        page = f"pages/collection_share.php?ref={collection}&generateurl=true"
        shown = self.post(page, ref=collection, generateurl="true", access="0", expires="", usergroup="3")
        return str(re.findall(r"[?&](?:amp;)?k=([0-9a-f]+)", shown)[-1])

    def shared(self, ref: str, key: str) -> str:
        """What somebody outside sees of a resource by that key."""
        address = f"{self._given.url}/pages/view.php?ref={ref}&k={key}"
        return requests.get(address, timeout=30).text.replace("\u200b", "").replace("&#8203;", "")

    def revert(self, row: int) -> None:
        """A row of a resource's log, reverted by the server's own page."""
        self.post(f"plugins/rse_version/pages/revert.php?ref={row}", ref=row, revert_action="revert")


def dump() -> bytes:
    """The server's tables, by the command that was given."""
    return subprocess.run(
        shlex.split(os.environ["FACELEASE_LIVE_DUMP"]), capture_output=True, check=True, timeout=300
    ).stdout


def restore(tables: bytes) -> None:
    """The tables of a dump in the place of those that are there."""
    subprocess.run(shlex.split(os.environ["FACELEASE_LIVE_RESTORE"]), input=tables, check=True, timeout=300)
