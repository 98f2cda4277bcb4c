"""The editor of the demonstration: its folder has no accounts, so the demonstration stands in for a DAM that has."""

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from plugin.flows.access import staff_sessions
from plugin.flows.common.services import Services
from plugin.hooks.dam import Dam

EDITOR, GROUP = "Sample editor", 3
SECRET = "signin.secret"  # noqa: S105 - the name of a file


class _FolderWithAccount:
    """The folder, beside which a DAM has one account."""

    def __init__(self, folder: Dam) -> None:
        self._folder = folder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._folder, name)

    def groups(self, user: str) -> tuple[int, ...] | None:
        """The group of the sample editor; None for anybody else."""
        return (GROUP,) if user == EDITOR else None


def with_editor(services: Services) -> Services:
    """The same house, whose DAM knows the sample editor."""
    return replace(services, dam=cast(Dam, _FolderWithAccount(services.dam)))


def write_secret(folder: Path) -> None:
    """The secret that the stand-in and the house share, made anew."""
    (folder / SECRET).touch(mode=0o600)
    (folder / SECRET).write_text(f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}\n")


def sign_in(services: Services, language: str) -> str:
    """Open a session for the sample editor by a hand-over, as a DAM would; returns its token."""
    config = services.config
    told = {"v": 1, "user": EDITOR, "groups": [GROUP], "language": language, "nonce": secrets.token_hex(16)}
    told |= {"audience": config.server.public_url, "issued": int(services.clock.now().timestamp())}
    payload = base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()
    secret = config.path(config.webhooks.signin_secret_file).read_text().strip()
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = hmac.digest(key, b"facelease-signin." + payload.encode(), hashlib.sha256)
    token, _ = staff_sessions.sign_in(services, [secret], payload, base64.b64encode(made).decode())
    return token
