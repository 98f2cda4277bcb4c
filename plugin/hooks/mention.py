"""Where a name was found in a DAM, and what was searched: lines of a certificate, which translates them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class CertificateLine:
    """A sentence of the certificate: a key of its catalogue, with values. It contains no name."""

    key: str
    values: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Mention:
    """A text that contains the name.

    `at`: a photograph, file or collection, as it may be shown; `fields`: where in it. `ref`: of the resource, if any.
    """

    at: str
    fields: tuple[str, ...]
    ref: str | None = None
    named: bool = False
    """The text is exactly the name, such as a keyword; else a longer text contains it."""


@dataclass(frozen=True)
class Mentions:
    """Every mention; what was searched, with the number found; what could not be searched."""

    found: tuple[Mention, ...] = ()
    looked: tuple[CertificateLine, ...] = ()
    unread: tuple[CertificateLine, ...] = ()
