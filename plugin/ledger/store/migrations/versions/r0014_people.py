"""Whose answer would clear most photographs."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Nothing is counted yet: a worker does within a minute."""
    op.create_table(
        "awaited_answer",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("photographs", sa.Integer(), nullable=False),
        sa.Column("counted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name="pk_awaited_answer"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_awaited_answer_person_id"),
    )


def downgrade() -> None:
    """Forget the figures."""
    op.drop_table("awaited_answer")
