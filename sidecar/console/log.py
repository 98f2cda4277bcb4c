"""`/console/log`: the audit log in pages, its verification, and its export as a file."""

from collections.abc import Iterator

from flask import Response, request
from flask.typing import ResponseReturnValue

from plugin.flows.common.services import Services
from plugin.flows.views import audit_view
from sidecar.console import page_base
from sidecar.console.page_base import WATCHERS, console
from sidecar.web.staff_sign_in import require
from sidecar.words import log_words


@console.get("/log")
@require(*WATCHERS)
def log() -> ResponseReturnValue:
    """One page of the log, the newest first: of one kind of act, or up to one day, where that is asked."""
    services, action, until = page_base.house(), request.args.get("action", ""), page_base.read_day("day")
    wanted = audit_view.AuditFilter(action, until, page_base.read_number("before"), page_base.PAGE_ROWS + 1)
    found = audit_view.read_rows(services, wanted, page_base.staff().actor)
    rows, more = page_base.split_page(found, page_base.PAGE_ROWS)
    chosen = {"actions": audit_view.ACTIONS, "action": action, "until": until}
    head, after = audit_view.find_head(services), rows[-1].seq if more else None
    return page_base.render_page("log", chosen, rows=rows, next=after, head=head)


@console.post("/log/verify")
@require(*WATCHERS)
def log_verify() -> ResponseReturnValue:
    """Hold the whole log against the signed heads that are kept outside the store."""
    services, language = page_base.house(), page_base.staff().language
    checked = audit_view.verify_log(services)
    heading = log_words.heading(checked, language)
    sentences = log_words.sentences(checked, services.config.site.zone, language)
    return page_base.render_page("verified", verdict=checked.verdict.value, heading=heading, sentences=sentences)


@console.post("/log/export")
@require(*WATCHERS)
def log_export() -> ResponseReturnValue:
    """Every row as a line of JSON: a verifier needs nothing else."""
    services = page_base.house()
    audit_view.note_export(services, page_base.staff().actor)
    name = {"Content-Disposition": 'attachment; filename="audit.jsonl"'}
    return Response(_stream_rows(services), mimetype="application/x-ndjson", headers=name)


def _stream_rows(services: Services) -> Iterator[str]:
    return (f"{line}\n" for line in audit_view.export_rows(services))
