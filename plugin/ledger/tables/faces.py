"""The tables of what was seen: faces, and who they are not. See tables.py."""

from sqlalchemy import JSON, Column, Float, Index, Integer, Table, Text, text

from plugin.ledger.tables.columns import BIG, NUMBERED, Fraction, Instant, PixelWidth, metadata, person_id, resource_id

_PLAIN = "substr(reason, 1, 7) <> 'sealed:' OR length(reason) < 64 OR replace(reason, ' ', '') <> reason"

face = Table(
    "face",
    metadata,
    Column("id", BIG, primary_key=True),
    resource_id(index=True),
    Column("file_version", Text, nullable=False),
    Column("left", Float, nullable=False),
    Column("top", Float, nullable=False),
    Column("width", Float, nullable=False),
    Column("height", Float, nullable=False),
    Column("width_px", PixelWidth, nullable=False),  # in the picture as detected
    Column("state", Text, nullable=False),  # matched, suggested, unmatched, rejected, dismissed
    person_id(nullable=True),  # matched or suggested
    Column("distance", Float),  # rounded to two places; suggestions only
    Column("thresholds", JSON),  # suggestions only, with why it is no more than one
    Column("engine", Text),
    Column("reason", Text),  # what was said of a dismissal
    Column("decided_by", Text),
    Column("decided_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("set_id", Text),  # the reference set that the match rests on; null: none
    Column("file_px", PixelWidth),  # its width in the original; null: not known
    Column("dismissal", Text),  # by the list; null: dismissed before there was one
    Column("act", Text),  # of an editor at the light table, which decided it together with others; null: no such
    Index("ix_face_act", "act", sqlite_where=text("act IS NOT NULL"), postgresql_where=text("act IS NOT NULL")),
    Index("ix_face_state", "state", "id"),  # what waits, in order; and how many there are
    # With the state, or SQLite goes through all faces of a state to find a person's.
    Index("ix_face_person", "person_id", "state"),
    Index("ix_face_plain", "id", sqlite_where=text(_PLAIN), postgresql_where=text(_PLAIN)),  # free_text.is_unsealed
    **NUMBERED,
)

rejection = Table(
    "rejection",
    metadata,
    Column("id", BIG, primary_key=True),
    resource_id(index=True),
    person_id(index=True),
    Column("file_version", Text, nullable=False),
    Column("left", Fraction),  # null: no box, holds for the resource
    Column("top", Fraction),
    Column("width", Fraction),
    Column("height", Fraction),
    Column("by", Text, nullable=False),
    Column("at", Instant, nullable=False),
    **NUMBERED,
)

# Which engine recognises people, in every process; which one takes its place once all references were encoded by it;
# and which one was chosen where the configuration leaves it open. At most one of each.
engine = Table(
    "engine",
    metadata,
    Column("role", Text, primary_key=True),  # serving, wanted, chosen
    Column("id", Text, nullable=False),  # that templates bear; "": of the one that was chosen
    Column("card", Text, nullable=False),  # a name, or the path of a site's own; "": no card here is this engine's
    Column("yunet", Text, nullable=False),  # the path of the detector's weights; "": the other detector
    Column("going", Text, nullable=False),  # on, paused, held (too many cannot be encoded), anyway
    Column("since", Instant, nullable=False),
    Column("counted", Integer),  # the generation whose look-alikes were counted: so many are `barred` of `compared`
    Column("barred", Integer),
    Column("compared", Integer),
)
