"""`/console/clearance`: every photograph that is cleared for a use until a day, counted and in pages."""

from flask import request
from flask.typing import ResponseReturnValue

from plugin.flows.access import sight
from plugin.flows.clearance import cleared_photos
from sidecar.console import page_base
from sidecar.console.page_base import READERS, console
from sidecar.web.staff_sign_in import require


@console.get("/clearance")
@require(*READERS, limited=True)
def clearance() -> ResponseReturnValue:
    """From now through the day that is asked for, today if none is: those that end first in front."""
    services, lists = page_base.house(), page_base.house().config.clearance
    purpose = request.args.get("purpose") or lists.purposes[0]
    channel = request.args.get("channel") or lists.channels[0]
    last = page_base.read_day("until") or services.today()
    span = cleared_photos.span_until(services, purpose, channel, last)
    with services.store.read() as conn:
        seen = (sight.photographs(page_base.staff()),) if page_base.staff().collections is not None else ()
        page = cleared_photos.list_page(conn, span, request.args.get("after", ""), page_base.PAGE_ROWS, *seen)
        count = cleared_photos.count_some(conn, span, *seen) if seen else cleared_photos.count(conn, span)
    chosen = {"purpose": purpose, "channel": channel, "last": last, "max_px": span.max_px}
    choices = {"purposes": lists.purposes, "channels": lists.channels, "today": services.today()}
    found = {"photos": page.photos, "next": page.next, "count": count}
    return page_base.render_page("clearance", found, chosen, choices)
