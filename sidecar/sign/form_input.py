"""Reads the submitted form, as the flow takes it, and what is shown again if it is incomplete."""

import binascii
import re
from base64 import b64decode
from io import SEEK_END

from flask import request

from plugin.errors import ConsentError
from plugin.flows.signing.form_validation import FilledForm
from plugin.quitclaim.consent.lifecycle import StopMode
from plugin.quitclaim.forms.templates import RECOGNITION
from sidecar.web import rate_limits, uploads

TYPED = ("name", "birth_date", "email", "signer", "other_signer", "other_email", "typed")
_NONCE = re.compile(r"[0-9a-f]{32}")
_DRAWN = "data:image/png;base64,"


def read_form(language: str) -> FilledForm:
    """The form as it was sent."""
    values = {name: read_text(name) for name in (*TYPED, "code")}
    return FilledForm(
        nonce=read_nonce(),
        language=language,
        choices=read_choices(),
        drawn=_read_drawing(),
        of_age=read_text("of_age") == "yes",
        network=rate_limits.by_address(),
        photographs=_read_photographs(),
        **values,
    )


def read_text(name: str) -> str:
    """One field, as typed, at most 300 characters of it."""
    return request.form.get(name, "")[:300]


def read_nonce() -> str:
    """The form's idempotency key; "" if it is not one of ours."""
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
    """File names of the uploaded photographs, in their order."""
    sent = request.files.getlist("photographs")
    return [(file.filename or "")[:100] for file in sent if file.seek(0, SEEK_END)]


def read_how() -> StopMode:
    """Whether grants are withdrawn or restricted, by the button that was pressed. Raises ConsentError."""
    try:
        return StopMode(request.form.get("how", ""))
    except ValueError:
        raise ConsentError("withdraw or restrict: press one of the two buttons") from None


def _read_drawing() -> bytes:
    sent = request.form.get("drawn", "")
    if not sent.startswith(_DRAWN):
        return b""
    try:
        return b64decode(sent.removeprefix(_DRAWN), validate=True)
    except (binascii.Error, ValueError):
        return b"?"  # not a picture: refused as one
