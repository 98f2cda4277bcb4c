"""Which engine examined each photograph, by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

_THERE = sa.text("deleted_at IS NULL AND engine IS NOT NULL")


def upgrade() -> None:
    """Make it."""
    op.create_index(
        "ix_resource_engine", "resource", ["engine", "examined"], sqlite_where=_THERE, postgresql_where=_THERE
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_resource_engine", "resource")
