"""Under which configuration the stored clearances were computed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Of what is stored nobody knows it: the first start computes the library anew."""
    op.add_column("state", sa.Column("policy", sa.Text()))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("state", "policy")
