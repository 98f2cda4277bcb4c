"""The tables of what happens: the audit log, the queue, and the ids of events. See tables.py for the rest."""

from sqlalchemy import JSON, Boolean, Column, Index, Integer, Table, Text, text

from plugin.ledger.tables.columns import BIG, NUMBERED, Instant, metadata

audit = Table(
    "audit",
    metadata,
    Column("seq", BIG, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False, index=True),
    Column("action", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("subject", Text),  # HMAC of the person under a key of theirs
    Column("resource_id", BIG),
    Column("details", Text, nullable=False),  # canonical JSON without personal data
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index(
        "ix_audit_photo",
        "resource_id",
        "seq",
        sqlite_where=text("resource_id IS NOT NULL"),
        postgresql_where=text("resource_id IS NOT NULL"),
    ),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("seq", BIG, nullable=False),
    Column("hash", Text, nullable=False),
    Column("pruned_seq", BIG, nullable=False, default=0),
    Column("pruned_hash", Text, nullable=False),
)

job = Table(
    "job",
    metadata,
    Column("id", BIG, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),  # the resource or the person
    Column("payload", JSON, nullable=False),
    Column("priority", Integer, nullable=False, default=5),  # lower goes first
    Column("state", Text, nullable=False),  # queued, running, done, dead
    Column("again", Boolean, nullable=False, default=False),  # asked for once more while it ran
    Column("attempt", Integer, nullable=False, default=0),
    Column("run_after", Instant, nullable=False),
    Column("lease_until", Instant),
    Column("created_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("error", Text),
    Index("ix_job_claim", "state", "priority", "run_after", "id"),  # whole: many have the same moment
    Index(
        "ux_job_open",
        "kind",
        "key",
        unique=True,
        sqlite_where=text("state IN ('queued', 'running')"),
        postgresql_where=text("state IN ('queued', 'running')"),
    ),
    Index("ix_job_dead", "kind", "key", sqlite_where=text("state = 'dead'"), postgresql_where=text("state = 'dead'")),
    **NUMBERED,
)

event = Table(
    "event", metadata, Column("id", Text, primary_key=True), Column("received_at", Instant, nullable=False, index=True)
)
