"""Many invited at once: a list is uploaded, shown with what would become of each row, and sent."""

from collections.abc import Mapping, Sequence

from flask import request
from flask.typing import ResponseReturnValue

from plugin.errors import ConsentError, ImportRefused
from plugin.flows.signing.inviting import from_lists
from plugin.words.catalogues import Words
from sidecar.console import page_base
from sidecar.console.invitations import asking
from sidecar.console.page_base import OFFICERS, REVIEWERS, console
from sidecar.web import uploads
from sidecar.web.staff_sign_in import require


@console.get("/invitations/list")
@require(*REVIEWERS)
def invitations_list() -> ResponseReturnValue:
    """Where a list is chosen."""
    return _show([])


@console.post("/invitations/list")
@require(*REVIEWERS)
def invitations_send() -> ResponseReturnValue:
    """The rows of a file, judged; or those that were shown, sent."""
    services, me = page_base.house(), page_base.staff()
    if not services.config.mail.host:
        raise ConsentError("mail.host: set it to send mail, or make a link and hand it over yourself")
    file = request.files.get("file")
    if request.form.get("send") != "yes":
        if file is None or not file.filename:
            raise ImportRefused("choose a file: CSV or XLSX with the columns name, email and language")
        return _show(from_lists.judge(services, from_lists.read_list(services, uploads.read_upload(file))))
    sent = from_lists.send(services, _read_rows(), request.form.get("form") or None, me.actor, me.role in OFFICERS)
    return _show(sent, done=True)


def _read_rows() -> list[Mapping[str, str]]:
    columns = [request.form.getlist(name) for name in from_lists.COLUMNS]
    return [dict(zip(from_lists.COLUMNS, cells, strict=True)) for cells in zip(*columns, strict=False)]


def _show(rows: Sequence[from_lists.ListedRow], done: bool = False) -> ResponseReturnValue:
    v = Words("invitations", page_base.staff().language)
    sends = sum(row.verdict.sends for row in rows)
    return page_base.render_page(
        "invitations_list", v=v, rows=rows, sends=sends, done=done, forms=asking.list_form_names(), most=from_lists.MOST
    )
