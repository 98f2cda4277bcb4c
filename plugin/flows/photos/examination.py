"""Examine one photograph: build the request, and return what was found, oriented as the DAM shows it."""

from dataclasses import replace

from sqlalchemy import Connection, select

from plugin.errors import ExaminationFailed, GalleryStale, PictureError
from plugin.flows.common import face_rows
from plugin.flows.common.services import Services
from plugin.flows.matching import gallery
from plugin.flows.names.resources import EnteredResource
from plugin.hooks.dam import Box, Picture
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Mode
from plugin.quitclaim.words.examination_words import NotExamined
from plugin.recognizer.examination.messages import Examination, ExaminationRequest
from plugin.recognizer.pictures.partial_reasons import Partly


def examine(services: Services, arrival: EnteredResource) -> tuple[Examination | None, str]:
    """Examine the picture as far as the collections allow; else None and the reason."""
    if arrival.resource.kind != "photo":
        return None, NotExamined.NO_PHOTOGRAPH.value
    if arrival.scope.mode in {Mode.OFF, Mode.NEVER}:
        return None, NotExamined.OFF.value
    try:
        gallery.refresh(services)
        picture = services.dam.picture(arrival.resource.ref)
        if picture.file_version != arrival.resource.file_version:
            raise GalleryStale("the file was replaced since it was looked at")
        asked = replace(build_request(services, arrival), original_px=picture.original_px)
        asked = replace(asked, rejected=tuple((_turn(b, -picture.turned), key) for b, key in asked.rejected))
        return _as_shown(services.faces.examine(picture, asked), picture), ""
    except PictureError as error:
        return None, str(error)
    except ExaminationFailed as error:
        return None, f"{NotExamined.FAILED.value}: {error}"


def _as_shown(seen: Examination, picture: Picture) -> Examination:
    """Boxes as they lie in what the DAM shows. A preview counts as partly examined: the original may show more."""
    found = tuple(replace(face, box=_turn(face.box, picture.turned)) for face in seen.faces)
    if picture.original_px is None:
        return replace(seen, faces=found)
    note = " ".join(dict.fromkeys([*seen.note.split(), Partly.PREVIEW_ONLY.value]))
    return replace(seen, faces=found, whole=False, note=note)


def _turn(box: Box, degrees: int) -> Box:
    """The box after its picture is turned counter-clockwise by `degrees`."""
    return face_rows.rotations(box)[-(degrees // 90) % 4]


def build_request(services: Services, arrival: EnteredResource) -> ExaminationRequest:
    """What the recogniser may do with this photograph, for whom, now."""
    comparing = arrival.scope.mode in {Mode.SUGGEST, Mode.AUTO}
    with services.store.read() as conn:
        pairs, capped = face_rows.list_rejections(conn, arrival.resource_id, arrival.resource.file_version)
        already = _find_matched(conn, arrival)
    levels = gallery.list_levels(services, arrival.scope, already) if comparing else {}
    now, generation = services.clock.now(), services.faces.generation
    return ExaminationRequest(now, bool(levels), levels, tuple(pairs), frozenset(capped), generation)


def _find_matched(conn: Connection, arrival: EnteredResource) -> set[str]:
    """Who is matched in this file version already: a person is in a photograph at most once."""
    f = t.face.c
    here = (f.resource_id == arrival.resource_id) & (f.file_version == arrival.resource.file_version)
    query = select(f.person_id).where(here, f.state == "matched", ~face_rows.is_cut())
    return {person for person in conn.scalars(query) if person}
