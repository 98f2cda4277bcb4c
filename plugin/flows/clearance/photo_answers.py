"""May this photo be used, for this purpose, on this channel, on this day?

Stored as half-open intervals, so that days pass without a write; reasons are computed for each question.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from itertools import product
from types import MappingProxyType

from sqlalchemy import Connection, select

from plugin.clock import NO_END
from plugin.errors import NotFound
from plugin.flows.clearance import cleared_photos, dam_dates, policy_fingerprint
from plugin.flows.common import closed_house, face_rows, narrowed_modes, reference_sets, roster, valid_clearances
from plugin.flows.common.batches import chunked, in_short_writes
from plugin.flows.common.services import Services
from plugin.flows.common.valid_clearances import Interval
from plugin.flows.names import dam_names
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.columns import parse_word
from plugin.quitclaim.clearance.answers import (
    Answer,
    ClearanceStatus,
    Examined,
    FaceFact,
    FaceState,
    Facts,
    GrantsOf,
    IntendedUse,
    NameFact,
    NameOrigin,
    Reason,
    ReasonCode,
    answer,
    cleared_windows,
)
from plugin.quitclaim.consent.intervals import TICK, end_of
from plugin.quitclaim.consent.standing import Published
from plugin.quitclaim.words.examination_words import NotExamined

CHUNK = 200
PORTION = 50  # photographs of one write: others wait for it

Sizes = Mapping[str, int | None]
CHANNELS_OWN: Sizes = MappingProxyType({})

UNKNOWN_PHOTO = Answer(ClearanceStatus.UNKNOWN, None, (Reason(ReasonCode.NOT_EXAMINED),))
"""The answer for a photograph that the ledger does not know."""


def facts_of(services: Services, conn: Connection, resource_id: int) -> Facts:
    """What the ledger knows of one photograph. Raises NotFound."""
    found = facts_of_many(services, conn, [resource_id])
    if resource_id not in found:
        raise NotFound(f"no resource {resource_id} in the ledger: facelease scan enters them")
    return found[resource_id]


def facts_of_many(services: Services, conn: Connection, resource_ids: Sequence[int]) -> dict[int, Facts]:
    """What the ledger knows of each of at most a few hundred photographs, those that it has."""
    found, tags = face_rows.list_of_many(conn, resource_ids), _tags(conn, resource_ids)
    vouched = {None, *reference_sets.find_vouched(conn, {face.set_id for face in found} | {tag.set_id for tag in tags})}
    seen: dict[int, list[FaceFact]] = defaultdict(list)
    texts = services.texts(conn)
    never = narrowed_modes.find_among(conn, resource_ids)
    for face in found:
        state, good = parse_word(FaceState, face.state, FaceState.UNMATCHED), face.set_id in vouched
        if face.resource_id in never and face.decided_by is None and state is FaceState.MATCHED:
            state = FaceState.UNMATCHED
        reason = face_rows.reason_of(texts, face) or None
        dismissal = face_rows.dismissal_of(face)
        seen[face.resource_id].append(FaceFact(state, face.person_id, face.file_px, reason, good, dismissal))
    named: dict[int, list[NameFact]] = defaultdict(list)
    for tag in tags:
        # A name that the DAM shows is not theirs who entered themselves, by spelling alone.
        whose = None if dam_names.is_by_spelling_alone(tag) else tag.person_id
        origin = parse_word(NameOrigin, tag.origin, NameOrigin.MACHINE)
        named[tag.resource_id].append(NameFact(whose, origin, tag.node, tag.set_id in vouched))
    c = t.resource.c
    closely = policy_fingerprint.is_examined(services)
    rows = select(c.id, c.examined, c.examined_reason, closely, c.longest_px, c.unread)
    return {
        id_: Facts(*_examined(state, reason, closely), tuple(seen[id_]), tuple(named[id_]), longest, unread)
        for id_, state, reason, closely, longest, unread in conn.execute(rows.where(c.id.in_(resource_ids)))
    }


def _examined(state: str, reason: str | None, closely: bool) -> tuple[Examined, str | None]:
    """How much was looked at, and why not more; nothing, if it was searched only for larger faces than needed now."""
    if closely or state == "no":
        return parse_word(Examined, state, Examined.NO), reason
    return Examined.NO, NotExamined.BEFORE.value


def _tags(conn: Connection, resource_ids: Sequence[int]) -> Sequence[dam_names.KnownTag]:
    query = (
        select(t.tag, t.person.c.self_entered)
        .outerjoin(t.person, t.person.c.id == t.tag.c.person_id)
        .where(t.tag.c.resource_id.in_(resource_ids))
    )
    return conn.execute(query.order_by(t.tag.c.node_key)).all()


def people_in(facts: Facts) -> set[str]:
    """The ids of everybody named on the photograph or matched in it."""
    matched = {f.person_id for f in facts.faces if f.state is FaceState.MATCHED}
    return {person for person in matched | {n.person_id for n in facts.names} if person}


def _grants(published: Mapping[str, Published], use: tuple[str, str]) -> GrantsOf:
    return {person: windows.get(use, []) for person, windows in published.items()}


def _published(services: Services, conn: Connection, found: Iterable[Facts]) -> dict[str, Published]:
    """By person and (purpose, channel), when everybody named on these photographs agrees."""
    people = {person for facts in found for person in people_in(facts)}
    standings = roster.load_many(services, conn, people)
    return {person: standing.published() for person, standing in standings.items()}


def recompute(services: Services, tx: Tx, resource_ids: Iterable[int]) -> None:
    """Store the intervals in which each of these photographs is cleared, for every purpose and channel.

    A process with another configuration than the store follows stores none: unknown.
    """
    ids = sorted(set(resource_ids))
    follows = policy_fingerprint.is_shared(services, tx.connection)
    for some in chunked(ids, CHUNK):
        _store(tx, some, _intervals(services, tx.connection, some) if follows else ())
    dam_dates.plan_dates(services, tx, ids, computed=True)


def _intervals(services: Services, conn: Connection, ids: Sequence[int]) -> Iterator[Interval]:
    found = facts_of_many(services, conn, ids)
    published = _published(services, conn, found.values())
    for key, facts in found.items():
        yield from _rows(services, key, facts, published)


def _store(tx: Tx, ids: Sequence[int], rows: Iterable[Interval]) -> None:
    """Replace the stored rows of these photographs that differ: most recomputations change nothing."""
    c, after = t.clearance.c, set(rows)
    stored = select(c.resource_id, c.purpose, c.channel, c.valid_from, c.valid_until).where(c.resource_id.in_(ids))
    changed = {row.resource_id for row in after ^ set(map(Interval._make, tx.execute(stored)))}
    if changed:
        valid_clearances.replace(tx, changed, [row for row in after if row.resource_id in changed])


def _rows(services: Services, resource_id: int, facts: Facts, published: Mapping[str, Published]) -> Iterator[Interval]:
    listed = services.config.clearance
    mine = {person: published.get(person, {}) for person in people_in(facts)}
    policies = {channel: services.policy_for(channel) for channel in listed.channels}
    for purpose, channel in product(listed.purposes, listed.channels):
        for start, end in cleared_windows(facts, _grants(mine, (purpose, channel)), policies[channel]):
            yield Interval(resource_id, purpose, channel, start, end or NO_END)


def recompute_many(services: Services, resource_ids: Sequence[int]) -> None:
    """The same in as many short transactions as it takes."""
    in_short_writes(services.store, resource_ids, lambda tx, some: recompute(services, tx, some))


def list_resources_naming(conn: Connection, person_id: str) -> list[int]:
    """The ids of the photographs in which the person is named or matched."""
    tagged = select(t.tag.c.resource_id).where(t.tag.c.person_id == person_id)
    shown = select(t.face.c.resource_id).where(t.face.c.person_id == person_id, t.face.c.state == "matched")
    return sorted(set(conn.scalars(tagged.union(shown))))


def answer_photo(services: Services, ref: str, purpose: str, channel: str, day: date | None = None) -> Answer:
    """The answer for one photograph, with its reasons; `day` in the organisation's zone, default now.

    A future day is cleared only as a whole. Raises NotFound, ConsentError for an unconfigured purpose or channel.
    """
    found = answer_photos(services, [ref], [IntendedUse(purpose, channel)], day)
    if ref not in found:
        raise NotFound(f"no photograph {ref!r} in the ledger: facelease scan enters them")
    return found[ref][IntendedUse(purpose, channel)]


def answer_photos(
    services: Services,
    refs: Sequence[str],
    uses: Sequence[IntendedUse],
    day: date | None = None,
    sizes: Sizes = CHANNELS_OWN,
) -> dict[str, dict[IntendedUse, Answer]]:
    """The same for many photographs and uses at once; a ref that the ledger does not know has no entry.

    `sizes`: by ref the longer side of the file that is taken; None: the original's; missing: at most the channel's.
    Raises ConsentError for a use that is not configured.
    """
    for use in uses:
        cleared_photos.refuse_unknown(services, use.purpose, use.channel)
    found: dict[str, dict[IntendedUse, Answer]] = {}
    with services.store.read() as conn:
        for some in chunked(list(dict.fromkeys(refs)), CHUNK):
            known = select(t.resource.c.id, t.resource.c.ref).where(
                t.resource.c.ref.in_(some), t.resource.c.deleted_at.is_(None)
            )
            names = {row.id: row.ref for row in conn.execute(known)}
            closed = closed_house.find_reason_in(services, conn)
            if closed is not None:
                found |= {ref: dict.fromkeys(uses, closed_house.make_answer(closed)) for ref in names.values()}
                continue
            facts = facts_of_many(services, conn, list(names))
            published = _published(services, conn, facts.values())
            for key, fact in facts.items():
                mine = {person: published.get(person, {}) for person in people_in(fact)}
                longest = sizes.get(names[key], 0)
                found[names[key]] = {
                    use: _answer_on(services, fact, _grants(mine, (use.purpose, use.channel)), use, day, longest)
                    for use in uses
                }
    return found


def _answer_on(
    services: Services, facts: Facts, grants: GrantsOf, use: IntendedUse, day: date | None, longest: int | None
) -> Answer:
    now, policy = services.clock.now(), services.policy_for(use.channel, longest)
    if day is None or day == services.today():
        return answer(facts, grants, policy, now, use)
    first, last = _bounds_of(services, day)
    morning = answer(facts, grants, policy, first, use)
    if morning.status is ClearanceStatus.CLEARED and morning.until is not None and morning.until <= last:
        return answer(facts, grants, policy, last, use)
    return morning


def _bounds_of(services: Services, day: date) -> tuple[datetime, datetime]:
    zone = services.config.site.zone
    return datetime.combine(day, time(), zone), end_of(day, zone) - TICK


def answer_channels(services: Services, ref: str, purpose: str) -> dict[str, Answer]:
    """The answer on every channel, now. Raises NotFound."""
    uses = [IntendedUse(purpose, channel) for channel in services.config.clearance.channels]
    found = answer_photos(services, [ref], uses)
    if ref not in found:
        raise NotFound(f"no photograph {ref!r} in the ledger: facelease scan enters them")
    return {use.channel: answer for use, answer in found[ref].items()}
