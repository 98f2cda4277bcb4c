"""What a browser sends of the form, as the flow takes it; and what is shown again where it was not whole."""

import binascii
import re
from base64 import b64decode
from io import SEEK_END

from flask import request

from plugin.flows.signing.form_validation import FilledForm
from plugin.quitclaim.forms.templates import RECOGNITION
from sidecar.web import rate_limits, uploads

TYPED = ("name", "birth_date", "email", "signer", "other_signer", "other_email", "typed")
_NONCE = re.compile(r"[0-9a-f]{32}")
_DRAWN = "data:image/png;base64,"


def read_form(language: str) -> FilledForm:
    """The form as it was sent."""
    values = {name: read_text(name) for name in TYPED}
    return FilledForm(
        nonce=read_nonce(), language=language, choices=read_choices(), drawn=_read_drawing(), code=read_text("code"),
        of_age=read_text("of_age") == "yes", network=rate_limits.by_address(),
        photographs=_read_photographs(), **values,
    )  # fmt: skip


def read_text(name: str) -> str:
    """One field, as typed, at most 300 characters of it."""
    return request.form.get(name, "")[:300]


def read_nonce() -> str:
    """What makes this form one, however often it is sent; "" for what is none of ours."""
    sent = read_text("nonce")
    return sent if _NONCE.fullmatch(sent) else ""


def read_choices() -> frozenset[str]:
    """The keys of the lines that were ticked; recognition by its own field alone."""
    lines = {choice for choice in request.form.getlist("choice") if choice != RECOGNITION}
    return frozenset(lines | ({RECOGNITION} if read_text("recognition") == "yes" else set()))


def read_typed() -> dict[str, str]:
    """What was typed, to be shown again."""
    return {name: read_text(name) for name in (*TYPED, "of_age")}


def has_photographs() -> bool:
    """Whether any photograph was sent."""
    return any(file.filename for file in request.files.getlist("photographs"))


def _read_photographs() -> tuple[bytes, ...]:
    found = (uploads.read_upload(file) for file in request.files.getlist("photographs"))
    return tuple(body for body in found if body)


def list_photograph_names() -> list[str]:
    """What the photographs that were sent are called on the device, in their order."""
    sent = request.files.getlist("photographs")
    return [(file.filename or "")[:100] for file in sent if file.seek(0, SEEK_END)]


def _read_drawing() -> bytes:
    sent = request.form.get("drawn", "")
    if not sent.startswith(_DRAWN):
        return b""
    try:
        return b64decode(sent.removeprefix(_DRAWN), validate=True)
    except (binascii.Error, ValueError):
        return b"?"  # not a picture: refused as one
