"""`/console/people`: everybody who may be tagged: searched, filtered, sorted, and as a file."""

from enum import StrEnum
from typing import TypeVar

from flask import Response, request
from flask.typing import ResponseReturnValue

from plugin.flows.importing import csv_reports
from plugin.flows.views.people import people_page
from plugin.flows.views.people.people_filters import PeopleFilter
from plugin.flows.views.people.people_page import PeopleOrder, PeopleQuery, PersonRow
from plugin.words.catalogues import Words
from sidecar.console import page_base
from sidecar.console.page_base import READERS, console
from sidecar.web import staff_sign_in
from sidecar.web.staff_sign_in import require

_COLUMNS = ("name", "id", "recognition", "publication", "channels", "photographs", "minor", "pictures")
_Choice = TypeVar("_Choice", bound=StrEnum)


@console.get("/people")
@require(*READERS, limited=True)
def people() -> ResponseReturnValue:
    """A page of the people who were asked for."""
    asked, me = _read_query(), page_base.staff()
    page = people_page.load_page(page_base.house(), asked, page_base.PAGE_ROWS, me)
    choices = {"filters": ["", *PeopleFilter], "orders": list(PeopleOrder), "pw": Words("people list", me.language)}
    chosen = {"q": asked.text, "chosen": asked.filter or "", "order": asked.order}
    enters = staff_sign_in.may_open(me, "console.person_new")
    return page_base.render_page("people", choices, chosen, page=page, enters=enters)


@console.post("/people/export")
@require(*READERS, limited=True)
def people_export() -> ResponseReturnValue:
    """All of them as a file for a spreadsheet; the log says how many names it holds."""
    me = page_base.staff()
    rows = people_page.export(page_base.house(), _read_query(), me, me.actor)
    w = Words("people list", me.language)
    heads = {one: w[f"column_{one}"] for one in _COLUMNS}
    body = csv_reports.write_csv(list(heads.values()), [_describe(one, heads, w) for one in rows])
    name = {"Content-Disposition": 'attachment; filename="people.csv"'}
    return Response(body, mimetype="text/csv", headers=name)


def _read_query() -> PeopleQuery:
    """What the address asks for; what it does not know is left out."""
    args = request.args
    order = _read_choice(PeopleOrder, "order") or PeopleOrder.NAME
    return PeopleQuery(
        args.get("q", "")[:200], _read_choice(PeopleFilter, "filter"), order, args.get("after", "")[:700]
    )


def _read_choice(kind: type[_Choice], name: str) -> _Choice | None:
    said = request.args.get(name, "")
    return kind(said) if said in set(kind) else None


def _describe(one: PersonRow, heads: dict[str, str], w: Words) -> dict[str, object]:
    """A line of the file, by the headings of its columns."""
    ends = {"recognition": one.recognition, "publication": one.publication}
    said: dict[str, object] = {
        key: "" if window is None else (page_base.format_iso_last_day(window[1]) if window[1] else w["no_end"])
        for key, window in ends.items()
    }
    channels = ", ".join(page_base.format_term(channel) for channel in one.channels)
    said |= {"name": one.person.display_name, "id": one.person.id, "channels": channels}
    said |= {"photographs": one.photographs, "minor": w["yes"] if one.minor else ""}
    said |= {"pictures": w[f"pictures_{one.pictures}"]}
    return {heads[key]: said[key] for key in _COLUMNS}
