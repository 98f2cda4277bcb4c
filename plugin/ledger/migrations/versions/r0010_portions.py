"""What does not count any more before it is computed anew; how far the daily comparison has come."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Nothing is cut, and no round has begun."""
    op.add_column("state", sa.Column("anew_after", _BIG))
    op.add_column("state", sa.Column("compared_after", _BIG))
    op.add_column("state", sa.Column("round_began_at", sa.BigInteger()))
    op.add_column("state", sa.Column("round_ended_at", sa.BigInteger()))
    op.create_table(
        "cut",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text()),
        sa.Column("channel", sa.Text()),
        sa.Column("cut_at", sa.BigInteger(), nullable=False),
        sa.Column("set_id", sa.Text()),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_cut_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cut"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_cut_person_id", "cut", ["person_id"])


def downgrade() -> None:
    """Forget them: run no process of this version meanwhile, and let the next start compute all anew."""
    op.drop_index("ix_cut_person_id", "cut")
    op.drop_table("cut")
    for column in ("round_ended_at", "round_began_at", "compared_after", "anew_after"):
        op.drop_column("state", column)
    # What was cut and not computed yet would count again.
    op.execute(sa.text("UPDATE state SET policy = NULL"))
