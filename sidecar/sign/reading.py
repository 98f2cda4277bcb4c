"""What a browser sends of the form, as the flow takes it; and what is shown again where it was not whole."""

import binascii
import re
from base64 import b64decode
from io import SEEK_END

from flask import request

from plugin.flows.signing.form_validation import Filled
from plugin.quitclaim.forms.templates import RECOGNITION
from sidecar.web import rate_limits, uploads

TYPED = ("name", "birth_date", "email", "signer", "other_signer", "other_email", "typed")
_NONCE = re.compile(r"[0-9a-f]{32}")
_DRAWN = "data:image/png;base64,"


def filled(language: str) -> Filled:
    """The form as it was sent."""
    values = {name: text(name) for name in TYPED}
    return Filled(
        nonce=nonce(), language=language, choices=ticked(), drawn=_drawn(), code=text("code"),
        of_age=text("of_age") == "yes", network=rate_limits.by_address(),
        photographs=_photographs(), **values,
    )  # fmt: skip


def text(name: str) -> str:
    """One field, as typed, at most 300 characters of it."""
    return request.form.get(name, "")[:300]


def nonce() -> str:
    """What makes this form one, however often it is sent; "" for what is none of ours."""
    sent = text("nonce")
    return sent if _NONCE.fullmatch(sent) else ""


def ticked() -> frozenset[str]:
    """The keys of the lines that were ticked; recognition by its own field alone."""
    lines = {choice for choice in request.form.getlist("choice") if choice != RECOGNITION}
    return frozenset(lines | ({RECOGNITION} if text("recognition") == "yes" else set()))


def typed() -> dict[str, str]:
    """What was typed, to be shown again."""
    return {name: text(name) for name in (*TYPED, "of_age")}


def sent_photographs() -> bool:
    """Whether any photograph was sent."""
    return any(file.filename for file in request.files.getlist("photographs"))


def _photographs() -> tuple[bytes, ...]:
    found = (uploads.bytes_of(file) for file in request.files.getlist("photographs"))
    return tuple(body for body in found if body)


def photograph_names() -> list[str]:
    """What the photographs that were sent are called on the device, in their order."""
    sent = request.files.getlist("photographs")
    return [(file.filename or "")[:100] for file in sent if file.seek(0, SEEK_END)]


def _drawn() -> bytes:
    sent = request.form.get("drawn", "")
    if not sent.startswith(_DRAWN):
        return b""
    try:
        return b64decode(sent.removeprefix(_DRAWN), validate=True)
    except (binascii.Error, ValueError):
        return b"?"  # not a picture: refused as one
