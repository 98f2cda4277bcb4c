"""The tables of the ledger. Times are aware datetimes in UTC, kept as microseconds since 1970."""

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Integer, Table, Text, UniqueConstraint, text

from plugin.ledger.tables.columns import BIG, Day, Instant, StrictBoolean, metadata, person_id
from plugin.ledger.tables.dam import (
    cut,
    dam_cursor,
    dam_node,
    folder_file,
    folder_state,
    former_place,
    name_word,
    ruling,
    shoot_person,
    statement,
    taken_off,
)
from plugin.ledger.tables.faces import engine, face, rejection
from plugin.ledger.tables.identities import address, awaited_answer, reference_set, visit
from plugin.ledger.tables.keys import erasure, house_key, person_key, sealed, shredding
from plugin.ledger.tables.log import audit, audit_head, event, job
from plugin.ledger.tables.photos import clearance, intent, resource, resource_collection, resource_hidden, tag
from plugin.ledger.tables.signing import api_token, code, form, idempotency, invitation, mail, request
from plugin.ledger.tables.staff import recovery_code, session, staff

__all__ = [
    "Instant",
    "address",
    "api_token",
    "audit",
    "audit_head",
    "awaited_answer",
    "clearance",
    "code",
    "cut",
    "dam_cursor",
    "dam_node",
    "engine",
    "erasure",
    "event",
    "face",
    "folder_file",
    "folder_state",
    "form",
    "former_place",
    "house_key",
    "idempotency",
    "intent",
    "invitation",
    "job",
    "mail",
    "metadata",
    "name_word",
    "person_key",
    "recovery_code",
    "reference_set",
    "rejection",
    "request",
    "resource",
    "resource_collection",
    "resource_hidden",
    "ruling",
    "sealed",
    "session",
    "shoot_person",
    "shredding",
    "staff",
    "statement",
    "tag",
    "taken_off",
    "visit",
]

# One row (id=1): counters that processes compare. `generation` moves with every change of who may
# be matched; `installed_at` and `last_seen` notice a clock set back.
state = Table(
    "state",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("generation", BIG, nullable=False),
    Column("installed_at", Instant, nullable=False),
    Column("last_seen", Instant, nullable=False),
    Column("last_sweep", Instant),
    Column("late_consent_at", Instant),
    Column("policy", Text),  # policy of the stored clearances
    Column("taken_off_at", Instant),  # since when names that we take off are remembered
    Column("ended_lines", BIG),  # how far ended.log was known to go; null: not yet known
    Column("ended_hash", Text),  # the chained hash over those lines
    Column("ended_anew_at", Instant),  # when it was restarted
    Column("texts_sealed_at", Instant),  # the file may hold bytes of text that was sealed then
    Column("closed_at", Instant),  # ended.log is not what was known: nothing is compared
    Column("closed_why", Text),  # missing, shorter, different
    Column("worked_at", Instant),  # when a worker, and no command, swept last
    Column("worked_as", Text),  # the configuration that it had
    Column("anew_after", BIG),  # of resources behind it no stored clearance counts yet
    Column("compared_after", BIG),  # how far the daily comparison has come; null: to the end
    Column("round_began_at", Instant),  # when its round began
    Column("round_ended_at", Instant),  # when one last came to its end
    Column("round_from", BIG),  # it goes past the end, to the resource that it began at
    Column("polled_at", Instant),  # when the last completely queued poll began
    Column("unreadable", BIG, nullable=False, default=0, server_default=text("0")),  # places that it could not read
)

# ---- people and what they agreed to -------------------------------------------------------

person = Table(
    "person",
    metadata,
    Column("id", Text, primary_key=True),  # random, pseudonymous
    Column("display_name", Text, nullable=False),
    Column("name_key", Text, nullable=False, unique=True),  # NFKC, casefolded, white space folded
    Column("node_adopted", Boolean, nullable=False, default=False),
    Column("language", Text, nullable=False, default="en"),
    Column("birth_date", Day),
    Column("objected_at", Instant),  # a child's own objection to recognition
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),  # when the last grant of any kind ended
    Column("namesake", Boolean, nullable=False, default=False, server_default=text("false")),  # name made to differ
    Column("self_entered", Boolean, nullable=False, default=False, server_default=text("false")),  # nobody said who
    Column("given_name", Text),  # as they gave it, where it was made to differ
    Column("of_age_at", Instant),  # declared to be of age, without a birth date
    Column("of_age_by", Text),  # who declared it
    Column("sought_at", Instant),  # when the index had no such name, by the machine's clock
    Column("doubted_at", Instant),  # since when it may be on unread photographs
)

guardian = Table(
    "guardian",
    metadata,
    Column("id", Text, primary_key=True),
    person_id(index=True),
    Column("created_at", Instant, nullable=False),  # name and contact: sealed, kind guardian
)

quitclaim = Table(
    "quitclaim",
    metadata,
    Column("id", Text, primary_key=True),
    person_id(index=True),
    Column("version", Integer, nullable=False),  # 1, 2, ... a person
    Column("text_version", Text, nullable=False),
    Column("text_sha256", Text),
    Column("language", Text, nullable=False),
    Column("method", Text, nullable=False),  # paper, link, import, sample
    Column("signed_by_person", StrictBoolean, nullable=False),
    Column("signed_by_guardians", JSON, nullable=False),  # list of guardian ids
    Column("signed_at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("superseded_at", Instant),
    Column("form_id", Text),  # the form that was signed by link, else null
    UniqueConstraint("person_id", "version"),
)

grant = Table(
    "grant_line",
    metadata,
    Column("id", Text, primary_key=True),
    Column("quitclaim_id", Text, ForeignKey("quitclaim.id"), nullable=False, index=True),
    person_id(index=True),
    Column("kind", Text, nullable=False),  # recognition, publication
    Column("purpose", Text),  # publication only
    Column("channel", Text),  # publication only
    Column("valid_from", Instant, nullable=False),
    Column("valid_until", Instant),  # as signed; null: no end
    Column("ended_at", Instant),  # earlier end, whatever its kind
    Column("ended_kind", Text),  # withdrawn, restricted, superseded, lapsed, objected
    Column("settled_at", Instant, index=True),  # the consequences of the end are committed
    Column("basis", Text),  # consent (null), contract
)

# ---- the DAM's side -----------------------------------------------------------------------

collection = Table(
    "collection",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("mode", Text, nullable=False, default="off"),  # off, detect, suggest, auto, never
    Column("basis", Text),  # all-asked, shoot, controller
    Column("basis_reference", Text),  # evidence; for controller the DPIA reference
    Column("basis_by", Text),
    Column("basis_date", Day),
    Column("review_date", Day),
    Column("set_by", Text, nullable=False),
    Column("set_at", Instant, nullable=False),
    Column("identity", Text),  # the DAM's own mark of it, which outlives its name
    Column("lost_at", Instant),  # it is not where it was, and could not be followed
    Column("lost_below", Text, index=True),  # where nothing is compared because of that
    Column("shoot_id", Text, index=True),  # the list of who takes part, for a shoot
)
