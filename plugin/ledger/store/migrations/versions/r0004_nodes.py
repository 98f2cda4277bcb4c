"""Whose a DAM's nodes are, by number; and the dates that were not told yet, by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_UNTOLD = sa.text("stated_at IS NULL")


def upgrade() -> None:
    """Nodes become known at the next look; a date that waits for its job is marked as not told."""
    op.create_table(
        "dam_node",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", BIG, nullable=False),
        sa.Column("person_id", sa.Text(), sa.ForeignKey("person.id"), nullable=False),
        sa.PrimaryKeyConstraint("name", "number", name="pk_dam_node"),
    )
    op.create_index("ix_dam_node_person_id", "dam_node", ["person_id"])
    op.execute(
        "UPDATE statement SET stated_at = NULL WHERE stated IS NULL OR CAST(stated AS TEXT) <> CAST(wanted AS TEXT)"
    )
    op.create_index("ix_statement_untold", "statement", ["resource_id"], sqlite_where=_UNTOLD, postgresql_where=_UNTOLD)


def downgrade() -> None:
    """Drop them: a renamed node is taken for another name again."""
    op.drop_index("ix_statement_untold", "statement")
    op.drop_index("ix_dam_node_person_id", "dam_node")
    op.drop_table("dam_node")
