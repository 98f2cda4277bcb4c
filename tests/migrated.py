"""An SQLite store with the schema of today: the migrations run once, their file is copied."""

import tempfile
from functools import cache
from pathlib import Path

from plugin.ledger.store import migrations


def lay(path: Path) -> None:
    """Put a store there without a row, as `facelease migrate` makes it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(0o600)
    path.write_bytes(_file())


@cache
def _file() -> bytes:
    with tempfile.TemporaryDirectory(prefix="facelease-store-") as folder:
        path = Path(folder) / "ledger.db"
        migrations.upgrade(f"sqlite:///{path}")
        return path.read_bytes()
