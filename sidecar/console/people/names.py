"""`/console/names`: names by hand of people who ended, to be decided; names that stand again, or failed for good."""

from flask import request
from flask.typing import ResponseReturnValue

from plugin.errors import ConsentError
from plugin.flows.review import names_by_hand
from plugin.flows.tags import returned_names
from plugin.flows.views import waiting_list
from plugin.flows.views.waiting_list import Kind
from sidecar.console import confirming, desk
from sidecar.console.desk import READERS, REVIEWERS, console
from sidecar.web.plain_requests import number
from sidecar.web.staff_door import require


@console.get("/names")
@require(*READERS)
def names() -> ResponseReturnValue:
    """One page of those that wait, and of those that somebody lets stand."""
    services, kept = desk.house(), request.args.get("list") == "kept"
    found, more = desk.paged(
        names_by_hand.find(services, kept=kept, after=desk.number("after"), limit=desk.PAGE + 1), desk.PAGE
    )
    waiting_list.note_look(services, Kind.HAND_NAMES, desk.staff().actor, len(found))
    with services.store.read() as conn:
        again = returned_names.by_hand_again(services, conn)[: desk.PAGE]
    waiting_list.note_look(services, Kind.NAMES_AGAIN, desk.staff().actor, len(again))
    return desk.page(
        "names", rows=found, kept=kept, next=found[-1].tag_id if more else None,
        failed=waiting_list.read(services, Kind.FAILED_WRITES, desk.staff().actor),
        decides=desk.staff().role in REVIEWERS, again=again,
    )  # fmt: skip


@console.post("/names/<any(keep, remove):act>")
@require(*REVIEWERS)
def names_decide(act: str) -> ResponseReturnValue:
    """What was chosen of the list stands, or goes."""
    chosen = [one for one in map(number, request.form.getlist("tag")) if one]
    if not chosen:
        raise ConsentError("choose at least one name of the list")
    count = names_by_hand.standing(desk.house(), chosen) if act == "remove" else 0
    asked = confirming.ask([confirming.count("hand_names", count)] if count else [], "names")
    if asked is not None:
        return asked
    decide = names_by_hand.keep if act == "keep" else names_by_hand.take_off
    decide(desk.house(), chosen, desk.staff().actor)
    return desk.done(f"done_names_{act}", "names")
