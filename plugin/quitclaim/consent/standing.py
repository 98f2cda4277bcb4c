"""A person with all that they agreed to, and what the rules answer about it at any moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from plugin.quitclaim.consent import rules
from plugin.quitclaim.consent.intervals import union
from plugin.quitclaim.consent.model import AgeRules, EndKind, Grant, GrantKind, Person, Quitclaim, Window

Published = Mapping[tuple[str, str], Sequence[Window]]
"""By (purpose, channel) when somebody agrees to it; what is missing, never."""


@dataclass(frozen=True)
class Standing:
    """A person, every version of what they agreed to, and the age rules of the organisation.

    Every answer is computed from the dates at each call (see `rules`), never read from a flag.
    """

    person: Person
    quitclaims: tuple[Quitclaim, ...]
    ages: AgeRules

    def recognition(self, at: datetime) -> Window | None:
        """The unbroken time around `at` in which the person may be recognised; None is not now."""
        return rules.recognition_window(self.person, self.quitclaims, self.ages, at)

    def publication(self, purpose: str, channel: str) -> list[Window]:
        """When they agree to `purpose` on `channel`, over all time."""
        return rules.publication_windows(self.person, self.quitclaims, self.ages, purpose, channel)

    def published(self) -> Published:
        """All that they agree to publish, over all time: the same as `publication` of every use at once."""
        found: dict[tuple[str, str], list[Window]] = {}
        for grant, start, end in self.windows():
            if grant.kind is GrantKind.PUBLICATION and grant.purpose and grant.channel:
                found.setdefault((grant.purpose, grant.channel), []).append((start, end))
        return {use: union(windows) for use, windows in found.items()}

    def any_publication(self, at: datetime) -> bool:
        """Whether any publication grant is in force at `at`."""
        return any(grant.kind is GrantKind.PUBLICATION for grant in self.in_force(at))

    def in_force(self, at: datetime) -> tuple[Grant, ...]:
        """The grants of either kind that are in force at `at`: while there is none, no tag of ours may stand."""
        return rules.in_force(self.person, self.quitclaims, self.ages, at)

    def ended_altogether(self, at: datetime) -> bool:
        """Whether no grant of any kind is in force at `at` or still to come."""
        return rules.ended_altogether(self.person, self.quitclaims, self.ages, at)

    def unended(self, at: datetime) -> frozenset[str]:
        """The ids of the quitclaims of which a grant is in force at `at`, or will be."""
        alive = {grant.id for grant, _, end in self.windows() if end is None or end > at}
        return frozenset(claim.id for claim in self.quitclaims if alive & {grant.id for grant in claim.grants})

    def due_endings(self, at: datetime) -> list[tuple[Grant, datetime, EndKind]]:
        """The grants that are over at `at` but have no end written yet: when each ended, and why."""
        return rules.due_endings(self.person, self.quitclaims, self.ages, at)

    def terms(self) -> list[rules.Term]:
        """What each grant comes to, also those that are never in force."""
        return rules.terms(self.person, self.quitclaims, self.ages)

    def windows(self) -> list[tuple[Grant, datetime, datetime | None]]:
        """When each grant really is in force; a grant that never is has no line."""
        return rules.windows(self.person, self.quitclaims, self.ages)

    def is_minor(self, at: datetime) -> bool:
        """Whether guardians decide for the person at `at`."""
        return rules.is_minor(self.person, self.ages, at)

    def may_auto(self, at: datetime) -> bool:
        """Whether the person may be tagged without a human decision."""
        return rules.may_auto(self.person, self.ages, at)
