"""A look at one photograph: what may be asked of it, and what was seen, as the DAM shows it."""

from dataclasses import replace
from typing import Any

from sqlalchemy import select

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
from plugin.recognizer.pictures.partly import Partly


def examine(services: Services, arrival: EnteredResource) -> tuple[Examination | None, str]:
    """Examine the picture as far as the collections allow; else the reason why not."""
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
    """Boxes as they lie in what the DAM shows; a preview alone does not tell what else the original holds."""
    found = tuple(replace(face, box=_turn(face.box, picture.turned)) for face in seen.faces)
    if picture.original_px is None:
        return replace(seen, faces=found)
    note = " ".join(dict.fromkeys([*seen.note.split(), Partly.PREVIEW_ONLY.value]))
    return replace(seen, faces=found, whole=False, note=note)


def _turn(box: Box, degrees: int) -> Box:
    """Where the box lies once its picture is turned counter-clockwise by so much."""
    return face_rows.rotations(box)[-(degrees // 90) % 4]


def build_request(services: Services, arrival: EnteredResource) -> ExaminationRequest:
    """What the recogniser may do with this photograph, for whom, now."""
    comparing = arrival.scope.mode in {Mode.SUGGEST, Mode.AUTO}
    with services.store.read() as conn:
        pairs, capped = face_rows.list_rejections(conn, arrival.resource_id, arrival.resource.file_version)
        already = _find_matched(conn, arrival)
    levels = gallery.list_levels(services, arrival.scope, already) if comparing else {}
    return ExaminationRequest(
        at=services.clock.now(), compare=bool(levels), levels=levels, rejected=tuple(pairs),
        capped=frozenset(capped), generation=services.faces.generation,
    )  # fmt: skip


def _find_matched(conn: Any, arrival: EnteredResource) -> set[str]:
    """Who is matched on these very pixels already: one person at most once in a photo."""
    query = select(t.face.c.person_id).where(
        t.face.c.resource_id == arrival.resource_id, t.face.c.state == "matched",
        t.face.c.file_version == arrival.resource.file_version, ~face_rows.is_cut(),
    )  # fmt: skip
    return {person for person in conn.scalars(query) if person}
