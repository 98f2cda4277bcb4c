"""Accounts of our own, and their recovery codes."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Nobody has an account of ours."""
    op.create_table(
        "staff",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("collections", sa.JSON()),
        sa.Column("link_sha256", sa.Text()),
        sa.Column("link_expires_at", sa.BigInteger()),
        sa.Column("password", sa.Text()),
        sa.Column("totp", sa.Text()),
        sa.Column("totp_step", _BIG),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("signed_in_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("name", name="pk_staff"),
        sa.UniqueConstraint("link_sha256", name="uq_staff_link_sha256"),
    )
    op.create_table(
        "recovery_code",
        sa.Column("code_sha256", sa.Text(), nullable=False),
        sa.Column("staff_name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code_sha256", name="pk_recovery_code"),
        sa.ForeignKeyConstraint(["staff_name"], ["staff.name"], name="fk_recovery_code_staff_name"),
    )
    op.create_index("ix_recovery_code_staff_name", "recovery_code", ["staff_name"])


def downgrade() -> None:
    """Whoever signed in by an account of ours is signed out; the accounts are gone."""
    op.drop_index("ix_recovery_code_staff_name", "recovery_code")
    op.drop_table("recovery_code")
    op.drop_table("staff")
    op.execute("DELETE FROM session WHERE door = 'staff'")
