"""The invitations that were sent, and what became of each; one is reminded of, or withdrawn."""

from datetime import UTC, datetime

from flask import request
from flask.typing import ResponseReturnValue

from plugin.errors import NothingDone
from plugin.flows.access import sight
from plugin.flows.mail import reminders
from plugin.flows.signing import invitations as flow
from plugin.flows.views.people import invitation_list
from plugin.flows.views.people.invitation_list import Answer
from plugin.words.catalogues import Words
from sidecar.console import page_base
from sidecar.console.page_base import READERS, console
from sidecar.web import staff_sign_in
from sidecar.web.staff_sign_in import require


@console.get("/invitations")
@require(*READERS, limited=True)
def invitations() -> ResponseReturnValue:
    """The newest first; by what became of them."""
    services, me = page_base.house(), page_base.staff()
    wanted = request.args.get("answer", "")
    answer = Answer(wanted) if wanted in set(Answer) else None
    found = invitation_list.list_sent(services, me, answer, _read_place(), page_base.PAGE_ROWS + 1)
    rows, more = page_base.split_page(found, page_base.PAGE_ROWS)
    following = f"{rows[-1].made_at.timestamp()} {rows[-1].id}" if more else None
    about = {"counts": invitation_list.count_answers(services, me), "answer": wanted, "next": following}
    return page_base.render_page(
        "invitations",
        about,
        v=Words("invitations", me.language),
        rows=rows,
        answers=list(Answer),
        many=staff_sign_in.may_open(me, "console.invitations_list"),
    )


def _read_place() -> tuple[datetime, str] | None:
    moment, _, link_id = request.args.get("before", "").partition(" ")
    try:
        return datetime.fromtimestamp(float(moment), UTC), link_id
    except (ValueError, OverflowError, OSError):
        return None


@console.post("/invitations/<link_id>/<any(remind, withdraw):act>")
@require(*READERS, limited=True)
def invitation_act(link_id: str, act: str) -> ResponseReturnValue:
    """A fresh link by mail in the place of the old one; or none any more."""
    services, me = page_base.house(), page_base.staff()
    sight.check_person(services, me, invitation_list.find_person(services, link_id))
    if act == "withdraw":
        before = flow.revoke_invitation(services, link_id, me.actor)
        return page_base.redirect_done("done_before" if before else "done_invitation_withdrawn", "invitations")
    if not reminders.remind(services, link_id):
        raise NothingDone(
            "no reminder was sent: it was answered or withdrawn, or the address it went to is not the one on file"
        )
    return page_base.redirect_done("done_invitation_reminded", "invitations")
