"""The tables of how we know who somebody is, and by which visits people come in. See tables.py."""

from sqlalchemy import Boolean, Column, Integer, LargeBinary, Table, Text, text

from plugin.ledger.tables.columns import Instant, metadata, person_id

# Reference photographs that came together, and how the house knows that they show the person. The pictures and
# their template are sealed rows with this id as subject; this row outlives them, so that a match keeps what it
# rested on.
reference_set = Table(
    "reference_set",
    metadata,
    Column("id", Text, primary_key=True),
    person_id(index=True),
    Column("came_by", Text, nullable=False),  # link (declared), staff (chosen by the staff)
    Column("added_at", Instant, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("invitation_id", Text),  # the link that they came by
    Column("invited_by", Text),  # who made that link
    Column("mark", Text),  # shown to who signed at a shoot, and to the staff
    Column("vouched_at", Instant),  # null: declared
    Column("vouched_by", Text),
    Column("vouched_how", Text),  # met, badge, personnel, photographs, chosen
    Column("refused_at", Instant),  # the staff said that they do not show the person
    Column("refused_by", Text),
    Column("near_id", Text),  # somebody enrolled whom they resemble: a task
    Column("ended_at", Instant),  # pictures and template are gone
    Column("missed_engine", Text),  # that can make no template of them
    Column("missed_why", Text),  # refused, damaged, none
)

# An address of a person, or of a guardian of theirs: the address itself is sealed (contact, guardian), this says
# who entered it, and whether it opens the full page. The newest that is not retired is the one on file.
address = Table(
    "address",
    metadata,
    Column("id", Text, primary_key=True),
    person_id(index=True),
    Column("guardian_id", Text),  # null: the person's own
    Column("entered_by", Text, nullable=False),  # an account; or person, guardian: typed by a holder
    Column("entered_at", Instant, nullable=False),
    Column("account", Text),  # the account of the link, where its holder typed it
    Column("quitclaim_id", Text),  # what was signed in the visit in which it was typed
    Column("opens_at", Instant),  # it replaced another: no full page before this
    Column("confirmed_at", Instant),
    Column("confirmed_by", Text),
    Column("confirmed_how", Text),  # first letter, other account, recognised
    Column("reason", Text),  # where the account that entered it confirmed it
    Column("retired_at", Instant),
)

# A visit of somebody who opened a link. The browser holds its token; what the visit remembers is sealed under it.
# The row goes when the visit ends.
visit = Table(
    "visit",
    metadata,
    Column("id_sha256", Text, primary_key=True),
    Column("invitation_id", Text, nullable=False, index=True),
    person_id(nullable=True, index=True),
    Column("full", Boolean, nullable=False, default=False, server_default=text("false")),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("device", Text),  # phone, tablet, computer: what its holder may recall
    Column("version", Integer, nullable=False, default=1),  # of the sealed form
    Column("body", LargeBinary),
)

# Whose answer would clear most photographs, and how many: where theirs is the only one that is missing. Counted each
# hour, for the first page of the staff.
awaited_answer = Table(
    "awaited_answer",
    metadata,
    person_id(primary_key=True),
    Column("photographs", Integer, nullable=False),
    Column("counted_at", Instant, nullable=False),
)
