"""Reads the consents of the plugin consentmanager; it has no call that writes.

A consent has a name, mediums, days, and linked resources. It does not say which person it belongs to.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from plugin.errors import DamError
from plugin.hooks.resourcespace.api.answers import (
    JsonObject,
    NoSuchFunction,
    Refused,
    expect_int,
    expect_object,
    expect_objects,
)

if TYPE_CHECKING:
    from plugin.hooks.resourcespace.api.client import Client

# What makes a consent what it is. Not whether a notice was sent, nor the links, which change without it.
_SAID: tuple[str, ...] = ("ref", "name", "date_of_birth", "parent_guardian_name", "email", "consent_usage")
_SAID += ("notes", "file", "date_of_consent", "expires", "created_date")


@dataclass(frozen=True)
class ServerConsent:
    """One consent on the server: texts as they are, "" for empty; `raw` is its JSON.

    `resources`: the linked numbers, deleted resources included; None if not queried.
    """

    ref: int
    name: str
    birth_date: str
    guardian: str
    email: str
    usage: str
    signed: str
    expires: str
    created: str
    file: str
    fingerprint: str
    raw: bytes
    resources: tuple[int, ...] | None = None


class Consents:
    """Two calls: the list, and one by its number."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    @property
    def server(self) -> str:
        """The server's name: consent numbers are unique only there."""
        return self._client.base.name

    def all(self) -> list[ServerConsent]:
        """Every consent, by number. Raises DamError; Refused without the permission."""
        with _explain_inactive():
            found = self._client.ask("consentmanager_get_all_consents", _parse_list, findtext="")
        if found is None:
            raise Refused(
                "the account may not read consents: give its group the permission cm (Manage consents) in the DAM"
            )
        return sorted(found, key=lambda form: form.ref)

    def one(self, ref: int) -> ServerConsent | None:
        """One consent with its links; None where it is gone, or not readable for us."""
        with _explain_inactive():
            return self._client.ask("consentmanager_get_consent", _parse_single, consent=ref)


@contextmanager
def _explain_inactive() -> Iterator[None]:
    try:
        yield
    except NoSuchFunction:
        raise DamError("the plugin consentmanager is not active in the DAM: there is nothing to read") from None


def _parse_list(answer: object) -> list[ServerConsent] | None:
    return None if answer is False else [_parse_consent(one) for one in expect_objects(answer)]


def _parse_single(answer: object) -> ServerConsent | None:
    return None if answer is False else _parse_consent(expect_object(answer))


def _parse_consent(found: JsonObject) -> ServerConsent:
    """The list returns numbers as text, a single consent as numbers: the result is the same."""

    def text(name: str) -> str:
        value = found.get(name)
        return "" if value is None else str(value)

    said = json.dumps([text(name) for name in _SAID]).encode()
    links = found.get("resources")
    name, birth_date, guardian = text("name"), text("date_of_birth"), text("parent_guardian_name")
    person = name, birth_date, guardian, text("email"), text("consent_usage")
    stated = text("date_of_consent"), text("expires"), text("created_date"), text("file")
    fingerprint = "sha256:" + sha256(said).hexdigest()
    raw = json.dumps(found, ensure_ascii=False, sort_keys=True).encode()
    linked = tuple(expect_int(ref) for ref in links) if isinstance(links, list) else None
    return ServerConsent(expect_int(found.get("ref")), *person, *stated, fingerprint, raw, linked)
