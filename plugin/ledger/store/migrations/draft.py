"""For developers: prints the body of the next revision, as Alembic sees the difference to the tables.

`python -m plugin.ledger.store.migrations.draft sqlite:////path/to/a/migrated/store.db`; a file that does not exist yet
gives the whole schema.
"""

import sys
from typing import Literal

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.autogenerate.api import AutogenContext
from alembic.migration import MigrationContext
from sqlalchemy.types import BigInteger

from plugin.ledger.store import engine
from plugin.ledger.tables import Instant, metadata


def render_type(kind: str, value: object, context: AutogenContext) -> str | Literal[False]:
    """Write Instant as a big integer: revisions outlive our classes."""
    return "sa.BigInteger()" if kind == "type" and isinstance(value, Instant) else False


def compare_type(
    context: MigrationContext, inspected: object, column: object, there: object, ours: object
) -> bool | None:
    """Whether a column's type differs; Instant is compared as it is stored."""
    return not isinstance(there, BigInteger) if isinstance(ours, Instant) else None


def main(url: str) -> str:
    """The bodies of upgrade() and downgrade()."""
    engine.make_file(engine.parse_url(url))
    database = engine.create_store_engine(engine.parse_url(url))
    with database.connect() as connection:
        options = {"compare_type": compare_type, "render_item": render_type, "target_metadata": metadata}
        context = MigrationContext.configure(connection, opts=options)
        made = produce_migrations(context, metadata)
    database.dispose()
    parts = []
    for name, ops in (("upgrade", made.upgrade_ops), ("downgrade", made.downgrade_ops)):
        body = render_python_code(ops, render_item=render_type) if ops else "pass"
        parts.append(f"def {name}() -> None:\n    {body}\n")
    return "\n\n".join(parts)


if __name__ == "__main__":
    print(main(sys.argv[1]))  # noqa: T201 - this is what it is for
