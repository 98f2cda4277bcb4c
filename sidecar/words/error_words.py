"""Why a job failed, or something was set aside, for the staff: the queue keeps the class of an error, and what we said
of it."""

import builtins
from typing import NamedTuple

from plugin import errors
from plugin.flows.views.waiting_list import WaitingItem
from plugin.ledger.queue.jobs import KILLED
from plugin.words.catalogues import Words

_OURS: tuple[tuple[type[errors.FaceLeaseError], str], ...] = (
    (errors.ResourceGone, "gone"),
    (errors.Unreadable, "unreadable"),
    (errors.WriteRefused, "refused"),
    (errors.DamError, "away"),
    (errors.VaultError, "damaged"),
    (errors.PictureError, "picture"),
    (errors.ExaminationFailed, "examiner"),
    (errors.ReadingFailed, "parser"),
    (errors.MailMisconfigured, "mail"),
    (errors.MailError, "letter"),
    (errors.StoreError, "store"),
    (errors.ConfigError, "configuration"),
    (errors.EngineError, "configuration"),
    (errors.ConsentError, "consent"),
    (errors.NotFound, "missing"),
)
"""The first that fits counts."""

_OTHERS = {
    "OperationalError": "store",
    "InterfaceError": "store",
    "DatabaseError": "store",
    "IntegrityError": "row",
    "JSONDecodeError": "row",
    "unreadable": "row",
    "Passing": "away",
    "Unexpected": "away",
}
"""Of libraries, by name; a row of which no value can be made; and what errors of the DAM were called in older rows."""


class Reason(NamedTuple):
    """`words` in the language of who reads it; `said` is FaceLease's own sentence, in English, or nothing."""

    words: str
    said: str

    @property
    def line(self) -> str:
        return ": ".join(filter(None, self))


def reason(kept: str, language: str = "en") -> Reason:
    """The words for what `job_rows.describe_error` kept, or the bare name of a class; nothing for nothing."""
    words = Words("error", language)
    if kept in {"", KILLED}:
        return Reason(words["killed"] if kept else "", "")
    name, _, said = kept.partition(": ")
    key = _key(name)
    return Reason(words[key] if key else words["unforeseen"].format(kind=name), said)


def _key(name: str) -> str | None:
    kind = _ours(errors.FaceLeaseError).get(name)
    if kind is not None:
        return next((key for one, key in _OURS if issubclass(kind, one)), None)
    known = getattr(builtins, name, None)
    if isinstance(known, type) and issubclass(known, OSError):
        return "file"
    return _OTHERS.get(name)


def _ours(kind: type[errors.FaceLeaseError]) -> dict[str, type[errors.FaceLeaseError]]:
    """Every class of ours by its name."""
    found = {kind.__name__: kind}
    for one in kind.__subclasses__():
        found |= _ours(one)
    return found


def aside(item: WaitingItem, language: str = "en") -> str:
    """One that was set aside: what it is, why, and its number."""
    what, _, kind = item.why.rpartition(": ")
    return f"{what}: {reason(kind, language).words} ({item.ref})"
