"""`/console/review`: whose faces wait, all that wait for one person or on one photograph, and one face large."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from plugin.flows.matching import vouching
from plugin.flows.review import face_acts
from plugin.flows.views.review import face_preview, face_table, proposals, reference_look
from plugin.flows.views.review.face_table import TableFace, TablePage
from plugin.flows.views.review.proposals import Kind
from plugin.quitclaim.clearance.dismissal import Dismissal
from plugin.words.catalogues import Words
from sidecar.console import page_base
from sidecar.console.page_base import READERS, REVIEWERS, console
from sidecar.console.review import face_forms
from sidecar.web.staff_sign_in import require
from sidecar.words import review_words

PAGE_FACES = 60
"""Faces a page: their pictures are asked for as they come into view."""
LISTS = ("suggested", "machine", "unmatched", "again")
KEYS = (
    ("←→↑↓", "move"),
    (("Space",), "choose"),
    (("Shift + ←→↑↓",), "range"),
    ("A", "all"),
    (("Enter",), "large"),
    ("C", "confirm"),
    ("Y", "yes"),
    ("N", "no"),
    ("E", "else"),
    ("D", "leave"),
    ("S", "skip"),
    ("U", "undo"),
    ("]", "next"),
    (("Esc",), "back"),
    ("?", "keys"),
)
"""The keys of the light table, and what each does."""
_OF_PEOPLE = ("suggested", "machine")


@console.get("/review", endpoint="review")
@require(*READERS, limited=True)
def review_list() -> ResponseReturnValue:
    """Who waits, by name; of faces without a name, those themselves, photograph by photograph."""
    chosen, collection = request.args.get("list", ""), request.args.get("collection", "")
    if collection:  # as the DAM's menu of a collection leads here
        return redirect(url_for("console.review", list="unmatched", shoot=collection), 303)
    if chosen in ("unmatched", "again"):
        return _show_unnamed(chosen)
    kind, after = _read_kind(), request.args.get("after", "")[:300]
    found = face_table.list_people(page_base.house(), kind, after, page_base.PAGE_ROWS + 1, page_base.staff())
    undoable = _count_undoable()
    rows, more = page_base.split_page(found, page_base.PAGE_ROWS)
    paging = {"after": after, "next": rows[-1].name_key if more else None, "chosen": kind, "lists": LISTS}
    return _render("review", paging, rows=rows, most=proposals.MOST_COUNTED, undoable=undoable)


@console.get("/review/people/<person_id>")
@require(*READERS, limited=True)
def review_person(person_id: str) -> ResponseReturnValue:
    """The faces proposed for one person, beside three of their reference pictures."""
    services, kind, after = page_base.house(), _read_kind(), page_base.read_number("after")
    found = face_table.load_person(services, kind, person_id, after, PAGE_FACES, page_base.staff())
    shown = reference_look.look(services, person_id, page_base.staff().actor) if found.page.faces else None
    about = {"person_id": person_id, "name": found.name, "shown": shown, "following": found.following}
    about |= {"token": face_forms.sign_references(shown.set_id) if shown and shown.set_id else ""}
    return _show_table(found.page, kind, about | {"url": {"endpoint": "review_person", "person_id": person_id}})


@console.get("/review/photographs/<int:photo_id>")
@require(*READERS, limited=True)
def review_photo(photo_id: int) -> ResponseReturnValue:
    """All faces of one photograph that wait, whoever is proposed."""
    page = face_table.load_photo(page_base.house(), photo_id, page_base.staff())
    return _show_table(page, "photo", {"photo_id": photo_id, "url": {"endpoint": "review_photo", "photo_id": photo_id}})


@console.get("/review/<int:face_id>")
@require(*READERS, limited=True)
def review_face(face_id: int) -> ResponseReturnValue:
    """One face large, with its photograph."""
    face = face_table.load_face(page_base.house(), face_id, page_base.staff())
    return _render("face", _words_of([face]), face=face, chosen=face_forms.read_list(), small={})


@console.get("/review/<int:face_id>/<any(photo, close):look>.jpg")
@require(*READERS, limited=True)
def review_picture(face_id: int, look: str) -> ResponseReturnValue:
    """The photograph, or what is around the face: made small for this answer, kept nowhere."""
    face_table.load_face(page_base.house(), face_id, page_base.staff())
    return Response(face_preview.render_face(page_base.house(), face_id, look == "close"), mimetype="image/jpeg")


def _show_unnamed(chosen: str) -> ResponseReturnValue:
    services, after = page_base.house(), page_base.read_number("after")
    shoot = request.args.get("shoot", "")
    load = face_table.load_again if chosen == "again" else face_table.load_unnamed
    page = load(services, after, PAGE_FACES, page_base.staff(), shoot)
    shoots = face_table.list_shoots(services, page_base.staff())
    url = {"endpoint": "review", "list": chosen, "shoot": shoot or None}
    return _show_table(page, chosen, {"shoots": shoots, "shoot": shoot, "url": url})


def _show_table(page: TablePage, chosen: str, about: Mapping[str, Any]) -> ResponseReturnValue:
    paging = {"after": page_base.read_number("after"), "next": page.next, "chosen": chosen, "lists": LISTS}
    photos = {row.resource_id for row in page.faces} if chosen not in _OF_PEOPLE else set()
    small, uncounted = face_table.count_figures(page_base.house(), photos)
    figures = {"small": small, "uncounted": uncounted, "photos": group_faces(page.faces, chosen)}
    return _render(
        "light_table", paging, {"lt_keys": KEYS}, about, figures, _words_of(page.faces), undoable=_count_undoable()
    )


def group_faces(faces: Iterable[TableFace], chosen: str) -> list[list[TableFace]]:
    """The faces of each photograph together, in the order of the page; those of a person all in one."""
    groups: dict[int, list[TableFace]] = {}
    for one in faces:
        groups.setdefault(0 if chosen in _OF_PEOPLE else one.resource_id, []).append(one)
    return list(groups.values())


def _count_undoable() -> int:
    with page_base.house().store.read() as conn:
        return face_acts.count_undoable(conn, page_base.staff())


def _read_kind() -> Kind:
    return "machine" if request.args.get("list") == "machine" else "suggested"


def _words_of(faces: Iterable[TableFace]) -> dict[str, Any]:
    language = page_base.staff().language
    scores = {one.id: review_words.score(one.distance, one.limits, language) for one in faces}
    whys = {one.id: review_words.reasons(one.limits, language) for one in faces}
    return {"scores": scores, "whys": whys, "reasons": list(Dismissal), "ways": vouching.BY_SIGHT}


def _render(template: str, *parts: Mapping[str, Any], **values: Any) -> tuple[str, int]:
    words = Words("light table", page_base.staff().language)
    decides = page_base.staff().role in REVIEWERS
    news = face_forms.take_news(words)
    return page_base.render_page(template, *parts, lt=words, decides=decides, news=news, **values)
