"""The stand-in for the DAM's download pages, served by PHP itself, with our plugin in it or without."""

import base64
import hashlib
import http.client
import io
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from PIL import Image

from tests.php import PLUGIN
from tests.processes import free_port

SOURCE = Path(__file__).parent / "doubles" / "download_host"
USERS = {
    "admin": {"ref": 1, "permissions": ["a", "v"]},
    "editor": {"ref": 2, "permissions": ["facelease-v", "v"]},
    "general": {"ref": 3, "permissions": []},
    "facelease": {"ref": 4, "permissions": ["v"]},
}
SHARE = "share1"
CANARY = 2147483001


def key(text: str) -> str:
    """The plugin's name for a channel or a usage in its settings."""
    return hashlib.sha1(text.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Sent:
    """What came."""

    status: int
    body: bytes
    location: str

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


class DownloadHost(AbstractContextManager["DownloadHost"]):
    """A DAM of so many resources, each with sizes, pages and alternatives; `files` says what each file is.

    `without`: functions of PHP that this one lacks.
    """

    def __init__(
        self, root: Path, sidecar: str = "", panel: str = "", plugin: bool = True, refs: int = 3, without: str = ""
    ) -> None:
        self.root, self.port, self.refs, self.without = root, free_port(), refs, without
        shutil.copytree(SOURCE, root)
        for folder in ("gfx/no_preview", "filestore/slides", "plugins"):
            (root / folder).mkdir(parents=True)
        shutil.copytree(PLUGIN, root / "plugins" / "facelease")
        self.files: dict[bytes, tuple[int, str, str]] = {}
        self._number = 0
        for ref in range(1, refs + 1):
            self._fill(ref)
        self._picture(root / "gfx/no_preview/default.png", (200, 200), (0, "design", ""))
        self._picture(root / "filestore/slides/1.jpg", (1600, 900), (0, "design", ""))
        self._picture(root / "filestore/slides/2.jpg", (1600, 900), (2, "main", "slide"))
        self.url = f"http://127.0.0.1:{self.port}"
        settings: dict[str, Any] = {
            "facelease_sidecar_url": sidecar,
            "facelease_secret_panel": panel,
            "facelease_api_user": "facelease",
            "facelease_people_field": 29,
            "facelease_channels": "website=w, press=p",
            "facelease_take_names": 0,
            "facelease_usages": {key("Press"): "press", key("Web"): "website"},
            "facelease_ask": "",
            "facelease_rules": {key("website"): "refuse", key("press"): "warn"},
        }
        self.store: dict[str, Any] = {
            "url": self.url,
            "plugins": ["facelease"] if plugin else [],
            "users": USERS,
            "settings": settings,
            "photos": {str(ref): {"extension": "tif"} for ref in range(1, refs + 1)},
            "shares": {SHARE: list(range(1, refs + 1))},
            "slides": {"2": 2},
        }

    def __enter__(self) -> Self:
        self.save()
        php = shutil.which("php")
        assert php, "php is missing: sudo apt install php-cli"
        quiet = ["-d", "display_errors=stderr", "-d", "opcache.enable=0", "-d", f"disable_functions={self.without}"]
        log = (self.root / "php.log").open("w")
        command = [php, *quiet, "-S", f"127.0.0.1:{self.port}", "-t", str(self.root)]
        environment = os.environ | {"PHP_CLI_SERVER_WORKERS": "3"}
        # In a session of its own: its workers do not end with it.
        self._process = subprocess.Popen(
            command, cwd=self.root, stdout=log, stderr=log, env=environment, start_new_session=True
        )
        end = monotonic() + 20
        while True:
            try:
                self.get("pages/none.txt")
            except OSError:
                assert monotonic() < end, "PHP's server does not start"
                sleep(0.05)
            else:
                return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(timeout=20)

    # ---- files -----------------------------------------------------------------------------------

    def path(
        self, ref: int, size: str = "", ext: str = "jpg", page: int = 1, marked: bool = False, alt: int = 0
    ) -> Path:
        """Where the DAM keeps a file."""
        name = (
            f"{ref}{size}"
            + ("" if page == 1 else f"_{page}")
            + ("_wm" if marked else "")
            + (f"_alt_{alt}" if alt else "")
        )
        folder = "/".join(str(ref)) + "_" + hashlib.md5(f"{ref}_key".encode()).hexdigest()[:15]
        scramble = hashlib.md5(f"{name}_key".encode()).hexdigest()[:15]
        return self.root / "filestore" / folder / f"{name}_{scramble}.{ext}"

    def _picture(self, path: Path, size: tuple[int, int], what: tuple[int, str, str]) -> None:
        """A picture like no other, and what it is."""
        self._number += 1
        path.parent.mkdir(parents=True, exist_ok=True)
        memory = io.BytesIO()
        kind = "PNG" if path.suffix == ".png" else "JPEG"
        Image.new("RGB", size, (90, 110, 130)).save(memory, kind, comment=f"{self._number}")
        path.write_bytes(memory.getvalue())
        self.files[path.read_bytes()] = what

    def _fill(self, ref: int) -> None:
        sizes = {
            "hpr": (2400, 1600),
            "lpr": (2000, 1333),
            "scr": (1200, 800),
            "pre": (700, 467),
            "thm": (200, 133),
            "col": (140, 93),
        }
        self._picture(self.path(ref, ext="tif"), (2400, 1600), (ref, "main", ""))
        self._picture(self.path(ref, ext="jpg"), (2399, 1600), (ref, "other", "before"))
        for marked in (False, True):
            for size, pixels in sizes.items():
                wide = ref == 2 and size == "scr"  # a house that has its screen size larger than pages need
                what = (ref, "main", "lpr" if wide else size)
                self._picture(self.path(ref, size, marked=marked), (1401, 900) if wide else pixels, what)
        self._picture(self.path(ref, "tile_1_0_0_512_512"), (512, 512), (ref, "main", "tile"))
        self._picture(self.path(ref, "snapshot"), (300, 200), (ref, "main", "snapshot"))
        self._picture(self.path(ref, "snapshot_2"), (300, 200), (ref, "main", "snapshot"))
        # The frame lies where the name of the first one, changed, points.
        self.path(ref, "snapshot_2").rename(Path(str(self.path(ref, "snapshot")).replace("snapshot", "snapshot_2")))
        self._picture(self.path(ref, "scr", page=2), (1200, 800), (ref, "page", "scr"))
        self._picture(self.path(ref, "lpr", page=2), (2000, 1333), (ref, "other", "page"))
        for size in ("", "scr", "thm"):
            self._picture(self.path(ref, size, alt=5), (900 if size else 2300, 600), (ref, "other", "alternative"))
        made = self.root / "filestore/tmp" / hashlib.md5(b"user_downloads").hexdigest()
        for name in USERS:
            scrambled = hashlib.md5(f"{name}crop{'key'}".encode()).hexdigest()
            self._picture(made / f"{ref}_{scrambled}.jpg", (500, 400), (ref, "main", "crop"))
            (made / f"{ref}_{hashlib.md5(f'{name}Colkey'.encode()).hexdigest()}.zip").write_bytes(
                f"archive {ref} {name}".encode()
            )
            self.files[f"archive {ref} {name}".encode()] = (0, "untied", "archive")

    def api_address(self, user: str, ref: int, size: str) -> str:
        """The key in an address that the API gave to this account."""
        return base64.b64encode(f"{user}:{ref}:{size}".encode()).decode()

    # ---- asking ------------------------------------------------------------------------------------

    def save(self) -> None:
        """What the DAM knows."""
        (self.root / "store.json").write_text(json.dumps(self.store))

    def kept(self) -> dict[str, Any]:
        """What stands in its tables now."""
        found: dict[str, Any] = json.loads((self.root / "store.json").read_text())
        return found

    def get(
        self,
        path: str,
        params: Mapping[str, object] | None = None,
        user: str = "",
        cookies: Sequence[str] = (),
        post: Mapping[str, object] | None = None,
    ) -> Sent:
        """Ask, as this account; redirects are not followed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Cookie": "; ".join([*([f"user={user}"] if user else []), *cookies])}
        address = f"/{path}" + (f"?{urlencode(params)}" if params else "")
        if post is None:
            connection.request("GET", address, headers=headers)
        else:
            form = headers | {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", address, urlencode(post), form)
        answer = connection.getresponse()
        sent = Sent(answer.status, answer.read(), answer.getheader("Location") or "")
        connection.close()
        return sent

    def follow(self, sent: Sent, user: str = "") -> Sent:
        """The page that a redirect leads to."""
        parts = urlsplit(sent.location)
        return self.get(f"{parts.path.lstrip('/')}?{parts.query}", user=user)

    def cron(self) -> dict[str, Any]:
        """Its scheduled task; what the plugin then says of the gate."""
        answer = self.get("pages/cron.php")
        assert answer.status == 200, answer.text
        said: dict[str, Any] = json.loads(answer.body)
        return said

    def errors(self) -> str:
        """What PHP complained about."""
        lines = (self.root / "php.log").read_text().splitlines()
        return "\n".join(line for line in lines if "PHP" in line and "Development Server" not in line)
