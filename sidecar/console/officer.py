"""`/console/officer`: what the officer keeps an eye on: who decided about themselves, and what is not known."""

from flask.typing import ResponseReturnValue

from plugin.flows.views import waiting_list
from sidecar.console import page_base
from sidecar.console.home import OFFICER_KINDS
from sidecar.console.page_base import OFFICERS, console
from sidecar.web.staff_sign_in import require


@console.get("/officer")
@require(*OFFICERS)
def officer() -> ResponseReturnValue:
    """One section a kind, with who and when; a look at people is audited."""
    services = page_base.house()
    lists = [(kind, waiting_list.read_items(services, kind, page_base.staff().actor)) for kind in OFFICER_KINDS]
    return page_base.render_page("officer", lists=[(kind, rows) for kind, rows in lists if rows])
