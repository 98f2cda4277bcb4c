"""What is corrected of a person: the name, the birth date (GDPR Art. 16); and links of theirs that are closed."""

from flask import request
from flask.typing import ResponseReturnValue

from plugin.errors import ConsentError
from plugin.flows.access import sight
from plugin.flows.consent import rectification, renaming
from plugin.flows.views.people import person_story
from plugin.quitclaim.consent.model import GrantKind
from sidecar.console import confirmation, page_base
from sidecar.console.page_base import READERS, console
from sidecar.web.staff_sign_in import require


@console.post("/people/<person_id>/name")
@require(*READERS, limited=True)
def person_name(person_id: str) -> ResponseReturnValue:
    """Another name: the photographs follow by a job."""
    services, me = page_base.house(), page_base.staff()
    sight.check_person(services, me, person_id)
    by_hand = request.form.get("by_hand") == "yes"
    renaming.rename(services, person_id, request.form.get("name", ""), me.actor, by_hand)
    return page_base.redirect_done("done_renamed", "person", person_id=person_id)


@console.post("/people/<person_id>/birth")
@require(*READERS, limited=True)
def person_birth(person_id: str) -> ResponseReturnValue:
    """Another birth date; what would end is said before."""
    services, me, born = page_base.house(), page_base.staff(), page_base.read_day("birth")
    sight.check_person(services, me, person_id)
    if born is None:
        raise ConsentError("the birth date is no date: give year, month and day")
    kinds = [one.kind for one in rectification.preview_birth_date(services, person_id, born)]
    ends = [
        confirmation.count(kind.value, kinds.count(kind))
        for kind in (GrantKind.RECOGNITION, GrantKind.PUBLICATION)
        if kind in kinds
    ]
    asked = confirmation.confirm(ends, "person", person_id=person_id)
    if asked is not None:
        return asked
    rectification.correct_birth_date(services, person_id, born, me.actor)
    return page_base.redirect_done("done_birth", "person", person_id=person_id)


@console.post("/people/<person_id>/links/<link_id>/close")
@require(*READERS, limited=True)
def person_link_close(person_id: str, link_id: str) -> ResponseReturnValue:
    """A link of theirs opens nothing any more."""
    services, me = page_base.house(), page_base.staff()
    sight.check_person(services, me, person_id)
    person_story.close_link(services, person_id, link_id, me.actor)
    return page_base.redirect_done("done_link_closed", "person", person_id=person_id)
