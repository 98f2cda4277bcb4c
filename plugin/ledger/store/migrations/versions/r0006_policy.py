"""Under which configuration the stored clearances were computed; faces and photographs by their state."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_THERE = sa.text("deleted_at IS NULL")


def upgrade() -> None:
    """Of what is stored nobody knows the configuration: the first start computes the library anew."""
    op.add_column("state", sa.Column("policy", sa.Text()))
    op.create_index("ix_face_state", "face", ["state", "id"])
    op.create_index("ix_face_person", "face", ["person_id", "state"])
    op.drop_index("ix_face_person_id", "face")
    op.create_index("ix_resource_examined", "resource", ["examined"], sqlite_where=_THERE, postgresql_where=_THERE)


def downgrade() -> None:
    """Forget it, and count by going through all."""
    op.drop_index("ix_resource_examined", "resource")
    op.create_index("ix_face_person_id", "face", ["person_id"])
    op.drop_index("ix_face_person", "face")
    op.drop_index("ix_face_state", "face")
    op.drop_column("state", "policy")
