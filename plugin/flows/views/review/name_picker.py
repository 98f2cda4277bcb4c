"""People by what somebody types of their names: without accents, in any order of words, as programs misspell them."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest

from sqlalchemy import Connection, select

from plugin.flows.access import sight
from plugin.flows.access.staff_sessions import Staff
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.hooks.name_spellings import list_readings, strip_invisible
from plugin.ledger import tables as t
from plugin.quitclaim.consent.model import name_key

MOST_LISTED = 8
_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})
"""Letters that no normal form takes apart."""


@dataclass(frozen=True)
class Listed:
    """Somebody whose name fits; `in_force`: whether anything is, without which no name of theirs is written."""

    person_id: str
    name: str
    in_force: bool


def find_people(services: Services, staff: Staff, text: str) -> list[Listed]:
    """At most MOST_LISTED people, of those whom the account may see: names that begin as typed first."""
    wanted = [words for reading in list_readings(text)[:4] if (words := _split(name_key(strip_invisible(reading))))]
    if not wanted:
        return []
    with services.store.read() as conn:
        found = nsmallest(MOST_LISTED, _rank(conn, staff, wanted))
        people = roster.load_many(services, conn, [person_id for _, _, person_id, _ in found])
        now = services.clock.now()
    return [Listed(person_id, name, bool(people[person_id].in_force(now))) for _, _, person_id, name in found]


def _rank(conn: Connection, staff: Staff, wanted: Sequence[Sequence[str]]) -> Iterator[tuple[int, str, str, str]]:
    p = t.person.c
    for row in conn.execute(select(p.id, p.name_key, p.display_name).where(sight.people(conn, staff))):
        words = _split(row.name_key)
        fits = [some for some in wanted if _fit(some, words)]
        if fits:
            begins = any(words[0].startswith(some[0]) for some in fits)
            yield (0 if begins else 1), row.name_key, row.id, row.display_name


def _fit(wanted: Sequence[str], words: Sequence[str]) -> bool:
    """Whether each word that was typed begins a word of the name."""
    return all(any(word.startswith(some) for word in words) for some in wanted)


def _split(key: str) -> list[str]:
    """The words of a key, without accents."""
    if not key.isascii():
        key = "".join(c for c in unicodedata.normalize("NFKD", key) if not unicodedata.combining(c)).translate(_LETTERS)
    return key.replace(",", " ").replace("-", " ").split()
