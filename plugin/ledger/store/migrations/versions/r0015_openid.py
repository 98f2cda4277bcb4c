"""Sessions of the staff by an identity provider: their door, when they proved themselves, how the provider is asked."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Who is signed in came from the DAM; when they proved themselves is not known."""
    op.add_column("session", sa.Column("door", sa.Text(), nullable=False, server_default=sa.text("'dam'")))
    op.add_column("session", sa.Column("proved_at", sa.BigInteger()))
    for name in ("subject", "renewal"):
        op.add_column("session", sa.Column(name, sa.Text()))
    for name in ("checked_at", "asking_at"):
        op.add_column("session", sa.Column(name, sa.BigInteger()))
    op.add_column("session", sa.Column("limits", sa.JSON()))


def downgrade() -> None:
    """Who came from a provider signs in again."""
    op.execute(sa.text("DELETE FROM session WHERE door <> 'dam'"))
    for name in ("limits", "asking_at", "checked_at", "renewal", "subject", "proved_at", "door"):
        op.drop_column("session", name)
