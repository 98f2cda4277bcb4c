"""How far a DAM's log was read, and the resources whose collections are not all shown to us."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "dam_cursor",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", BIG, nullable=False),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.Column("moved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_dam_cursor"),
    )
    op.create_table(
        "resource_hidden",
        sa.Column("resource_id", BIG, sa.ForeignKey("resource.id"), nullable=False),
        sa.PrimaryKeyConstraint("resource_id", name="pk_resource_hidden"),
    )
    op.create_table(
        "statement",
        sa.Column("resource_id", BIG, sa.ForeignKey("resource.id"), nullable=False),
        sa.Column("wanted", sa.JSON(), nullable=False),
        sa.Column("wanted_at", sa.BigInteger(), nullable=False),
        sa.Column("stated", sa.JSON()),
        sa.Column("stated_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("resource_id", name="pk_statement"),
    )


def downgrade() -> None:
    """Drop them: the log is read anew, collections and dates are asked for at the next look."""
    op.drop_table("statement")
    op.drop_table("resource_hidden")
    op.drop_table("dam_cursor")
