"""The part of a full page that lists the links and visits that open it, and closes them."""

from datetime import datetime
from typing import Any

from flask import g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as Answer

from plugin.errors import NotFound
from plugin.flows.access import open_links
from plugin.flows.common.services import Services
from plugin.flows.self_service.own_page import Visitor
from plugin.quitclaim.consent import intervals
from plugin.quitclaim.words import wording
from sidecar.sign import pages, visits
from sidecar.words.own_page_words import Words

SAID = "said"  # of the session: what the page says once


def make_template_values(services: Services) -> dict[str, Any]:
    """Values for the template `me/ways_in.html`."""
    zone = services.config.site.zone

    def moment(when: datetime) -> str:
        local = when.astimezone(zone)
        return f"{wording.day(local.date(), pages.visitor_language(services, g.visitor.language))}, {local:%H:%M}"

    def last_day(end: datetime) -> str:
        return wording.day(intervals.last_day(end, zone), pages.visitor_language(services, g.visitor.language))

    def listed() -> open_links.WaysIn:
        return open_links.list_open(services, g.visitor, visits.require_token())

    return {"ways_in": listed, "moment": moment, "last_day": last_day}


def close_way(services: Services, who: Visitor) -> Answer | str:
    """Close the link or the visit that the form names, or all others. If that closes this visit, it ends here."""
    link, visit = request.form.get("link", ""), request.form.get("visit", "")
    if link:
        open_links.close_link(services, who, link)
    elif visit:
        open_links.close_visit(services, who, visit)
    elif request.form.get("others") == "yes":
        open_links.close_others(services, who, visits.require_token())
    else:
        raise NotFound("choose what is to be closed")
    if visits.is_open(services):
        session[SAID] = ["done_way" if link or visit else "done_ways", {}]
        return redirect(f"{url_for('me.page')}#ways", 303)
    w = Words(pages.visitor_language(services, who.language), who.guardian_id is not None)
    session.clear()
    site = services.config.site.name
    return render_template("me/closed.html", w=w, site=site, title=w("left_title"), says=w("done_way"))
