"""Preparations of acts that are measured: rows as the flows would leave them, on either store."""

from collections.abc import Sequence
from typing import Any, cast
from uuid import uuid4

import numpy as np
from sqlalchemy import JSON, Text, delete, func, insert, literal, null, select, text, update
from sqlalchemy import cast as as_type
from sqlalchemy.sql.expression import false

from bench import library
from plugin.flows.common import reference_sets
from plugin.flows.common.reference_sets import PictureSource
from plugin.flows.common.services import Services
from plugin.flows.matching import gallery
from plugin.flows.people import resemblance
from plugin.hooks.dam import CollectionRuling
from plugin.ledger import tables as t
from plugin.ledger.log import house_state
from plugin.ledger.store.store import Tx
from plugin.recognizer.examination.messages import Enrolment

ALL = "all"
_MARK = "a mark"
_R = t.resource.c


def _execute(services: Services, *statements: Any) -> None:
    """Execute, and have PostgreSQL analyse the tables, as autovacuum would within a minute."""
    with services.store.write() as tx:
        for statement in statements:
            tx.execute(statement)
        if not services.store.is_sqlite:
            tx.execute(text("ANALYZE"))


def clear_jobs(services: Services) -> None:
    """Empty the queue."""
    _execute(services, delete(t.job))


def forget_policy(services: Services) -> None:
    """Let the store follow another configuration."""
    _execute(services, delete(t.job), update(t.state).values(policy="another"))


def fill_collection(services: Services, refs: Sequence[str]) -> None:
    """Add photographs to the DAM's collection, and queue its job."""
    cast(Any, services.dam).inhabitants = refs
    clear_jobs(services)
    with services.store.write() as tx:
        services.queue.put(tx, "members", ALL)


def list_people(services: Services) -> list[str]:
    """The ids of all people."""
    with services.store.read() as conn:
        return list(conn.scalars(select(t.person.c.id)))


def allow_comparison(services: Services) -> None:
    """Allow comparison of all photographs, and vouch for somebody after it."""
    clear_jobs(services)
    with services.store.write() as tx:
        tx.execute(update(t.collection).values(mode="auto", basis="all-asked"))
        tx.move_generation()
        person = tx.connection.scalar(select(t.person.c.id))
        _insert_reference_set(tx, "bench", person, "staff", tx.now)


def _insert_reference_set(tx: Tx, set_id: str, person: str | None, came_by: str, vouched_at: Any) -> None:
    about = {"added_by": "bench", "added_at": tx.now, "came_by": came_by, "vouched_at": vouched_at}
    tx.execute(insert(t.reference_set).values(id=set_id, person_id=person, **about))


def fill_large_collection(services: Services, many: int) -> None:
    """A collection of `many` photographs, with suggestions and tags by the machine."""
    mine = select(_R.id, literal(ALL)).where(_R.id <= many)
    some = (t.face.c.resource_id <= many) & (t.face.c.state == "unmatched") & (t.face.c.id % 3 == 0)
    first = select(func.min(t.person.c.id)).scalar_subquery()
    _execute(
        services,
        insert(t.resource_collection).from_select(["resource_id", "collection_ref"], mine),
        update(t.face).where(some).values(state="suggested", person_id=first),
        update(t.tag).where(t.tag.c.resource_id <= many).values(origin="machine"),
    )


def rename_folder(services: Services) -> None:
    """Rename the collection, as a folder."""
    cast(Any, services.dam).name_collections({"renamed": _MARK})
    _execute(services, delete(t.job), update(t.collection).values(identity=_MARK))


def use_numbered_collections(services: Services, heard: Sequence[CollectionRuling]) -> None:
    """Give the DAM numbered collections again, and rulings on them."""
    dam = cast(Any, services.dam)
    dam.name_collections({})
    dam.heard = heard
    clear_jobs(services)


def name_by_hand(services: Services, name: str, many: int) -> None:
    """Tag `many` photographs by hand with a name that belongs to nobody."""
    row = select(_R.id, literal(name), literal(name.casefold()), literal("hand"), literal([], JSON), _R.seen_at)
    columns = ["resource_id", "node", "node_key", "origin", "places", "created_at"]
    _execute(services, delete(t.job), insert(t.tag).from_select(columns, row.where(_R.id <= many)))


def sign_quitclaim(services: Services, person_id: str) -> None:
    """Have the person agree to everything, recognition included."""
    library.sign_quitclaim(services, person_id, services.clock.now(), recognition=True)


def make_template(services: Services, seed: int) -> Enrolment:
    """A random template of the engine that is open; those of different seeds do not resemble each other."""
    vector = np.random.default_rng(seed).normal(size=128)
    return Enrolment((vector / np.linalg.norm(vector)).astype(np.float32), (), services.faces.engine_id)


def enrol_many(services: Services, many: int) -> None:
    """Give `many` people a template."""
    engine = services.faces.engine_id
    for start in range(0, many, 1000):
        with services.store.write() as tx:
            for number, person in enumerate(list_people(services)[start : start + 1000], start):
                if not services.vault.has_key(tx.connection, person, "face"):
                    services.vault.create_key(tx, person, "face")
                set_id = f"set-{number}"
                _insert_reference_set(tx, set_id, person, "link", tx.now)
                body = np.asarray(make_template(services, number).template, dtype="<f4").tobytes()
                services.vault.seal(tx, person, "face", "template", body, subject=set_id, engine=engine)


def enrol(services: Services, person_id: str) -> None:
    """As `gallery.enrol` does, without pictures."""
    known = resemblance.open_templates(services)
    with services.store.write() as tx:
        gallery.enrol_in(services, tx, person_id, make_template(services, 1), [], "bench", PictureSource("link"), known)


def find_declared_set(services: Services) -> str:
    """The id of a reference set that nobody has vouched for."""
    with services.store.read() as conn:
        mine = select(t.reference_set.c.id).where(reference_sets.LIVE, t.reference_set.c.vouched_at.is_(None))
        return str(conn.scalar(mine))


def add_past_dates(services: Services, after: int) -> None:
    """Let the DAM show dates in the past, on 20,000 photographs."""
    dates = literal({"website": "2020-01-01"}, JSON)
    there = select(t.statement.c.resource_id)
    rows = select(_R.id, dates, _R.seen_at, dates, _R.seen_at).where(_R.id > after, _R.id.not_in(there))
    columns = ["resource_id", "wanted", "wanted_at", "stated", "stated_at"]
    _execute(services, insert(t.statement).from_select(columns, rows.limit(20_000)))


def expire_rows(services: Services) -> None:
    """Add boxes, events and finished jobs that are past their retention."""
    long_ago = services.clock.now().replace(year=2000)
    numbers = select(literal("e").concat(as_type(_R.id, Text)), literal(long_ago, t.event.c.received_at.type)).where(
        _R.id <= 20_000
    )
    _execute(
        services,
        update(t.face).where(t.face.c.resource_id <= 10_000).values(created_at=long_ago),
        delete(t.tag).where(t.tag.c.resource_id <= 10_000),
        insert(t.event).from_select(["id", "received_at"], numbers),
    )
    fill_queue(services, "done", 20_000)


def fill_queue(services: Services, state: str = "queued", most: int | None = None) -> None:
    """Add a job for each photograph, or `most` of them."""
    at = literal(services.clock.now().replace(year=2000), t.job.c.created_at.type)
    payload = literal({}, JSON)
    columns = ["kind", "key", "payload", "priority", "state", "again", "attempt", "run_after", "created_at"]
    fixed = (payload, literal(6), literal(state), false(), literal(0), at, at)
    row = select(literal("photo"), _R.ref, *fixed, null() if state == "queued" else at)
    there = select(t.job.c.key).where(t.job.c.kind == "photo")
    row = row.where(_R.ref.not_in(there)).limit(most)
    _execute(services, insert(t.job).from_select([*columns, "finished_at"], row))


def take_names_off(services: Services, after: int) -> None:
    """Add names that were removed before removals were recorded, from distinct pictures."""
    c = t.tag.c
    values: dict[str, Any] = {"resource_id": c.resource_id, "person_id": c.person_id, "node": c.node}
    values |= {"action": literal("remove"), "origin": literal("machine"), "places": c.places}
    values |= {"state": literal("done"), "generation": literal(1)}
    values |= {"created_at": c.created_at, "finished_at": c.created_at}
    rows = select(*values.values()).where(c.resource_id > after, c.person_id.is_not(None))
    _execute(
        services,
        update(t.resource).values(file_version=literal("v").concat(as_type(_R.id, Text))),
        insert(t.intent).from_select(list(values), rows.limit(2000)),
        update(t.state).values(taken_off_at=None),
    )


def create_face_keys(services: Services) -> None:
    """Give everybody a face key."""
    for start in range(0, len(people := list_people(services)), 1000):
        with services.store.write() as tx:
            for person_id in people[start : start + 1000]:
                if not services.vault.has_key(tx.connection, person_id, "face"):
                    services.vault.create_key(tx, person_id, "face")


def queue_letters(services: Services, many: int) -> None:
    """Queue `many` letters."""
    people = list_people(services)[:many]
    with services.store.write() as tx:
        about = {"kind": "receipt", "language": "en", "data": {}, "state": "queued", "created_at": tx.now}
        rows = [{"id": uuid4().hex, "cause": f"c-{one}", "person_id": one, **about} for one in people]
        tx.execute(insert(t.mail), rows)


def end_all_grants(services: Services) -> None:
    """End every grant without what follows from it."""
    g = t.grant
    ended = {"ended_at": g.c.valid_from, "ended_kind": "withdrawn"}
    _execute(services, delete(t.job), update(g).where(g.c.ended_at.is_(None)).values(**ended))


def close_house(services: Services) -> None:
    """Close the house."""
    with services.store.write() as tx:
        house_state.close(tx, "missing", house_state.NOTHING_ENDED)
