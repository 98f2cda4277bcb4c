"""Why a mode has less effect than it says, or none: shown when it is set and wherever it is listed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from sqlalchemy import select

from plugin.errors import ResourceGone
from plugin.flows.collections import modes
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import COMPARING, Basis, CollectionRule, Mode, combine, current_mode

_CHUNK = 500
_LOOKS = 20  # photographs that the ledger does not know are looked at in the DAM, so many at the most


class NoEffectCode(StrEnum):
    """Why a mode has no effect."""

    EMPTY = "empty"  # no photograph lies there or below
    FORBIDDEN = "forbidden"  # every photograph also lies in a collection that is set to never
    WIDER = "wider"  # every photograph also lies in a collection that goes further
    HIDDEN = "hidden"  # every photograph may lie in collections that we cannot see
    REVIEW_PAST = "review_past"  # the basis is past its review date
    NOBODY_ENROLLED = "nobody_enrolled"  # there is nobody to compare with
    NO_MEMBERS = "no_members"  # nobody signed up for the shoot
    MEMBERS_NOT_ENROLLED = "members_not_enrolled"  # nobody who signed up can be compared


@dataclass(frozen=True)
class NoEffect:
    """One reason; `other` is the title of the collection that counts instead, and `mode` what that one is set to."""

    code: NoEffectCode
    other: str = ""
    mode: str = ""


def explain(services: Services, ref: str) -> list[NoEffect]:
    """Every reason for which the mode of this collection has no effect; none where it has one. Raises DamError."""
    with services.store.read() as conn:
        rule = next(iter(modes.list_rules(conn, [ref])), None)
    if rule is None:
        return []
    stands = current_mode(rule, services.today())
    found = [NoEffect(NoEffectCode.REVIEW_PAST)] if stands is not rule.mode else []
    if stands in COMPARING:
        found += _explain_people(services, rule)
    return found + _explain_photographs(services, rule)


def count_comparable(services: Services, ref: str) -> tuple[int, int]:
    """How many people faces would be compared with here, and how many of them signed up for a shoot here."""
    with services.store.read() as conn:
        rule = next(iter(modes.list_rules(conn, [ref])), None)
    people, members = 0, 0
    for person in _list_comparable(services):
        people += 1
        members += rule is not None and person in rule.members
    return people, members


def _explain_people(services: Services, rule: CollectionRule) -> list[NoEffect]:
    shoot = rule.basis is Basis.SHOOT
    if shoot and not rule.members:
        return [NoEffect(NoEffectCode.NO_MEMBERS)]
    if any(not shoot or person in rule.members for person in _list_comparable(services)):
        return []
    return [NoEffect(NoEffectCode.MEMBERS_NOT_ENROLLED if shoot else NoEffectCode.NOBODY_ENROLLED)]


def _list_comparable(services: Services) -> Iterator[str]:
    """People with a template of this engine and recognition in force."""
    mine = (t.sealed.c.kind == "template") & (t.sealed.c.engine == services.faces.engine_id)
    now = services.clock.now()
    with services.store.read() as conn:
        people = iter(conn.scalars(select(t.sealed.c.person_id).where(mine).distinct()).all())
        while some := list(islice(people, _CHUNK)):
            for person_id, one in roster.load_many(services, conn, some).items():
                if one.recognition(now) is not None:
                    yield person_id


def _explain_photographs(services: Services, rule: CollectionRule) -> list[NoEffect]:
    """Whether each photograph is treated as it would be without this ruling, and otherwise than it says."""
    instead: CollectionRule | None = None
    known: dict[str, CollectionRule] = {}
    for groups in _photographs(services, rule.ref):
        instead = _find_instead(services, rule, groups, known)
        if instead is None:
            return _explain_hidden(services, rule)
    if instead is None:
        return [NoEffect(NoEffectCode.EMPTY)]
    code = NoEffectCode.FORBIDDEN if instead.mode is Mode.NEVER else NoEffectCode.WIDER
    with services.store.read() as conn:
        title = conn.scalar(select(t.collection.c.title).where(t.collection.c.ref == instead.ref))
    return [NoEffect(code, title or instead.ref, instead.mode.value)]


def _find_instead(
    services: Services, rule: CollectionRule, groups: Sequence[str] | None, known: dict[str, CollectionRule]
) -> CollectionRule | None:
    """The ruling that applies instead of this one, for a photograph in these collections; None if this one does."""
    if groups is None:
        return None
    new = [ref for ref in groups if ref not in known]
    if new:
        with services.store.read() as conn:
            known |= {one.ref: one for one in modes.list_rules(conn, new)}
    others = [known[ref] for ref in groups if ref in known and ref != rule.ref]
    today = services.today()
    together = combine([rule, *others], today)
    if together != combine(others, today) or together == combine([rule], today):
        return None
    return next((one for one in others if current_mode(one, today) is together.mode), others[0])


def _photographs(services: Services, ref: str) -> Iterator[Sequence[str] | None]:
    """The collections of each photograph in this one or below it; None for one of which we cannot say."""
    refs, looks = services.dam.refs(ref), 0
    while some := list(islice(refs, _CHUNK)):
        known = _memberships(services, some)
        for one in some:
            groups: Sequence[str] | None = known.get(one)
            if groups is None and looks < _LOOKS:
                looks += 1
                groups = _look(services, one)
            if groups != ():
                yield groups


def _memberships(services: Services, refs: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Of the resources that the ledger knows; empty for what is no photograph."""
    group = t.resource_collection
    query = (
        select(t.resource.c.ref, t.resource.c.kind, group.c.collection_ref)
        .outerjoin(group, group.c.resource_id == t.resource.c.id)
        .where(t.resource.c.ref.in_(refs), t.resource.c.deleted_at.is_(None))
    )
    found: dict[str, tuple[str, ...]] = {}
    with services.store.read() as conn:
        for row in conn.execute(query):
            mine = (row.collection_ref,) if row.collection_ref and row.kind == "photo" else ()
            found[row.ref] = found.get(row.ref, ()) + mine
    return found


def _look(services: Services, ref: str) -> tuple[str, ...]:
    try:
        resource = services.dam.look(ref)
    except ResourceGone:
        return ()
    return resource.collections if resource.kind == "photo" else ()


def _explain_hidden(services: Services, rule: CollectionRule) -> list[NoEffect]:
    """Whether all of its photographs may lie in collections that we do not see: then no face is compared."""
    if rule.mode not in COMPARING:
        return []
    hidden = select(t.resource_hidden.c.resource_id)
    mine = select(t.resource_collection.c.resource_id).where(t.resource_collection.c.collection_ref == rule.ref)
    with services.store.read() as conn:
        some = conn.scalar(mine.limit(1))
        seen = conn.scalar(mine.where(t.resource_collection.c.resource_id.not_in(hidden)).limit(1))
    return [NoEffect(NoEffectCode.HIDDEN)] if some is not None and seen is None else []
