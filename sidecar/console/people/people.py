"""`/console/people`: everybody who may be tagged, to be searched."""

from flask import request
from flask.typing import ResponseReturnValue

from plugin.flows.views import people_list
from sidecar.console import page_base
from sidecar.console.page_base import READERS, REVIEWERS, console
from sidecar.web.staff_sign_in import require


@console.get("/people")
@require(*READERS)
def people() -> ResponseReturnValue:
    """A page of the people whose names contain the text."""
    services, text = page_base.house(), request.args.get("q", "")[:200]
    found = people_list.search(services, text, request.args.get("after", ""), page_base.PAGE_ROWS + 1)
    rows, more = page_base.split_page(found, page_base.PAGE_ROWS)
    after, enters = rows[-1].name_key if more else None, page_base.staff().role in REVIEWERS
    return page_base.render_page("people", q=text, people=rows, next=after, enters=enters)
