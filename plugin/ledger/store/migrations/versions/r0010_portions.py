"""What does not count any more before it is computed anew; rounds; what was given up; which names may stand where."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Nothing is cut, no round has begun, and no photograph was read for the index of names."""
    op.add_column("state", sa.Column("anew_after", _BIG))
    op.add_column("state", sa.Column("compared_after", _BIG))
    op.add_column("state", sa.Column("round_began_at", sa.BigInteger()))
    op.add_column("state", sa.Column("round_ended_at", sa.BigInteger()))
    op.add_column("state", sa.Column("round_from", _BIG))
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
    dead = sa.text("state = 'dead'")
    op.create_index("ix_job_dead", "job", ["kind", "key"], sqlite_where=dead, postgresql_where=dead)
    _index_names()


def _index_names() -> None:
    op.add_column("state", sa.Column("polled_at", sa.BigInteger()))
    op.add_column("state", sa.Column("unreadable", _BIG, nullable=False, server_default=sa.text("0")))
    op.add_column("person", sa.Column("sought_at", sa.BigInteger()))
    op.add_column("person", sa.Column("doubted_at", sa.BigInteger()))
    op.add_column("resource", sa.Column("indexed", sa.Text()))
    living = sa.text("deleted_at IS NULL")
    op.create_index("ix_resource_indexed", "resource", ["indexed"], sqlite_where=living, postgresql_where=living)
    op.create_table(
        "name_word",
        sa.Column("mac", _BIG, autoincrement=False, nullable=False),
        sa.Column("resource_id", _BIG, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["resource_id"], ["resource.id"], name="fk_name_word_resource_id"),
        sa.PrimaryKeyConstraint("mac", "resource_id", name="pk_name_word"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_name_word_resource_id", "name_word", ["resource_id"])


def downgrade() -> None:
    """Forget them: run no process of this version meanwhile, and let the next start compute all anew."""
    op.drop_index("ix_job_dead", "job")
    op.drop_index("ix_name_word_resource_id", "name_word")
    op.drop_table("name_word")
    op.drop_index("ix_resource_indexed", "resource")
    op.drop_column("resource", "indexed")
    for column in ("doubted_at", "sought_at"):
        op.drop_column("person", column)
    for column in ("unreadable", "polled_at"):
        op.drop_column("state", column)
    op.drop_index("ix_cut_person_id", "cut")
    op.drop_table("cut")
    for column in ("round_from", "round_ended_at", "round_began_at", "compared_after", "anew_after"):
        op.drop_column("state", column)
    # What was cut and not computed yet would count again.
    op.execute(sa.text("UPDATE state SET policy = NULL"))
