"""The tables of keys, of what they seal, and of what was erased with them. See tables.py."""

from sqlalchemy import Column, Integer, LargeBinary, Table, Text

from plugin.ledger.tables.columns import BIG, NUMBERED, Instant, KeyVersion, metadata, person_id

person_key = Table(
    "person_key",
    metadata,
    person_id(primary_key=True),
    Column("purpose", Text, primary_key=True),  # face, record
    Column("wrapped", LargeBinary, nullable=False),
    Column("master_version", KeyVersion, nullable=False, index=True),
    Column("created_at", Instant, nullable=False),
)

# The key that seals text which belongs to no person, and covers what a backup says of photographs.
house_key = Table(
    "house_key",
    metadata,
    Column("purpose", Text, primary_key=True),  # house
    Column("wrapped", LargeBinary, nullable=False),
    Column("master_version", KeyVersion, nullable=False, index=True),
    Column("created_at", Instant, nullable=False),
)

sealed = Table(
    "sealed",
    metadata,
    Column("id", Text, primary_key=True),
    person_id(index=True),
    Column("purpose", Text, nullable=False),  # which key seals it: face, record
    Column("kind", Text, nullable=False),  # template, reference, evidence, contact, guardian...
    Column("subject", Text),  # quitclaim or guardian id, or null
    Column("engine", Text, nullable=False, default=""),  # engine id, where it binds
    Column("version", Integer, nullable=False, default=1),  # of the sealed form
    Column("body", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
)

shredding = Table(
    "shredding",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("person_id", Text, nullable=False, index=True),  # no foreign key: outlives the person
    Column("purpose", Text, nullable=False),
    Column("master_version", KeyVersion, nullable=False),  # the last that wrapped the key
    Column("unusable_at", Instant, nullable=False),
    Column("shredded_at", Instant),
    Column("how", Text),  # checkpoint, rotation
    **NUMBERED,
)

# Erasures by the number of their certificate, which the person gets. Names nobody.
erasure = Table(
    "erasure",
    metadata,
    Column("number", Text, primary_key=True),
    Column("person_id", Text, nullable=False, index=True),  # no foreign key: outlives the person
    Column("asked_at", Instant, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("finished_at", Instant),
    Column("held", Text),  # until it is finished and told: sealed for the house
)
