"""How we know who somebody is, by which visits people come in, and what was decided about collections and when.

What is stored already is taken for less than it may be: pictures that may have come by a link are declared, an
address confirms nothing, and links to pages, which anybody may have got, open no more.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables and columns, then fill them from what is there."""
    for make in (_reference_set, _address, _visit, _ruling, _taken_off, _folder_state, _former_place, _columns):
        make()
    for fill in (_SETS, _GONE, _FACES, _TAGS, _INTENTS, _SELF_ENTERED, _RULINGS, _MEMBERS, _CLOSE_PAGES):
        op.execute(sa.text(fill))


def _reference_set() -> None:
    op.create_table(
        "reference_set",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("came_by", sa.Text(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("invitation_id", sa.Text()),
        sa.Column("invited_by", sa.Text()),
        sa.Column("mark", sa.Text()),
        sa.Column("vouched_at", sa.BigInteger()),
        sa.Column("vouched_by", sa.Text()),
        sa.Column("vouched_how", sa.Text()),
        sa.Column("refused_at", sa.BigInteger()),
        sa.Column("refused_by", sa.Text()),
        sa.Column("near_id", sa.Text()),
        sa.Column("ended_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_reference_set_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_reference_set"),
    )
    op.create_index("ix_reference_set_person_id", "reference_set", ["person_id"])


def _address() -> None:
    op.create_table(
        "address",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("guardian_id", sa.Text()),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.Text()),
        sa.Column("quitclaim_id", sa.Text()),
        sa.Column("opens_at", sa.BigInteger()),
        sa.Column("confirmed_at", sa.BigInteger()),
        sa.Column("confirmed_by", sa.Text()),
        sa.Column("confirmed_how", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("retired_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_address_person_id"),
        sa.PrimaryKeyConstraint("id", name="pk_address"),
    )
    op.create_index("ix_address_person_id", "address", ["person_id"])


def _visit() -> None:
    op.create_table(
        "visit",
        sa.Column("id_sha256", sa.Text(), nullable=False),
        sa.Column("invitation_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text()),
        sa.Column("full", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.Text()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_visit_person_id"),
        sa.PrimaryKeyConstraint("id_sha256", name="pk_visit"),
    )
    op.create_index("ix_visit_invitation_id", "visit", ["invitation_id"])
    op.create_index("ix_visit_person_id", "visit", ["person_id"])


def _ruling() -> None:
    op.create_table(
        "ruling",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("collection_ref", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text()),
        sa.Column("basis_reference", sa.Text()),
        sa.Column("basis_by", sa.Text()),
        sa.Column("basis_date", sa.Date()),
        sa.Column("review_date", sa.Date()),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("moved_from", sa.Text()),
        sa.Column("members", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("id", name="pk_ruling"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ruling_collection_ref", "ruling", ["collection_ref"])
    op.create_index("ix_ruling_moved_from", "ruling", ["moved_from"])
    op.create_table(
        "ruling_member",
        sa.Column("ruling_id", _BIG, nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["ruling_id"], ["ruling.id"], name="fk_ruling_member_ruling_id"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_ruling_member_person_id"),
        sa.PrimaryKeyConstraint("ruling_id", "person_id", name="pk_ruling_member"),
    )
    op.create_index("ix_ruling_member_person_id", "ruling_member", ["person_id"])


def _taken_off() -> None:
    op.create_table(
        "taken_off",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("resource_id", _BIG, nullable=False),
        sa.Column("name_mac", sa.Text(), nullable=False),
        sa.Column("places", sa.JSON(), nullable=False),
        sa.Column("position", _BIG),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_taken_off"),
        sa.UniqueConstraint("resource_id", "name_mac", name="uq_taken_off_resource_id"),
        sa.ForeignKeyConstraint(["resource_id"], ["resource.id"], name="fk_taken_off_resource_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_taken_off_resource_id", "taken_off", ["resource_id"])
    op.create_index("ix_taken_off_name_mac", "taken_off", ["name_mac"])


def _folder_state() -> None:
    op.create_table(
        "folder_state",
        sa.Column("mark", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mark", name="pk_folder_state"),
    )
    op.add_column("folder_file", sa.Column("kept", sa.Boolean(), nullable=False, server_default=sa.text("false")))


def _former_place() -> None:
    op.create_table(
        "former_place",
        sa.Column("id", _BIG, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("file_version", sa.Text(), nullable=False),
        sa.Column("collection_ref", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger()),
        sa.Column("left_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_former_place"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_former_place_file_version", "former_place", ["file_version"])
    op.create_index("ix_former_place_collection_ref", "former_place", ["collection_ref"])


def _columns() -> None:
    op.add_column("api_token", sa.Column("tools", sa.JSON(), nullable=False, server_default=sa.text("'[]'")))
    op.add_column("state", sa.Column("taken_off_at", sa.BigInteger()))
    op.add_column("collection", sa.Column("identity", sa.Text()))
    op.add_column("collection", sa.Column("lost_at", sa.BigInteger()))
    op.add_column("collection", sa.Column("lost_below", sa.Text()))
    op.create_index("ix_collection_lost_below", "collection", ["lost_below"])
    op.add_column("resource", sa.Column("placed_at", sa.BigInteger()))
    for table in ("face", "tag", "intent"):
        op.add_column(table, sa.Column("set_id", sa.Text()))
    op.add_column("tag", sa.Column("kept_at", sa.BigInteger()))
    op.add_column("tag", sa.Column("kept_by", sa.Text()))
    op.add_column("invitation", sa.Column("address_id", sa.Text()))
    op.add_column("invitation", sa.Column("quitclaim_id", sa.Text()))
    op.add_column("invitation", sa.Column("may_replace", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.create_index("ix_invitation_quitclaim_id", "invitation", ["quitclaim_id"])
    for name, kind in (
        ("marks", sa.JSON()),
        ("floors", sa.JSON()),
        ("set_back_at", sa.BigInteger()),
        ("heard_at", sa.BigInteger()),
    ):
        op.add_column("dam_cursor", sa.Column(name, kind))
    no = sa.text("false")
    op.add_column("person", sa.Column("self_entered", sa.Boolean(), nullable=False, server_default=no))
    op.add_column("person", sa.Column("given_name", sa.Text()))
    op.add_column("person", sa.Column("of_age_at", sa.BigInteger()))
    op.add_column("person", sa.Column("of_age_by", sa.Text()))


# Of pictures that were kept before, one set a person, under the person's own id (the sealed rows cannot be given
# another subject). Whoever ever signed by a link may have sent them along.
_SETS = """
    INSERT INTO reference_set (id, person_id, came_by, added_at, added_by, vouched_at, vouched_by, vouched_how)
    SELECT person_id, person_id, came_by, added_at, 'unknown',
           CASE came_by WHEN 'staff' THEN added_at END, CASE came_by WHEN 'staff' THEN 'unknown' END,
           CASE came_by WHEN 'staff' THEN 'chosen' END
    FROM (
        SELECT s.person_id, min(s.created_at) AS added_at,
               CASE WHEN EXISTS (SELECT 1 FROM quitclaim q WHERE q.person_id = s.person_id AND q.method = 'link')
                    THEN 'link' ELSE 'staff' END AS came_by
        FROM sealed s WHERE s.kind = 'template' AND s.subject IS NULL GROUP BY s.person_id
    ) AS kept
"""

# Of people whose pictures are gone, and whose name we wrote: what it rested on is not known any more.
_GONE = """
    INSERT INTO reference_set (id, person_id, came_by, added_at, added_by, ended_at)
    SELECT p.id, p.id, 'link', p.created_at, 'unknown', p.created_at
    FROM person p
    WHERE NOT EXISTS (SELECT 1 FROM reference_set r WHERE r.person_id = p.id)
    AND EXISTS (SELECT 1 FROM tag t WHERE t.person_id = p.id AND CAST(t.places AS TEXT) <> '[]')
    AND EXISTS (SELECT 1 FROM quitclaim q JOIN grant_line g ON g.quitclaim_id = q.id
                WHERE q.person_id = p.id AND q.method = 'link' AND g.kind = 'recognition')
"""

_FACES = """
    UPDATE face SET set_id = person_id
    WHERE state IN ('matched', 'suggested') AND person_id IN (SELECT person_id FROM reference_set)
"""

_TAGS = """
    UPDATE tag SET set_id = person_id
    WHERE (origin IN ('machine', 'confirmed') OR CAST(places AS TEXT) <> '[]')
    AND person_id IN (SELECT person_id FROM reference_set)
"""

_INTENTS = """
    UPDATE intent SET set_id = person_id
    WHERE state = 'open' AND action = 'add' AND person_id IN (SELECT person_id FROM reference_set)
"""

_SELF_ENTERED = """
    UPDATE person SET self_entered = true WHERE EXISTS (
        SELECT 1 FROM quitclaim q WHERE q.person_id = person.id AND q.version = 1 AND q.method = 'link'
        AND q.recorded_at = person.created_at)
"""

_RULINGS = """
    INSERT INTO ruling (collection_ref, title, mode, basis, basis_reference, basis_by, basis_date, review_date,
                        set_by, set_at, why, members)
    SELECT ref, title, mode, basis, basis_reference, basis_by, basis_date, review_date, set_by, set_at, 'set',
           (SELECT count(*) FROM shoot_member m WHERE m.collection_ref = collection.ref)
    FROM collection ORDER BY set_at, ref
"""

_MEMBERS = """
    INSERT INTO ruling_member (ruling_id, person_id)
    SELECT r.id, m.person_id FROM ruling r JOIN shoot_member m ON m.collection_ref = r.collection_ref
"""

_CLOSE_PAGES = """
    UPDATE invitation SET revoked_at = created_at WHERE kind = 'page' AND revoked_at IS NULL
"""


def downgrade() -> None:
    """Forget it: pictures count as before, and pages stay closed."""
    for column in ("of_age_by", "of_age_at", "given_name", "self_entered"):
        op.drop_column("person", column)
    for column in ("heard_at", "set_back_at", "floors", "marks"):
        op.drop_column("dam_cursor", column)
    op.drop_index("ix_invitation_quitclaim_id", "invitation")
    for column in ("may_replace", "quitclaim_id", "address_id"):
        op.drop_column("invitation", column)
    for column in ("kept_by", "kept_at"):
        op.drop_column("tag", column)
    for table in ("face", "tag", "intent"):
        op.drop_column(table, "set_id")
    op.drop_column("state", "taken_off_at")
    op.drop_column("folder_file", "kept")
    op.drop_column("resource", "placed_at")
    op.drop_index("ix_collection_lost_below", "collection")
    for column in ("lost_below", "lost_at", "identity"):
        op.drop_column("collection", column)
    op.drop_column("api_token", "tools")
    ruled = ("former_place", "folder_state", "taken_off", "ruling_member", "ruling")
    for table in (*ruled, "visit", "address", "reference_set"):
        op.drop_table(table)
