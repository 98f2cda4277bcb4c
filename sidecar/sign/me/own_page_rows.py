"""What the ledger says of a person, turned into the words and rows of their page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from plugin.flows.common.services import Services
from plugin.flows.self_service.own_photos import OwnPhoto
from plugin.quitclaim.consent.intervals import last_day
from plugin.quitclaim.consent.model import GrantKind
from plugin.quitclaim.forms.statements import StatementLine, UseState
from plugin.quitclaim.words import wording
from sidecar.words.own_page_words import Words


@dataclass(frozen=True)
class Row:
    """One use, as it is read."""

    id: str
    what: str
    state: str
    when: str
    good: bool


@dataclass(frozen=True)
class Card:
    """One photograph: by purpose where it may be used, with the last day, and where not."""

    id: int
    number: int
    shown: bool
    origin: str
    uses: tuple[tuple[str, str, str], ...]


class RowFormatter:
    """The words for one visitor, in one language."""

    def __init__(self, services: Services, words: Words) -> None:
        self._zone = services.config.site.zone
        self._purposes = services.config.clearance.purposes
        self._channels = services.config.clearance.channels
        self._w = words

    def day(self, day: date) -> str:
        """A day in words."""
        return wording.day(day, self._w.lang)

    def what(self, line: StatementLine) -> str:
        """What a line allows."""
        if line.kind is GrantKind.RECOGNITION:
            return self._w("recognition")
        channel, purpose = self._term(line.channel), self._term(line.purpose)
        return self._w("use", channel=channel[:1].upper() + channel[1:], purpose=purpose)

    def row(self, line: StatementLine) -> Row:
        """A line with its state and its times."""
        return Row(line.grant_id, self.what(line), self._w(f"state_{line.state.value}"), self._when(line), line.open)

    def _term(self, word: str | None) -> str:
        return wording.term(word or "", self._w.lang) or word or ""

    def _when(self, line: StatementLine) -> str:
        start = self.day(line.start.astimezone(self._zone).date())
        if not line.open:
            ended = self.day((line.end or line.start).astimezone(self._zone).date())
            return self._w("ended_on", date=ended)
        begins = self._w("to_come" if line.state is UseState.TO_COME else "from", date=start)
        last = self._w("until", date=self._last(line.end)) if line.end else self._w("no_end")
        return f"{begins}, {last}"

    def _last(self, end: datetime) -> str:
        """The last day before an end: one at midnight belongs to the day before."""
        return self.day(last_day(end, self._zone))

    def card(self, photo: OwnPhoto) -> Card:
        """A photograph and where it may be used."""
        uses = tuple((self._term(purpose), *self._split(photo.cleared, purpose)) for purpose in self._purposes)
        origin = self._w(f"origin_{photo.origin}")
        return Card(photo.id, photo.number, photo.shown, origin, uses)

    def _split(self, cleared: Mapping[tuple[str, str], date | None], purpose: str) -> tuple[str, str]:
        yes, no = [], []
        for channel in self._channels:
            if (purpose, channel) not in cleared:
                no.append(self._term(channel))
                continue
            last = cleared[purpose, channel]
            until = f" ({self._w('last', date=self.day(last))})" if last else ""
            yes.append(self._term(channel) + until)
        return ", ".join(yes), ", ".join(no)
