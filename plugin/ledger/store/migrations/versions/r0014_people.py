"""Whose answer would clear most photographs; entries of people that were merged into another."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Nobody is merged, and nothing is counted yet."""
    op.create_table(
        "awaited_answer",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("photographs", sa.Integer(), nullable=False),
        sa.Column("counted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name="pk_awaited_answer"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_awaited_answer_person_id"),
    )
    op.add_column("person", sa.Column("merged_into", sa.Text()))
    op.add_column("person", sa.Column("merged_at", sa.BigInteger()))
    op.create_index("ix_person_merged_into", "person", ["merged_into"])


def downgrade() -> None:
    """Whoever was merged is an entry of their own again, of which everything has ended."""
    op.drop_index("ix_person_merged_into", "person")
    op.drop_column("person", "merged_at")
    op.drop_column("person", "merged_into")
    op.drop_table("awaited_answer")
