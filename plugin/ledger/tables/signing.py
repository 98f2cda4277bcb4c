"""The tables of what people are asked, how they are reached, and who of the staff comes in. See tables.py."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from plugin.ledger.tables.columns import Day, Instant, JsonList, metadata, person_id

# A form (quitclaim template) as the organisation composed it; a change is a new version.
form = Table(
    "form",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),  # 1, 2, ... a name
    Column("body", JSON, nullable=False),  # texts by language, lines, duration, options
    Column("sha256", Text, nullable=False),  # of the canonical JSON of `body`
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("retired_at", Instant),  # no new invitation asks for it
    UniqueConstraint("name", "version"),
)

# A link: to sign, to renew, for a shoot (many people, one code), to a person's own page, or (a key) to one version.
invitation = Table(
    "invitation",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # sign, renew, majority, shoot, key, page
    Column("token_sha256", Text, nullable=False, unique=True),
    Column("form_id", Text, ForeignKey("form.id")),  # null: a page
    person_id(nullable=True, index=True),  # null: a shoot
    Column("guardian_id", Text),  # addressed to this guardian of the person
    Column("collection_ref", Text),  # the collection of a shoot
    Column("language", Text, nullable=False),
    Column("by_mail", Boolean, nullable=False, default=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("most_uses", Integer),  # null: no limit
    Column("uses", Integer, nullable=False, default=0),
    Column("used_at", Instant),  # the last time
    Column("revoked_at", Instant),
    Column("reminded", Integer, nullable=False, default=0),  # how often
    Column("reminded_at", Instant),
    Column("address_id", Text),  # delivered to this address alone; null: handed over
    Column("quitclaim_id", Text, index=True),  # a key: to what was signed in that visit
    Column("may_replace", Boolean, nullable=False, default=False, server_default=text("false")),  # by its maker's right
    Column("face_id", BigInteger),  # made from this face of a photograph; a number, and nothing of the face
    Index(
        "ix_invitation_face_id",
        "face_id",
        sqlite_where=text("face_id IS NOT NULL"),
        postgresql_where=text("face_id IS NOT NULL"),
    ),
)

# A one-time code that was mailed to the holder of a link.
code = Table(
    "code",
    metadata,
    Column("id", Text, primary_key=True),
    Column("invitation_id", Text, ForeignKey("invitation.id"), nullable=False, index=True),
    Column("code_sha256", Text, nullable=False),
    Column("address_sha256", Text, nullable=False),  # keyed: the address it was sent to
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("used_at", Instant),
)

# A mail to be sent: once a cause. Address and words are sealed under the person's record key (kind "mail",
# subject: its id) and go when it is sent; its Message-ID is made of its id, so that it stays the same.
mail = Table(
    "mail",
    metadata,
    Column("id", Text, primary_key=True),
    Column("cause", Text, nullable=False, unique=True),  # such as receipt:QUITCLAIM, end:QUITCLAIM:60
    Column("kind", Text, nullable=False),
    person_id(nullable=True, index=True),  # null: to the owner
    Column("data", JSON, nullable=False),  # ids and days, no personal data
    Column("language", Text, nullable=False),
    Column("state", Text, nullable=False),  # queued, sent, dropped (its cause is gone), failed
    Column("created_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("error", Text),
)

# What a person asked for that somebody of the staff decides on.
request = Table(
    "request",
    metadata,
    Column("id", Text, primary_key=True),
    person_id(index=True),
    Column("kind", Text, nullable=False),  # erasure
    Column("asked_at", Instant, nullable=False),
    Column("asked_by", Text, nullable=False),  # person, guardian
    Column("due_on", Day, nullable=False),
    Column("decided_at", Instant),
    Column("decided_by", Text),
    Column("outcome", Text),  # done, refused
    Column("reason", Text),  # of a refusal
    Index(
        "ix_request_open",
        "due_on",
        sqlite_where=text("decided_at IS NULL"),
        postgresql_where=text("decided_at IS NULL"),
    ),
)

# What a program may do that calls /api/v1.
api_token = Table(
    "api_token",
    metadata,
    Column("id", Text, primary_key=True),
    Column("label", Text, nullable=False),
    Column("secret_sha256", Text, nullable=False, unique=True),
    Column("scopes", JsonList, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", Instant),
    Column("revoked_at", Instant),
    Column("used_at", Instant),
    Column("tools", JsonList, nullable=False, default=list, server_default=text("'[]'")),  # what it may claim to be
)

# What a POST with an Idempotency-Key did: the answer is given again, not the effect.
idempotency = Table(
    "idempotency",
    metadata,
    Column("id", Text, primary_key=True),  # SHA-256 of token id and key
    Column("request_sha256", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("body", JSON, nullable=False),  # the answer, sealed: it may repeat what was typed
    Column("created_at", Instant, nullable=False, index=True),
)
