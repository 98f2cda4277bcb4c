"""The hand-over: the DAM states who is signed in there, signed with its own secret, once and for a minute.

`payload` is base64url without padding of a JSON text, `signature` the base64 of HMAC-SHA256 over `facelease-signin.`
and the payload as sent, so that neither can change in any byte.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from plugin.errors import SignatureRefused
from plugin.hooks.webhooks import signature as secrets

VALID_FOR = timedelta(seconds=60)
CLOCK_SKEW = timedelta(seconds=5)
"""How old a hand-over may be, and how far the DAM's clock may go before ours."""

MOST_BYTES = 8_000
_SIGNED = b"facelease-signin."
_LINE = r"^[^\x00-\x1f\x7f]+$"


class _Payload(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    v: Literal[1]
    user: Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=_LINE)]
    groups: Annotated[list[Annotated[int, Field(ge=0, lt=1 << 31)]], Field(max_length=100)]
    language: Annotated[str, StringConstraints(max_length=20, pattern=r"^[A-Za-z_-]*$")]
    nonce: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    audience: Annotated[str, StringConstraints(max_length=500)]
    issued: Annotated[int, Field(ge=0, lt=1 << 36)]
    to: Annotated[str, StringConstraints(pattern=r"^(/console/[a-z/]{1,40}(\?collection=[0-9]{1,10})?)?$")] = ""


@dataclass(frozen=True)
class Handover:
    """Who is signed in at the DAM: account name, group numbers, language (`nl`)."""

    user: str
    groups: tuple[int, ...]
    language: str
    nonce: str


def read_handover(known: Sequence[str], payload: str, signed: str, audience: str, now: datetime) -> Handover:
    """The hand-over for `audience`, signed with one of the secrets `known` within the last minute.

    Raises SignatureRefused for any fault, without details that help guessing. The caller checks the nonce for reuse.
    """
    try:
        return _verify(known, payload, signed, audience, now)
    except Exception:  # noqa: BLE001, RUF100 - any failure on a stranger's bytes is a refusal
        raise SignatureRefused(
            "this sign-in is not signed for this address, or not from the last minute: open FaceLease from the "
            "DAM once more; if that does not help, compare the secrets, the address and the clocks of both sides"
        ) from None


def read_destination(payload: str) -> str:
    """The page of ours to which a hand-over leads, "" for none; of a payload that was verified."""
    message = payload.encode("ascii")
    body = base64.b64decode(message + b"=" * (-len(message) % 4), altchars=b"-_", validate=True)
    return _Payload.model_validate_json(body).to


def _verify(known: Sequence[str], payload: str, signed: str, audience: str, now: datetime) -> Handover:
    message, given = payload.encode("ascii"), signed.encode("ascii")
    if len(message) > MOST_BYTES:
        raise ValueError(len(message))
    fits = [hmac.compare_digest(_signature(secret, message), given) for secret in known]
    if not any(fits):
        raise ValueError(signed)
    body = base64.b64decode(message + b"=" * (-len(message) % 4), altchars=b"-_", validate=True)
    told = _Payload.model_validate_json(body)
    issued = datetime.fromtimestamp(told.issued, UTC)
    if told.audience != audience or not now - VALID_FOR <= issued <= now + CLOCK_SKEW:
        raise ValueError(told.audience, issued)
    language = told.language.replace("_", "-").split("-")[0].lower()
    return Handover(told.user, tuple(told.groups), language, told.nonce)


def _signature(secret: str, message: bytes) -> bytes:
    encoded = secret.removeprefix(secrets.PREFIX)
    key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    return base64.b64encode(hmac.digest(key, _SIGNED + message, hashlib.sha256))
