"""The engine that serves is a fact of the store; which references another engine can make no template of."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Nothing is known yet: the first process that starts says which engine made the templates that there are."""
    op.create_table(
        "engine",
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("yunet", sa.Text(), nullable=False),
        sa.Column("going", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("counted", sa.Integer()),
        sa.Column("barred", sa.Integer()),
        sa.Column("compared", sa.Integer()),
        sa.PrimaryKeyConstraint("role", name="pk_engine"),
    )
    op.add_column("reference_set", sa.Column("missed_engine", sa.Text()))
    op.add_column("reference_set", sa.Column("missed_why", sa.Text()))


def downgrade() -> None:
    """Forget it. A change that is under way is given up: templates of both engines stay, and the configured one's
    count."""
    for column in ("missed_why", "missed_engine"):
        op.drop_column("reference_set", column)
    op.drop_table("engine")
