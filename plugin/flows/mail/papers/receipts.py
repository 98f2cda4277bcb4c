"""The receipt of a signature: what was agreed to, by whom, and how to take it back; JSON and PDF, to keep.

One JSON document with the required fields of the Kantara Consent Receipt 1.1 at its top and, under
`consent_record`, those of an ISO/IEC TS 27560:2023 record as the W3C DPV group's guide names them. It
bears its own SHA-256 over the canonical JSON of everything else. It is kept sealed beside the proof.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import NamedTuple, TypedDict
from uuid import UUID

from sqlalchemy import Connection, select

from plugin.errors import NotFound
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx
from plugin.quitclaim.consent.model import GrantKind, Quitclaim
from plugin.quitclaim.forms.sheets import Sheet, line_key
from plugin.quitclaim.forms.templates import RECOGNITION, Form, canonical, digest

_KIND = "receipt"
_HASH = "hash"
_EXPLICIT = "EXPLICIT"  # Kantara CR 1.1, 4.5.5: consentType
_BASIS = {"consent": "dpv-gdpr:A6-1-a", "contract": "dpv-gdpr:A6-1-b"}
_BIOMETRIC = "dpv-gdpr:A9-2-a"


@dataclass(frozen=True)
class Names:
    """Who it is about, and the guardians who signed for them."""

    person: str
    guardians: tuple[str, ...] = ()


class ReceiptTree(TypedDict):
    """What is read of the document again: days and moments in ISO 8601."""

    person: str
    guardians: list[str]
    language: str
    signed_at: str
    last_day: str
    text: str


class _Line(NamedTuple):
    """A line that was offered, and whether it was agreed to."""

    purpose: str
    channel: str
    words: str
    basis: str
    basis_words: str
    agreed: bool


@dataclass(frozen=True)
class Receipt:
    """A receipt as it is handed out: canonical JSON, and the hash that it bears."""

    json: bytes
    sha256: str

    @property
    def tree(self) -> ReceiptTree:
        """The document."""
        tree: ReceiptTree = json.loads(self.json)
        return tree


def store(services: Services, tx: Tx, claim: Quitclaim, form: Form, sheet: Sheet, names: Names) -> Receipt:
    """Make the receipt of a quitclaim and seal it, in the transaction of the signature."""
    receipt = make(claim, form, sheet, names, services.config.site.zone)
    services.vault.seal(tx, claim.person_id, "record", _KIND, receipt.json, subject=claim.id)
    return receipt


def is_kept(services: Services, conn: Connection, person_id: str, quitclaim_id: str) -> bool:
    """Whether this person has a receipt of that quitclaim: of one on paper there is none."""
    return bool(services.vault.find(conn, person_id, _KIND, subject=quitclaim_id))


def load(services: Services, conn: Connection, quitclaim_id: str) -> Receipt:
    """The receipt of a quitclaim. Raises NotFound where none was made: it was signed on paper, or imported."""
    row = conn.execute(select(t.quitclaim.c.person_id).where(t.quitclaim.c.id == quitclaim_id)).first()
    found = services.vault.find(conn, row.person_id, _KIND, subject=quitclaim_id) if row else []
    if not found:
        raise NotFound("no receipt is kept of this quitclaim: it was not signed by link")
    body = services.vault.open(conn, found[0])
    return Receipt(body, str(json.loads(body)[_HASH]["value"]))


def make(claim: Quitclaim, form: Form, sheet: Sheet, names: Names, zone: tzinfo) -> Receipt:
    """The receipt, with its hash."""
    tree = {**_kantara(claim, form, sheet), **_ours(claim, form, sheet, names, zone)}
    tree["consent_record"] = _record(claim, form, sheet, names)
    sealed = _make_hash(tree)
    return Receipt(canonical({**tree, _HASH: sealed}), sealed["value"])


def _make_hash(tree: Mapping[str, object]) -> dict[str, str]:
    return {"algorithm": "SHA-256", "over": "the canonical JSON of all else", "value": digest(tree)}


def verify(body: bytes) -> bool:
    """Whether a receipt is as it was made: its hash is that of all else in it, and it is canonical."""
    try:
        tree = json.loads(body)
        sealed = tree.pop(_HASH)
        return bool(sealed == _make_hash(tree) and canonical({**tree, _HASH: sealed}) == body)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def _kantara(claim: Quitclaim, form: Form, sheet: Sheet) -> dict[str, object]:
    """Kantara Consent Receipt 1.1, section 4: what it requires."""
    return {
        "version": "KI-CR-v1.1.0",
        "jurisdiction": form.jurisdiction,
        "consentTimestamp": int(claim.signed_at.timestamp()),
        "collectionMethod": "web form, opened by a personal link",
        "consentReceiptID": str(UUID(hex=claim.id)),
        "language": claim.language,
        "piiPrincipalId": claim.person_id,
        "piiControllers": [{"piiController": form.organisation, "contact": form.officer}],
        "policyUrl": form.policy_url,
        "services": [{"service": sheet.title, "purposes": _purposes(claim, form, sheet)}],
        "sensitive": _has_recognition(claim),
        "spiCat": ["Biometric"] if _has_recognition(claim) else [],
    }


def _purposes(claim: Quitclaim, form: Form, sheet: Sheet) -> list[dict[str, object]]:
    return [
        {
            "purpose": line.words,
            "purposeCategory": [line.purpose],
            "consentType": _EXPLICIT,
            "piiCategory": ["Biometric"] if line.purpose == RECOGNITION else ["Image"],
            "primaryPurpose": line.purpose != RECOGNITION,
            "termination": sheet.withdraw,
            "thirdPartyDisclosure": False,
        }
        for line in _lines(claim, sheet)
        if line.agreed
    ]


def _has_recognition(claim: Quitclaim) -> bool:
    return any(grant.kind is GrantKind.RECOGNITION for grant in claim.grants)


def _lines(claim: Quitclaim, sheet: Sheet) -> list[_Line]:
    given = {line_key(g.purpose, g.channel) for g in claim.grants if g.purpose and g.channel}
    found = [
        _Line(c.purpose, c.channel, f"{c.group}: {c.label}", c.legal.value, c.basis, c.key in given)
        for c in sheet.choices
    ]
    if sheet.recognition:
        basis = ("explicit consent", sheet.recognition_basis)
        found.append(_Line(RECOGNITION, "", sheet.recognition, *basis, _has_recognition(claim)))
    return found


def _ours(claim: Quitclaim, form: Form, sheet: Sheet, names: Names, zone: tzinfo) -> dict[str, object]:
    """What somebody reads first: who, what, until when; and the text that they saw."""
    return {
        "person": names.person,
        "guardians": list(names.guardians),
        "signed_at": claim.signed_at.astimezone(zone).isoformat(timespec="seconds"),
        "last_day": sheet.last_day.isoformat(),
        "lines": [line._asdict() for line in _lines(claim, sheet)],
        "retention": sheet.retention,
        "withdrawal": sheet.withdraw,
        "text_version": claim.text_version,
        "text_sha256": claim.text_sha256,
        "text": sheet.text(),
    }


def _record(claim: Quitclaim, form: Form, sheet: Sheet, names: Names) -> dict[str, object]:
    """ISO/IEC TS 27560:2023: header, processing, parties, events."""
    return {
        "schema_version": "ISO-27560:2023",
        "profile": "receipt-eu-gdpr",
        "record_id": str(UUID(hex=claim.id)),
        "pii_principal_id": claim.person_id,
        "pii_processing": {
            "privacy_notice": form.policy_url,
            "language": claim.language,
            "jurisdiction": form.jurisdiction,
            "purposes": [_purpose(line) for line in _lines(claim, sheet)],
            "pii_controllers": [form.organisation],
            "collection_method": "web form, opened by a personal link",
            "storage_locations": [form.organisation],
            "retention_period": sheet.retention,
            "recipient_third_parties": [],
            "withdrawal_method": sheet.withdraw,
            "privacy_rights": ["access", "rectification", "erasure", "restriction", "portability", "withdrawal"],
        },
        "party_identification": _parties(claim, form, names),
        "event": [
            {
                "event_time": claim.signed_at.isoformat(),
                "validity_duration": sheet.last_day.isoformat(),
                "entity_id": who,
                "event_type": "explicit consent",
                "event_state": "consent given",
            }
            for who in claim.signed_by_guardians or (claim.person_id,)
        ],
    }


def _purpose(line: _Line) -> dict[str, object]:
    recognises = line.purpose == RECOGNITION
    return {
        "purpose": line.words,
        "agreed": line.agreed,
        "lawful_basis": _BIOMETRIC if recognises else _BASIS[line.basis],
        "pii_information": ["biometric template of the face", "reference photographs"]
        if recognises
        else ["photographs"],
        "sensitive_pii": recognises,
    }


def _parties(claim: Quitclaim, form: Form, names: Names) -> list[dict[str, str]]:
    rows = [
        ("controller", "PII controller", form.organisation),
        (claim.person_id, "PII principal", names.person),
        *((who, "guardian", name) for who, name in zip(claim.signed_by_guardians, names.guardians, strict=True)),
    ]
    parties = [{"party_id": who, "party_role": role, "party_name": name} for who, role, name in rows]
    parties[0]["party_contact"] = form.officer
    return parties
