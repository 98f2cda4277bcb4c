"""The tables of photographs: where each lies, the names on it, and what it is cleared for."""

import unicodedata
from typing import TYPE_CHECKING

from sqlalchemy import Boolean, Column, Index, Table, Text, UniqueConstraint, text

from plugin.ledger.tables.columns import BIG, NUMBERED, Instant, PixelWidth, PlaceList, metadata, person_id, resource_id

if TYPE_CHECKING:
    from sqlalchemy.engine.default import DefaultExecutionContext

IN_ORDER = Text().with_variant(Text(collation="C"), "postgresql")
"""Text whose index finds beginnings, whatever the language of the database."""

_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"})


def fold_file_name(ref: str) -> str:
    """What two spellings of a file's name share: the last part of the path, without case, accents and outer spaces."""
    name = ref.replace("\\", "/").rstrip("/").rpartition("/")[2]
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    plain = "".join(sign for sign in apart if not unicodedata.combining(sign)).translate(_PLAIN)
    return " ".join(plain.split())


def _fold_ref(context: "DefaultExecutionContext") -> str:
    given: dict[str, object] = context.get_current_parameters()  # type: ignore[no-untyped-call]
    return fold_file_name(str(given["ref"]))


resource = Table(
    "resource",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("ref", Text, nullable=False, unique=True),
    Column("file_version", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),  # photo, other
    Column("examined", Text, nullable=False, default="no"),  # no, whole, partly
    Column("examined_reason", Text),  # why not, or why only partly
    Column("examined_at", Instant),
    Column("engine", Text),
    Column("matched", Boolean, nullable=False, default=False),  # encodings were compared
    Column("matched_generation", BIG, nullable=False, default=0),
    Column("released", Boolean),  # our last statement in the file, if any
    Column("seen_at", Instant, nullable=False),
    Column("deleted_at", Instant),
    Column("placed_at", Instant),  # since when it lies under the rulings above it
    Column("longest_px", PixelWidth),  # the longer side of the original; null: not known
    Column("unread", Text),  # why the names on it could not be read
    Column("further", Text),  # version of its other pictures; null: unknown
    Column("looked_px", PixelWidth),  # faces so wide in the file were looked for
    Column("indexed", Text),  # how its names were noted; null: not, or not all
    Column("file_key", IN_ORDER, default=_fold_ref),  # what its file is called, for whoever looks for it
    Index("ix_resource_file_key", "file_key", "id"),
    Index(
        "ix_resource_engine",
        "engine",
        "examined",
        sqlite_where=text("deleted_at IS NULL AND engine IS NOT NULL"),
        postgresql_where=text("deleted_at IS NULL AND engine IS NOT NULL"),
    ),
    Index(
        "ix_resource_examined",
        "examined",
        sqlite_where=text("deleted_at IS NULL"),
        postgresql_where=text("deleted_at IS NULL"),
    ),
    Index(
        "ix_resource_indexed",
        "indexed",
        sqlite_where=text("deleted_at IS NULL"),
        postgresql_where=text("deleted_at IS NULL"),
    ),
    Index(
        "ix_resource_unread",
        "ref",
        sqlite_where=text("unread IS NOT NULL"),
        postgresql_where=text("unread IS NOT NULL"),
    ),
    **NUMBERED,
)

resource_collection = Table(
    "resource_collection",
    metadata,
    resource_id(primary_key=True),
    Column("collection_ref", Text, primary_key=True),
    Index("ix_resource_collection_content", "collection_ref", "resource_id"),  # a collection's photographs, in order
)

# Resources that may lie in collections which the DAM does not show us: nothing is compared there.
resource_hidden = Table("resource_hidden", metadata, resource_id(primary_key=True))

tag = Table(
    "tag",
    metadata,
    Column("id", BIG, primary_key=True),
    resource_id(index=True),
    Column("node", Text, nullable=False),
    Column("node_key", Text, nullable=False, index=True),
    person_id(nullable=True, index=True),  # null: a name by hand that nobody has linked
    Column("origin", Text, nullable=False),  # machine, confirmed, hand, returned
    Column("places", PlaceList, nullable=False),  # where we wrote it; [] by hand
    Column("listed_at", Instant),  # by hand, of an ended person: shown to the editor
    Column("created_at", Instant, nullable=False),
    Column("set_id", Text),  # the reference set that the name rests on; null: none
    Column("kept_at", Instant),  # by hand, of an ended person: an editor kept it
    Column("kept_by", Text),
    UniqueConstraint("resource_id", "node_key"),
    Index(
        "ix_tag_machine",  # what nobody has confirmed, by person
        "person_id",
        "resource_id",
        sqlite_where=text("origin = 'machine'"),
        postgresql_where=text("origin = 'machine'"),
    ),
    **NUMBERED,
)

intent = Table(
    "intent",
    metadata,
    Column("id", BIG, primary_key=True),
    resource_id(index=True),
    person_id(index=True),
    Column("face_id", BIG),
    Column("node", Text, nullable=False),
    Column("action", Text, nullable=False),  # add, remove
    Column("origin", Text, nullable=False),  # machine, confirmed, hand (removals by decision)
    Column("places", PlaceList, nullable=False),
    Column("state", Text, nullable=False),  # open, done, undone, failed, void
    Column("generation", BIG, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("error", Text),
    Column("set_id", Text),  # as the tag's
    Index("ix_intent_open", "person_id", sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
    **NUMBERED,
)

clearance = Table(
    "clearance",
    metadata,
    resource_id(primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("valid_from", Instant, primary_key=True),
    Column("valid_until", Instant, nullable=False),  # half-open; no row is not cleared
    # All that a page or a count over the library reads, in the order of the pages.
    Index("ix_clearance_use", "purpose", "channel", "valid_until", "resource_id", "valid_from"),
)
