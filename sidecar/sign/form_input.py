"""Reads the submitted form, as the flow takes it, and what is shown again if it is incomplete."""

import binascii
import re
from base64 import b64decode, b64encode
from hashlib import sha256
from io import SEEK_END

from flask import request

from plugin.errors import ConsentError
from plugin.flows.signing.form_validation import FilledForm
from plugin.flows.signing.signing_request import SigningRequest
from plugin.quitclaim.consent.lifecycle import StopMode
from plugin.quitclaim.forms.templates import RECOGNITION
from sidecar.sign import visits
from sidecar.web import rate_limits, uploads

TYPED = ("name", "birth_date", "email", "signer", "other_signer", "other_email", "typed")
_NONCE = re.compile(r"[0-9a-f]{32}")
_DRAWN = "data:image/png;base64,"
_CUT = "data:image/jpeg;base64,"
_FACE = re.compile(r"face-[0-9]{1,2}")


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
        photographs=read_photographs(),
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


def list_answers() -> list[tuple[str, str]]:
    """Everything that was filled in but photographs, as fields of a form that asks one more question."""
    names = (*TYPED, "code", "of_age", "recognition", "nonce")
    single = [(name, read_text(name)) for name in names if name in request.form]
    chosen = [("choice", choice) for choice in request.form.getlist("choice")]
    return [*single, *chosen, ("drawn", request.form.get("drawn", ""))]


def read_photographs() -> tuple[bytes, ...]:
    """The faces that were chosen on photographs of before, then the files."""
    files = (uploads.read_upload(file) for file in request.files.getlist("photographs"))
    return (*(_read_data(face, _CUT) for face in _list_faces()), *(body for body in files if body))


def list_photograph_names() -> list[str]:
    """File names of the uploaded photographs, in their order; "" of a face that was chosen."""
    sent = request.files.getlist("photographs")
    return [*("" for _ in _list_faces()), *((file.filename or "")[:100] for file in sent if file.seek(0, SEEK_END))]


def _list_faces() -> list[str]:
    """The cut-outs that were chosen, as the page that asked wrote them."""
    names = sorted((name for name in request.form if _FACE.fullmatch(name)), key=lambda name: int(name[5:]))
    return [request.form[name] for name in names if request.form[name]]


def write_face(cut: bytes) -> str:
    """The value of a field that stands for a cut-out, and its address as a picture."""
    return _CUT + b64encode(cut).decode()


def name_draft(asked: SigningRequest) -> str:
    """Whose draft a browser may show again: of one link; at a shoot, where many share the link, of one visit."""
    whose = visits.require_token() if asked.shoot else asked.link_id
    return sha256(f"draft {whose}".encode()).hexdigest()[:32]


def read_how() -> StopMode:
    """Whether grants are withdrawn or restricted, by the button that was pressed. Raises ConsentError."""
    try:
        return StopMode(request.form.get("how", ""))
    except ValueError:
        raise ConsentError("withdraw or restrict: press one of the two buttons") from None


def _read_drawing() -> bytes:
    sent = request.form.get("drawn", "")
    return _read_data(sent, _DRAWN) if sent.startswith(_DRAWN) else b""


def _read_data(sent: str, kind: str) -> bytes:
    try:
        return b64decode(sent.removeprefix(kind), validate=True)
    except (binascii.Error, ValueError):
        return b"?"  # not a picture: refused as one
