"""`/console/people`: everybody who may be tagged, to be searched."""

from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from plugin.flows.common import roster
from plugin.flows.views import person_file
from plugin.ledger import tables as t
from sidecar.console import desk
from sidecar.console.desk import READERS, REVIEWERS, console
from sidecar.web.staff_door import require


@console.get("/people")
@require(*READERS)
def people() -> ResponseReturnValue:
    """One page of those whose name holds what was typed."""
    services, text = desk.house(), request.args.get("q", "")[:200]
    with services.store.read() as conn:
        found = person_file.search(conn, text, request.args.get("after", ""), desk.PAGE + 1)
        rows, more = desk.paged(found, desk.PAGE)
        ids = [row.id for row in rows]
        standings = roster.load_many(services, conn, ids)
        mine = t.sealed.c.person_id.in_(ids) & (t.sealed.c.kind == "template")
        enrolled = set(conn.scalars(select(t.sealed.c.person_id).where(mine)))
    at = services.clock.now()
    lines: list[dict[str, Any]] = [
        {
            "id": row.id, "name": row.display_name,
            "recognition": standings[row.id].recognition(at) is not None,
            "publication": standings[row.id].any_publication(at),
            "enrolled": row.id in enrolled,
        }
        for row in rows
    ]  # fmt: skip
    return desk.page(
        "people", q=text, people=lines, next=rows[-1].name_key if more else None,
        enters=desk.staff().role in REVIEWERS,
    )  # fmt: skip
