"""An invitation may point to the face of a photograph from which somebody was invited."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """No link that was made before points to a face."""
    points = sa.text("face_id IS NOT NULL")
    op.add_column("invitation", sa.Column("face_id", sa.BigInteger()))
    op.create_index("ix_invitation_face_id", "invitation", ["face_id"], sqlite_where=points, postgresql_where=points)


def downgrade() -> None:
    """Whom an unnamed face was taken for is forgotten."""
    op.drop_index("ix_invitation_face_id", "invitation")
    op.drop_column("invitation", "face_id")
