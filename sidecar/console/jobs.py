"""`/console/jobs`: what was given up, or failed and waits for another try; and "try again", for one or for all."""

from flask import request
from flask.typing import ResponseReturnValue

from plugin.errors import ConsentError
from plugin.flows.schedule import retries
from sidecar.console import page_base
from sidecar.console.page_base import ADMINISTRATORS, console
from sidecar.web.input_checks import parse_number
from sidecar.web.staff_sign_in import require
from sidecar.words import error_words, staff_words

_MOST = 200


@console.get("/jobs")
@require(*ADMINISTRATORS)
def jobs() -> ResponseReturnValue:
    """The newest of them, and how much waits of each kind."""
    services, language = page_base.house(), page_base.staff().language
    waiting = {staff_words.job(kind, language): n for kind, n in sorted(retries.count_open_by_kind(services).items())}
    pending = retries.list_pending(services, _MOST)
    found = [(one, staff_words.job(one.kind, language), error_words.reason(one.why, language)) for one in pending]
    return page_base.render_page("jobs", rows=found, waiting=waiting)


@console.post("/jobs/retry")
@require(*ADMINISTRATORS)
def jobs_retry() -> ResponseReturnValue:
    """One job (`job`), or all that is owed (`all`); a worker carries it out."""
    one = request.form.get("job", "")
    if parse_number(one):
        count = retries.retry(page_base.house(), page_base.staff().actor, parse_number(one))
    elif request.form.get("all") == "yes":
        count = retries.retry(page_base.house(), page_base.staff().actor)
    else:
        raise ConsentError("choose which job is to be tried again")
    return page_base.redirect_done("done_jobs", "jobs", numbers=(count,))
