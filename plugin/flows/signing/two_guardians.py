"""Two guardians sign for one child: the first, then the second by a link of their own."""

from dataclasses import replace

from sqlalchemy import select

from plugin.flows.access import links
from plugin.flows.access.links import Link, LinkKind, MadeLink
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.people import addresses, register
from plugin.flows.signing import invitations, key_links, pending_signatures, submission
from plugin.flows.signing.pending_signatures import PendingSignature
from plugin.flows.signing.submission import SigningResult, Submission
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent.model import name_key


def find_or_enter_guardian(services: Services, tx: Tx, act: Submission, name: str, email: str) -> str:
    """The id of the guardian with this name, or of a new one; a new address is stored."""
    known = register.guardians_of(services, tx.connection, act.person_id)
    if act.asked.signer and act.asked.signer[1] == name:
        guardian_id, before = act.asked.signer[0], act.asked.known_email
    else:
        same = next((one for one in known if name_key(one["name"]) == name_key(name)), None)
        guardian_id = str(same["id"]) if same else register.enter_guardian(services, tx, act.person_id, name)
        before = str(same.get("email", "")) if same else ""
    if email and not before:
        by = {"account": act.link.created_by, "quitclaim_id": act.quitclaim_id}
        addresses.enter(services, tx, act.person_id, email, "guardian", guardian_id=guardian_id, **by)
    return guardian_id


def record_first(services: Services, tx: Tx, act: Submission, guardian_id: str) -> SigningResult:
    """The first of two guardians has signed: invite the second; nothing is in force before they sign."""
    checked, asked = act.checked, act.asked
    other = find_or_enter_guardian(services, tx, act, checked.other_signer, checked.other_email)
    to_mail = bool(services.config.mail.host and services.config.server.public_url)
    link = Link(LinkKind.SIGN, asked.language, act.person_id, asked.stored.id, other, asked.collection_ref, to_mail)
    address_id = addresses.address_letter(services, tx, act.person_id, other, "guardian") if to_mail else None
    may_replace = act.link.may_replace or links.is_full(services, tx.connection, act.link)
    link = replace(link, most_uses=1, address_id=address_id, may_replace=may_replace)
    made = links.make(services, tx, link, "guardian")
    if to_mail:
        invitations.queue_mail(services, tx, act.person_id, other, asked.language, made)
    signed = (tuple(sorted(checked.choices)), tuple(submission.build_evidence(act, tx.now, "first ")), tx.now)
    origin = (asked.stored.id, asked.collection_ref, act.link.address_id)
    half = PendingSignature(guardian_id, checked.signer, *signed, asked.shoot, act.quitclaim_id, *origin)
    pending_signatures.store_pending(services, tx, act.person_id, other, half)
    subject = roster.subject(services, tx, act.person_id)
    tx.audit(Action.CONSENT_HALF, "guardian", subject=subject, link=made.id)
    key = _make_key(services, tx, act.person_id, half, asked.language)
    return SigningResult(act.person_id, asked.language, None, key, other=made, mailed=to_mail)


def _make_key(services: Services, tx: Tx, person_id: str, half: PendingSignature, language: str) -> MadeLink:
    key = key_links.NewKey(person_id, half.number, language, half.guardian_id, half.signed_at)
    return key_links.make_key(services, tx, key, "guardian")


def find_earlier_result(services: Services, tx: Tx, link_id: str, nonce: str) -> SigningResult | None:
    """The result of a first guardian's form if it was sent before; a link to hand over is replaced by a new one."""
    link = tx.execute(select(t.invitation).where(t.invitation.c.id == link_id)).first()
    if link is None:
        return None
    person_id = link.person_id or submission.derive_id("person", link_id, nonce)
    number = submission.derive_id("quitclaim", link_id, nonce)
    for other_id, half in pending_signatures.list_pending(services, tx.connection, person_id):
        if half.number == number:
            return _ask_second_again(services, tx, person_id, other_id, half)
    return None


def _ask_second_again(
    services: Services, tx: Tx, person_id: str, other_id: str, half: PendingSignature
) -> SigningResult | None:
    out = pending_signatures.find_second_link(tx.connection, person_id, other_id, half.form_id, tx.now)
    if out is None:
        return None
    key = _make_key(services, tx, person_id, half, out.language)
    if out.by_mail:
        return SigningResult(person_id, out.language, None, key, mailed=True)
    links.revoke(services, tx, out.id, "guardian")
    link = Link(LinkKind.SIGN, out.language, person_id, out.form_id, other_id, out.collection_ref, most_uses=1)
    link = replace(link, may_replace=out.may_replace)
    return SigningResult(person_id, out.language, None, key, other=links.make(services, tx, link, "guardian"))
