"""What each text column may contain: the one list for sealing, searching and documentation.

A test fails for a column that is not listed.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from sqlalchemy import JSON, Column, Table, Text

from plugin.ledger import tables as t
from plugin.ledger.tables.columns import stored_type


class Holds(StrEnum):
    """What a column may contain, which decides how it is stored."""

    WORD = "word"
    """Ids, hashes, our own and configured words: no personal data. Plain everywhere."""
    ACCOUNT = "account"
    """Who of the staff acted. Plain everywhere."""
    NAME = "name"
    """Names of people. Plain in the store; in a backup sealed under their record key."""
    TEXT = "text"
    """Typed text. Sealed in the store; sealed again in a backup, so that equal texts look different."""
    PLACE = "place"
    """Paths and titles, which may contain names. Plain in the store; sealed in a backup."""
    MIXED = "mixed"
    """Labels and output of programs, which may quote names or paths. Plain in the store; sealed in a backup."""


_NOT_WORDS: Mapping[str, Mapping[Holds, tuple[str, ...]]] = {
    "api_token": {Holds.TEXT: ("label",), Holds.ACCOUNT: ("created_by",)},
    "audit": {Holds.ACCOUNT: ("actor",)},
    "collection": {
        Holds.PLACE: ("ref", "title", "lost_below"),
        Holds.TEXT: ("basis_reference", "basis_by"),
        Holds.ACCOUNT: ("set_by",),
    },
    "dam_cursor": {Holds.MIXED: ("name", "seen", "marks", "floors")},
    "dam_node": {Holds.MIXED: ("name",)},
    "erasure": {Holds.ACCOUNT: ("asked_by",)},
    "folder_file": {Holds.PLACE: ("ref",), Holds.MIXED: ("release_ours",)},
    "form": {Holds.ACCOUNT: ("created_by",)},
    "former_place": {Holds.PLACE: ("place", "collection_ref")},
    "idempotency": {Holds.TEXT: ("body",)},
    "job": {Holds.MIXED: ("key", "payload", "error")},
    "person": {Holds.NAME: ("display_name", "name_key", "given_name"), Holds.ACCOUNT: ("of_age_by",)},
    "resource": {Holds.PLACE: ("ref", "file_key"), Holds.MIXED: ("examined_reason",)},
    "ruling": {
        Holds.PLACE: ("collection_ref", "title", "moved_from"),
        Holds.TEXT: ("basis_reference", "basis_by"),
        Holds.ACCOUNT: ("set_by",),
    },
    "session": {Holds.ACCOUNT: ("user", "subject"), Holds.TEXT: ("renewal",), Holds.PLACE: ("limits",)},
    "staff": {Holds.ACCOUNT: ("name", "created_by"), Holds.PLACE: ("collections",), Holds.TEXT: ("totp",)},
    "recovery_code": {Holds.ACCOUNT: ("staff_name",)},
    "engine": {Holds.PLACE: ("card", "yunet")},
    "address": {Holds.ACCOUNT: ("entered_by", "account", "confirmed_by"), Holds.TEXT: ("reason",)},
    "face": {Holds.TEXT: ("reason",), Holds.ACCOUNT: ("decided_by",)},
    "intent": {Holds.NAME: ("node",), Holds.MIXED: ("error",)},
    "invitation": {Holds.PLACE: ("collection_ref",), Holds.ACCOUNT: ("created_by",)},
    "mail": {Holds.MIXED: ("error",)},
    "quitclaim": {Holds.MIXED: ("text_version", "method"), Holds.ACCOUNT: ("recorded_by",)},
    "reference_set": {Holds.ACCOUNT: ("added_by", "invited_by", "vouched_by", "refused_by")},
    "rejection": {Holds.ACCOUNT: ("by",)},
    "request": {Holds.ACCOUNT: ("asked_by", "decided_by"), Holds.TEXT: ("reason",)},
    "resource_collection": {Holds.PLACE: ("collection_ref",)},
    "tag": {Holds.NAME: ("node", "node_key"), Holds.ACCOUNT: ("kept_by",)},
}

_WORDS: Mapping[str, tuple[str, ...]] = {
    "api_token": ("id", "secret_sha256", "scopes", "tools"),
    "audit": ("action", "subject", "details", "previous", "hash"),
    "audit_head": ("hash", "pruned_hash"),
    "collection": ("mode", "basis", "identity", "shoot_id"),
    "dam_node": ("person_id",),
    "erasure": ("number", "person_id", "held"),  # always sealed under the house's key, in no backup
    "engine": ("role", "id", "going"),
    "event": ("id",),
    "folder_file": ("file_version", "further"),
    "folder_state": ("mark",),
    "form": ("id", "name", "body", "sha256"),
    "former_place": ("file_version",),
    "house_key": ("purpose",),
    "idempotency": ("id", "request_sha256"),
    "job": ("kind", "state"),
    "awaited_answer": ("person_id",),
    "person": ("id", "language"),
    "resource": ("file_version", "kind", "examined", "engine", "unread", "further", "indexed"),
    "ruling": ("mode", "basis", "why", "shoot_id"),
    "session": ("id_sha256", "role", "language", "door"),
    "recovery_code": ("code_sha256",),
    "staff": ("role", "link_sha256", "password"),
    "shredding": ("person_id", "purpose", "how"),
    "state": ("policy", "ended_hash", "closed_why", "worked_as"),
    "address": ("id", "person_id", "guardian_id", "quitclaim_id", "confirmed_how"),
    "clearance": ("purpose", "channel"),
    "cut": ("person_id", "purpose", "channel", "set_id"),
    "face": ("file_version", "state", "dismissal", "person_id", "thresholds", "engine", "set_id", "act"),
    "guardian": ("id", "person_id"),
    "intent": ("person_id", "action", "origin", "places", "state", "set_id"),
    "invitation": (
        "id",
        "kind",
        "token_sha256",
        "form_id",
        "person_id",
        "guardian_id",
        "language",
        "address_id",
        "quitclaim_id",
    ),
    "mail": ("id", "cause", "kind", "person_id", "data", "language", "state"),
    "person_key": ("person_id", "purpose"),
    "quitclaim": ("id", "person_id", "text_sha256", "language", "signed_by_guardians", "form_id"),
    "reference_set": (
        "id",
        "person_id",
        "came_by",
        "invitation_id",
        "mark",
        "vouched_how",
        "near_id",
        "missed_engine",
        "missed_why",
    ),
    "rejection": ("person_id", "file_version"),
    "request": ("id", "person_id", "kind", "outcome"),
    "sealed": ("id", "person_id", "purpose", "kind", "subject", "engine"),
    "shoot_person": ("shoot_id", "person_id"),
    "statement": ("wanted", "stated"),
    "tag": ("person_id", "origin", "places", "set_id"),
    "taken_off": ("name_mac", "places"),
    "visit": ("id_sha256", "invitation_id", "person_id", "device"),
    "code": ("id", "invitation_id", "code_sha256", "address_sha256"),
    "grant_line": ("id", "quitclaim_id", "person_id", "kind", "purpose", "channel", "ended_kind", "basis"),
}


def find_holds(column: "Column[object]") -> Holds:
    """What a text column may contain. Raises KeyError for an unlisted one."""
    table = column.table.name
    for holds, names in _NOT_WORDS.get(table, {}).items():
        if column.name in names:
            return holds
    if column.name in _WORDS.get(table, ()):
        return Holds.WORD
    raise KeyError(f"{table}.{column.name}: say in plugin/ledger/tables/column_contents.py what it may hold")


def list_columns(*holds: Holds) -> "Iterator[tuple[Table, Column[object]]]":
    """Every text column that may contain one of these, table by table; all text columns for none given."""
    for table in t.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(stored_type(column), Text | JSON) and (not holds or find_holds(column) in holds):
                yield table, column
