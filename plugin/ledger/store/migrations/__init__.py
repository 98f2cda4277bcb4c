"""The schema's revisions, applied by Alembic without an ini file."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from plugin.errors import StoreError
from plugin.ledger.store import engine


def upgrade(url: str, revision: str = "head") -> None:
    """Migrate the store at `url` forward to `revision`; creates a missing SQLite file."""
    engine.make_file(engine.parse_url(url))
    _move(url, revision, command.upgrade)


def downgrade(url: str, revision: str) -> None:
    """Migrate the schema back to `revision` (`base`: removes all tables)."""
    _move(url, revision, command.downgrade)


def current(url: str) -> str | None:
    """The revision of the store at `url`; None if it has none."""
    database = engine.create_store_engine(engine.parse_url(url))
    try:
        with database.connect() as connection:
            return revision_of(connection)
    finally:
        database.dispose()


def revision_of(connection: Connection) -> str | None:
    """The revision of an open store; None if it has none."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def head() -> str:
    """The revision that this version of the program needs; cached."""
    revision = scripts().get_current_head()
    if revision is None:
        raise StoreError("this installation holds no migrations: install FaceLease again")
    return revision


def scripts() -> ScriptDirectory:
    """The revisions in this package."""
    return ScriptDirectory.from_config(_config())


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _move(url: str, revision: str, act: Callable[[Config, str], None]) -> None:
    # Foreign keys are off: a migration may rebuild a table that others point to.
    database = engine.create_store_engine(engine.parse_url(url), foreign_keys=False)
    try:
        with database.connect() as connection:
            connection = connection.execution_options(**{engine.WRITE: True, engine.ALONE: True, engine.RESTS: True})
            with connection.begin():
                if (revision_of(connection), revision) != (head(), "head"):
                    act(_config(connection), revision)
    finally:
        database.dispose()
