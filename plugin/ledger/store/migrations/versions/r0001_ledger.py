"""The ledger as it began."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

MOMENT = sa.BigInteger()  # microseconds since 1970
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT, INT, BOOL, DATE = sa.Text(), sa.Integer(), sa.Boolean(), sa.Date()


def upgrade() -> None:
    """Make every table."""
    for make in _TABLES:
        make()


def downgrade() -> None:
    """Leave nothing of ours."""
    for make in reversed(_TABLES):
        op.drop_table(make.__name__.removeprefix("_"))


def _need(name: str, kind: sa.types.TypeEngine[Any], *more: Any, **options: Any) -> "sa.Column[Any]":
    return sa.Column(name, kind, *more, nullable=False, **options)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _audit() -> None:
    op.create_table(
        "audit", _need("seq", BIG, autoincrement=False), _need("at", MOMENT), _need("action", TEXT),
        _need("actor", TEXT), sa.Column("subject", TEXT), sa.Column("resource_id", BIG),
        _need("details", TEXT), _need("previous", TEXT), _need("hash", TEXT),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )  # fmt: skip
    op.create_index("ix_audit_at", "audit", ["at"])


def _audit_head() -> None:
    op.create_table(
        "audit_head", _need("id", INT), _need("seq", BIG), _need("hash", TEXT),
        _need("pruned_seq", BIG), _need("pruned_hash", TEXT),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )  # fmt: skip


def _collection() -> None:
    op.create_table(
        "collection", _need("ref", TEXT), _need("title", TEXT), _need("mode", TEXT),
        sa.Column("basis", TEXT), sa.Column("basis_reference", TEXT), sa.Column("basis_by", TEXT),
        sa.Column("basis_date", DATE), sa.Column("review_date", DATE), _need("set_by", TEXT),
        _need("set_at", MOMENT), sa.PrimaryKeyConstraint("ref", name="pk_collection"),
    )  # fmt: skip


def _event() -> None:
    op.create_table(
        "event", _need("id", TEXT), _need("received_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
    )  # fmt: skip
    op.create_index("ix_event_received_at", "event", ["received_at"])


def _folder_file() -> None:
    op.create_table(
        "folder_file", _need("ref", TEXT), _need("size", BIG), _need("mtime_ns", BIG),
        sa.Column("sidecar_mtime_ns", BIG), _need("file_version", TEXT),
        sa.Column("release_ours", TEXT), _need("sidecar_ours", BOOL),
        sa.PrimaryKeyConstraint("ref", name="pk_folder_file"),
    )  # fmt: skip
    op.create_index("ix_folder_file_file_version", "folder_file", ["file_version"])


def _job() -> None:
    op.create_table(
        "job", _need("id", BIG), _need("kind", TEXT), _need("key", TEXT), _need("payload", sa.JSON()),
        _need("priority", INT), _need("state", TEXT), _need("again", BOOL), _need("attempt", INT),
        _need("run_after", MOMENT), sa.Column("lease_until", MOMENT), _need("created_at", MOMENT),
        sa.Column("finished_at", MOMENT), sa.Column("error", TEXT),
        sa.PrimaryKeyConstraint("id", name="pk_job"), sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("ix_job_claim", "job", ["state", "priority", "run_after"])
    op.create_index("ux_job_open", "job", ["kind", "key"], unique=True, **_where("state IN ('queued', 'running')"))


def _person() -> None:
    op.create_table(
        "person", _need("id", TEXT), _need("display_name", TEXT), _need("name_key", TEXT),
        _need("node_adopted", BOOL), _need("language", TEXT), sa.Column("birth_date", DATE),
        sa.Column("objected_at", MOMENT), _need("created_at", MOMENT), sa.Column("ended_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
        sa.UniqueConstraint("name_key", name="uq_person_name_key"),
    )  # fmt: skip


def _resource() -> None:
    op.create_table(
        "resource", _need("id", BIG), _need("ref", TEXT), _need("file_version", TEXT),
        _need("kind", TEXT), _need("examined", TEXT), sa.Column("examined_reason", TEXT),
        sa.Column("examined_at", MOMENT), sa.Column("engine", TEXT), _need("matched", BOOL),
        _need("matched_generation", BIG), sa.Column("released", BOOL), _need("seen_at", MOMENT),
        sa.Column("deleted_at", MOMENT), sa.PrimaryKeyConstraint("id", name="pk_resource"),
        sa.UniqueConstraint("ref", name="uq_resource_ref"), sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("ix_resource_file_version", "resource", ["file_version"])


def _shredding() -> None:
    op.create_table(
        "shredding", _need("id", BIG), _need("person_id", TEXT), _need("purpose", TEXT),
        _need("master_version", INT), _need("unusable_at", MOMENT), sa.Column("shredded_at", MOMENT),
        sa.Column("how", TEXT), sa.PrimaryKeyConstraint("id", name="pk_shredding"),
        sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("ix_shredding_person_id", "shredding", ["person_id"])


def _state() -> None:
    op.create_table(
        "state", _need("id", INT), _need("generation", BIG), _need("installed_at", MOMENT),
        _need("last_seen", MOMENT), sa.Column("last_sweep", MOMENT),
        sa.Column("late_consent_at", MOMENT), sa.PrimaryKeyConstraint("id", name="pk_state"),
    )  # fmt: skip


def _clearance() -> None:
    op.create_table(
        "clearance", _need("resource_id", BIG, sa.ForeignKey("resource.id")), _need("purpose", TEXT),
        _need("channel", TEXT), _need("valid_from", MOMENT), _need("valid_until", MOMENT),
        sa.PrimaryKeyConstraint("resource_id", "purpose", "channel", "valid_from", name="pk_clearance"),
    )  # fmt: skip
    op.create_index("ix_clearance_channel", "clearance", ["channel", "purpose", "valid_until"])


def _face() -> None:
    op.create_table(
        "face", _need("id", BIG), _need("resource_id", BIG, sa.ForeignKey("resource.id")),
        _need("file_version", TEXT), _need("left", sa.Float()), _need("top", sa.Float()),
        _need("width", sa.Float()), _need("height", sa.Float()), _need("width_px", INT),
        _need("state", TEXT), sa.Column("person_id", TEXT, sa.ForeignKey("person.id")),
        sa.Column("distance", sa.Float()), sa.Column("thresholds", sa.JSON()),
        sa.Column("engine", TEXT), sa.Column("reason", TEXT), sa.Column("decided_by", TEXT),
        sa.Column("decided_at", MOMENT), _need("created_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_face"), sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("ix_face_person_id", "face", ["person_id"])
    op.create_index("ix_face_resource_id", "face", ["resource_id"])


def _guardian() -> None:
    op.create_table(
        "guardian", _need("id", TEXT), _need("person_id", TEXT, sa.ForeignKey("person.id")),
        _need("created_at", MOMENT), sa.PrimaryKeyConstraint("id", name="pk_guardian"),
    )  # fmt: skip
    op.create_index("ix_guardian_person_id", "guardian", ["person_id"])


def _intent() -> None:
    op.create_table(
        "intent", _need("id", BIG), _need("resource_id", BIG, sa.ForeignKey("resource.id")),
        _need("person_id", TEXT, sa.ForeignKey("person.id")), sa.Column("face_id", BIG),
        _need("node", TEXT), _need("action", TEXT), _need("origin", TEXT), _need("places", sa.JSON()),
        _need("state", TEXT), _need("generation", BIG), _need("created_at", MOMENT),
        sa.Column("finished_at", MOMENT), sa.Column("error", TEXT),
        sa.PrimaryKeyConstraint("id", name="pk_intent"), sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("ix_intent_open", "intent", ["person_id"], **_where("state = 'open'"))
    op.create_index("ix_intent_person_id", "intent", ["person_id"])
    op.create_index("ix_intent_resource_id", "intent", ["resource_id"])


def _person_key() -> None:
    op.create_table(
        "person_key", _need("person_id", TEXT, sa.ForeignKey("person.id")), _need("purpose", TEXT),
        _need("wrapped", sa.LargeBinary()), _need("master_version", INT), _need("created_at", MOMENT),
        sa.PrimaryKeyConstraint("person_id", "purpose", name="pk_person_key"),
    )  # fmt: skip
    op.create_index("ix_person_key_master_version", "person_key", ["master_version"])


def _quitclaim() -> None:
    op.create_table(
        "quitclaim", _need("id", TEXT), _need("person_id", TEXT, sa.ForeignKey("person.id")),
        _need("version", INT), _need("text_version", TEXT), sa.Column("text_sha256", TEXT),
        _need("language", TEXT), _need("method", TEXT), _need("signed_by_person", BOOL),
        _need("signed_by_guardians", sa.JSON()), _need("signed_at", MOMENT),
        _need("recorded_at", MOMENT), _need("recorded_by", TEXT), sa.Column("superseded_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_quitclaim"),
        sa.UniqueConstraint("person_id", "version", name="uq_quitclaim_person_id"),
    )  # fmt: skip
    op.create_index("ix_quitclaim_person_id", "quitclaim", ["person_id"])


def _rejection() -> None:
    op.create_table(
        "rejection", _need("id", BIG), _need("resource_id", BIG, sa.ForeignKey("resource.id")),
        _need("person_id", TEXT, sa.ForeignKey("person.id")), _need("file_version", TEXT),
        sa.Column("left", sa.Float()), sa.Column("top", sa.Float()), sa.Column("width", sa.Float()),
        sa.Column("height", sa.Float()), _need("by", TEXT), _need("at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_rejection"), sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("ix_rejection_person_id", "rejection", ["person_id"])
    op.create_index("ix_rejection_resource_id", "rejection", ["resource_id"])


def _resource_collection() -> None:
    op.create_table(
        "resource_collection", _need("resource_id", BIG, sa.ForeignKey("resource.id")),
        _need("collection_ref", TEXT),
        sa.PrimaryKeyConstraint("resource_id", "collection_ref", name="pk_resource_collection"),
    )  # fmt: skip
    op.create_index("ix_resource_collection_collection_ref", "resource_collection", ["collection_ref"])


def _sealed() -> None:
    op.create_table(
        "sealed", _need("id", TEXT), _need("person_id", TEXT, sa.ForeignKey("person.id")),
        _need("purpose", TEXT), _need("kind", TEXT), sa.Column("subject", TEXT),
        _need("engine", TEXT), _need("version", INT), _need("body", sa.LargeBinary()),
        _need("created_at", MOMENT), sa.PrimaryKeyConstraint("id", name="pk_sealed"),
    )  # fmt: skip
    op.create_index("ix_sealed_person_id", "sealed", ["person_id"])


def _shoot_member() -> None:
    op.create_table(
        "shoot_member", _need("collection_ref", TEXT, sa.ForeignKey("collection.ref")),
        _need("person_id", TEXT, sa.ForeignKey("person.id")),
        sa.PrimaryKeyConstraint("collection_ref", "person_id", name="pk_shoot_member"),
    )  # fmt: skip
    op.create_index("ix_shoot_member_person_id", "shoot_member", ["person_id"])


def _tag() -> None:
    op.create_table(
        "tag", _need("id", BIG), _need("resource_id", BIG, sa.ForeignKey("resource.id")),
        _need("node", TEXT), _need("node_key", TEXT),
        sa.Column("person_id", TEXT, sa.ForeignKey("person.id")), _need("origin", TEXT),
        _need("places", sa.JSON()), sa.Column("listed_at", MOMENT), _need("created_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_tag"),
        sa.UniqueConstraint("resource_id", "node_key", name="uq_tag_resource_id"),
        sqlite_autoincrement=True,
    )  # fmt: skip
    op.create_index("ix_tag_node_key", "tag", ["node_key"])
    op.create_index("ix_tag_person_id", "tag", ["person_id"])
    op.create_index("ix_tag_resource_id", "tag", ["resource_id"])


def _grant_line() -> None:
    op.create_table(
        "grant_line", _need("id", TEXT), _need("quitclaim_id", TEXT, sa.ForeignKey("quitclaim.id")),
        _need("person_id", TEXT, sa.ForeignKey("person.id")), _need("kind", TEXT),
        sa.Column("purpose", TEXT), sa.Column("channel", TEXT), _need("valid_from", MOMENT),
        sa.Column("valid_until", MOMENT), sa.Column("ended_at", MOMENT),
        sa.Column("ended_kind", TEXT), sa.Column("settled_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_grant_line"),
    )  # fmt: skip
    op.create_index("ix_grant_line_person_id", "grant_line", ["person_id"])
    op.create_index("ix_grant_line_quitclaim_id", "grant_line", ["quitclaim_id"])
    op.create_index("ix_grant_line_settled_at", "grant_line", ["settled_at"])


_TABLES = (
    _audit, _audit_head, _collection, _event, _folder_file, _job, _person, _resource, _shredding,
    _state, _clearance, _face, _guardian, _intent, _person_key, _quitclaim, _rejection,
    _resource_collection, _sealed, _shoot_member, _tag, _grant_line,
)  # fmt: skip
