"""`/console/names`: names by hand of people who ended, to be decided; names that stand again, or failed for good."""

from flask import request
from flask.typing import ResponseReturnValue

from plugin.errors import ConsentError
from plugin.flows import hand_names, returned_names, waiting_list
from plugin.flows.waiting_list import Kind
from sidecar.auth import require
from sidecar.console import confirming, desk
from sidecar.console.desk import READERS, REVIEWERS, console
from sidecar.plain_requests import number


@console.get("/names")
@require(*READERS)
def names() -> ResponseReturnValue:
    """One page of those that wait, and of those that somebody lets stand."""
    services, kept = desk.house(), request.args.get("list") == "kept"
    found, more = desk.paged(
        hand_names.find(services, kept=kept, after=desk.number("after"), limit=desk.PAGE + 1), desk.PAGE
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
    count = hand_names.standing(desk.house(), chosen) if act == "remove" else 0
    asked = confirming.ask([confirming.say("hand_names", count)] if count else [], "names")
    if asked is not None:
        return asked
    decide = hand_names.keep if act == "keep" else hand_names.take_off
    decide(desk.house(), chosen, desk.staff().actor)
    return desk.done(f"done_names_{act}", "names")
