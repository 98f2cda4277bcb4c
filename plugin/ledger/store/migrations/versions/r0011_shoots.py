"""Who takes part in a shoot stands in lists that only grow, each ruling names its own; the next job by its index."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_TAKEN_OVER = (
    "UPDATE ruling SET shoot_id = 'ruling-' || id WHERE id IN (SELECT ruling_id FROM ruling_member)",
    """INSERT INTO shoot_person (shoot_id, person_id, after_ruling, entered_at)
       SELECT 'ruling-' || m.ruling_id, m.person_id, 0, r.set_at
       FROM ruling_member m JOIN ruling r ON r.id = m.ruling_id""",
    """UPDATE collection SET shoot_id = 'shoot-' || (SELECT count(*) FROM collection o WHERE o.ref <= collection.ref)
       WHERE ref IN (SELECT collection_ref FROM shoot_member)""",
    # Whoever signed up since the last decision was not meant by it, and by none before.
    """INSERT INTO shoot_person (shoot_id, person_id, after_ruling, entered_at)
       SELECT c.shoot_id, m.person_id, 0, c.set_at
       FROM shoot_member m JOIN collection c ON c.ref = m.collection_ref""",
)
_GIVEN_BACK = (
    """INSERT INTO shoot_member (collection_ref, person_id)
       SELECT c.ref, p.person_id FROM collection c JOIN shoot_person p ON p.shoot_id = c.shoot_id""",
    """INSERT INTO ruling_member (ruling_id, person_id)
       SELECT r.id, p.person_id FROM ruling r JOIN shoot_person p ON p.shoot_id = r.shoot_id
       WHERE p.after_ruling < r.id""",
)


def upgrade() -> None:
    """Each list that was copied beside a ruling is a list of that ruling; what holds today is one of its own."""
    for table in ("collection", "ruling"):
        op.add_column(table, sa.Column("shoot_id", sa.Text()))
        op.create_index(f"ix_{table}_shoot_id", table, ["shoot_id"])
    op.create_table(
        "shoot_person",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("shoot_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("after_ruling", _BIG, nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_shoot_person"),
        sa.UniqueConstraint("shoot_id", "person_id", name="uq_shoot_person_shoot_id"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_shoot_person_person_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_shoot_person_person_id", "shoot_person", ["person_id"])
    for statement in _TAKEN_OVER:
        op.execute(sa.text(statement))
    op.drop_table("ruling_member")
    op.drop_table("shoot_member")
    op.drop_index("ix_job_claim", "job")
    op.create_index("ix_job_claim", "job", ["state", "priority", "run_after", "id"])


def downgrade() -> None:
    """Copy them beside each ruling again."""
    op.drop_index("ix_job_claim", "job")
    op.create_index("ix_job_claim", "job", ["state", "priority", "run_after"])
    for table, key, of in (
        ("shoot_member", sa.Column("collection_ref", sa.Text(), nullable=False), "collection.ref"),
        ("ruling_member", sa.Column("ruling_id", _BIG, nullable=False), "ruling.id"),
    ):
        op.create_table(
            table,
            key,
            sa.Column("person_id", sa.Text(), nullable=False),
            sa.ForeignKeyConstraint([key.name], [of], name=f"fk_{table}_{key.name}"),
            sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=f"fk_{table}_person_id"),
            sa.PrimaryKeyConstraint(key.name, "person_id", name=f"pk_{table}"),
        )
        op.create_index(f"ix_{table}_person_id", table, ["person_id"])
    for statement in _GIVEN_BACK:
        op.execute(sa.text(statement))
    op.drop_table("shoot_person")
    for table in ("collection", "ruling"):
        op.drop_index(f"ix_{table}_shoot_id", table)
        op.drop_column(table, "shoot_id")
