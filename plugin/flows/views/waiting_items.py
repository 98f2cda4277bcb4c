"""The rows behind what waits, a query a kind: whose, where, since when, by whom and why. See `waiting_list`."""

from typing import Any

from sqlalchemy import Select, func, or_, select

from plugin.ledger import tables as t
from plugin.recognizer.pictures.partly import Partly


def select_failed_writes() -> Select[Any]:
    """The last word on this name and resource was a refusal, and it does not stand there by now."""
    i, later = t.intent.c, t.intent.alias()
    newer = select(later.c.id).where(
        later.c.resource_id == i.resource_id, later.c.person_id == i.person_id, later.c.action != "release",
        later.c.id > i.id,
    )  # fmt: skip
    stands = select(t.tag.c.id).where(t.tag.c.resource_id == i.resource_id, t.tag.c.person_id == i.person_id)
    return (
        select(
            i.person_id, t.person.c.display_name.label("name"), t.resource.c.ref, i.finished_at.label("at"),
            func.coalesce(i.error, "").label("why"),
        )
        .join(t.person, t.person.c.id == i.person_id)
        .join(t.resource, t.resource.c.id == i.resource_id)
        .where(
            i.state == "failed", i.action == "add", t.resource.c.deleted_at.is_(None), t.person.c.ended_at.is_(None),
            ~newer.exists(), ~stands.exists(),
        )
        .order_by(i.id.desc())
    )  # fmt: skip


def select_small_previews() -> Select[Any]:
    """Photographs of which only a preview was looked at; `why` is what the examination says."""
    r = t.resource.c
    codes = (Partly.PREVIEW_ONLY, Partly.SMALL_PREVIEW, Partly.UNKNOWN_SIZE)
    said = or_(*(r.examined_reason.contains(code.value, autoescape=True) for code in codes))
    return (
        select(r.ref, r.examined_at.label("at"), r.examined_reason.label("why"))
        .where(r.examined == "partly", said, r.deleted_at.is_(None))
        .order_by(r.ref)
    )


def select_lost_rulings() -> Select[Any]:
    """Collections with a ruling that are not where they were; `why` is their mode."""
    c = t.collection.c
    return (
        select(c.ref, c.title.label("name"), c.lost_at.label("at"), c.mode.label("why"), c.set_by.label("by"))
        .where(c.lost_at.is_not(None))
        .order_by(c.lost_at)
    )


def select_unread_names() -> Select[Any]:
    """Photographs on which there may be names that could not be read; `why` is what could not."""
    r = t.resource.c
    return (
        select(r.ref, r.seen_at.label("at"), r.unread.label("why"))
        .where(r.unread.is_not(None), r.deleted_at.is_(None))
        .order_by(r.ref)
    )


def select_doubted_names() -> Select[Any]:
    """People of whom it is not known where their name stood before they were entered."""
    p = t.person.c
    return (
        select(p.id.label("person_id"), p.display_name.label("name"), p.doubted_at.label("at"))
        .where(p.doubted_at.is_not(None))
        .order_by(p.name_key)
    )


def select_unknown_age() -> Select[Any]:
    """People with something in force who gave neither a birth date nor that they are of age."""
    p = t.person.c
    agreed = select(t.grant.c.id).where(t.grant.c.person_id == p.id, t.grant.c.ended_at.is_(None))
    return (
        select(p.id.label("person_id"), p.display_name.label("name"), p.created_at.label("at"))
        .where(p.birth_date.is_(None), p.of_age_at.is_(None), p.ended_at.is_(None), agreed.exists())
        .order_by(p.name_key)
    )


def select_returned_names() -> Select[Any]:
    """Names of ours that a restored DAM brought back, and that are not off again. Whose they were is not asked."""
    return (
        select(t.resource.c.ref, t.tag.c.created_at.label("at"))
        .join(t.tag, t.tag.c.resource_id == t.resource.c.id)
        .where(t.tag.c.origin == "returned", t.resource.c.deleted_at.is_(None))
        .order_by(t.tag.c.created_at)
    )


def _select_unvouched_sets() -> Select[Any]:
    s = t.reference_set.c
    return (
        select(s.person_id, t.person.c.display_name.label("name"), s.added_at.label("at"),
               func.coalesce(s.invited_by, s.added_by).label("by"))
        .join(t.person, t.person.c.id == s.person_id)
        .where(s.ended_at.is_(None), s.refused_at.is_(None), s.vouched_at.is_(None))
        .order_by(s.added_at)
    )  # fmt: skip


def select_declared_sets() -> Select[Any]:
    """Reference pictures that came by a link: nobody said yet how it knows the face."""
    return _select_unvouched_sets().where(t.reference_set.c.near_id.is_(None))


def select_near_sets() -> Select[Any]:
    """Those of them that resemble somebody enrolled, and are compared with nobody until somebody looked."""
    return _select_unvouched_sets().where(t.reference_set.c.near_id.is_not(None))
