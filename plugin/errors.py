"""The errors that FaceLease raises, one class a kind; the message says what to do."""

import re
from collections.abc import Sequence

# Of a part between colons: all up to a file's extension, or the whole of it where it holds a slash.
_PATH = re.compile(r"[^:]*\.\w{3,5}\b|[^:]*/[^:]*")


class FaceLeaseError(Exception):
    """Base of every error that FaceLease raises on purpose."""


class ConfigError(FaceLeaseError):
    """The configuration has an unknown key or a bad value; the message names its path."""


class PictureError(FaceLeaseError):
    """A picture cannot be read; the message says why."""


class PictureTooLarge(PictureError):
    """A picture has more pixels or bytes than the limit allows."""


class EngineError(FaceLeaseError):
    """A face engine cannot start: weights are missing, changed, or cannot be converted."""


class ExaminationFailed(FaceLeaseError):
    """The child process that examines photographs died or ran out of time on a photograph."""


class ReadingFailed(FaceLeaseError):
    """The process that reads a file of others died or ran out of time on it."""


class GalleryStale(FaceLeaseError):
    """The examiner holds another generation of the gallery: load it and retry."""


class EnrolmentRefused(FaceLeaseError):
    """Reference photographs cannot be used; `reasons` has one line a photograph.

    `names`: the names of the photographs, in order; without them a line gives the photograph's number. `places`: of
    those that have a reason, counted from 0.
    """

    def __init__(self, reasons: list[str], names: Sequence[str] = ()) -> None:
        self.places = frozenset(place for place in map(_find_place, reasons) if place is not None)
        self.reasons = [_name_photograph(reason, names) for reason in reasons]
        super().__init__("enrolment refused: " + "; ".join(self.reasons))


def _find_place(reason: str) -> int | None:
    found = re.match(r"photograph ([0-9]+): ", reason)
    return int(found[1]) - 1 if found else None


def _name_photograph(reason: str, names: Sequence[str]) -> str:
    place = _find_place(reason)
    return reason if place is None or place >= len(names) else f"{names[place]}: {reason.partition(': ')[2]}"


class ConsentError(FaceLeaseError):
    """A quitclaim or a grant breaks a rule, or what is asked needs a consent that is not there."""


class UseUnknown(ConsentError):
    """A purpose or channel that is not configured, or days for which no answer exists."""


class ProposalChanged(ConsentError):
    """A face is not proposed as whom a page showed any more, or somebody has decided on it since."""


class HouseClosed(ConsentError):
    """ended.log is not the expected file, so withdrawals may be missing: nothing is compared, tagged or cleared."""


class ImportRefused(FaceLeaseError):
    """A file, or a row of it, cannot be imported; the message says what to correct."""


class NotFound(FaceLeaseError):
    """The person, quitclaim, resource, face or collection asked for does not exist."""


class NothingDone(FaceLeaseError):
    """There was nothing to act on and nothing was done; the message says what there is instead."""


class NameTaken(FaceLeaseError):
    """A display name belongs to another person, or exists in the DAM and was not adopted."""


class DamError(FaceLeaseError):
    """The DAM did not do what was asked; a retry may help."""


class ResourceGone(DamError):
    """The resource no longer exists in the DAM."""


class Unreadable(DamError):
    """One photograph cannot be read; the message says which and why. Others are not affected."""


class WriteRefused(DamError):
    """The write would damage the DAM or the file, so nothing was written."""


class ProviderAway(FaceLeaseError):
    """The identity provider does not answer: whether somebody may come in is not known."""


class VaultError(FaceLeaseError):
    """A key or a sealed item cannot be opened: wrong master key, changed bytes, or destroyed key."""


class StoreError(FaceLeaseError):
    """The store is missing, has another schema version, or was moved back in time."""


class StoreAway(StoreError):
    """The store does not answer now: locked, stopped, full, or not to be reached; it may be tried again later.

    `unsure`: it was lost during a commit, so that nobody knows whether that was written. Else nothing was.
    """

    def __init__(self, said: str, unsure: bool = False) -> None:
        self.unsure = unsure
        super().__init__(said)


class StoreBusy(StoreAway):
    """Another program held a lock on the store longer than we wait."""


class AuditBroken(FaceLeaseError):
    """The audit chain does not verify; the message names the first row that does not fit."""


class QueueFull(FaceLeaseError):
    """The job queue is at its limit; `retry_after` says in how many seconds to try again."""

    def __init__(self, limit: int, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"the queue is full, at its limit of {limit}: try again in {retry_after} s")


class LeaseLost(FaceLeaseError):
    """The lease of a job expired and another worker has claimed it: discard the result."""


class SignatureRefused(FaceLeaseError):
    """A request has no valid signature, or is older than allowed."""


class TokenRefused(FaceLeaseError):
    """A token is not valid, or no longer."""


class LinkRefused(FaceLeaseError):
    """A link does not open; `why` is unknown, expired, used or revoked."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"the link is {why}: ask for a new one")


class AccessRefused(FaceLeaseError):
    """A known account has no role here; `language` is the one to answer in."""

    def __init__(self, language: str) -> None:
        self.language = language
        super().__init__("none of your groups in the DAM has a role here: ask the administrator ([access])")


class Forgotten(FaceLeaseError):
    """The data of the person is erased, or being erased: they have no page any more."""


class MailError(FaceLeaseError):
    """The mail server did not accept a letter; a retry may help. The server's own words are not repeated."""


class MailRefused(MailError):
    """The letter will never be accepted: its address does not exist, or the server refuses its content."""


class MailMisconfigured(MailError):
    """No letter is accepted until somebody corrects [mail] in the configuration."""


class SigningRefused(FaceLeaseError):
    """A form is filled in wrongly; `problems` holds (field, fault) pairs."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("not signed: " + ", ".join(f"{field} {fault}" for field, fault in self.problems))


class TooMany(FaceLeaseError):
    """A rate limit was reached: wait, then retry."""


class GuessRefused(TooMany):
    """Too many wrong tries: the next one is looked at in `seconds`."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"too many wrong tries: try again in {seconds} s")


class PasswordRefused(FaceLeaseError):
    """A password is too easy to guess; `why` is short, long, plain or name."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"the password is refused: {why}")


class EventRefused(FaceLeaseError):
    """A signed body has the wrong form; the message says what is expected."""


def redact_error(error: BaseException) -> str:
    """The part of an error's message that may be logged or stored.

    Nothing of a library's error, which may quote anything. Of the DAM's and file errors everything but paths: a
    photograph may be named after a person.
    """
    if not isinstance(error, FaceLeaseError):
        return ""
    return _PATH.sub(" ...", str(error)).strip() if isinstance(error, DamError | PictureError) else str(error)
