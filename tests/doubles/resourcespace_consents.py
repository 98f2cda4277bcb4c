"""The double's plugin consentmanager, which a new installation has on: its rows, answers and oddities as recorded."""

import re
from collections.abc import Mapping
from typing import Any

from tests.doubles.resourcespace_state import Library, User

_FIELDS = (
    "name",
    "date_of_birth",
    "address",
    "parent_guardian_name",
    "email",
    "telephone",
    "consent_usage",
    "notes",
    "date_of_consent",
    "expires",
)
_DATES = {"date_of_birth", "date_of_consent", "expires"}
_OPTIONAL = {*_DATES, "address", "parent_guardian_name"}
_WARNING = {"error": True, "error_note": "Sorry, an error has occurred. "}


def _number(text: str | None) -> int:
    found = re.match(r"-?\d+", text or "")
    return int(found[0]) if found else 0


def _stored(name: str, p: Mapping[str, str]) -> str | None:
    """As MariaDB without strict mode takes it: what is no date becomes 0000-00-00; what is not given, null."""
    value = p.get("parent_guardian" if name == "parent_guardian_name" else name)
    if value is None:
        return None if name in _OPTIONAL else ""
    if name in _DATES and not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        return "0000-00-00"
    return value


class ConsentApi:
    """The functions of the plugin. `library.consents` holds the rows, `library.consent_links` (resource, consent)."""

    library: Library

    def _managing(self, user: User) -> bool:
        return user.may("t") or user.may("cm")

    def consentmanager_create_consent(self, user: User, p: Mapping[str, str]) -> Any:
        if not self._managing(user):
            return False
        ref = self.library.number("consent")
        self.library.consents[ref] = {
            "ref": ref,
            **{name: _stored(name, p) for name in _FIELDS},
            "file": None,
            "expiration_notice_sent": 0,
            "created_by": user.ref,
            "created_date": self.library.now(),
        }
        return ref

    def consentmanager_get_all_consents(self, user: User, p: Mapping[str, str]) -> Any:
        if not self._managing(user):
            return False
        wanted = p.get("findtext", "")
        found = [dict(row) for row in self.library.consents.values() if wanted.casefold() in row["name"].casefold()]
        if wanted:
            return found
        return [  # no bound parameters in the query: every value is a text
            {name: None if value is None else str(value) for name, value in row.items()} for row in found
        ]

    def consentmanager_get_consent(self, user: User, p: Mapping[str, str]) -> Any:
        row = self.library.consents.get(_number(p.get("consent")))
        if row is None or not self._managing(user):
            return False
        links = {resource for resource, consent in self.library.consent_links if consent == row["ref"]}
        return {**row, "resources": sorted(links)}

    def consentmanager_update_consent(self, user: User, p: Mapping[str, str]) -> Any:
        row = self.library.consents.get(_number(p.get("consent")))
        if row is None or not self._managing(user):
            return False
        row.update({name: _stored(name, p) for name in _FIELDS})  # what is left out is blanked
        return True

    def consentmanager_link_consent(self, user: User, p: Mapping[str, str]) -> Any:
        consent, resource = _number(p.get("consent")), _number(p.get("resource"))
        # Permission cm opens also what is not there; else it takes a resource that one may edit.
        allowed = user.may("cm") or resource in self.library.photos
        if consent not in self.library.consents or not allowed:
            return False
        self.library.consent_links.append((resource, consent))  # also a second time
        self.library.note(resource, "", user.ref, notes=f"New consent {consent}")
        return True

    def consentmanager_delete_consent(self, user: User, p: Mapping[str, str]) -> Any:
        ref = _number(p.get("ref"))
        if ref not in self.library.consents:
            return _WARNING
        if not self._managing(user):
            return False
        del self.library.consents[ref]
        self.library.consent_links = [link for link in self.library.consent_links if link[1] != ref]
        return True

    def consentmanager_save_file(self, user: User, p: Mapping[str, str]) -> Any:
        row = self.library.consents.get(_number(p.get("consent")))
        if not self._managing(user):
            return False
        if row is not None:
            row["file"] = p.get("filename", "")
        return True
