"""One submission of a signed form: the request, the answers, and the evidence that is recorded."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from uuid import uuid4

from plugin.flows.access.links import MadeLink
from plugin.flows.common.services import Services
from plugin.flows.consent import recording
from plugin.flows.people.resemblance import NONE_OPEN, OpenTemplates
from plugin.flows.signing.form_validation import CheckedForm, FilledForm
from plugin.flows.signing.signing_request import SigningRequest
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import InvitationRow
from plugin.quitclaim.consent.intervals import end_of
from plugin.quitclaim.consent.lifecycle import Signing
from plugin.quitclaim.consent.model import Grant, GrantKind
from plugin.quitclaim.forms.templates import LegalBasis, canonical
from plugin.recognizer.examination.messages import Enrolment

METHOD = "link"


@dataclass(frozen=True)
class SigningResult:
    """The result of a submission.

    `quitclaim_id` is None while a second guardian must sign: then `other` is their link, which was mailed if `mailed`.
    `key`: to what was signed. `page`: the link to the full page, only if the link was delivered to a confirmed
    address. `photographs`: how many were stored. `mark`: by which the staff of a shoot finds them on the live list.
    """

    person_id: str
    language: str
    quitclaim_id: str | None
    key: MadeLink | None = None
    page: MadeLink | None = None
    other: MadeLink | None = None
    mailed: bool = False
    photographs: int = 0
    mark: str | None = None


@dataclass(frozen=True)
class Submission:
    """A submission: the request and the answers, and what was computed before the transaction."""

    asked: SigningRequest
    link: InvitationRow
    filled: FilledForm
    checked: CheckedForm
    person_id: str
    quitclaim_id: str
    enrolment: Enrolment | None = field(repr=False)
    code_id: str | None
    others: OpenTemplates = NONE_OPEN


def build_signing(
    services: Services, tx: Tx, act: Submission, guardians: tuple[str, ...]
) -> tuple[Signing, dict[str, str]]:
    """What was signed, and by grant id the basis of each grant that does not rest on consent."""
    sheet = act.asked.sheet
    end = end_of(sheet.last_day, services.config.site.zone)
    grants, bases = [], {}
    if act.checked.recognition:
        grants.append(Grant(uuid4().hex, GrantKind.RECOGNITION, None, None, tx.now, end))
    for choice in sheet.choices:
        if choice.key in act.checked.choices:
            grant = Grant(uuid4().hex, GrantKind.PUBLICATION, choice.purpose, choice.channel, tx.now, end)
            grants.append(grant)
            if choice.legal is LegalBasis.CONTRACT:
                bases[grant.id] = choice.legal.value
    text = (act.asked.stored.form.text_version, sheet.sha256(), act.asked.language)
    return Signing(*text, METHOD, not guardians, guardians, tx.now, tuple(grants)), bases


def build_evidence(act: Submission, at: datetime, which: str) -> Sequence[recording.SignatureEvidence]:
    """The text as it was shown, and the answers; no address and no browser of the signer."""
    form, asked = act.checked, act.asked
    said = {
        "form": asked.stored.id,
        "form_sha256": asked.stored.sha256,
        "text_sha256": asked.sheet.sha256(),
        "language": asked.language,
        "offered": sorted(asked.offered),
        "chosen": sorted(form.choices),
        "signed_by": form.signer,
        "as": "guardian" if form.minor else "person",
        "signed_at": at.astimezone(UTC).isoformat(),
        "signature": "drawn" if form.signature else "typed",
        "typed": "" if form.signature else form.typed,
        "of_age": form.of_age,
        "born": form.birth_date.isoformat() if form.birth_date else None,
        "link": asked.link_id,
        "code_by_mail": act.code_id is not None,
    }
    found = [
        recording.SignatureEvidence(f"{which}text.txt", asked.sheet.text().encode()),
        recording.SignatureEvidence(f"{which}signing.json", canonical(said)),
    ]
    return found + ([recording.SignatureEvidence(f"{which}signature.png", form.signature)] if form.signature else [])


def derive_id(what: str, link_id: str, nonce: str) -> str:
    """A deterministic id: the same form submitted twice gives the same id."""
    return sha256(f"{what}:{link_id}:{nonce}".encode()).hexdigest()[:32]
