"""What can go wrong, one class a kind: each message says what to do about it."""

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
    """The examiner holds another generation of the gallery than was asked for: load it and ask again."""


class EnrolmentRefused(FaceLeaseError):
    """Reference photographs cannot be used; `reasons` says why, one line a photograph.

    `names`: what the photographs are called, in their order; without them a line says which it was by its place.
    """

    def __init__(self, reasons: list[str], names: Sequence[str] = ()) -> None:
        self.reasons = [_name_photograph(reason, names) for reason in reasons]
        super().__init__("enrolment refused: " + "; ".join(self.reasons))


def _name_photograph(reason: str, names: Sequence[str]) -> str:
    found = re.match(r"photograph ([0-9]+): ", reason)
    place = int(found[1]) - 1 if found else len(names)
    return f"{names[place]}: {reason[found.end() :]}" if found and place < len(names) else reason


class ConsentError(FaceLeaseError):
    """A quitclaim or a grant breaks a rule, or what is asked needs a consent that is not there."""


class UseUnknown(ConsentError):
    """A purpose or a channel that the configuration does not list, or days that no answer can be given for."""


class HouseClosed(ConsentError):
    """ended.log is not what was known, so nobody knows who has withdrawn: nothing is compared, tagged or cleared."""


class ImportRefused(FaceLeaseError):
    """A file, or a row of it, cannot be imported; the message says what to correct."""


class NotFound(FaceLeaseError):
    """The person, quitclaim, resource, face or collection asked for does not exist."""


class NothingDone(FaceLeaseError):
    """There was nothing to do it on, and nothing was done; the message says what there is instead."""


class NameTaken(FaceLeaseError):
    """A display name belongs to another person, or stands in the DAM and was not adopted."""


class DamError(FaceLeaseError):
    """The DAM did not do what was asked; trying again later may help."""


class ResourceGone(DamError):
    """The resource no longer exists in the DAM."""


class Unreadable(DamError):
    """One photograph cannot be read, whatever becomes of the others; the message says which and why."""


class WriteRefused(DamError):
    """The DAM or the file would not survive the write unharmed, so nothing was written."""


class VaultError(FaceLeaseError):
    """A key or a sealed item cannot be opened: wrong master key, changed bytes, or destroyed key."""


class StoreError(FaceLeaseError):
    """The store is missing, of another version, or was moved back in time."""


class StoreAway(StoreError):
    """The store does not answer now: locked, stopped, full, or not to be reached; it may be tried again later.

    `unsure`: it was lost during a commit, so that nobody knows whether that was written. Else nothing was.
    """

    def __init__(self, said: str, unsure: bool = False) -> None:
        self.unsure = unsure
        super().__init__(said)


class StoreBusy(StoreAway):
    """Another program has held what is to be written for longer than anybody waits."""


class AuditBroken(FaceLeaseError):
    """The audit chain does not verify; the message names the first row that does not fit."""


class QueueFull(FaceLeaseError):
    """The job queue is at its limit; `retry_after` says in how many seconds to try again."""

    def __init__(self, limit: int, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"the queue holds {limit} jobs, its limit: try again in {retry_after} s")


class LeaseLost(FaceLeaseError):
    """A job's lease ran out and another worker has it: drop what was done for it."""


class SignatureRefused(FaceLeaseError):
    """A request is not signed by whom it should be, or not from the last minutes."""


class TokenRefused(FaceLeaseError):
    """A token opens nothing (any more)."""


class LinkRefused(FaceLeaseError):
    """A link opens nothing: `why` is unknown, expired, used or revoked."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"the link is {why}: ask for a new one")


class AccessRefused(FaceLeaseError):
    """Somebody who is known has no role here; `language` is the one to tell them in."""

    def __init__(self, language: str) -> None:
        self.language = language
        super().__init__("none of your groups in the DAM has a role here: ask the administrator ([access])")


class Forgotten(FaceLeaseError):
    """What was held on the person is erased, or is being erased: there is no page of theirs any more."""


class MailError(FaceLeaseError):
    """The mail server did not take a letter; trying again later may help. Its own words are not repeated."""


class MailRefused(MailError):
    """This letter will never be taken: its address does not exist, or the server refuses what it holds."""


class MailMisconfigured(MailError):
    """No letter will be taken before somebody mends the section [mail] of the configuration."""


class SigningRefused(FaceLeaseError):
    """A form was not filled in as it must be; `problems` says what: a word for the field and one for the fault."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("not signed: " + ", ".join(f"{field} {fault}" for field, fault in self.problems))


class TooMany(FaceLeaseError):
    """Something was asked for too often: wait, then try again."""


class EventRefused(FaceLeaseError):
    """A signed body is not what its kind of request takes; the message says what it takes."""


def redact_error(error: BaseException) -> str:
    """What may be logged or kept of an error's words: of a library's nothing, for they may quote anything.

    Of what the DAM and its files say, all but paths: a photograph may be called after somebody.
    """
    if not isinstance(error, FaceLeaseError):
        return ""
    return _PATH.sub(" ...", str(error)).strip() if isinstance(error, DamError | PictureError) else str(error)
