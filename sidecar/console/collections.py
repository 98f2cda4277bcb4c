"""`/console/collections`: where recognition is on, how far, and what makes it lawful."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from plugin.errors import ConsentError, NotFound
from plugin.flows.collections import mode_effect, modes, ruling_history
from plugin.flows.collections.modes import Ruling
from plugin.flows.collections.ruling_history import PastRuling
from plugin.flows.consent import consequences
from plugin.flows.matching import engine_status, look_alikes
from plugin.flows.photos import collection_scan
from plugin.flows.views.collections import collection_counts, collection_list
from plugin.flows.views.photos import photo_list
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from sidecar.console import confirmation, page_base, refusals
from sidecar.console.invitations import asking
from sidecar.console.page_base import ADMINISTRATORS, OFFICERS, console
from sidecar.web import problems
from sidecar.web.staff_sign_in import require
from sidecar.words import engine_words, staff_words


@console.get("/collections")
@require(*OFFICERS)
def collections() -> ResponseReturnValue:
    """One page of them, those that are on first."""
    services, text, start = page_base.house(), request.args.get("q", "")[:200], page_base.read_number("after")
    rows, more = page_base.split_page(collection_list.list_collections(services, text)[start:], page_base.PAGE_ROWS)
    in_dam, sets = collection_list.is_decided_in_dam(services), page_base.staff().role in ADMINISTRATORS
    after = start + page_base.PAGE_ROWS if more else None
    faults, news = _explain_engines()
    engine = {"engine_faults": [*faults, *_list_look_alikes()], "engine_news": news}
    return page_base.render_page("collections", engine, q=text, rows=rows, next=after, in_dam=in_dam, sets=sets)


def _explain_engines() -> tuple[list[str], list[str]]:
    """What is wrong with the engine that serves, and whom it does not recognise; how far a change to another one is."""
    status, language = engine_status.read(page_base.house()), page_base.staff().language
    lost = [f"{one.name}: {engine_words.why_missed(one.why, language)}" for one in status.missed]
    return [*engine_words.list_faults(status, language), *lost], engine_words.list_news(status, language)


def _list_look_alikes() -> list[str]:
    """That the engine does not tell the people apart whom it compares; nothing where it does."""
    services, found = page_base.house(), look_alikes.read(page_base.house())
    if not found.many:
        return []
    told = staff_words.look_alikes(found, services.faces.engine_id, page_base.staff().language)
    return [f"{told.said} {told.mend}"]


@console.get("/collections/one")
@require(*OFFICERS)
def collection() -> ResponseReturnValue:
    """One collection; its ref is in the query string, because it may contain slashes."""
    return _show(request.args.get("ref", ""))


def _show(ref: str, refused: ConsentError | None = None) -> ResponseReturnValue:
    """The page; after a refusal with what was typed still in its form."""
    services, me = page_base.house(), page_base.staff()
    notes = [staff_words.without_effect(one, me.language) for one in mode_effect.explain(services, ref)]
    in_dam, may = collection_list.is_decided_in_dam(services), me.role in ADMINISTRATORS
    one = collection_list.find_collection(services, ref)
    about = {"one": one, "notes": notes, "history": _list_history(ref), "given": request.form if refused else None}
    choices = {"modes": list(Mode), "bases": list(Basis), "forms": asking.list_form_names()}
    rights = {"in_dam": in_dam, "sets": may and not in_dam, "invites": may, "scans": may and one.today in _EXAMINES}
    shown = photo_list.list_of_collection(services, me, ref, _SHOWN)
    counted = one.resources <= _COUNTED or request.args.get("numbers") == "yes"
    numbers: dict[str, Any] = {"counts": collection_counts.count(services, ref) if counted else None, "shown": shown}
    numbers |= {"ends": _describe_ends(ref)} if may and not in_dam else {}
    said = dict(zip(("refused", "spoken"), refusals.told(str(refused), me.language), strict=True)) if refused else {}
    page, _ = page_base.render_page("collection", about, choices, rights, numbers, said, today=services.today())
    return page, problems.find_status(refused) if refused else 200


_COUNTED = 20_000  # photographs of a collection whose numbers the page waits for; of larger ones its script asks
_SHOWN = 12  # photographs of the collection
_EXAMINES = (Mode.DETECT, Mode.SUGGEST, Mode.AUTO)


def _describe_ends(ref: str) -> dict[str, list[str]]:
    """By mode, what changing to it would end, said before somebody chooses it."""
    return {mode.value: _list_ends(ref, mode) for mode in (Mode.OFF, Mode.DETECT, Mode.NEVER)}


def _list_ends(ref: str, mode: Mode) -> list[str]:
    named, suggested = consequences.preview_mode(page_base.house(), ref, mode.value)
    said = [confirmation.count("machine_names", named)] if named else []
    return said + ([confirmation.count("suggestions", suggested)] if suggested else [])


@console.get("/collections/one/progress")
@require(*OFFICERS)
def collection_progress() -> ResponseReturnValue:
    """The numbers of the page, for its script."""
    counts = asdict(collection_counts.count(page_base.house(), request.args.get("ref", "")))
    return jsonify(counts | {"said": {name: page_base.format_number(number) for name, number in counts.items()}})


@console.post("/collections/one/<any(scan, pause):act>")
@require(*ADMINISTRATORS)
def collection_scan_now(act: str) -> ResponseReturnValue:
    """Examine now what is not examined yet, or put it off."""
    ref = request.form.get("ref", "")
    number = (collection_scan.begin if act == "scan" else collection_scan.pause)(page_base.house(), ref)
    return page_base.redirect_done(f"done_{act}_now", "collection", numbers=[number], ref=ref)


def _list_history(ref: str) -> Sequence[PastRuling]:
    """The newest first; nothing for one that was never anything but off."""
    try:
        return list(reversed(ruling_history.read(page_base.house(), ref, page_base.staff().actor)))
    except NotFound:
        return ()


@console.post("/collections/one")
@require(*ADMINISTRATORS)
def collection_set() -> ResponseReturnValue:
    """Set the mode, where the DAM has no place of its own for that."""
    services, form = page_base.house(), request.form
    if collection_list.is_decided_in_dam(services):
        raise ConsentError("the mode of a collection is set in the DAM, in the collection's own menu")
    ref = form.get("ref", "")
    try:
        ruling = _read_ruling()
        asked = confirmation.confirm(_list_ends(ref, ruling.mode), "collection", ref=ref)
        if asked is not None:
            return asked
        modes.decide(services, ref, ruling, page_base.staff().actor)
    except ConsentError as error:
        return _show(ref, error)
    return page_base.redirect_done("done_mode", "collection", ref=ref)


def _read_ruling() -> Ruling:
    form = request.form
    try:
        mode = Mode(form.get("mode", ""))
        basis = Basis(form["basis"]) if form.get("basis") else None
    except ValueError as error:
        raise ConsentError("choose a mode and a basis from the lists") from error
    reference, by = form.get("reference", "").strip(), form.get("by", "").strip()
    evidence = BasisEvidence(reference, by, page_base.read_day("decided"), page_base.read_day("review"))
    members = tuple(line.strip() for line in form.get("members", "").splitlines() if line.strip())
    return Ruling(mode, basis, evidence, members if basis is Basis.SHOOT else ())
