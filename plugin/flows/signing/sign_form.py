"""Sign by a link, in one transaction.

It stores the person (at a shoot), guardians, quitclaim with evidence, reference photographs, the use of the link,
membership of the shoot, receipt and mail. If two guardians must sign, the form of the first waits, sealed, for the
second (`pending_signatures`). Submission is idempotent: ids are derived from the nonce of the form.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from plugin.errors import LinkRefused, SigningRefused
from plugin.flows.access import email_codes, links, rate_limits
from plugin.flows.collections import modes
from plugin.flows.common import reference_sets, roster
from plugin.flows.common.services import Services
from plugin.flows.consent import quitclaim_rows, recording
from plugin.flows.mail import page_links
from plugin.flows.mail.papers import receipts
from plugin.flows.matching import gallery, reference_choice
from plugin.flows.people import addresses, ages, register, resemblance, self_registration
from plugin.flows.people.ages import Age
from plugin.flows.people.resemblance import NONE_OPEN
from plugin.flows.signing import (
    form_validation,
    key_links,
    pending_signatures,
    signature_strength,
    signing_request,
    submission,
    two_guardians,
)
from plugin.flows.signing.form_validation import Fault, FilledForm
from plugin.flows.signing.pending_signatures import PendingSignature
from plugin.flows.signing.signing_request import SigningRequest
from plugin.flows.signing.submission import SigningResult, Submission
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx

REPEATABLE = timedelta(hours=1)
"""For how long a repeated submission gets the same result: a second click, not a page that somebody finds later."""


def sign(services: Services, link_id: str, filled: FilledForm) -> SigningResult:
    """Sign the form of the link.

    Raises SigningRefused with every fault of the form, EnrolmentRefused with a reason for each photograph,
    FaceNotChosen for those with several faces, LinkRefused if the link is not valid (any more), ConsentError if a rule
    is broken.
    """
    if not filled.nonce:
        raise SigningRefused([("form", "refused")])  # without it two people would share an id
    before = find_earlier_result(services, link_id, filled.nonce)
    if before is not None:
        return before
    link = links.find_usable(services, link_id)
    asked = signing_request.load_request(services, link, filled.language)
    if asked.from_day is not None:
        raise SigningRefused([("signer", "too-early")])
    checked, faults = form_validation.check_form(services, asked, filled)
    code_id, unproved = _check_code(services, asked, filled) if not faults else (None, [])
    if checked is None or unproved:
        raise SigningRefused(faults or unproved)
    pictures = reference_choice.cut_out(services, filled.photographs if checked.recognition else ())
    new_id = submission.derive_id("person", link_id, filled.nonce)
    person_id = asked.person.id if asked.person else new_id
    quitclaim_id = submission.derive_id("quitclaim", link_id, filled.nonce)
    enrolment = gallery.make_template(services, pictures) if pictures else None
    others = resemblance.open_templates(services) if pictures else NONE_OPEN
    filled = replace(filled, photographs=tuple(pictures))
    act = Submission(asked, link, filled, checked, person_id, quitclaim_id, enrolment, code_id, others)
    with services.store.write() as tx:
        return _find_earlier_result(services, tx, link_id, filled.nonce) or _commit(services, tx, act)


def _check_code(services: Services, asked: SigningRequest, filled: FilledForm) -> tuple[str | None, Sequence[Fault]]:
    """The code that proves the address, where the form asks for one."""
    if not asked.stored.form.code_by_mail:
        return None, []
    if not filled.code.strip():
        return None, [("code", "needed")]
    address = asked.known_email or filled.email.strip()
    code_id = email_codes.verify(services, asked.link_id, address, filled.code)
    return code_id, [] if code_id else [("code", "wrong")]


def _commit(services: Services, tx: Tx, act: Submission) -> SigningResult:
    links.count_use(services, tx, act.link.id)
    if act.code_id is not None and not email_codes.use_up(tx, act.code_id):
        raise SigningRefused([("code", "wrong")])
    checked, asked = act.checked, act.asked
    typed = ["" if asked.known_email else checked.email, checked.other_email]
    if services.config.mail.host and not rate_limits.spend_typed(services, tx, act.link, typed, act.filled.network):
        raise SigningRefused([("email", "too-many")])
    if not asked.shoot:
        quitclaim_rows.ensure_record_key(services, tx, act.person_id)
        signature_strength.refuse_replacing(services, tx, act.person_id, act.link)
    if asked.shoot:
        about = register.Newcomer(checked.name, asked.language, checked.birth_date, of_age=checked.of_age)
        self_registration.enter(services, tx, act.person_id, about)
    elif asked.asks_age:
        said = Age(checked.of_age, checked.birth_date)
        ages.declare_in(services, tx, act.person_id, said, "guardian" if checked.minor else "person")
    if not checked.minor and checked.email and not asked.known_email:
        by, of = act.link.created_by, act.quitclaim_id
        addresses.enter(services, tx, act.person_id, checked.email, "person", account=by, quitclaim_id=of)
    guardian_id = (
        two_guardians.find_or_enter_guardian(services, tx, act, checked.signer, checked.email)
        if checked.minor
        else None
    )
    half = pending_signatures.find_pending(services, tx.connection, act.link)
    if half is not None and not checked.choices <= set(half.choices):
        raise SigningRefused([("choices", "unknown")])  # the other guardian signed less, a moment ago
    if guardian_id is not None and asked.guardians > 1 and half is None:
        return two_guardians.record_first(services, tx, act, guardian_id)
    return _complete(services, tx, act, guardian_id, half)


def _complete(
    services: Services, tx: Tx, act: Submission, guardian_id: str | None, half: PendingSignature | None
) -> SigningResult:
    guardians = tuple(filter(None, [half.guardian_id if half else None, guardian_id]))
    signing, bases = submission.build_signing(services, tx, act, guardians)
    evidence = [*(half.evidence if half else ()), *submission.build_evidence(act, tx.now, "second " if half else "")]
    actor = "guardian" if guardian_id else "person"
    full = signature_strength.is_full(services, tx, act.link, half, guardian_id)
    origin = recording.QuitclaimOrigin(act.asked.stored.id, bases, act.quitclaim_id, full)
    claim = recording.record_in(services, tx, act.person_id, signing, evidence, actor, origin)
    pending_signatures.discard_for_link(services, tx, act.link)
    if half is not None:
        key_links.follow_completion(tx, half.number, claim.id)
        addresses.attach_quitclaim(tx, half.address_id, claim.id)
    if guardian_id == act.link.guardian_id:
        addresses.attach_quitclaim(tx, act.link.address_id, claim.id)
    if act.asked.collection_ref:
        modes.join_shoot(tx, act.asked.collection_ref, act.person_id)
    kept = _enrol(services, tx, act, actor)
    signers = [*([half.guardian] if half else []), act.checked.signer]
    names = receipts.Names(
        act.checked.name or register.own_name_of(tx.connection, act.person_id), tuple(signers) if guardian_id else ()
    )
    receipts.store(services, tx, claim, act.asked.stored.form, act.asked.sheet, names)
    key = signature_strength.make_key(services, tx, claim, act.asked.language, guardian_id)
    page = signature_strength.make_full_page(services, tx, act, guardian_id) if full else None
    signature_strength.queue_receipt(services, tx, act, claim, guardian_id, full)
    mark = reference_sets.mark_of(tx.connection, act.person_id, act.link.id)
    return SigningResult(act.person_id, act.asked.language, claim.id, key, page, photographs=kept, mark=mark)


def _enrol(services: Services, tx: Tx, act: Submission, actor: str) -> int:
    """Store the reference photographs if recognition is in force already; returns how many."""
    if act.enrolment is None:
        return 0
    standing = roster.load(services, tx.connection, act.person_id)
    if standing.recognition(tx.now) is None:
        return 0
    source = reference_sets.source_of_link(act.link)
    gallery.enrol_in(services, tx, act.person_id, act.enrolment, act.filled.photographs, actor, source, act.others)
    return len(act.filled.photographs)


def find_earlier_result(services: Services, link_id: str, nonce: str) -> SigningResult | None:
    """The result of the same form if it was sent before, with a new link to the own page; else None.

    Raises LinkRefused if that was longer ago than `REPEATABLE`, or if the link was revoked since.
    """
    if not nonce:
        return None
    with services.store.write() as tx:
        return _find_earlier_result(services, tx, link_id, nonce)


def _find_earlier_result(services: Services, tx: Tx, link_id: str, nonce: str) -> SigningResult | None:
    number = submission.derive_id("quitclaim", link_id, nonce)
    row = tx.execute(select(t.quitclaim).where(t.quitclaim.c.id == number)).first()
    if row is None:
        return two_guardians.find_earlier_result(services, tx, link_id, nonce)
    link = tx.execute(select(t.invitation).where(t.invitation.c.id == link_id)).one()
    if link.revoked_at is not None or row.recorded_at <= tx.now - REPEATABLE:
        raise LinkRefused("used")
    guardian_id = row.signed_by_guardians[-1] if row.signed_by_guardians else None
    actor = "guardian" if guardian_id else "person"
    page = None
    if links.is_full(services, tx.connection, link):
        page = page_links.make(services, tx, row.person_id, actor, guardian_id)
    claims = roster.load(services, tx.connection, row.person_id).quitclaims
    claim = next(one for one in claims if one.id == row.id)
    key = signature_strength.make_key(services, tx, claim, row.language, guardian_id)
    mark = reference_sets.mark_of(tx.connection, row.person_id, link_id)
    return SigningResult(row.person_id, row.language, row.id, key, page, mark=mark)


def decline(services: Services, link_id: str) -> None:
    """Decline everything: the link is used, and no reminder follows. Raises LinkRefused."""
    with services.store.write() as tx:
        row = tx.execute(select(t.invitation).where(t.invitation.c.id == link_id)).first()
        if row is None or row.person_id is None:
            raise LinkRefused("unknown")  # at a shoot, who says no just goes
        links.count_use(services, tx, link_id)
        pending_signatures.discard_for_link(services, tx, row)
        subject = roster.subject(services, tx, row.person_id)
        tx.audit(Action.CONSENT_DECLINE, "person", subject=subject, link=link_id)
