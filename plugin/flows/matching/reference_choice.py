"""Which face of a reference photograph is meant: nobody else's is kept, nor encoded."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from plugin.errors import EnrolmentRefused
from plugin.flows.common.services import Services
from plugin.recognizer.examination.messages import ReferencePicture
from plugin.words.plurals import pluralize

Chosen = Mapping[int, int]
"""By the place of a photograph, from 0, the number of a face on it, from 1, from left to right."""

NONE_CHOSEN: Chosen = MappingProxyType({})


class FaceNotChosen(EnrolmentRefused):
    """It is not clear which face of a photograph is meant, and nobody said it.

    `pictures`: every photograph as given, by its place from 0; `open`: the places of those that wait for a choice.
    """

    def __init__(self, pictures: Sequence[ReferencePicture], open_: Sequence[int], names: Sequence[str] = ()) -> None:
        self.pictures, self.open = tuple(pictures), tuple(open_)
        super().__init__([_ask(place, pictures[place]) for place in open_], names)


def cut_out(
    services: Services, pictures: Sequence[bytes], chosen: Chosen = NONE_CHOSEN, names: Sequence[str] = ()
) -> list[bytes]:
    """Of each photograph what may be kept: itself if nobody else is on it, else the chosen face alone.

    Raises EnrolmentRefused with a reason for each that does not serve, FaceNotChosen if a choice is missing.
    """
    seen = [services.faces.list_faces(picture) for picture in pictures]
    reasons = [one.reason or _find_wrong_number(one, chosen.get(place)) for place, one in enumerate(seen)]
    numbered = [f"photograph {n}: {reason}" for n, reason in enumerate(reasons, 1) if reason]
    if numbered:
        raise EnrolmentRefused(numbered, names)
    waiting = [place for place, one in enumerate(seen) if not one.clear and place not in chosen]
    if waiting:
        raise FaceNotChosen(seen, waiting, names)
    return [
        picture if one.alone else one.faces[chosen.get(place, 1) - 1].cut
        for place, (picture, one) in enumerate(zip(pictures, seen, strict=True))
    ]


def _find_wrong_number(picture: ReferencePicture, number: int | None) -> str:
    count = len(picture.faces)
    if number is None or 1 <= number <= count:
        return ""
    return f"there is no face {number} on it: {pluralize(count, 'face')} can be chosen"


def _ask(place: int, picture: ReferencePicture) -> str:
    several, largest = pluralize(len(picture.faces), "face"), picture.offered + 1
    return f"photograph {place + 1}: {several} to choose from, say which is meant (the largest is number {largest})"
