"""`/console/people/<id>`: one person, and what the staff may do in their name. Each look is audited."""

from io import BytesIO
from typing import Any

from flask import Response, request, send_file
from flask.typing import ResponseReturnValue

from plugin.errors import ConsentError
from plugin.flows.access import sight
from plugin.flows.common import reference_sets
from plugin.flows.consent import consequences
from plugin.flows.matching import declared_sets, vouching
from plugin.flows.people import addresses, data_export, recognitions
from plugin.flows.people import register as registry
from plugin.flows.signing import invitations, lost_links
from plugin.flows.views.people import person_file, person_story
from plugin.flows.views.review import face_preview
from plugin.words.catalogues import Words
from sidecar.console import confirmation, page_base
from sidecar.console.invitations import asking
from sidecar.console.page_base import OFFICERS, READERS, console
from sidecar.console.people import time_line
from sidecar.web.staff_sign_in import require


@console.get("/people/<person_id>")
@require(*READERS, limited=True)
def person(person_id: str) -> ResponseReturnValue:
    """The quitclaims, the photographs and what may be done."""
    services, me = page_base.house(), page_base.staff()
    sight.check_person(services, me, person_id)
    found = person_file.open_file(services, person_id, me.actor, me)
    with services.store.read() as conn:
        out = invitations.list_unanswered(conn, person_id)
        sides = () if found.erasing else recognitions.list_holders(services, conn, person_id)
        waits = declared_sets.find_waiting(conn, person_id)
        sets = reference_sets.list_of(conn, person_id)
        pictures = face_preview.count_references(conn, waits.id) if waits else 0
    officer = me.role in OFFICERS
    ends = confirmation.describe_ending(consequences.preview_ending(services, person_id, None)) if officer else []
    ways = {"askers": person_file.ASKED_BY, "ways": addresses.WAYS_TO_RECOGNISE, "sights": vouching.BY_SIGHT}
    choices = {"forms": asking.list_form_names(), **ways}
    mails = bool(services.config.mail.host and any(side.email for side in sides))
    may = {"officer": officer, "invites": me.role in READERS and not found.erasing, "mails": mails}
    lists: dict[str, Any] = {"ends": ends, "out": out, "sides": sides, "references": sets}
    story = person_story.load_story(services, person_id, me, page_base.read_number("before"))
    drawn = time_line.draw_time_line(found.versions, services.clock.now())
    lists |= {"story": story, "line_of_time": drawn, "pp": Words("person page", me.language), "row": time_line.ROW}
    waiting = {"waits": waits, "waits_pictures": pictures, "writes": lost_links.can_write(services)}
    return page_base.render_page("person", may, lists, waiting, choices, found=found)


@console.post("/people/<person_id>/<any(withdraw, restrict):act>")
@require(*OFFICERS)
def person_end(person_id: str, act: person_file.EndingAct) -> ResponseReturnValue:
    """In the person's name: the grants that were ticked, or all."""
    all_ = request.form.get("all") == "yes"
    if request.form.get("sure") != "yes":
        raise ConsentError("confirm that it was asked for: an end cannot be taken back, only signed anew")
    grants = None if all_ else request.form.getlist("grant")
    asked_by, actor = request.form.get("asked_by", ""), page_base.staff().actor
    ended = person_file.end_on_behalf(page_base.house(), person_id, act, grants, asked_by, actor)
    return page_base.redirect_done(f"done_{act}" if ended else "done_before", "person", person_id=person_id)


@console.post("/people/<person_id>/export")
@require(*OFFICERS, proves=True)
def person_export(person_id: str) -> ResponseReturnValue:
    """Everything that is held on the person (GDPR Art. 15), as a file."""
    held = registry.export(page_base.house(), person_id, page_base.staff().actor)
    body = data_export.to_json(held)
    name = {"Content-Disposition": f'attachment; filename="{person_id}.json"'}
    return Response(body, mimetype="application/json", headers=name)


@console.post("/people/<person_id>/evidence/<sealed_id>")
@require(*OFFICERS, proves=True)
def person_evidence(person_id: str, sealed_id: str) -> ResponseReturnValue:
    """One piece of evidence as a file: never shown as a page of ours, whatever it is."""
    name, body = person_file.open_evidence(page_base.house(), person_id, sealed_id, page_base.staff().actor)
    return send_file(BytesIO(body), "application/octet-stream", as_attachment=True, download_name=name)
