"""`/console/forms`: what people are asked: every version as it was kept, and a new one from a file."""

import json
from collections.abc import Mapping
from typing import Any

from flask import Response, request
from flask.typing import ResponseReturnValue

from plugin.errors import ConsentError
from plugin.flows.mail import form_store as kept
from plugin.quitclaim.forms import sheets
from plugin.words.catalogues import Words
from sidecar.console import confirmation, page_base
from sidecar.console.page_base import ADMINISTRATORS, OFFICERS, console
from sidecar.web.staff_sign_in import require

MAX_FORM_BYTES = 200_000


@console.get("/forms")
@require(*OFFICERS)
def forms() -> ResponseReturnValue:
    """Every form with its versions, and the place for a new one."""
    return _show_list()


@console.get("/forms/<form_id>")
@require(*OFFICERS)
def form(form_id: str) -> ResponseReturnValue:
    """One version as somebody who is asked sees it, in each of its languages."""
    services = page_base.house()
    stored = kept.load(services, form_id)
    shown = [sheets.make_sheet(stored.form, language, services.today()) for language in stored.form.texts]
    v = Words("form editor", page_base.staff().language)
    return page_base.render_page(
        "form", v=v, stored=stored, sheets=shown, sets=page_base.staff().role in ADMINISTRATORS
    )


@console.get("/forms/sample.toml")
@require(*OFFICERS)
def form_sample() -> ResponseReturnValue:
    """The sample, to begin with."""
    name = {"Content-Disposition": 'attachment; filename="form.toml"'}
    return Response(kept.read_sample(), mimetype="application/toml", headers=name)


@console.post("/forms")
@require(*ADMINISTRATORS)
def form_add() -> ResponseReturnValue:
    """Keep what was written or uploaded as the next version; where it is not whole, say all that is missing."""
    text = read_form()
    try:
        stored = kept.add(page_base.house(), parse_form(text), page_base.staff().actor)
    except ConsentError as error:
        return _show_list(text, str(error), 422)
    return page_base.redirect_done("done_form", "form", form_id=stored.id)


@console.post("/forms/<form_id>/retire")
@require(*ADMINISTRATORS)
def form_retire(form_id: str) -> ResponseReturnValue:
    """No new invitation asks for it."""
    services = page_base.house()
    name = kept.load(services, form_id).form.name
    used = [one.form.text_version for one in kept.list_versions(services, name) if one.retired_at is None]
    asked = confirmation.confirm([confirmation.describe("form", one) for one in used], "form", form_id=form_id)
    if asked is not None:
        return asked
    before = kept.retire(services, name, page_base.staff().actor)
    return page_base.redirect_done("done_retire" if before is None else "done_before", "forms")


def _show_list(text: str = "", wrong: str = "", status: int = 200) -> ResponseReturnValue:
    versions, sets = kept.list_versions(page_base.house()), page_base.staff().role in ADMINISTRATORS
    typed = {"text": text, "wrong": wrong.split("; "), "v": Words("form editor", page_base.staff().language)}
    return page_base.render_page("forms", typed, status=status, versions=versions, sets=sets)


def read_form() -> str:
    """What was typed, or the file that was chosen. Raises ConsentError for one that is no text or too long."""
    file = request.files.get("file")
    body = file.read(MAX_FORM_BYTES + 1) if file and file.filename else request.form.get("text", "").encode()
    if len(body) > MAX_FORM_BYTES:
        raise ConsentError("the form is longer than 200 kB: take out what does not belong there")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConsentError("the file is not UTF-8 text: save it so and choose it again") from error


def parse_form(text: str) -> Mapping[str, Any]:
    """TOML, or JSON where it begins with a brace. Raises ConsentError."""
    if not text.lstrip().startswith("{"):
        return kept.parse_toml(text)
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConsentError("the form begins like JSON and is none: compare it with the sample") from error
    return tree if isinstance(tree, dict) else {}
