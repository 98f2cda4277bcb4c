"""A birth date is corrected (GDPR Art. 16): from the commit on guardians decide, or do not, as the new one says."""

from dataclasses import replace
from datetime import date

from plugin.errors import NothingDone
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.people import ages, register
from plugin.flows.people.ages import Age
from plugin.ledger.store.audit import Action
from plugin.quitclaim.consent.model import Grant
from plugin.quitclaim.consent.standing import Standing


def preview_birth_date(services: Services, person_id: str, born: date) -> list[Grant]:
    """The grants in force that would not be any more. Raises NotFound; ConsentError for a day that cannot be."""
    ages.refuse_invalid(services, Age(birth_date=born))
    with services.store.read() as conn:
        return _find_lost(services, roster.load(services, conn, person_id), born)


def correct_birth_date(services: Services, person_id: str, born: date, actor: str) -> int:
    """Record it; returns how many grants are not in force any more. Raises as the preview, and NothingDone.

    A child's signature of their own counts no more, and a guardian's for somebody who was of age: what rested on it is
    cut in the same commit. Nothing that had ended comes back but by the new date itself.
    """
    ages.refuse_invalid(services, Age(birth_date=born))
    with services.store.write() as tx:
        before = roster.load(services, tx.connection, person_id)
        if before.person.birth_date == born:
            raise NothingDone("this birth date is recorded already: nothing is to be changed")
        lost = _find_lost(services, before, born)
        register.change(tx, person_id, birth_date=born, of_age_at=None, of_age_by=None)
        tx.audit(Action.RECORD_CHANGE, actor, subject=roster.subject(services, tx, person_id), what="birth date")
        after = roster.load(services, tx.connection, person_id)
        withdrawal.end_in(services, tx, person_id, after.due_endings(tx.now), "calendar")
        withdrawal.settle_in(services, tx, person_id, actor, lost)
        services.queue.put(tx, "recompute", person_id)
    return len(lost)


def _find_lost(services: Services, standing: Standing, born: date) -> list[Grant]:
    now = services.clock.now()
    then = replace(standing, person=replace(standing.person, birth_date=born, of_age=False))
    kept = {grant.id for grant in then.in_force(now)}
    return [grant for grant in standing.in_force(now) if grant.id not in kept]
