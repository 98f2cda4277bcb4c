"""Which act of an editor decided a face; a person's unconfirmed names and a collection's photographs by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """What was decided before belongs to no act that could be undone."""
    acted, machines = sa.text("act IS NOT NULL"), sa.text("origin = 'machine'")
    op.add_column("face", sa.Column("act", sa.Text()))
    op.create_index("ix_face_act", "face", ["act"], sqlite_where=acted, postgresql_where=acted)
    op.create_index(
        "ix_tag_machine", "tag", ["person_id", "resource_id"], sqlite_where=machines, postgresql_where=machines
    )
    op.create_index("ix_resource_collection_content", "resource_collection", ["collection_ref", "resource_id"])
    op.drop_index("ix_resource_collection_collection_ref", "resource_collection")


def downgrade() -> None:
    """Forget it."""
    op.create_index("ix_resource_collection_collection_ref", "resource_collection", ["collection_ref"])
    op.drop_index("ix_resource_collection_content", "resource_collection")
    op.drop_index("ix_tag_machine", "tag")
    op.drop_index("ix_face_act", "face")
    op.drop_column("face", "act")
