"""Validate a filled-in form as a whole, and report every fault at once.

A fault is a pair of field and fault code; the page words it in the visitor's language.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from plugin.errors import ConsentError, PictureError
from plugin.flows.common.services import Services
from plugin.flows.people.ages import is_under_age
from plugin.flows.people.contacts import is_email as is_email
from plugin.flows.people.contacts import mailbox_key
from plugin.flows.signing import signature_image
from plugin.flows.signing.signing_request import SigningRequest, is_too_young
from plugin.quitclaim.consent.model import OLDEST_BIRTH_YEAR, Person, clean_name, name_key
from plugin.quitclaim.forms.templates import RECOGNITION

MOST_PHOTOGRAPHS = 5
MOST_PHOTOGRAPH_BYTES = 12_000_000

Fault = tuple[str, str]


@dataclass(frozen=True)
class FilledForm:
    """What was filled in.

    `nonce`: of the form that was sent, which makes a second submission idempotent. `choices`: keys of ticked lines.
    `name`: of the person, at a shoot. `of_age`, `birth_date`: of a person of unknown age. `signer`: who signs, a
    guardian for a minor. `other_*`: a second guardian. `drawn`: a PNG, or empty and then `typed` is the signature.
    `network`: from where it was sent (see `rate_limits`).
    """

    nonce: str
    language: str
    choices: frozenset[str] = frozenset()
    name: str = ""
    birth_date: str = ""
    email: str = ""
    signer: str = ""
    other_signer: str = ""
    other_email: str = ""
    drawn: bytes = field(default=b"", repr=False)
    typed: str = ""
    of_age: bool = False
    code: str = ""
    photographs: tuple[bytes, ...] = field(default=(), repr=False)
    network: str = ""


@dataclass(frozen=True)
class CheckedForm:
    """What was filled in, as values. `signature`: a PNG of our own, or empty where it was typed."""

    choices: frozenset[str]
    name: str
    birth_date: date | None
    of_age: bool
    minor: bool
    signer: str
    email: str
    other_signer: str
    other_email: str
    signature: bytes = field(repr=False)
    typed: str

    @property
    def recognition(self) -> bool:
        """Whether recognition was granted."""
        return RECOGNITION in self.choices


def check_form(services: Services, asked: SigningRequest, filled: FilledForm) -> tuple[CheckedForm | None, list[Fault]]:
    """The values, or every fault in them."""
    born, faults = _read_birth_date(services, asked, filled)
    minor = asked.minor or (born is not None and is_under_age(services, born, services.clock.now()))
    signature, unsigned = _read_signature(filled)
    faults = [*_check_choices(services, asked, filled, born), *_check_photographs(asked, filled), *faults]
    faults += [*_check_age(asked, filled, minor), *_check_names(services, asked, filled, minor)]
    faults += [*_check_addresses(asked, filled, minor), *unsigned]
    if faults:
        return None, faults
    checked = CheckedForm(
        choices=filled.choices,
        name=clean_name(filled.name) if asked.shoot else "",
        birth_date=born,
        of_age=asked.asks_age and filled.of_age,
        minor=minor,
        signer=_signer_name(asked, filled, minor),
        email=filled.email.strip(),
        other_signer=clean_name(filled.other_signer) if _needs_second_guardian(asked, minor) else "",
        other_email=filled.other_email.strip(),
        signature=signature,
        typed=filled.typed.strip(),
    )
    return checked, []


def _needs_second_guardian(asked: SigningRequest, minor: bool) -> bool:
    """Whether another guardian must sign after this one."""
    return minor and asked.guardians > 1 and not asked.second


def _signer_name(asked: SigningRequest, filled: FilledForm, minor: bool) -> str:
    if asked.signer:
        return asked.signer[1]
    return clean_name(filled.name) if asked.shoot and not minor else clean_name(filled.signer)


def _read_birth_date(services: Services, asked: SigningRequest, filled: FilledForm) -> tuple[date | None, list[Fault]]:
    text = filled.birth_date.strip()
    if not asked.asks_age or not text:
        return None, []
    try:
        born = date.fromisoformat(text)
    except ValueError:
        return None, [("birth_date", "unreadable")]
    if not born.year >= OLDEST_BIRTH_YEAR or born > services.today():
        return None, [("birth_date", "impossible")]
    return born, []


def _check_age(asked: SigningRequest, filled: FilledForm, minor: bool) -> Iterator[Fault]:
    """Either of age or a birth date is given, and they do not contradict each other."""
    if not asked.asks_age:
        return
    if minor and filled.of_age:
        yield "of_age", "contradicts"
    elif not filled.of_age and not filled.birth_date.strip():
        yield ("birth_date" if _names_guardian(asked, filled) else "of_age"), "needed"
    elif filled.of_age and _names_guardian(asked, filled) and not filled.birth_date.strip():
        yield "birth_date", "needed"  # a guardian was named, so a child is meant


def _names_guardian(asked: SigningRequest, filled: FilledForm) -> bool:
    return bool((asked.shoot and filled.signer.strip()) or filled.other_signer.strip())


def _check_names(services: Services, asked: SigningRequest, filled: FilledForm, minor: bool) -> Iterator[Fault]:
    if asked.shoot:
        wrong = list(_check_name("name", filled.name))
        yield from wrong
        if not wrong and services.dam.refusal(clean_name(filled.name)):
            yield "name", "unreadable"  # here rather than when the last page is signed
    if asked.signer is None and (minor or not asked.shoot):
        yield from _check_name("signer", filled.signer)
    if _needs_second_guardian(asked, minor):
        yield from _check_name("other_signer", filled.other_signer)
        first = asked.signer[1] if asked.signer else filled.signer
        if first.strip() and name_key(first) == name_key(filled.other_signer):
            yield "other_signer", "same"


def _check_name(where: str, text: str) -> Iterator[Fault]:
    if not text.strip():
        yield where, "needed"
        return
    try:
        clean_name(text)
    except ConsentError:
        yield where, "unreadable"


def _check_choices(services: Services, asked: SigningRequest, filled: FilledForm, born: date | None) -> Iterator[Fault]:
    if not filled.choices:
        yield "choices", "nothing"
    elif not filled.choices <= asked.offered:
        yield "choices", "unknown"
    if born is not None and RECOGNITION in filled.choices:
        child = Person("", "", birth_date=born)
        if is_too_young(services, asked.stored, child, services.today()):
            yield "recognition", "too-young"


def _check_addresses(asked: SigningRequest, filled: FilledForm, minor: bool) -> Iterator[Fault]:
    email = filled.email.strip()
    known = asked.known_email if minor == asked.minor else ""  # the child's address is not a guardian's
    needed = asked.stored.form.code_by_mail and not known  # a key needs no address, nor does a guardian
    if email and not is_email(email):
        yield "email", "unreadable"
    elif needed and not email:
        yield "email", "needed"
    if _needs_second_guardian(asked, minor):
        other = filled.other_email.strip()
        if not is_email(other):
            yield "other_email", "unreadable" if other else "needed"
        elif mailbox_key(other) in {mailbox_key(email), mailbox_key(asked.known_email)}:
            yield "other_email", "same"


def _read_signature(filled: FilledForm) -> tuple[bytes, list[Fault]]:
    if filled.drawn:
        try:
            return signature_image.redraw(filled.drawn), []
        except PictureError:
            return b"", [("signature", "unreadable")]
    if not filled.typed.strip():
        return b"", [("signature", "needed")]
    return b"", [(where, fault) for where, fault in _check_name("signature", filled.typed)]


def _check_photographs(asked: SigningRequest, filled: FilledForm) -> Iterator[Fault]:
    """Photographs without the grant are refused, so that nobody believes or fears that they were kept."""
    if not filled.photographs:
        return
    if RECOGNITION not in filled.choices:
        yield "photographs", "not-allowed"
    elif not asked.sheet.photographs:
        yield "photographs", "not-asked"
    elif len(filled.photographs) > MOST_PHOTOGRAPHS:
        yield "photographs", "too-many"
    elif any(len(one) > MOST_PHOTOGRAPH_BYTES for one in filled.photographs):
        yield "photographs", "too-large"
