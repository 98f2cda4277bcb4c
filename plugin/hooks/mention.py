"""Where a name was found in a DAM, and what was looked at: for a certificate, in words that it translates."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CertificateLine:
    """A sentence of the certificate: a key of its words, with what is filled in. No name stands in it."""

    key: str
    values: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Mention:
    """A text in which the name stands. `at`: a photograph, a file or a collection as it may be shown; `fields`: where
    in it. `ref` is the resource's, where it is one."""

    at: str
    fields: tuple[str, ...]
    ref: str | None = None
    named: bool = False
    """The text is the name itself, as a keyword or a tag is; else it stands in a longer text."""


@dataclass(frozen=True)
class Mentions:
    """Everywhere the name stands; what was looked at, each with what was found there; what could not be looked at."""

    found: tuple[Mention, ...] = ()
    looked: tuple[CertificateLine, ...] = ()
    unread: tuple[CertificateLine, ...] = ()
