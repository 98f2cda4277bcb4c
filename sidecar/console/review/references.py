"""`/console/references` and `/console/shoot`: pictures that came by a link, and who of the staff knows the face."""

from flask import Response, request
from flask.typing import ResponseReturnValue

from plugin.errors import ConsentError, NothingDone
from plugin.flows.access import sight
from plugin.flows.common import reference_sets
from plugin.flows.consent import consequences
from plugin.flows.matching import declared_sets, vouching
from plugin.flows.views.review import face_preview, waiting_references
from sidecar.console import confirmation, page_base
from sidecar.console.page_base import OFFICERS, READERS, console
from sidecar.console.review import face_forms
from sidecar.web.staff_sign_in import require

REFRESH_SECONDS = 15
"""After so many seconds the browser reloads the live list of a shoot (no script)."""


@console.get("/references")
@require(*READERS, limited=True)
def references() -> ResponseReturnValue:
    """What resembles somebody, what photographs speak for, and everything else that waits; for officers, who
    vouched for an invitation of their own."""
    me = page_base.staff()
    after = request.args.get("after", "")[:300]
    found = waiting_references.look(page_base.house(), after, page_base.PAGE_ROWS, me, me.role in OFFICERS)
    rows = [row for row in found.sets if row.near_id is None]
    lists = {name: getattr(found, name) for name in ("near", "own", "proposed", "pictures")}
    following = found.sets[-1].key if found.more else None
    return page_base.render_page("references", lists, rows=rows, next=following, ways=vouching.BY_SIGHT)


@console.get("/references/<set_id>/<int:number>.jpg")
@require(*READERS, limited=True)
def reference_picture(set_id: str, number: int) -> ResponseReturnValue:
    """One of the pictures, small: whoever vouches looks at it. Audited, where the page that shows it was not."""
    sight.check_set(page_base.house(), page_base.staff(), set_id)
    noted = face_forms.is_signed(set_id, request.args.get("page", ""))  # the page's own row names whom it shows
    body = face_preview.render_reference(page_base.house(), set_id, number, None if noted else page_base.staff().actor)
    return Response(body, mimetype="image/jpeg")


@console.post("/references/<set_id>/<any(vouch, refuse):act>")
@require(*READERS, limited=True)
def reference_decide(set_id: str, act: str) -> ResponseReturnValue:
    """The account says how it knows the face; or that it is another's."""
    services, actor = page_base.house(), page_base.staff().actor
    sight.check_set(services, page_base.staff(), set_id)
    if act == "vouch":
        asked = _confirm_replacing(set_id, "references")
        if asked is not None:
            return asked
        vouching.vouch(services, set_id, request.form.get("how", ""), actor)
    else:
        if request.form.get("sure") != "yes":
            raise ConsentError("confirm that the pictures do not show this person: they are destroyed")
        vouching.refuse(services, set_id, actor)
    person_id = request.form.get("person", "")
    if person_id:
        return page_base.redirect_done(f"done_{act}_reference", "person", person_id=person_id)
    return page_base.redirect_done(f"done_{act}_reference", "references")


@console.post("/references/photographs")
@require(*READERS, limited=True)
def references_confirm() -> ResponseReturnValue:
    """Many at once, by photographs on which they are named alone."""
    chosen = request.form.getlist("set")
    for set_id in chosen:
        sight.check_set(page_base.house(), page_base.staff(), set_id)
    if not vouching.confirm_proposals(page_base.house(), chosen, page_base.staff().actor):
        raise NothingDone("none of these sets waits with photographs that speak for it: load the page again")
    return page_base.redirect_done("done_vouch_reference", "references")


@console.get("/shoot")
@require(*READERS, limited=True)
def shoot() -> ResponseReturnValue:
    """Who signed up here and waits to be seen, the latest first; it refreshes by itself, but for who looks closer."""
    ref, look = request.args.get("ref", ""), request.args.get("look", "")
    sight.check_collection(page_base.staff(), ref)
    still = bool(look or request.args.get("still"))
    with page_base.house().store.read() as conn:
        rows = declared_sets.list_of_shoot(conn, ref)
        pictures = {row.id: face_preview.count_references(conn, row.id) for row in rows}
    refresh = 0 if still else REFRESH_SECONDS
    return page_base.render_page("shoot", ref=ref, rows=rows, pictures=pictures, look=look, refresh=refresh)


@console.post("/shoot/<set_id>/seen")
@require(*READERS, limited=True)
def shoot_seen(set_id: str) -> ResponseReturnValue:
    """ "I see this person with this phone": person, phone and mark together."""
    sight.check_set(page_base.house(), page_base.staff(), set_id)
    asked = _confirm_replacing(set_id, "shoot", ref=request.form.get("ref", ""))
    if asked is not None:
        return asked
    vouching.vouch(page_base.house(), set_id, "met", page_base.staff().actor)
    return page_base.redirect_done("done_vouch_reference", "shoot", ref=request.form.get("ref", ""))


def _confirm_replacing(set_id: str, back: str, **args: str) -> ResponseReturnValue | None:
    """Ask where pictures that were vouched for make way for this set."""
    with page_base.house().store.read() as conn:
        row = reference_sets.find(conn, set_id)
    if row is None:
        return None
    ending = consequences.preview_pictures(page_base.house(), row.person_id)
    return confirmation.confirm(confirmation.describe_ending(ending), back, **args)
