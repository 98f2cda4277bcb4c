"""`/console/may-i`: the box on every page: which photograph is meant, and may it be used?"""

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from plugin.flows.clearance import photo_answers
from plugin.flows.views.photos import photo_search
from plugin.quitclaim.clearance.answers import IntendedUse
from sidecar.console import page_base
from sidecar.console.page_base import READERS, console
from sidecar.web.staff_sign_in import require


@console.get("/may-i")
@require(*READERS, limited=True)
def photo_find() -> ResponseReturnValue:
    """The photograph's own page where one is meant, else those that it could be, each with its answers."""
    services, text = page_base.house(), request.args.get("q", "")
    found = photo_search.find(services, page_base.staff(), text)
    if len(found.photos) == 1 and not found.more:
        return redirect(url_for("console.photo", photo_id=found.photos[0].id), 303)
    listed = services.config.clearance
    uses = [IntendedUse(listed.purposes[0], channel) for channel in listed.channels]
    answers = photo_answers.answer_photos(services, [one.ref for one in found.photos], uses)
    rows = [(one, [(use.channel, answer) for use, answer in answers.get(one.ref, {}).items()]) for one in found.photos]
    return page_base.render_page("photo_find", found=found, rows=rows, q=text[:500], purpose=listed.purposes[0])
