"""Names in the DAM: which ones stand there, what is meant to be written, and which uses are cleared by them."""

from sqlalchemy import Column, Index, Table, Text, UniqueConstraint, text

from plugin.ledger.tables.columns import BIG, NUMBERED, Instant, PlaceList, metadata, person_id, resource_id

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
