"""The DAM's side of signed requests: makes them as a plugin would, and posts them."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from plugin.clock import Clock
from plugin.hooks.webhooks import signature

EVENTS = "/hooks/resourcespace"
PANEL = "/panel/resourcespace"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXItb3Q="


def secret_file(path: Path, *secrets: str) -> str:
    """A file of secrets, as an administrator makes one; its path."""
    path.touch(mode=0o600)
    path.write_text("".join(f"{secret}\n" for secret in secrets))
    return str(path)


def event(kind: str, ref: object, at: datetime) -> bytes:
    """The body of one event: ids only."""
    return json.dumps({"type": kind, "timestamp": at.isoformat(), "data": {"ref": ref}}).encode()


class Sender:
    """Signs under one secret, by one clock, and posts to an app in this process."""

    def __init__(self, client: FlaskClient, clock: Clock, secret: str = SECRET, path: str = EVENTS) -> None:
        self.client, self.clock, self.secret, self.path = client, clock, secret, path

    def headers(self, body: bytes, message: str | None = None) -> dict[str, str]:
        """The signature's three headers, of a message of its own."""
        return signature.sign_request(self.secret, message or f"msg_{uuid4().hex}", self.clock.now(), body)

    def raw(self, body: bytes, headers: dict[str, str]) -> TestResponse:
        """Post exactly this."""
        return self.client.post(self.path, data=body, headers=headers)

    def tell(self, kind: str, ref: object, message: str | None = None) -> TestResponse:
        """Post one event, signed now."""
        body = event(kind, ref, self.clock.now())
        return self.raw(body, self.headers(body, message))

    def ask(self, message: str | None = None, **question: Any) -> TestResponse:
        """Post one question of the panel, signed now."""
        body = json.dumps(question).encode()
        return self.raw(body, self.headers(body, message))


def post(url: str, body: bytes, headers: dict[str, str], seconds: float = 10) -> int:
    """Post to a server in another process; its status, 0 where nobody answers."""
    request = urllib.request.Request(url, body, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def refs(count: int, prefix: str = "shoot/") -> Iterator[str]:
    """So many refs of a folder."""
    return (f"{prefix}{number:05}.jpg" for number in range(count))
