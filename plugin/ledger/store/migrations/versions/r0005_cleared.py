"""The index that a library is asked by: what is cleared for a use, by its end."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """The index holds all that a page or a count reads; it takes the place of the one by channel."""
    op.drop_index("ix_clearance_channel", table_name="clearance")
    columns = ["purpose", "channel", "valid_until", "resource_id", "valid_from"]
    op.create_index("ix_clearance_use", "clearance", columns, unique=False)


def downgrade() -> None:
    """The index by channel again."""
    op.drop_index("ix_clearance_use", table_name="clearance")
    op.create_index("ix_clearance_channel", "clearance", ["channel", "purpose", "valid_until"], unique=False)
