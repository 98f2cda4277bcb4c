"""`/console/names`: names by hand of people who ended, to be decided; names that stand again, or failed for good."""

from flask import request
from flask.typing import ResponseReturnValue

from plugin.errors import ConsentError
from plugin.flows.access import sight
from plugin.flows.review import names_by_hand
from plugin.flows.tags import returned_names
from plugin.flows.views import waiting_list
from plugin.flows.views.waiting_list import WaitingKind
from sidecar.console import confirmation, page_base
from sidecar.console.page_base import READERS, REVIEWERS, console
from sidecar.web.input_checks import parse_number
from sidecar.web.staff_sign_in import require


@console.get("/names")
@require(*READERS, limited=True)
def names() -> ResponseReturnValue:
    """A page of the names that wait, or of those that were kept."""
    services, kept = page_base.house(), request.args.get("list") == "kept"
    after, most = page_base.read_number("after"), page_base.PAGE_ROWS
    seen = sight.photographs(page_base.staff())
    hand_names = names_by_hand.list_hand_names(services, None, kept, after, most + 1, seen)
    found, more = page_base.split_page(hand_names, most)
    waiting_list.note_look(services, WaitingKind.HAND_NAMES, page_base.staff().actor, len(found))
    with services.store.read() as conn:
        again = returned_names.list_by_hand_again(services, conn, seen)[: page_base.PAGE_ROWS]
    waiting_list.note_look(services, WaitingKind.NAMES_AGAIN, page_base.staff().actor, len(again))
    failed = waiting_list.read_items(services, WaitingKind.FAILED_WRITES, page_base.staff().actor, seen)
    lists = {"rows": found, "next": found[-1].tag_id if more else None, "failed": failed, "again": again}
    return page_base.render_page("names", lists, kept=kept, decides=page_base.staff().role in REVIEWERS)


@console.post("/names/<any(keep, remove):act>")
@require(*REVIEWERS, limited=True)
def names_decide(act: str) -> ResponseReturnValue:
    """Keep the chosen names, or remove them."""
    chosen = [one for one in map(parse_number, request.form.getlist("tag")) if one]
    if not chosen:
        raise ConsentError("choose at least one name of the list")
    sight.check_tags(page_base.house(), page_base.staff(), chosen)
    count = names_by_hand.count_standing(page_base.house(), chosen) if act == "remove" else 0
    asked = confirmation.confirm([confirmation.count("hand_names", count)] if count else [], "names")
    if asked is not None:
        return asked
    decide = names_by_hand.keep_names if act == "keep" else names_by_hand.remove_names
    decide(page_base.house(), chosen, page_base.staff().actor)
    return page_base.redirect_done(f"done_names_{act}", "names")
