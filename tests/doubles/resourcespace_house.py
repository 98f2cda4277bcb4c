"""A server, real or double, and our adapter on it: what the tests of both share."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from plugin.clock import Clock
from plugin.config import Config, parse
from plugin.hooks.resourcespace.adapter import ResourceSpaceDam
from plugin.hooks.resourcespace.api.answers import expect_bool, expect_int
from plugin.hooks.resourcespace.api.client import Client, sign_call
from plugin.ledger.store.store import Store, init_store
from tests import migrated
from tests.doubles.resourcespace import Double
from tests.doubles.resourcespace_state import User


def jpeg(width: int = 1600, height: int = 1200, shade: int = 120) -> bytes:
    """A plain picture; another shade is another file."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), (shade, 90, 60)).save(out, "JPEG", quality=80)
    return out.getvalue()


def configuration(url: str, user: str = "admin", **server: Any) -> Config:
    """A configuration whose DAM is the server at `url`; fast enough for tests."""
    pace = {"calls_per_second": 1000.0, "seconds": 5.0}
    section = {"url": url, "user": user, "plain_http": True} | pace | server
    return parse({"dam": {"kind": "resourcespace"}, "resourcespace": section})


@dataclass
class Server:
    """A server under test: how to reach it, and what tests may do on it through its own API."""

    url: str
    user: str
    key: str
    double: Double | None = None
    profile: str = "auto"

    def client(self, key: str | None = None, **server: Any) -> Client:
        config = configuration(self.url, self.user, profile=self.profile, **server)
        return Client(config.resourcespace, key or self.key, sleep=lambda seconds: None)

    @contextmanager
    def dam(self, store: Store, **server: Any) -> Iterator[ResourceSpaceDam]:
        config = configuration(self.url, self.user, profile=self.profile, **server)
        dam = ResourceSpaceDam(store, config, self.client(**server))
        yield dam
        dam.close()

    def create(self) -> str:
        """A resource without a file."""
        return str(self.client().ask("create_resource", expect_int, again=False, resource_type=1, archive=0))

    def upload(self, ref: str, data: bytes, name: str = "photo.jpg") -> None:
        """A file onto a resource, whatever is on it."""
        form = sign_call(self.user, self.key, "upload_multipart", {"ref": ref, "no_exif": 1, "revert": 0})
        files = {"file": (name, data, "image/jpeg")}
        answer = requests.post(f"{self.url}/api/", data=form, files=files, timeout=60)
        assert answer.status_code == 204, answer.status_code

    def photo(self, data: bytes | None = None) -> str:
        """A resource with a file."""
        ref = self.create()
        self.upload(ref, data or jpeg())
        return ref

    def collection(self, name: str, *refs: str) -> str:
        made = str(self.client().ask("create_collection", expect_int, again=False, name=name))
        for ref in refs:
            assert self.client().ask("add_resource_to_collection", expect_bool, resource=ref, collection=made)
        return made

    def delete(self, ref: str) -> None:
        assert self.client().ask("delete_resource", expect_bool, again=False, resource=ref)


def on(double: Double, account: User | None = None, profile: str = "auto") -> Server:
    """The double as a server, for an account of it."""
    user = account or double.library.users["admin"]
    return Server(double.url, user.name, user.key, double, profile)


@contextmanager
def store(folder: Path, clock: Clock) -> Iterator[Store]:
    """An empty ledger."""
    migrated.lay(folder / "ledger.db")
    made = init_store(f"sqlite:///{folder}/ledger.db", clock)
    yield made
    made.close()
