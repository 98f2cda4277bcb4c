"""A person says of a photograph that it does not show them."""

from collections.abc import Callable

from sqlalchemy import select

from plugin.errors import NotFound
from plugin.flows.clearance import photo_answers
from plugin.flows.common import face_rows, roster
from plugin.flows.common.services import Services
from plugin.flows.review.face_decisions import finish_decision
from plugin.flows.tags import intents
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx


def disown(services: Services, resource_id: int, person_id: str, actor: str, also: Callable[[Tx], object]) -> None:
    """ "That is not me", says the person: no face of the photograph is theirs, and the name is removed, also by hand.

    Remembered for each face that had the name and for the photograph. `also` commits with it. Raises NotFound if the
    name is not there; DamError if the DAM did not answer in time: the decision counts, and the removal is retried.
    """
    with services.store.write() as tx:
        tag = tx.execute(
            select(t.tag, t.resource.c.file_version)
            .join(t.resource, t.resource.c.id == t.tag.c.resource_id)
            .where(t.tag.c.resource_id == resource_id, t.tag.c.person_id == person_id)
        ).first()
        if tag is None:
            raise NotFound("no such photograph bears this person's name")
        places = frozenset(tag.places) or services.dam.places
        proposal = intents.NewIntent(resource_id, person_id, tag.node, "remove", tag.origin, places)
        opened = [intents.propose(services, tx, proposal, actor)]
        face_rows.reject(tx, resource_id, person_id, tag.file_version, actor)
        subject = roster.subject(services, tx, person_id)
        tx.audit(Action.FACE_REJECT, actor, subject=subject, resource_id=resource_id)
        photo_answers.recompute(services, tx, [resource_id])
        also(tx)
    services.timed_calls.ask(lambda: finish_decision(services, resource_id, opened, actor))  # their page waits for it
