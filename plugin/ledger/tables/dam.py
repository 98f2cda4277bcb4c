"""The tables of what a DAM was told, and of what we remember of it between two looks. See tables.py."""

from sqlalchemy import JSON, Boolean, Column, Index, Integer, Table, Text, UniqueConstraint, text

from plugin.ledger.tables.columns import BIG, NUMBERED, Day, Instant, PlaceList, metadata, person_id, resource_id

# The dates by channel that the DAM should show for a resource, and those last written.
statement = Table(
    "statement",
    metadata,
    resource_id(primary_key=True),
    Column("wanted", JSON, nullable=False),
    Column("wanted_at", Instant, nullable=False),
    Column("stated", JSON),
    Column("stated_at", Instant),  # null: not written yet
    Index(
        "ix_statement_untold",
        "resource_id",
        sqlite_where=text("stated_at IS NULL"),
        postgresql_where=text("stated_at IS NULL"),
    ),
)

# Which of a DAM's nodes a person's name was written as, by the address of the DAM: it keeps its number when
# it is renamed there.
dam_node = Table(
    "dam_node",
    metadata,
    Column("name", Text, primary_key=True),
    Column("number", BIG, primary_key=True),
    person_id(index=True),
)

# How far a DAM's log of changes was read, by the DAM's URL.
dam_cursor = Table(
    "dam_cursor",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", BIG, nullable=False),  # the highest row that was acknowledged
    Column("seen", JSON, nullable=False),  # acknowledged rows close to it, read again
    Column("moved_at", Instant, nullable=False),
    Column("marks", JSON),  # rows as they were, by number: a log set back has others
    Column("floors", JSON),  # of each time it was set back, the last row that stayed
    Column("set_back_at", Instant),  # when that was noticed last
    Column("heard_at", Instant),  # when everything was compared again
)

# The folder DAM's own memory of its files, so that a change is noticed without reading each again.
folder_file = Table(
    "folder_file",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("size", BIG, nullable=False),
    Column("mtime_ns", BIG, nullable=False),
    Column("sidecar_mtime_ns", BIG),
    Column("file_version", Text, nullable=False, index=True),
    Column("release_ours", Text),  # the release statement we wrote, if any
    Column("sidecar_ours", Boolean, nullable=False, default=False),  # we made the sidecar file
    Column(
        "kept", Boolean, nullable=False, default=False, server_default=text("false")
    ),  # its state is in folder_state, where we named somebody
    Column("ctime_ns", BIG),  # of the last change that the file system keeps
    Column("further", Text),  # version of its thumbnails; null: not noted yet
)

# States of files in which a name was ours: a hash of the file's bytes with the name, which names nobody without
# the file. A name in such a file came back with it.
folder_state = Table(
    "folder_state", metadata, Column("mark", Text, primary_key=True), Column("seen_at", Instant, nullable=False)
)

# Every decision about a collection, in order: appended, never changed.
ruling = Table(
    "ruling",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("collection_ref", Text, nullable=False, index=True),
    Column("title", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("basis", Text),
    Column("basis_reference", Text),
    Column("basis_by", Text),
    Column("basis_date", Day),
    Column("review_date", Day),
    Column("set_by", Text, nullable=False),
    Column("set_at", Instant, nullable=False),
    Column("why", Text, nullable=False),  # set, heard (in the DAM), followed (it moved), lost
    Column("moved_from", Text, index=True),  # the ref that it had until then, where that is it
    Column("members", Integer, nullable=False, default=0, server_default=text("0")),  # who had signed up for a shoot
    Column("shoot_id", Text, index=True),  # their list
    **NUMBERED,
)

# Who takes part in a shoot: lists that only grow. A row goes with its person, the rulings that it counts for stay.
shoot_person = Table(
    "shoot_person",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("shoot_id", Text, nullable=False),  # the list, named by a collection or by rulings
    person_id(index=True),
    Column("after_ruling", BIG, nullable=False),  # rulings up to this one did not mean them
    Column("entered_at", Instant, nullable=False),
    UniqueConstraint("shoot_id", "person_id"),
    **NUMBERED,
)

# Where a picture lay under rulings that it has left: moved or copied elsewhere it is not free of them. The rows of
# one `place` belong together.
former_place = Table(
    "former_place",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("place", Text, nullable=False),
    Column("file_version", Text, nullable=False, index=True),
    Column("collection_ref", Text, nullable=False, index=True),
    Column("since", Instant),  # when it came there; null: before that was noted
    Column("left_at", Instant, nullable=False),
    **NUMBERED,
)

# A name that we removed from a resource: if a restored DAM brings it back, it is removed again. Stored as a keyed
# hash with a key outside the store, so that it outlives an erasure and identifies nobody.
taken_off = Table(
    "taken_off",
    metadata,
    Column("id", BIG, primary_key=True),
    resource_id(index=True),
    Column("name_mac", Text, nullable=False, index=True),
    Column("places", PlaceList, nullable=False),  # where it was ours
    Column("position", BIG),  # of the DAM's log when it was taken off, where it has one
    Column("taken_at", Instant, nullable=False),
    UniqueConstraint("resource_id", "name_mac"),
    **NUMBERED,
)

# Names that a photograph may have: keyed hashes of all readings of its texts, with a key outside the store. Written
# when the photograph is read; in no backup.
name_word = Table(
    "name_word",
    metadata,
    Column("mac", BIG, primary_key=True, autoincrement=False),
    resource_id(primary_key=True, index=True),
    sqlite_with_rowid=False,
)

# Since when stored clearances of photographs that name somebody do not count, for one use; without a use: those of
# photographs on which the machine alone named them, or of those that rest on one reference set, and such faces name
# nobody. Rows stay until the stored clearances are recomputed.
cut = Table(
    "cut",
    metadata,
    Column("id", BIG, primary_key=True),
    person_id(index=True),
    Column("purpose", Text),
    Column("channel", Text),
    Column("cut_at", Instant, nullable=False),
    Column("set_id", Text),  # the set that was refused; null: not about one
    **NUMBERED,
)
