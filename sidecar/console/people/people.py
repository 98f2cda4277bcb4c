"""`/console/people`: everybody who may be tagged, to be searched."""

from flask import request
from flask.typing import ResponseReturnValue

from plugin.flows.views.people import people_list
from sidecar.console import page_base
from sidecar.console.page_base import READERS, console
from sidecar.web import staff_sign_in
from sidecar.web.staff_sign_in import require


@console.get("/people")
@require(*READERS, limited=True)
def people() -> ResponseReturnValue:
    """A page of the people whose names contain the text."""
    services, me, text = page_base.house(), page_base.staff(), request.args.get("q", "")[:200]
    found = people_list.search(services, text, request.args.get("after", ""), page_base.PAGE_ROWS + 1, me)
    rows, more = page_base.split_page(found, page_base.PAGE_ROWS)
    after, enters = rows[-1].name_key if more else None, staff_sign_in.may_open(me, "console.person_new")
    return page_base.render_page("people", q=text, people=rows, next=after, enters=enters)
