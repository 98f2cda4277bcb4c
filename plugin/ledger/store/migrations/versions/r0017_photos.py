"""What each photograph's file is called, to look for it by; the rows of the log on a photograph by an index."""

import sqlalchemy as sa
from alembic import op

from plugin.ledger.tables.photos import IN_ORDER, fold_file_name

revision = "0017"
down_revision = "0016"

_PORTION = 20_000
_ON_A_PHOTO = sa.text("resource_id IS NOT NULL")


def upgrade() -> None:
    """Fill in what the files of before are called."""
    op.add_column("resource", sa.Column("file_key", IN_ORDER))
    kept = sa.table("resource", sa.column("id", sa.BigInteger), sa.column("ref"), sa.column("file_key"))
    write = kept.update().where(kept.c.id == sa.bindparam("of")).values(file_key=sa.bindparam("called"))
    conn, after = op.get_bind(), 0
    page = sa.select(kept.c.id, kept.c.ref).where(kept.c.id > sa.bindparam("after")).order_by(kept.c.id).limit(_PORTION)
    while rows := conn.execute(page, {"after": after}).all():
        conn.execute(write, [{"of": id_, "called": fold_file_name(ref)} for id_, ref in rows])
        after = rows[-1].id
    op.create_index("ix_resource_file_key", "resource", ["file_key", "id"])
    op.create_index(
        "ix_audit_photo", "audit", ["resource_id", "seq"], sqlite_where=_ON_A_PHOTO, postgresql_where=_ON_A_PHOTO
    )


def downgrade() -> None:
    """Forget it."""
    op.drop_index("ix_audit_photo", "audit")
    op.drop_index("ix_resource_file_key", "resource")
    op.drop_column("resource", "file_key")
