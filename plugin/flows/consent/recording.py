"""A signed quitclaim is recorded: the first, a renewal, or a change; it supersedes the version before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from plugin.errors import ConsentError
from plugin.flows.collections import modes
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.consent import cuts, quitclaim_rows, withdrawal
from plugin.flows.people import addresses
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent import lifecycle
from plugin.quitclaim.consent.model import Quitclaim


@dataclass(frozen=True)
class SignatureEvidence:
    """Evidence of the signature: a scan, a signature image, a file; sealed under the record key."""

    name: str
    body: bytes


@dataclass(frozen=True)
class QuitclaimOrigin:
    """Where a quitclaim comes from: the form that was signed, and what each grant of it rests on.

    `bases`: by the id of the grant, only those that do not rest on consent. `quitclaim_id`: chosen by a caller that
    must recognise it later; None: a random one. `full`: it came by a letter to a confirmed address.
    """

    form_id: str | None = None
    bases: Mapping[str, str] = field(default_factory=dict)
    quitclaim_id: str | None = None
    full: bool = False


NO_FORM = QuitclaimOrigin()


def record(
    services: Services,
    person_id: str,
    signing: lifecycle.Signing,
    evidence: Sequence[SignatureEvidence],
    actor: str,
    origin: QuitclaimOrigin = NO_FORM,
) -> Quitclaim:
    """Record a signed quitclaim as the person's next version; it supersedes the version before.

    Raises ConsentError if it breaks a rule, or has no evidence.
    """
    with services.store.write() as tx:
        return record_in(services, tx, person_id, signing, evidence, actor, origin)


def record_in(
    services: Services,
    tx: Tx,
    person_id: str,
    signing: lifecycle.Signing,
    evidence: Sequence[SignatureEvidence],
    actor: str,
    origin: QuitclaimOrigin = NO_FORM,
) -> Quitclaim:
    """As `record`, in the caller's transaction."""
    if not evidence:
        raise ConsentError("a quitclaim needs its evidence: give the file that was signed")
    standing = roster.load(services, tx.connection, person_id)
    before, agreed = standing.quitclaims, standing.published()
    quitclaim_rows.ensure_record_key(services, tx, person_id)
    quitclaim_id = origin.quitclaim_id or uuid4().hex
    claim = lifecycle.record(
        standing.person, before, signing, services.ages, quitclaim_id=quitclaim_id, now=tx.now, by=actor
    )
    quitclaim_rows.insert_rows(tx, claim, origin.form_id, origin.bases)
    if not origin.full:
        addresses.doubt(services, tx, person_id)
    for item in evidence:
        body = item.name.encode() + b"\0" + item.body
        services.vault.seal(tx, person_id, "record", "evidence", body, subject=claim.id)
    subject, text, kept = roster.subject(services, tx, person_id), modes.pseudonym(claim.text_version), claim.version
    grants = len(claim.grants)
    tx.audit(Action.CONSENT_RECORD, actor, subject=subject, quitclaim=claim.id, version=kept, text=text, grants=grants)
    for old in lifecycle.supersede(before, claim):
        quitclaim_rows.supersede(services, tx, old)
    withdrawal.clear_end(tx, person_id)
    standing = roster.load(services, tx.connection, person_id)
    withdrawal.end_in(services, tx, person_id, standing.due_endings(tx.now), actor)
    cuts.add(services, tx, person_id, cuts.find_shortened(agreed, standing.published(), tx.now))
    tx.move_generation()
    services.queue.put(tx, "recompute", person_id)
    return claim
