"""The certificate of an erasure: where it looked, what it found, what it reached and what it did not, and under which
conditions that is so.

It names nobody: the person by a number and a pseudonymous id, and where a path holds the name it is shown without it.
Kept as facts, so that it can be printed in another language and go on where something was still open.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path
from string import Template

from plugin.errors import NotFound
from plugin.flows.common.services import Services
from plugin.hooks.mention import CertificateLine
from plugin.ledger.keys import private_files
from plugin.words.catalogues import Words


@dataclass(frozen=True)
class Certificate:
    """What an erasure looked at, reached and did not reach."""

    number: str
    person_id: str
    asked_at: datetime
    language: str = "en"
    zone: tzinfo | None = None
    finished_at: datetime | None = None
    looks: Sequence[CertificateLine] = ()
    done: Sequence[CertificateLine] = ()
    left: Sequence[CertificateLine] = ()
    provided: Sequence[CertificateLine] = ()

    @property
    def looked(self) -> list[str]:
        """Where it looked, each with what was found."""
        return _word_lines(self.looks, self.language)

    @property
    def reached(self) -> list[str]:
        """What is gone."""
        return _word_lines(self.done, self.language)

    @property
    def not_reached(self) -> list[str]:
        """What still stands."""
        return _word_lines(self.left, self.language)

    @property
    def conditions(self) -> list[str]:
        """Under which conditions the above is so."""
        return _word_lines(self.provided, self.language)

    def text(self, language: str | None = None) -> str:
        """The certificate in plain words."""
        shown = replace(self, language=language or self.language)
        words = Words("certificate", shown.language)
        end = _format_moment(shown, shown.finished_at) if shown.finished_at else words["unfinished"]
        lines = [
            words["title"],
            "",
            f"{words['number']}: {shown.number}",
            f"{words['person']}: {shown.person_id}",
            f"{words['asked']}: {_format_moment(shown, shown.asked_at)}",
            f"{words['finished']}: {end}",
        ]
        parts = {"looked": shown.looked, "reached": shown.reached}
        parts |= {"not_reached": shown.not_reached, "conditions": shown.conditions}
        for name, said in parts.items():
            if said:
                lines += ["", f"{words[name]}:", *(f"  - {line}" for line in said)]
        return "\n".join([*lines, ""])

    def settled(
        self, done: Sequence[CertificateLine], still: Sequence[CertificateLine], keys: frozenset[str]
    ) -> "Certificate":
        """With what was open under these keys decided: it is done, or still open."""
        left = [line for line in self.left if line.key not in keys]
        return replace(self, done=[*self.done, *done], left=[*still, *left])


def _format_moment(made: Certificate, moment: datetime) -> str:
    return f"{moment.astimezone(made.zone):%Y-%m-%d %H:%M:%S %Z}"


@contextmanager
def alone(services: Services) -> Iterator[None]:
    """Files of certificates are changed by one at a time meanwhile, in whatever process; the store is not asked."""
    folder = _folder(services)
    private_files.make_folder(folder)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def save(services: Services, made: Certificate) -> Path:
    """Write it where the officer finds it, as facts and as text; returns the text's path."""
    folder = _folder(services)
    private_files.make_folder(folder)
    tree = {
        "number": made.number,
        "person": made.person_id,
        "language": made.language,
        "asked": made.asked_at.isoformat(),
        "finished": made.finished_at and made.finished_at.isoformat(),
        **{name: [[one.key, dict(one.values)] for one in getattr(made, name)] for name in _PARTS},
    }
    private_files.write_secret(folder / f"{made.number}.json", json.dumps(tree, indent=1).encode() + b"\n")
    path = folder / f"{made.number}.txt"
    private_files.write_secret(path, made.text().encode())
    return path


def load(services: Services, number: str) -> Certificate:
    """The certificate of this number. Raises NotFound where there is none (yet)."""
    path = _folder(services) / f"{Path(number).name}.json"
    try:
        tree = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        raise NotFound(
            f"the certificate {number} is not among those that are kept in {path.parent}: put it back from where it "
            "was taken to"
        ) from None
    end = tree["finished"]
    parts = {name: [CertificateLine(key, values) for key, values in tree[name]] for name in _PARTS}
    asked, zone = datetime.fromisoformat(tree["asked"]), services.config.site.zone
    finished = datetime.fromisoformat(end) if end else None
    return Certificate(tree["number"], tree["person"], asked, tree["language"], zone, finished, **parts)


def find_of_person(services: Services, person_id: str) -> Certificate | None:
    """The certificate that speaks of this person."""
    for number in reversed(list_numbers(services)):
        with suppress(NotFound):  # somebody deleted it this moment, or it is no certificate
            if (found := load(services, number)).person_id == person_id:
                return found
    return None


def list_numbers(services: Services) -> list[str]:
    """The numbers of all certificates that are kept."""
    return sorted(path.stem for path in _folder(services).glob("*-*-*.json"))


_PARTS = ("looks", "done", "left", "provided")


def _folder(services: Services) -> Path:
    return services.config.path("{data}/certificates")


def _word_lines(lines: Iterable[CertificateLine], language: str) -> list[str]:
    words = Words("certificate", language)
    return [Template(words[one.key]).substitute(_word_values(one.values, words)) for one in lines]


def _word_values(values: Mapping[str, str | int], words: Mapping[str, str]) -> dict[str, str]:
    """Numbers as they are; places, and kinds of rows, by their words where they have some."""

    def said(part: str) -> str:
        kind, _, count = part.rpartition(" ")
        return f"{words[f'rows_{kind}']} {count}" if f"rows_{kind}" in words else words.get(f"field_{part}", part)

    return {name: ", ".join(map(said, str(value).split(", "))) for name, value in values.items()}
