"""A form is written with what people would see beside it, in each language; and two versions are compared."""

from flask import request
from flask.typing import ResponseReturnValue

from plugin.errors import ConsentError, NotFound
from plugin.flows.mail import form_store as kept
from plugin.flows.mail.papers import form_files
from plugin.quitclaim.forms import sheets, templates
from plugin.quitclaim.forms.sheets import Sheet
from plugin.words.catalogues import Words
from sidecar.console import page_base
from sidecar.console.asked_forms import versions
from sidecar.console.page_base import ADMINISTRATORS, OFFICERS, console
from sidecar.web.staff_sign_in import require


@console.get("/forms/write")
@require(*ADMINISTRATORS)
def form_write() -> ResponseReturnValue:
    """The sample, or a version of before as a file, to be changed."""
    before = request.args.get("from", "")
    text = form_files.write_toml(kept.load(page_base.house(), before).form.body()) if before else kept.read_sample()
    return _show_editor(text)


@console.post("/forms/preview")
@require(*ADMINISTRATORS)
def form_preview() -> ResponseReturnValue:
    """What is written, as people would see it; nothing is kept. A script asks for the preview alone."""
    return _show_editor(versions.read_form(), part=request.form.get("part") == "preview")


def _show_editor(text: str, part: bool = False) -> ResponseReturnValue:
    """The editor with its preview; what keeps the form from being kept stands in the preview's place."""
    wrong: list[str] = []
    shown: list[Sheet] = []
    services = page_base.house()
    try:
        form = templates.parse(versions.parse_form(text))
        shown = [sheets.make_sheet(form, language, services.today()) for language in form.texts]
        cleared, language = services.config.clearance, services.config.site.language
        wrong = templates.find_misfits(form, cleared.purposes, cleared.channels, language)
    except ConsentError as error:
        wrong = str(error).split("; ")
    template = "form_preview" if part else "form_editor"
    v = Words("form editor", page_base.staff().language)
    return page_base.render_page(template, v=v, text=text, sheets=shown, wrong=wrong)


@console.get("/forms/<form_id>/changes")
@require(*OFFICERS)
def form_changes(form_id: str) -> ResponseReturnValue:
    """What this version says otherwise than the one before it, or than `with`, in each language of both."""
    services = page_base.house()
    newer = kept.load(services, form_id)
    older = _find_older(newer)
    both = [language for language in newer.form.texts if language in older.form.texts]
    today = services.today()
    changes = {
        language: form_files.compare(*(sheets.make_sheet(one.form, language, today) for one in (older, newer)))
        for language in both
    }
    others = [one for one in kept.list_versions(services, newer.form.name) if one.id != newer.id]
    v = Words("form editor", page_base.staff().language)
    return page_base.render_page("form_changes", v=v, newer=newer, older=older, changes=changes, others=others)


def _find_older(newer: kept.StoredForm) -> kept.StoredForm:
    """The version that was asked for, else the one before."""
    all_ = kept.list_versions(page_base.house(), newer.form.name)
    wanted = request.args.get("with", "")
    for one in all_:
        if one.id == wanted or (not wanted and one.form.version < newer.form.version):
            return one
    raise NotFound("there is no such version of this form to compare it with")
