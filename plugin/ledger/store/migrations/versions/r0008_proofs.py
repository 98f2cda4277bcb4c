"""How far ended.log went, a key of the house's own for what belongs to nobody, and the numbers of erasures."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_PLAIN = "substr(reason, 1, 7) <> 'sealed:' OR length(reason) < 64 OR replace(reason, ' ', '') <> reason"


def upgrade() -> None:
    """What is not known yet (how far ended.log goes, the key) the next start finds and makes."""
    op.add_column("state", sa.Column("ended_lines", sa.BigInteger().with_variant(sa.Integer(), "sqlite")))
    op.add_column("state", sa.Column("ended_hash", sa.Text()))
    op.add_column("state", sa.Column("ended_anew_at", sa.BigInteger()))
    op.add_column("state", sa.Column("texts_sealed_at", sa.BigInteger()))
    op.add_column("state", sa.Column("closed_at", sa.BigInteger()))
    op.add_column("state", sa.Column("closed_why", sa.Text()))
    op.add_column("state", sa.Column("worked_at", sa.BigInteger()))
    op.add_column("state", sa.Column("worked_as", sa.Text()))
    op.create_index("ix_face_plain", "face", ["id"], sqlite_where=sa.text(_PLAIN), postgresql_where=sa.text(_PLAIN))
    op.create_table(
        "house_key",
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("master_version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("purpose", name="pk_house_key"),
    )
    op.create_index("ix_house_key_master_version", "house_key", ["master_version"])
    op.create_table(
        "erasure",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.BigInteger()),
        sa.Column("held", sa.Text()),
        sa.PrimaryKeyConstraint("number", name="pk_erasure"),
    )
    op.create_index("ix_erasure_person_id", "erasure", ["person_id"])


def downgrade() -> None:
    """Forget them. Text that was sealed under the house's key is not readable any more."""
    op.drop_index("ix_face_plain", "face")
    op.drop_table("erasure")
    op.drop_table("house_key")
    for column in (
        "worked_as",
        "worked_at",
        "closed_why",
        "closed_at",
        "texts_sealed_at",
        "ended_anew_at",
        "ended_hash",
        "ended_lines",
    ):
        op.drop_column("state", column)
