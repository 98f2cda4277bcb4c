"""`/console/`: the waiting list, what keeps FaceLease from working, and signing out."""

from dataclasses import dataclass

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from plugin.flows.access.staff_sessions import Role
from plugin.flows.common.services import Services
from plugin.flows.views import dashboard, waiting_list
from plugin.flows.views.people import awaited_answers
from plugin.flows.views.waiting_list import WaitingKind
from plugin.words.catalogues import Words
from sidecar.console import page_base
from sidecar.console.page_base import EVERYBODY, OFFICERS, console
from sidecar.running.readiness import find_unready
from sidecar.web import staff_sign_in
from sidecar.web.staff_sign_in import require
from sidecar.words import error_words, staff_words


@console.get("/")
@require(*EVERYBODY, limited=True)
def home() -> ResponseReturnValue:
    """What waits, as far as the role may see it."""
    services, role = page_base.house(), page_base.staff().role
    reads_all, language = role is not Role.AUDITOR, page_base.staff().language
    waits, tasks = (
        (dashboard.load_dashboard(services, page_base.staff()), _list_tasks(services, role))
        if reads_all
        else (None, [])
    )
    failed = waits.dead if waits else ()
    dead = [(one, staff_words.job(one.kind, language), error_words.reason(one.error, language)) for one in failed]
    may = {"mends": role in OFFICERS, "retries": role is Role.ADMINISTRATOR}
    owed = any(one.owed for one in tasks)
    awaited = awaited_answers.list_most(services, page_base.staff(), MOST_AWAITED) if reads_all else ()
    lists = {"waits": waits, "tasks": tasks, "owed": owed, "dead": dead, "awaited": awaited}
    age = staff_words.age(services.clock.now() - awaited[0].counted_at, language) if awaited else ""
    said = {"sw": Words("start page", language), "age": age}
    return page_base.render_page("home", may, lists, said, missing=find_unready())


MOST_AWAITED = 6
"""How many people are shown of those whose answer would clear most."""


@dataclass(frozen=True)
class Task:
    """An entry of the waiting list in words, and the page on which something is done about it."""

    count: int
    wrong: bool
    title: str
    said: str
    where: str
    owed: bool = False


def _list_tasks(services: Services, role: Role) -> list[Task]:
    """What the role may act on, but for dead jobs, which the page lists by themselves."""
    found = []
    for one in waiting_list.list_counts(services, role, page_base.staff()):
        if one.kind is not WaitingKind.DEAD_JOBS:
            w = staff_words.waiting(one, page_base.staff().language)
            page = _PAGES.get(one.kind, "officer")
            if one.kind in OWED_KINDS:
                page = "jobs" if role is Role.ADMINISTRATOR else "home"
            where = url_for(f"console.{page}", list="again" if page == "review" else None)
            aside = waiting_list.list_set_aside(services, one.kind)
            said = "; ".join([w.said, *(error_words.aside(item, page_base.staff().language) for item in aside)])
            found.append(Task(one.count, one.wrong, w.title, said, where, one.kind in OWED_KINDS))
    return found


OWED_KINDS = frozenset(kind for kind in WaitingKind if kind.value.startswith("owed_"))
"""What is overdue: the administrator mends the cause, and retries the jobs."""

_PAGES = {
    WaitingKind.HAND_NAMES: "names",
    WaitingKind.FAILED_WRITES: "names",
    WaitingKind.NAMES_AGAIN: "names",
    WaitingKind.LOST_RULINGS: "collections",
    WaitingKind.HELD_PHOTOGRAPHS: "collections",
    WaitingKind.LEFT_OUT: "collections",
    WaitingKind.NEAR_SETS: "references",
    WaitingKind.DECLARED_SETS: "references",
    WaitingKind.DISMISSED_BEFORE: "review",
    WaitingKind.LOOKED_BEFORE: "home",
    WaitingKind.SMALL_PREVIEWS: "home",
    WaitingKind.OUT_OF_REACH: "collections",
    WaitingKind.SET_ASIDE: "home",
}
OFFICER_KINDS = tuple(kind for kind in WaitingKind if kind not in {*_PAGES, *OWED_KINDS, WaitingKind.DEAD_JOBS})
"""The kinds that have their list on the officer's page."""


@console.post("/sign-out")
@require(*EVERYBODY, limited=True)
def sign_out() -> ResponseReturnValue:
    """End the session; the way on leads back to the DAM."""
    services = page_base.house()
    staff_sign_in.sign_out(services)
    dam = services.config.resourcespace.url
    return redirect(dam or url_for("front"), 303)
