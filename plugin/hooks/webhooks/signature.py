"""Signed requests (Standard Webhooks 1.0.0): the sender, and whether it was sent just now.

The package `standardwebhooks` makes every signature, and the standard library compares it. Its `verify` is not used: it
reads the system clock, which cannot be injected, and accepts noise in a timestamp or in base64, so that one request has
many forms.
"""

import base64
import binascii
import hmac
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from standardwebhooks import Webhook

from plugin.errors import ConfigError, SignatureRefused
from plugin.ledger.keys import private_files
from plugin.words.plurals import pluralize

WINDOW = timedelta(minutes=5)
"""How far a timestamp may be from now, either way."""

PREFIX = "whsec_"
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
PROOF = "FaceLease-Answer"
"""The header of an answer: who answers has the secret too."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")  # no dot: it parts the id from the timestamp in what is signed
_MOMENT = re.compile(r"[1-9][0-9]{8,11}")
_MOST_SIGNATURES = 8
_MOST_SECRETS = 8
_FEWEST_BYTES, _MOST_BYTES = 24, 64  # as the specification has them
_PAUSES = (0.02, 0.1, 0.3)  # seconds before each next try


def sign_request(secret: str, message: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers that send `body` (UTF-8) as `message` (its id) at `at` under `secret` (`whsec_...`)."""
    moment = at.astimezone(UTC)
    made = Webhook(secret).sign(message, moment, body.decode())
    return dict(zip(HEADERS, (message, str(int(moment.timestamp())), made), strict=True))


def sign_answer(secrets: Sequence[str], headers: Mapping[str, str], status: int, body: bytes) -> str:
    """The header that proves that an answer is ours and belongs to the request with these `headers`.

    One signature for each of `secrets`: the sender has one of them.
    """
    message, moment = headers[HEADERS[0]], headers[HEADERS[1]]
    said = f"answer.{message}.{moment}.{status}.".encode() + body
    return " ".join(f"v1,{base64.b64encode(_hmac(secret, said)).decode()}" for secret in secrets)


def _hmac(secret: str, said: bytes) -> bytes:
    encoded = secret.removeprefix(PREFIX)
    return hmac.digest(base64.b64decode(encoded + "=" * (-len(encoded) % 4)), said, "sha256")


def verify_request(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The id of a message signed with one of `secrets` within the window around `now`.

    `headers` has lower-case names. Raises SignatureRefused for any fault, without details that help guessing. Every
    secret is tried, in constant time.
    """
    try:
        return _verify(secrets, headers, body, now)
    except Exception:  # noqa: BLE001, RUF100 - any failure on a stranger's bytes is a refusal
        raise SignatureRefused(
            "the request is not signed, not signed with a secret that is known here, or not from the last "
            "five minutes: compare the secrets and the clocks of both sides"
        ) from None


def _verify(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    message, moment, given = (headers[name] for name in HEADERS)
    passed = given.split(" ")
    if not (_ID.fullmatch(message) and _MOMENT.fullmatch(moment) and len(passed) <= _MOST_SIGNATURES):
        raise ValueError(HEADERS)
    at = datetime.fromtimestamp(int(moment), UTC)
    if abs(now - at) > WINDOW:
        raise ValueError(moment)
    text = body.decode()
    made = [Webhook(secret).sign(message, at, text).encode() for secret in secrets]
    fits = [hmac.compare_digest(one, other.encode()) for one in made for other in passed]
    if not any(fits):
        raise ValueError(given)
    return message


def parse_secrets(text: str, source: str) -> tuple[str, ...]:
    """The secrets in `text`, one `whsec_...` a line, the current one first; `#` begins a comment.

    Raises ConfigError, which names `source` and never quotes the content.
    """
    found = tuple(line.strip() for line in text.splitlines() if line.strip() and line.strip()[0] != "#")
    if not found or len(found) > _MOST_SECRETS:
        raise ConfigError(
            f"{source} holds {pluralize(len(found), 'secret')}: write one `{PREFIX}...` a line, the current one first, "
            f"at most {_MOST_SECRETS}"
        )
    for number, secret in enumerate(found, 1):
        if not _is_secret(secret):
            raise ConfigError(
                f"{source}: secret {number} is none: it is `{PREFIX}` and {_FEWEST_BYTES} to {_MOST_BYTES} "
                f"random bytes in base64, as `echo {PREFIX}$(openssl rand -base64 32)` prints"
            )
    return found


def _is_secret(secret: str) -> bool:
    encoded = secret.removeprefix(PREFIX)
    try:
        size = len(base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True))
    except (binascii.Error, ValueError):
        return False
    return secret.startswith(PREFIX) and _FEWEST_BYTES <= size <= _MOST_BYTES


class SecretFile:
    """The secrets in a file, read at each request: rotation needs no restart.

    Add the new secret above the old one, switch the sender, then remove the old one. A half-written file is retried for
    a moment.
    """

    def __init__(self, path: Path, pause: Callable[[float], None] = time.sleep) -> None:
        self._path = path
        self._pause = pause

    def __call__(self) -> tuple[str, ...]:
        """The secrets now, the current one first. Raises ConfigError: missing, readable by others, or empty."""
        for wait in _PAUSES:
            try:
                return self._read()
            except ConfigError:
                self._pause(wait)
        return self._read()

    def _read(self) -> tuple[str, ...]:
        try:
            private_files.refuse_open_to_others(self._path, ConfigError)
            return parse_secrets(self._path.read_text(encoding="ascii"), str(self._path))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"the secrets in {self._path} cannot be read ({type(error).__name__}): one `{PREFIX}...` a line"
            ) from None
