"""The gallery of this process: opened from the vault when consents changed, held in memory only."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from sqlalchemy import Connection, select

from plugin.clock import NO_END
from plugin.errors import ConsentError, EnrolmentRefused, VaultError
from plugin.flows.collections import modes
from plugin.flows.common import closed_house, reference_sets, roster
from plugin.flows.common.reference_sets import PictureSource
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.matching import reference_choice, serving_engine
from plugin.flows.matching.reference_choice import NONE_CHOSEN, Chosen
from plugin.flows.people import acknowledgement, resemblance
from plugin.flows.people.resemblance import NONE_OPEN, OpenTemplates
from plugin.ledger import tables as t
from plugin.ledger.queue import set_aside
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import ReferenceSetRow
from plugin.quitclaim.clearance.scope import Scope
from plugin.quitclaim.consent.standing import Standing
from plugin.recognizer.examination.messages import Enrolment
from plugin.recognizer.matching.gallery import Enrolled
from plugin.recognizer.matching.matching import Level

REENCODE = "reencode"
"""The kind and key of the job that makes templates of the engine that serves, or shall (`reencoding`)."""

REENCODE_PRIORITY = 3


def refresh(services: Services) -> None:
    """Reload the gallery if the generation has moved since the last load. In a closed house it is empty."""
    faces, damaged = services.faces, list[str]()
    with faces.alone(), services.store.read() as conn:
        generation, serving = conn.scalar(select(t.state.c.generation)) or 0, serving_engine.find(conn, "serving")
        if serving is not None:
            faces.follow(serving.source)
        closed = closed_house.find_reason_in(services, conn) is not None
        if faces.hold(generation, closed):
            return
        sets = {} if closed else reference_sets.find_compared(conn)
        entries = list_entries(services, conn, sets, damaged.append)
        declared = frozenset(p for p, row in sets.items() if not reference_sets.is_vouched(row))
        faces.load(entries, declared, generation, closed)
    for item in damaged:
        set_aside.note_set_aside(services.store, "a template", item, VaultError.__name__)


def list_entries(
    services: Services, conn: Connection, sets: Mapping[str, ReferenceSetRow], damaged: Callable[[str], None]
) -> list[Enrolled]:
    """Everybody with a valid recognition grant, with its end, by the set that applies.

    `damaged` is called with the items that do not open: those people are not recognised, the others are.
    """
    if not sets:
        return []
    now, engine = services.clock.now(), services.faces.engine_id
    bodies = {
        person_id: body
        for person_id, set_id, body in resemblance.iterate_templates(services, conn, engine, damaged)
        if person_id in sets and sets[person_id].id == set_id
    }
    standings = roster.load_many(services, conn, bodies)
    entries = []
    for person_id, body in bodies.items():
        window = standings[person_id].recognition(now)
        if window is None:
            continue
        template = np.frombuffer(body, dtype="<f4")
        may_auto = reference_sets.is_vouched(sets[person_id]) and standings[person_id].may_auto(now)
        entries.append(Enrolled(key=person_id, template=template, until=window[1] or NO_END, may_auto=may_auto))
    return entries


def list_levels(services: Services, scope: Scope, already: set[str]) -> dict[str, Level]:
    """For each enrolled person who may be named in this scope: auto or suggest at most.

    Somebody with unvouched pictures is suggested at most.
    """
    found: dict[str, Level] = {}
    for person_id in services.faces.enrolled - already:
        if modes.allows(scope, person_id, "auto") and person_id not in services.faces.declared:
            found[person_id] = "auto"
        elif modes.allows(scope, person_id, "suggest"):
            found[person_id] = "suggest"
    return found


def enrol(
    services: Services,
    person_id: str,
    pictures: Sequence[bytes],
    actor: str,
    names: Sequence[str] = (),
    chosen: Chosen = NONE_CHOSEN,
) -> Enrolment:
    """Make a person's template from photographs that the staff chose, and seal both under the face key.

    Replaces the template before. Raises ConsentError without a recognition grant in force, EnrolmentRefused with a
    reason for each photograph, under its name of `names`, FaceNotChosen if `chosen` lacks one.
    """
    _demand_grant(services, person_id)
    kept = reference_choice.cut_out(services, pictures, chosen, names)
    try:
        enrolment = make_template(services, kept)
    except EnrolmentRefused as error:
        raise EnrolmentRefused(error.reasons, names) from error
    known = resemblance.open_templates(services)
    with services.store.write() as tx:
        enrol_in(services, tx, person_id, enrolment, kept, actor, PictureSource(), known)
    return enrolment


def make_template(services: Services, pictures: Sequence[bytes]) -> Enrolment:
    """A template of reference photographs, in memory. Raises EnrolmentRefused with a reason for each."""
    if not pictures:
        raise EnrolmentRefused(["no photograph was given: three or more of the same person are best"])
    return services.faces.enrol(pictures)


def enrol_in(
    services: Services,
    tx: Tx,
    person_id: str,
    enrolment: Enrolment,
    pictures: Sequence[bytes],
    actor: str,
    source: PictureSource,
    known: OpenTemplates = NONE_OPEN,
) -> str:
    """Seal a template and its photographs in the caller's transaction, as a set; returns the set's id.

    Pictures that came by a link are added beside vouched ones. `known`: templates opened before the transaction, to
    compare them with. Raises ConsentError if no recognition grant is in force any more.
    """
    vault = services.vault
    standing = roster.load(services, tx.connection, person_id)
    if standing.recognition(tx.now) is None:
        raise ConsentError("no recognition grant is in force: nothing of the photographs was kept")
    _ready_key(services, tx, person_id, standing, actor)
    set_id = reference_sets.add(tx, person_id, actor, source)
    template = np.asarray(enrolment.template, dtype="<f4").tobytes()
    engine = enrolment.engine
    if engine != serving_engine.find_id(services, tx.connection):  # another one serves since it was made
        services.queue.put(tx, REENCODE, REENCODE, priority=REENCODE_PRIORITY)
    vault.seal(tx, person_id, "face", "template", template, subject=set_id, engine=engine)
    for picture in pictures:
        vault.seal(tx, person_id, "face", "reference", picture, subject=set_id)
    resemblance.release_near(services, tx, person_id, known)
    resemblance.hold_near(services, tx, set_id, known)
    if source.came_by == "staff":
        acknowledgement.acknowledge(services, tx, person_id, reference_sets.CHOSEN, actor)
    tx.move_generation()
    subject, came_by, photos = roster.subject(services, tx, person_id), source.came_by, len(pictures)
    tx.audit(Action.TEMPLATE_ENROL, actor, subject=subject, photos=photos, engine=engine, set=set_id, came_by=came_by)
    return set_id


def _ready_key(services: Services, tx: Tx, person_id: str, standing: Standing, actor: str) -> None:
    """A key of a lease that ended is destroyed first: what a new one seals is of the new lease alone."""
    if not withdrawal.is_leased(services, tx.connection, person_id, standing, tx.now):
        withdrawal.destroy_key(services, tx, person_id, "face", actor)
    if not services.vault.has_key(tx.connection, person_id, "face"):
        services.vault.create_key(tx, person_id, "face")


def _demand_grant(services: Services, person_id: str) -> None:
    with services.store.read() as conn:
        standing = roster.load(services, conn, person_id)
    if standing.recognition(services.clock.now()) is None:
        raise ConsentError(
            "this person has no recognition grant that is in force now, so no template may be kept: "
            "record a quitclaim with one, or enrol from the day it starts"
        )
