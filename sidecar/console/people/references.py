"""`/console/references` and `/console/shoot`: pictures that came by a link, and who of the staff knows the face."""

from flask import Response, request
from flask.typing import ResponseReturnValue

from plugin.errors import ConsentError, NothingDone
from plugin.flows.common import reference_sets
from plugin.flows.consent import consequences
from plugin.flows.matching import declared_sets, vouching
from plugin.flows.views import face_preview, waiting_references
from sidecar.console import confirming, desk
from sidecar.console.desk import OFFICERS, READERS, console
from sidecar.web.staff_door import require

REFRESH_SECONDS = 15
"""After so many seconds the browser reloads the live list of a shoot (no script)."""


@console.get("/references")
@require(*READERS)
def references() -> ResponseReturnValue:
    """What resembles somebody, what photographs speak for, and everything else that waits; for officers, who
    vouched for an invitation of their own."""
    me = desk.staff()
    after = request.args.get("after", "")[:300]
    found = waiting_references.look(desk.house(), after, desk.PAGE_ROWS, me.actor, me.role in OFFICERS)
    rows = [row for row in found.sets if row.near_id is None]
    lists = {name: getattr(found, name) for name in ("near", "own", "proposed", "pictures")}
    following = found.sets[-1].key if found.more else None
    return desk.render_page("references", lists, rows=rows, next=following, ways=vouching.BY_SIGHT)


@console.get("/references/<set_id>/<int:number>.jpg")
@require(*READERS)
def reference_picture(set_id: str, number: int) -> ResponseReturnValue:
    """One of the pictures, small: whoever vouches looks at it. Audited."""
    body = face_preview.render_reference(desk.house(), set_id, number, desk.staff().actor)
    return Response(body, mimetype="image/jpeg")


@console.post("/references/<set_id>/<any(vouch, refuse):act>")
@require(*READERS)
def reference_decide(set_id: str, act: str) -> ResponseReturnValue:
    """The account says how it knows the face; or that it is another's."""
    services, actor = desk.house(), desk.staff().actor
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
        return desk.redirect_done(f"done_{act}_reference", "person", person_id=person_id)
    return desk.redirect_done(f"done_{act}_reference", "references")


@console.post("/references/photographs")
@require(*READERS)
def references_confirm() -> ResponseReturnValue:
    """Many at once, by photographs on which they are named alone."""
    chosen = request.form.getlist("set")
    if not vouching.confirm_proposals(desk.house(), chosen, desk.staff().actor):
        raise NothingDone("none of these sets waits with photographs that speak for it: load the page again")
    return desk.redirect_done("done_vouch_reference", "references")


@console.get("/shoot")
@require(*READERS)
def shoot() -> ResponseReturnValue:
    """Who signed up here and waits to be seen, the latest first; it refreshes by itself, but for who looks closer."""
    ref, look = request.args.get("ref", ""), request.args.get("look", "")
    still = bool(look or request.args.get("still"))
    with desk.house().store.read() as conn:
        rows = declared_sets.list_of_shoot(conn, ref)
        pictures = {row.id: face_preview.count_references(conn, row.id) for row in rows}
    return desk.render_page(
        "shoot", ref=ref, rows=rows, pictures=pictures, look=look, refresh=0 if still else REFRESH_SECONDS
    )


@console.post("/shoot/<set_id>/seen")
@require(*READERS)
def shoot_seen(set_id: str) -> ResponseReturnValue:
    """ "I see this person with this phone": person, phone and mark together."""
    asked = _confirm_replacing(set_id, "shoot", ref=request.form.get("ref", ""))
    if asked is not None:
        return asked
    vouching.vouch(desk.house(), set_id, "met", desk.staff().actor)
    return desk.redirect_done("done_vouch_reference", "shoot", ref=request.form.get("ref", ""))


def _confirm_replacing(set_id: str, back: str, **args: str) -> ResponseReturnValue | None:
    """Ask where pictures that were vouched for make way for this set."""
    with desk.house().store.read() as conn:
        row = reference_sets.find(conn, set_id)
    if row is None:
        return None
    return confirming.confirm(
        confirming.describe_ending(consequences.preview_pictures(desk.house(), row.person_id)), back, **args
    )
