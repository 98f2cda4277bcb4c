"""Photographs that were sent and not signed for yet: the faces on them, cut out, stand in the page that is sent back.

Nothing of them is kept here: what is to outlive a fault is in the visitor's own page.
"""

from collections.abc import Sequence
from typing import TypedDict

from plugin.flows.common.services import Services
from plugin.recognizer.examination.messages import ReferencePicture
from sidecar.sign import form_input


class SentPicture(TypedDict):
    """A photograph: its file name, its faces as `data:` addresses, which is offered, and whether one must be chosen."""

    name: str
    faces: list[str]
    offered: int
    asks: bool


def describe(pictures: Sequence[ReferencePicture], names: Sequence[str]) -> list[SentPicture]:
    """Each with every face that is on it."""
    return [
        SentPicture(
            name=name,
            faces=[form_input.write_face(face.cut) for face in picture.faces],
            offered=picture.offered,
            asks=not picture.clear,
        )
        for picture, name in zip(pictures, names, strict=True)
    ]


def keep(services: Services, bodies: Sequence[bytes], names: Sequence[str]) -> list[SentPicture]:
    """Those that serve, so that they need not be sent again."""
    seen = [services.faces.list_faces(body) for body in bodies]
    kept = [(one, name) for one, name in zip(seen, names, strict=True) if find_faces(services, one)]
    return describe([one for one, _ in kept], [name for _, name in kept])


def find_faces(services: Services, picture: ReferencePicture) -> list[str]:
    """The faces to be sent in the place of a photograph: one, or all to choose from; none where it must be sent whole.

    A face alone on its photograph is offered though its cut-out was not found fit (`reference_faces`): it is asked.
    """
    if picture.reason:
        return []
    if picture.alone and services.faces.list_faces(picture.faces[0].cut).reason:
        return []
    meant = [picture.faces[picture.offered]] if picture.clear else picture.faces
    return [form_input.write_face(face.cut) for face in meant]
