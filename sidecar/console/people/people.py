"""`/console/people`: everybody who may be tagged, to be searched."""

from flask import request
from flask.typing import ResponseReturnValue

from plugin.flows.views import people_list
from sidecar.console import desk
from sidecar.console.desk import READERS, REVIEWERS, console
from sidecar.web.staff_door import require


@console.get("/people")
@require(*READERS)
def people() -> ResponseReturnValue:
    """A page of the people whose names contain the text."""
    services, text = desk.house(), request.args.get("q", "")[:200]
    found = people_list.search(services, text, request.args.get("after", ""), desk.PAGE_ROWS + 1)
    rows, more = desk.split_page(found, desk.PAGE_ROWS)
    after, enters = rows[-1].name_key if more else None, desk.staff().role in REVIEWERS
    return desk.render_page("people", q=text, people=rows, next=after, enters=enters)
