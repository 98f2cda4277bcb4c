"""Somebody of the staff: the account, by which door it came, and the role that it has now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

PROVED_FOR = timedelta(minutes=5)
"""For so long after an account proved itself it may do what cannot be taken back."""


class Role(StrEnum):
    """What somebody of the staff may do; the widest first."""

    ADMINISTRATOR = "administrator"
    OFFICER = "officer"
    EDITOR = "editor"
    AUDITOR = "auditor"


@dataclass(frozen=True)
class Staff:
    """Somebody who signed in: the name of the account, the role, the language of the pages.

    `door`: by which they came in (dam, openid, staff), which the log names. `proved`: when they proved themselves last.
    `collections`: those that the account is limited to (see `sight`); None: it sees all.
    """

    id: str
    user: str
    role: Role
    language: str
    collections: frozenset[str] | None = None
    door: str = "dam"
    proved: datetime | None = None

    @property
    def actor(self) -> str:
        """How the audit log calls them: as it does for what they do in the DAM's own pages."""
        return f"{self.door}:{self.user}"

    def is_proved(self, now: datetime) -> bool:
        """Whether the account proved itself a moment ago, so that it is not asked again."""
        return self.proved is not None and now - self.proved < PROVED_FOR
