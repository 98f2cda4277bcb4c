"""G2 on a real server: its own download page, asked in many spellings by everybody who may ask, with the rules and
without; a share's archive; what those who are stopped are told; settings in any letters; the canary."""

import hashlib
import io
import itertools
import json
import re
import secrets
import sqlite3
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urljoin

import pytest
import requests
from PIL import Image

from plugin.hooks.resourcespace.api.client import sign_call
from sidecar.commands.demo import samples
from tests.doubles.resourcespace_house import Server
from tests.live.accounts import account
from tests.live.given import Given, answer, until
from tests.live.office import Office
from tests.live.story import ASA, Story

USAGES = {"Web": "website", "Press": "press"}
_NUMBER = {"Press": 0, "Web": 2, "TV": 3}
_GENERAL = 2  # the number of General Users in every ResourceSpace
_MOST = 1400
_SIZES = (
    "",
    "lpr",
    "hpr",
    "scr",
    "pre",
    "thm",
    ".",
    "/",
    "\u200b",
    "l.pr",
    "_alt_{alt}",
    "lpr_alt_{alt}",
    "tile_1_0_0_512_512",
)
_SETUP = "plugins/facelease/pages/setup.php"


@dataclass
class Scene:
    """Her photograph and a stranger's, each with an alternative, in a collection that is shared; sessions by role."""

    story: Story
    given: Given
    office: Office
    hers: str
    other: str
    alternatives: dict[str, str]
    collection: str
    share: str
    sessions: dict[str, requests.Session] = field(default_factory=dict)

    def ask(self, role: str, params: Mapping[str, object]) -> requests.Response:
        """The server's download page, as this role."""
        extra: dict[str, str] = {"k": self.share} if role == "share" else {}
        if role in ("api", "service"):
            extra["access_key"] = self._key(role, params)
        session = self.sessions.get(role) or requests.Session()
        asked = {name: str(value) for name, value in params.items()}
        return session.get(
            f"{self.given.url}/pages/download.php", params={**asked, **extra}, timeout=60, allow_redirects=False
        )

    def _key(self, role: str, params: Mapping[str, object]) -> str:
        """The key in the address that the API gives for this resource and size."""
        mine = Server(self.given.url, self.given.service, self.given.service_key)
        server = mine if role == "service" else self.story.server
        asked = {"ref": params["ref"], "not_used": "", "size": params["size"], "generate": 0, "extension": "jpg"}
        found = re.search(r"access_key=([^&]+)", str(answer(server, "get_resource_path", **asked)))
        return unquote(found[1]) if found else ""

    def mine(self) -> list[dict[str, Any]]:
        """Those of these two photographs: the server also tells what went before."""
        return [
            row for row in self.rows() if (row["resources"] or row["resources_left_out"]) in (self.hers, self.other)
        ]

    def rows(self) -> list[dict[str, Any]]:
        """FaceLease's log of deliveries."""
        with closing(sqlite3.connect(self.story.sidecar.root / "data" / "ledger.db")) as store:
            found = store.execute("SELECT details, actor FROM audit WHERE action = 'gate:delivery:note' ORDER BY seq")
            return [json.loads(details) | {"actor": actor} for details, actor in found]


@pytest.fixture
def scene(story: Story, given: Given) -> Iterator[Scene]:
    """Two channels have a rule while this lasts."""
    office = Office(given)
    story.asa_signs("website")
    collection = story.collection()
    story.pages.choose(collection, "auto")
    hers, other = (
        story.put(collection, _large(story, sha, name))
        for sha, name in ((samples.A_STANDING, "hers.jpg"), (samples.B_STANDING, "other.jpg"))
    )
    story.until_named(hers)
    story.pages.view(hers)
    story.pages.press("confirm")
    alternatives = {ref: _alternative(story.server, ref) for ref in (hers, other)}
    made = Scene(story, given, office, hers, other, alternatives, collection, office.share(collection))
    with ExitStack() as stack:
        made.sessions["admin"] = _signed_in(given, given.user, given.password)
        for role, group in (("editor", given.editors), ("general", _GENERAL)):
            one = stack.enter_context(account(story.server, office, f"{role}-sample-{secrets.token_hex(4)}", group))
            made.sessions[role] = _signed_in(given, one.name, one.password)
        stack.callback(story.pages.rules, {"website": "off", "press": "off"}, dict.fromkeys(USAGES, ""))
        yield made


def _large(story: Story, sha: str, name: str) -> Any:
    """A portrait with more pixels than pages show."""
    path = story.portrait(sha, name)
    with Image.open(path) as picture:
        scale = 2600 / max(picture.size)
        picture.resize((int(picture.width * scale), int(picture.height * scale))).save(path, quality=90)
    return path


def _alternative(server: Server, ref: str) -> str:
    """A green picture as an alternative file."""
    memory = io.BytesIO()
    Image.new("RGB", (2400, 1500), (10, 200, 30)).save(memory, "JPEG")
    about = {
        "name": "blurred",
        "description": "",
        "file_name": "green.jpg",
        "file_extension": "jpg",
        "file_size": 1,
        "alt_type": "",
    }
    alt = str(answer(server, "add_alternative_file", resource=ref, **about, file=""))
    form = sign_call(
        server.user, server.key, "upload_multipart", {"ref": ref, "no_exif": 1, "revert": 0, "alternative": alt}
    )
    files = {"file": ("green.jpg", memory.getvalue(), "image/jpeg")}
    assert requests.post(f"{server.url}/api/", data=form, files=files, timeout=60).status_code == 204
    return alt


def _signed_in(given: Given, name: str, password: str) -> requests.Session:
    session = requests.Session()
    shown = session.get(f"{given.url}/login.php", timeout=30).text
    token = re.search(r'name="CSRFToken" value="([^"]+)"', shown)
    form = {"username": name, "password": password, "CSRFToken": token[1] if token else ""}
    session.post(f"{given.url}/login.php", data=form, timeout=30)
    assert "user" in session.cookies
    return session


@dataclass(frozen=True)
class Seen:
    """A picture that came: its pixels, its size, whether it is the green one."""

    pixels: str
    longer: int
    green: bool


def _seen(sent: requests.Response) -> Seen | None:
    """None for a page, a refusal, and the server's icon for what is not there."""
    if sent.status_code not in (200, 206) or not sent.headers.get("content-type", "").startswith("image/jpeg"):
        return None
    with Image.open(io.BytesIO(sent.content)) as picture:
        plain = picture.convert("RGB")
        red, green, _ = plain.resize((1, 1)).getpixel((0, 0))  # type: ignore[misc]
        return Seen(hashlib.sha256(plain.tobytes()).hexdigest(), max(plain.size), green > 150 > 60 > red)


def _questions(scene: Scene) -> Iterator[tuple[str, str, dict[str, object]]]:
    """Role, resource, and the parameters."""
    shapes: list[dict[str, object]] = [
        {},
        {"noattach": "true"},
        {"noattach": "1", "pagename": "login"},
        {"alternative": "ALT"},
        {"alternative": "ALT", "noattach": "1"},
        {"pagename": "x"},
        {"watermarked": 1, "noattach": 1},
    ]
    everything = itertools.product((scene.hers, scene.other), _SIZES, shapes, ("Web", "Press", "TV"))
    roles = itertools.cycle(("admin", "editor", "general", "share", "api", "service", "general"))
    # One in eleven: with metadata written into each download, all of them take ten minutes.
    for (ref, size, shape, usage), role in zip(itertools.islice(everything, 0, None, 11), roles, strict=False):
        alt = scene.alternatives[ref]
        named = {key: alt if value == "ALT" else value for key, value in shape.items()}
        yield (role, ref, {"ref": ref, "size": size.format(alt=alt), "ext": "jpg", "usage": _NUMBER[usage], **named})


def test_what_the_server_sends_is_judged_however_it_is_asked_for(
    scene: Scene, promise: Callable[[str, str], None]
) -> None:
    """The same without rules and with them: refused files delivered 0, allowed ones stopped 0, one row each."""
    before = [_seen(scene.ask(role, params)) for role, _, params in _questions(scene)]
    scene.story.pages.rules({"website": "refuse", "press": "warn"}, USAGES)
    out = in_ = stopped = delivered = exempt = outsiders = 0
    told: list[tuple[str, str]] = []
    for (role, ref, params), plain in zip(_questions(scene), before, strict=True):
        sent = scene.ask(role, params)
        came = _seen(sent)
        if plain is None:
            assert came is None, (role, params)
            continue
        shown = "noattach" in params and plain.longer <= _MOST and not plain.green
        allowed = not plain.green and ref == scene.hers and params["usage"] == _NUMBER["Web"]
        if shown or role == "service":
            exempt += 1
        else:
            told.append(("delivered" if allowed else "stopped", ref))
        goes = shown or allowed or role == "service"
        delivered, stopped = delivered + goes, stopped + (not goes)
        if goes and (came is None or came.pixels != plain.pixels):
            in_ += 1
            print("STOPPED", role, params, sent.status_code, sent.headers.get("location"))
        if not goes and came is not None:
            out += 1
            print("DELIVERED", role, params, came.longer)
        if not goes and role == "share":
            outsiders += any(word in _page(scene, sent) for word in (ASA, "agree", "not known", "website", "examined"))
    until(lambda: len(scene.mine()) >= len(told), 30)
    rows = scene.mine()
    same = [(row["happened"], row["resources"] or row["resources_left_out"]) for row in rows]
    otherwise = sum(a != b for a, b in zip(sorted(same), sorted(told), strict=False))
    figures = (
        f"real server: files {delivered + stopped} (exempt {exempt}), refused files delivered {out} of {stopped},"
        f" allowed ones stopped {in_} of {delivered}, deliveries without a row {len(told) - len(rows)} of {len(told)},"
        f" rows that say otherwise {otherwise}, outsiders' pages with name or state {outsiders}"
    )
    promise("G2", figures)
    assert (out, in_, len(rows), otherwise, outsiders) == (0, 0, len(told), 0, 0), figures
    assert delivered > 5
    assert stopped > 10


def _page(scene: Scene, sent: requests.Response) -> str:
    """What somebody outside reads."""
    where = sent.headers.get("location", "")
    text = requests.get(urljoin(scene.given.url, where), timeout=30).text if where else sent.text
    found = re.search(r"FaceleaseStopped.*?</ul>", text, re.DOTALL)
    assert found or not where, text[:2000]
    return found[0] if found else text


def test_the_archive_of_a_share_says_numbers_only(scene: Scene) -> None:
    """Her photograph and no name; the other is left out, by its number; when nothing may go there is a page."""
    scene.story.pages.rules({"website": "refuse", "press": "refuse"}, USAGES)
    archive = _archive(scene, "Web")
    names = archive.namelist()
    assert len([name for name in names if name.endswith(".jpg")]) == 1
    assert not [name for name in names if name.endswith(".csv")]
    text = archive.read(next(name for name in names if name.endswith(".txt"))).decode()
    assert ASA not in text
    assert f"resources {scene.other}." in text
    assert "Ask whoever sent you" in text
    stopped = _send(scene, "Press", follow=True)
    assert "This file cannot be had" in stopped.text
    assert "agree" not in re.search(r"FaceleaseStopped.*?</ul>", stopped.text, re.DOTALL)[0]  # type: ignore[index]
    rows = until(lambda: [row for row in scene.rows() if row["file"] == "archive"][1:] and scene.rows(), 30)
    kept = [(row["happened"], row["resources"], row["left_out"]) for row in rows if row["file"] == "archive"]
    assert kept == [("delivered", scene.hers, 1), ("stopped", "", 2)]


def _send(scene: Scene, usage: str, follow: bool = False) -> requests.Response:
    session = requests.Session()
    page = f"{scene.given.url}/pages/collection_download.php"
    asked = {"collection": scene.collection, "k": scene.share, "usage": str(_NUMBER[usage])}
    shown = session.get(page, params=asked, timeout=60)
    token = re.search(r'name="CSRFToken" value="([^"]+)"', shown.text)
    form = {
        "submitted": "true",
        "size": "original",
        "includetext": "true",
        "include_csv_file": "yes",
        "include_alternatives": "yes",
        "tardownload": "off",
        "CSRFToken": token[1] if token else "",
    }
    return session.post(page, params=asked, data={**asked, **form}, timeout=120, allow_redirects=follow)


def _archive(scene: Scene, usage: str) -> zipfile.ZipFile:
    sent = _send(scene, usage)
    assert sent.headers["content-type"] == "application/zip", sent.text[:1000]
    return zipfile.ZipFile(io.BytesIO(sent.content))


def test_channels_in_any_letters_survive_saving(given: Given, server: Server) -> None:
    """Names outside Latin-1, by the server's own form, twice; the service account is told them."""
    office = Office(given)
    before = answer(server, "facelease_status")["fields"]
    written = ", ".join(f"{channel}={name}" for channel, name in before.items())
    names = list(before.values())
    strange = {"пресса": names[0], "網站": names[1], "ž€š 😀": names[2], "naïve": names[3]}
    try:
        for _ in range(2):
            _channels(office, ", ".join(f"{channel}={name}" for channel, name in strange.items()))
            assert answer(server, "facelease_status")["fields"] == strange
            assert all(channel in office.page(_SETUP) for channel in strange)
    finally:
        _channels(office, written)
    assert answer(server, "facelease_status")["fields"] == before


def _channels(office: Office, written: str) -> None:
    office.post(_SETUP, save="true", facelease_people_field="29", facelease_take_names="0", facelease_channels=written)


def test_the_gate_is_tried_by_the_server_itself(given: Given, server: Server) -> None:
    """By “Test the connection”: a file that must be stopped is stopped; what we lean on is there."""
    shown = Office(given).post(_SETUP, facelease_test="true")
    assert "a file that must be stopped was stopped" in shown
    gate = answer(server, "facelease_status")["gate"]
    assert (gate["canary"], gate["lacks"], gate["tried"], gate["open"]) == ("stopped", [], True, [])
