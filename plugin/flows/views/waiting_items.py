"""The queries behind `waiting_list`, one for each kind. Their labels are fields of `waiting_list.WaitingItem`."""

from sqlalchemy import Select, func, or_, select

from plugin.ledger import tables as t
from plugin.recognizer.pictures.partial_reasons import Partly


def select_failed_writes() -> Select[object]:
    """The last intent for this name and resource failed, and the name is not there now."""
    i, later, p, r = t.intent.c, t.intent.alias(), t.person.c, t.resource.c
    same = (later.c.resource_id == i.resource_id) & (later.c.person_id == i.person_id)
    newer = select(later.c.id).where(same, later.c.action != "release", later.c.id > i.id)
    tagged = select(t.tag.c.id).where(t.tag.c.resource_id == i.resource_id, t.tag.c.person_id == i.person_id)
    name, why = p.display_name.label("name"), func.coalesce(i.error, "").label("why")
    return (
        select(i.person_id, name, r.ref, i.finished_at.label("at"), why)
        .join(t.person, p.id == i.person_id)
        .join(t.resource, r.id == i.resource_id)
        .where(i.state == "failed", i.action == "add", r.deleted_at.is_(None), p.ended_at.is_(None))
        .where(~newer.exists(), ~tagged.exists())
        .order_by(i.id.desc())
    )


def select_small_previews() -> Select[object]:
    """Photographs of which only a preview was examined; `why` is what the examination says."""
    r = t.resource.c
    codes = (Partly.PREVIEW_ONLY, Partly.SMALL_PREVIEW, Partly.UNKNOWN_SIZE)
    said = or_(*(r.examined_reason.contains(code.value, autoescape=True) for code in codes))
    return (
        select(r.ref, r.examined_at.label("at"), r.examined_reason.label("why"))
        .where(r.examined == "partly", said, r.deleted_at.is_(None))
        .order_by(r.ref)
    )


def select_lost_rulings() -> Select[object]:
    """Collections with a ruling that moved or are gone; `why` is their mode."""
    c = t.collection.c
    return (
        select(c.ref, c.title.label("name"), c.lost_at.label("at"), c.mode.label("why"), c.set_by.label("by"))
        .where(c.lost_at.is_not(None))
        .order_by(c.lost_at)
    )


def select_unread_names() -> Select[object]:
    """Photographs that may have names that could not be read; `why` is what could not be read."""
    r = t.resource.c
    return (
        select(r.ref, r.seen_at.label("at"), r.unread.label("why"))
        .where(r.unread.is_not(None), r.deleted_at.is_(None))
        .order_by(r.ref)
    )


def select_doubted_names() -> Select[object]:
    """People whose name may be on photographs from before they were entered."""
    p = t.person.c
    return (
        select(p.id.label("person_id"), p.display_name.label("name"), p.doubted_at.label("at"))
        .where(p.doubted_at.is_not(None))
        .order_by(p.name_key)
    )


def select_unknown_age() -> Select[object]:
    """People with something in force who gave neither a birth date nor that they are of age."""
    p = t.person.c
    agreed = select(t.grant.c.id).where(t.grant.c.person_id == p.id, t.grant.c.ended_at.is_(None))
    return (
        select(p.id.label("person_id"), p.display_name.label("name"), p.created_at.label("at"))
        .where(p.birth_date.is_(None), p.of_age_at.is_(None), p.ended_at.is_(None), agreed.exists())
        .order_by(p.name_key)
    )


def select_returned_names() -> Select[object]:
    """Names of ours that a restored DAM brought back and that are not removed yet; without the person."""
    return (
        select(t.resource.c.ref, t.tag.c.created_at.label("at"))
        .join(t.tag, t.tag.c.resource_id == t.resource.c.id)
        .where(t.tag.c.origin == "returned", t.resource.c.deleted_at.is_(None))
        .order_by(t.tag.c.created_at)
    )


def _select_unvouched_sets() -> Select[object]:
    s, name = t.reference_set.c, t.person.c.display_name.label("name")
    by = func.coalesce(s.invited_by, s.added_by).label("by")
    return (
        select(s.person_id, name, s.added_at.label("at"), by)
        .join(t.person, t.person.c.id == s.person_id)
        .where(s.ended_at.is_(None), s.refused_at.is_(None), s.vouched_at.is_(None))
        .order_by(s.added_at)
    )


def select_declared_sets() -> Select[object]:
    """Reference pictures that came by a link and that nobody has vouched for yet."""
    return _select_unvouched_sets().where(t.reference_set.c.near_id.is_(None))


def select_near_sets() -> Select[object]:
    """Those of them that resemble somebody enrolled; they are not compared until somebody has decided."""
    return _select_unvouched_sets().where(t.reference_set.c.near_id.is_not(None))


def select_missed_sets() -> Select[object]:
    """People of whose reference pictures the engine that serves can make no template; they are not recognised."""
    s, serving = t.reference_set.c, select(t.engine.c.id).where(t.engine.c.role == "serving").scalar_subquery()
    name = t.person.c.display_name.label("name")
    return (
        select(s.person_id, name, s.added_at.label("at"), s.added_by.label("by"))
        .join(t.person, t.person.c.id == s.person_id)
        .where(s.ended_at.is_(None), s.refused_at.is_(None), s.missed_engine == serving)
        .order_by(t.person.c.name_key)
    )
