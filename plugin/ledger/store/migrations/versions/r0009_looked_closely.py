"""How large faces and photographs are in the file; the list of dismissals; names that could not be read."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BEFORE = "looked_less_closely"  # a code of quitclaim.examination_words


def upgrade() -> None:
    """What was examined before is not known to be examined whole: it is unknown until it is examined anew."""
    op.add_column("resource", sa.Column("longest_px", sa.Integer()))
    op.add_column("resource", sa.Column("unread", sa.Text()))
    op.add_column("resource", sa.Column("further", sa.Text()))
    op.add_column("resource", sa.Column("looked_px", sa.Integer()))
    some = sa.text("unread IS NOT NULL")
    op.create_index("ix_resource_unread", "resource", ["ref"], sqlite_where=some, postgresql_where=some)
    op.add_column("face", sa.Column("file_px", sa.Integer()))
    op.add_column("face", sa.Column("dismissal", sa.Text()))
    op.add_column("folder_file", sa.Column("ctime_ns", _BIG))
    op.add_column("folder_file", sa.Column("further", sa.Text()))
    resource = sa.table("resource", sa.column("examined", sa.Text()), sa.column("examined_reason", sa.Text()))
    looked_at = resource.c.examined != "no"
    op.execute(sa.update(resource).where(looked_at).values(examined="no", examined_reason=_BEFORE))


def downgrade() -> None:
    """Forget them; what was dismissed by the list alone has no reason then, and is undecided."""
    for column in ("further", "ctime_ns"):
        op.drop_column("folder_file", column)
    for column in ("dismissal", "file_px"):
        op.drop_column("face", column)
    op.drop_index("ix_resource_unread", "resource")
    for column in ("looked_px", "further", "unread", "longest_px"):
        op.drop_column("resource", column)
