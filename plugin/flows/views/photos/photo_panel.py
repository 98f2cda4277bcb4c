"""One photograph for an editor: who is named and by whom, what each of them agreed to, and which faces wait."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from plugin.errors import ConsentError
from plugin.flows.clearance import photo_answers
from plugin.flows.common import closed_house, face_rows, narrowed_modes, roster
from plugin.flows.common.services import Services
from plugin.flows.review import dismissals
from plugin.hooks.dam import Box
from plugin.ledger import tables as t
from plugin.ledger.tables.rows import FaceRow, TagRow
from plugin.quitclaim.clearance.answers import (
    Answer,
    Examined,
    Facts,
    GrantsOf,
    IntendedUse,
    NameFact,
    NameOrigin,
    ReasonCode,
    answer,
)
from plugin.quitclaim.clearance.dismissal import is_small
from plugin.quitclaim.consent.standing import Standing


@dataclass(frozen=True)
class NamedPerson:
    """A name on the photograph: its origin, who confirmed it, and the answer for this person by channel.

    `person_id`: whose it is; None where that is not known.
    """

    name: str
    origin: str
    by: str
    channels: Mapping[str, Answer]
    person_id: str | None = None


@dataclass(frozen=True)
class PanelFace:
    """A face; `person` is who is matched or suggested.

    `dismissal`: a key of `Dismissal`, "" if it is older than that list; `reason`: the free text. `again`: dismissed,
    but a new decision is needed. `small`: it may be called too small to be recognised.
    """

    id: int
    box: Box
    state: str
    person: str
    reason: str
    dismissal: str = ""
    again: bool = False
    small: bool = False


@dataclass(frozen=True)
class PhotoPanel:
    """The panel for one purpose; `channels`: the answer for the whole photograph by channel."""

    purpose: str
    people: tuple[NamedPerson, ...]
    faces: tuple[PanelFace, ...]
    channels: Mapping[str, Answer]


def load_panel(services: Services, ref: str, purpose: str = "") -> PhotoPanel | None:
    """The panel for `purpose`, by default the first configured one; None if the ledger does not know the photograph.

    Raises ConsentError for a purpose that the configuration does not list.
    """
    purposes = services.config.clearance.purposes
    purpose = purpose or purposes[0]
    if purpose not in purposes:
        raise ConsentError(f"{purpose!r} is no purpose here: {', '.join(purposes)} are")
    with services.store.read() as conn:
        known = select(t.resource.c.id).where(t.resource.c.ref == ref, t.resource.c.deleted_at.is_(None))
        resource_id = conn.scalar(known)
        if resource_id is None:
            return None
        facts = photo_answers.facts_of(services, conn, resource_id)
        standings = roster.load_many(services, conn, photo_answers.people_in(facts))
        seen = face_rows.list_of(conn, resource_id)
        unnamed = narrowed_modes.find_unnamed(conn, seen)
        labels = roster.labels(conn, {face.person_id for face in seen if face.person_id})
        tags = _list_tags(conn, resource_id)
        closed = closed_house.find_reason_in(services, conn)
        texts = services.texts(conn)
        reasons = {face.id: face_rows.reason_of(texts, face) for face in seen}
    by = {face.person_id: face.decided_by or "" for face in seen if face.state == "matched"}
    asked = _ChannelAnswers(services, standings, purpose, closed)
    return PhotoPanel(
        purpose,
        tuple(_build_person(asked, tag, fact, by) for tag, fact in zip(tags, facts.names, strict=True)),
        tuple(
            _build_unnamed_face(services, face)
            if face.id in unnamed
            else _build_face(services, face, labels, reasons[face.id])
            for face in seen
        ),
        asked.about(facts),
    )


def has_face(conn: Connection, ref: str, face_id: int) -> bool:
    """Whether this face is one of this photograph's."""
    query = (
        select(t.face.c.id)
        .join(t.resource, t.resource.c.id == t.face.c.resource_id)
        .where(t.face.c.id == face_id, t.resource.c.ref == ref, t.resource.c.deleted_at.is_(None))
    )
    return conn.execute(query).first() is not None


class _ChannelAnswers:
    """Answers for each channel: for the whole photograph, or for one name on it."""

    def __init__(self, services: Services, standings: dict[str, Standing], purpose: str, closed: str | None) -> None:
        self._closed = closed
        self._services = services
        self._now = services.clock.now()
        self._uses = [IntendedUse(purpose, channel) for channel in services.config.clearance.channels]
        self._grants = {use.channel: self._granted(standings, use) for use in self._uses}

    def _granted(self, standings: dict[str, Standing], use: IntendedUse) -> GrantsOf:
        return {person: standing.publication(use.purpose, use.channel) for person, standing in standings.items()}

    def about(self, facts: Facts) -> dict[str, Answer]:
        if self._closed is not None:
            return {use.channel: closed_house.make_answer(self._closed) for use in self._uses}
        rules = {use: self._services.policy_for(use.channel) for use in self._uses}
        return {use.channel: answer(facts, self._grants[use.channel], rules[use], self._now, use) for use in self._uses}


def _list_tags(conn: Connection, resource_id: int) -> list[TagRow]:
    query = select(t.tag).where(t.tag.c.resource_id == resource_id).order_by(t.tag.c.node_key)
    return list(conn.execute(query))


def _build_person(asked: _ChannelAnswers, tag: TagRow, fact: NameFact, by: Mapping[str | None, str]) -> NamedPerson:
    # What a person agreed to does not depend on the origin of the tag: ask as if it were confirmed.
    alone = Facts(Examined.WHOLE, names=(NameFact(fact.person_id, NameOrigin.CONFIRMED, tag.node),))
    answers = {
        channel: replace(one, reasons=tuple(why for why in one.reasons if why.code not in _OF_THE_PHOTOGRAPH))
        for channel, one in asked.about(alone).items()
    }
    return NamedPerson(tag.node, tag.origin, by.get(tag.person_id, ""), answers, tag.person_id)


_OF_THE_PHOTOGRAPH = frozenset({ReasonCode.NO_FACE, ReasonCode.SHOWN_AT})


def _build_unnamed_face(services: Services, face: FaceRow) -> PanelFace:
    small = is_small(face.file_px, services.config.clearance.recognisable_px)
    return PanelFace(face.id, face_rows.box_of(face), "unmatched", "", "", small=small)


def _build_face(services: Services, face: FaceRow, labels: Mapping[str, str], reason: str) -> PanelFace:
    person = labels.get(face.person_id, "") if face.person_id else ""
    again = face.state == "dismissed" and dismissals.is_waiting(services, face)
    small = is_small(face.file_px, services.config.clearance.recognisable_px)
    dismissal = face_rows.dismissal_of(face) or ""
    return PanelFace(face.id, face_rows.box_of(face), face.state, person, reason, dismissal, again, small)
