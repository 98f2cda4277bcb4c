"""Asking somebody: enter a person, send an invitation or show its link once; and the code of a shoot."""

from flask import request, url_for
from flask.typing import ResponseReturnValue

from plugin.errors import ConsentError
from plugin.flows.access import links, sight
from plugin.flows.mail import form_store
from plugin.flows.names import name_doubts
from plugin.flows.people import register as registry
from plugin.flows.people.register import Newcomer
from plugin.flows.signing import invitations
from plugin.flows.signing.invitations import InvitationRequest
from plugin.words.catalogues import LANGUAGES, Words
from sidecar.console import page_base
from sidecar.console.page_base import ADMINISTRATORS, OFFICERS, READERS, REVIEWERS, console
from sidecar.sign import keep_links
from sidecar.web.staff_sign_in import require


@console.get("/people/new")
@require(*REVIEWERS)
def person_new() -> ResponseReturnValue:
    """The form for somebody who is not known yet."""
    return page_base.render_page("person_new")


@console.post("/people/new")
@require(*REVIEWERS)
def person_add() -> ResponseReturnValue:
    """Enter the person; what they agree to is theirs to say."""
    form = request.form
    birth = page_base.read_day("birth")
    if form.get("birth") and birth is None:
        raise ConsentError("the birth date is no date: give year, month and day")
    guardians = tuple(line.strip() for line in form.get("guardians", "").splitlines() if line.strip())
    language = form.get("language", "")
    language = language if language in LANGUAGES else page_base.staff().language
    email, of_age = form.get("email", "").strip(), form.get("of_age") == "yes"
    newcomer = Newcomer(form.get("name", ""), language, birth, email, guardians, of_age=of_age)
    person_id = registry.add(page_base.house(), newcomer, page_base.staff().actor, form.get("adopt") == "yes")
    doubt = name_doubts.find_gaps(page_base.house(), person_id)
    return page_base.redirect_done("done_person_doubt" if doubt else "done_person", "person", person_id=person_id)


@console.post("/people/<person_id>/invite")
@require(*READERS, limited=True)
def person_invite(person_id: str) -> ResponseReturnValue:
    """By mail; or by a link that is shown this once, as text and as a QR code.

    Somebody who has a quitclaim already is asked again by officers alone, or at a confirmed address.
    """
    sight.check_person(page_base.house(), page_base.staff(), person_id)
    by_mail, may_replace = request.form.get("how") == "mail", page_base.staff().role in OFFICERS
    asked = InvitationRequest(person_id=person_id, form=_read_form(), by_mail=by_mail, may_replace=may_replace)
    made = invitations.invite(page_base.house(), asked, page_base.staff().actor)
    if by_mail:
        return page_base.redirect_done("done_invite", "person", person_id=person_id)
    return _show_link(made, url_for("console.person", person_id=person_id))


@console.post("/collections/one/invite")
@require(*ADMINISTRATORS)
def shoot_invite() -> ResponseReturnValue:
    """The code of a shoot: many sign up by it, on their own phones."""
    ref = request.form.get("ref", "")
    asked = InvitationRequest(collection_ref=ref, form=_read_form())
    made = invitations.invite(page_base.house(), asked, page_base.staff().actor)
    return _show_poster(made, ref)


def list_form_names() -> list[str]:
    """The names of the forms that can be asked."""
    return sorted({one.form.name for one in form_store.list_versions(page_base.house()) if one.retired_at is None})


def _read_form() -> str | None:
    return request.form.get("form") or None


def _show_poster(made: links.MadeLink, ref: str) -> ResponseReturnValue:
    """The code of a shoot on a sheet to be printed, in every language; the store has no link to show again."""
    address, v = links.url(page_base.house(), made.token), Words("invitations", page_base.staff().language)
    said = [Words("invitations", language) for language in LANGUAGES]
    back = url_for("console.collection", ref=ref)
    shown = {"address": address, "code": keep_links.draw_code(address), "ref": ref, "back": back}
    return page_base.render_page("poster", shown, v=v, languages_said=said)


def _show_link(made: links.MadeLink, back: str) -> ResponseReturnValue:
    """The link and its code; the store has neither, so they cannot be shown again."""
    address = links.url(page_base.house(), made.token)
    return page_base.render_page("invited", address=address, code=keep_links.draw_code(address), back=back)
