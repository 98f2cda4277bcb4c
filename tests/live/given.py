"""The real ResourceSpace that these tests were given, by environment, and our sidecar beside it."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Self, TypeVar

import requests

from plugin.hooks.resourcespace.api.client import sign_call
from tests.doubles.resourcespace_house import Server
from tests.processes import Processes
from tests.sender import secret_file

T = TypeVar("T")
WAIT = 60.0  # seconds; what is measured says how long it took

_SUPER_ADMINS = 3  # the number of their group in every ResourceSpace

_NAMES = ("URL", "USER", "KEY", "PASSWORD", "SERVICE", "SERVICE_KEY", "PORT", "EVENTS_SECRET", "PANEL_SECRET")


@dataclass(frozen=True)
class Given:
    """What was given.

    `user`, `key`, `password`: a Super Admin; `service`, `service_key`: the account in the server's
    `$facelease_api_user`; `port`: the one in its `$facelease_sidecar_url`; the secrets: those of its config.php.
    `signin_secret`, which may be missing: where `$facelease_console_url` names the same port; `asks_usage`:
    whether its `$download_usage` is on; `editors`: the number of a group that has the permissions facelease-v and
    facelease-c and is no Super Admin, or 0.
    """

    url: str
    user: str
    key: str
    password: str
    service: str
    service_key: str
    port: int
    events_secret: str
    panel_secret: str
    signin_secret: str = ""
    asks_usage: bool = False
    editors: int = 0

    @classmethod
    def read(cls) -> Self | None:
        """From FACELEASE_LIVE_*; None unless every one of them is there."""
        values = [os.environ.get(f"FACELEASE_LIVE_{name}", "") for name in _NAMES]
        if not all(values):
            return None
        url, user, key, password, service, service_key, port, events, panel = values
        signin = os.environ.get("FACELEASE_LIVE_SIGNIN_SECRET", "")
        usage = bool(os.environ.get("FACELEASE_LIVE_DOWNLOAD_USAGE", ""))
        editors = int(os.environ.get("FACELEASE_LIVE_EDITORS", "") or 0)
        url = url.rstrip("/")
        return cls(url, user, key, password, service, service_key, int(port), events, panel, signin, usage, editors)

    def server(self) -> Server:
        """The server, as its Super Admin reaches it."""
        return Server(self.url, self.user, self.key)


class Sidecar(Processes):
    """Our sidecar, in processes of its own, where the server expects it."""

    def __init__(
        self, root: Path, given: Given, poll_seconds: int = 5, mail: Mapping[str, object] | None = None, **jobs: int
    ) -> None:
        key, models = root / "dam.key", os.environ.get("FACELEASE_MODELS", "")
        secret_file(key, given.service_key)
        events = secret_file(root / "events.secret", given.events_secret)
        panel = secret_file(root / "panel.secret", given.panel_secret)
        tables: dict[str, dict[str, object]] = {
            "site": {"name": "Sample house"},
            "dam": {"kind": "resourcespace", "poll_seconds": poll_seconds},
            "resourcespace": {
                "url": given.url,
                "user": given.service,
                "key_file": str(key),
                "plain_http": True,
                "profile": "plugin",
            },
            "recognizer": {"cache": models} if models else {},
            "server": {"port": given.port},
            "webhooks": {"events_secret_file": events, "panel_secret_file": panel},
            "jobs": {"backoff_seconds": 2, **jobs},
            "mail": dict(mail or {}),
        }
        if given.signin_secret:
            signin = secret_file(root / "signin.secret", given.signin_secret)
            tables["server"]["public_url"] = f"http://127.0.0.1:{given.port}"
            tables["webhooks"]["signin_secret_file"] = signin
            tables["access"] = {"administrators": [_SUPER_ADMINS], "editors": [given.editors] if given.editors else []}
        text = f'data = "{root}/data"\n' + "".join(_toml(name, table) for name, table in tables.items())
        super().__init__(root, given.port, text)

    def up(self, worker: bool = True) -> None:
        """Start what is not running, and wait until it answers."""
        if not self._running:
            self.start("serve")
            if worker:
                self.start("work")
        self.until_up()


def _toml(name: str, table: dict[str, object]) -> str:
    lines = (f"{key} = {_value(value)}\n" for key, value in table.items())
    return f"[{name}]\n{''.join(lines)}"


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool | int | list) else f'"{value}"'


def until(what: Callable[[], T], seconds: float = WAIT, pause: float = 0.25) -> T:
    """The first true answer of `what`; AssertionError with the last one when the time is over."""
    end = monotonic() + seconds
    while not (said := what()):
        assert monotonic() < end, f"still {said!r} after {seconds:g} s"
        sleep(pause)
    return said


def answer(server: Server, function: str, **params: Any) -> Any:
    """A call of the server's API, whatever it answers."""
    form = sign_call(server.user, server.key, function, params)
    return requests.post(f"{server.url}/api/", data=form, timeout=60).json()


def names_in(server: Server, ref: str, field: int = 29) -> set[str]:
    """The people in a resource's metadata, read by the server's own function, not by ours."""
    rows = {row["ref"]: row for row in answer(server, "get_resource_field_data", resource=ref)}
    return {name for name in str(rows[field]["value"] or "").split(", ") if name}


def found(server: Server, text: str) -> set[str]:
    """The resources that the server's own search finds."""
    return {str(row["ref"]) for row in answer(server, "do_search", search=text, archive="0") or []}


def forget(server: Server, name: str) -> None:
    """Take a sample name off everything and out of the list, so that a server can be used again."""
    node = answer(server, "get_node_id", value=name, resource_type_field=29)
    if not node:
        return
    held = answer(server, "facelease_holders", node=node, offset=0, limit=1000)["refs"]
    items = [{"ref": ref, "add": [], "remove": [node], "cleared_until": {}} for ref in held]
    done = answer(server, "facelease_apply", items=json.dumps(items)) if items else []
    assert all(one["ok"] for one in done), done
    assert answer(server, "facelease_delete_node", node=node) == {"deleted": True}


def bin_all(server: Server, refs: Sequence[str]) -> None:
    """Delete resources for good: first into the bin, then out of it."""
    for ref in (*refs, *refs):
        server.delete(ref)
