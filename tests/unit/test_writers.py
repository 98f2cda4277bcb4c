"""Rows of a table are written in one module: read from the code."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from plugin.ledger import tables as t
from tests.unit.test_house import ROOT, files

WRITES = {"insert", "update", "delete"}
ONE_HOME = {
    "face": "plugin/flows/common/face_rows.py",
    "tag": "plugin/flows/tags/tag_rows.py",
    "clearance": "plugin/flows/common/valid_clearances.py",
    "intent": "plugin/flows/tags/intent_rows.py",
    "grant": "plugin/flows/consent/quitclaim_rows.py",
    "quitclaim": "plugin/flows/consent/quitclaim_rows.py",
}
WHOLE_STORE = {
    "plugin/flows/rights/erasure_rows.py": "an erasure deletes what names somebody, whatever the table",
    "plugin/ledger/queue/retention_rules.py": "what is past its term goes, whatever the table",
    "plugin/ledger/backups/backup.py": "what a backup must not hold is left out of the copy",
    "plugin/ledger/backups/restore.py": "what a backup must not bring back",
    "plugin/ledger/keys/rotation.py": "every key is wrapped anew",
    "plugin/flows/schedule/text_sealing.py": "what was written before texts were sealed is sealed",
}
MORE_THAN_ONE = {
    "audit": 2, "audit_head": 2, "collection": 3, "event": 2, "folder_file": 2, "guardian": 2, "invitation": 2,
    "job": 2, "mail": 4, "person": 6, "reference_set": 2, "rejection": 3, "resource": 7, "resource_collection": 2,
    "sealed": 2, "shredding": 2, "state": 9,
}  # fmt: skip
"""How many modules write these today: it may only become fewer."""


def _written(path: Path) -> Iterator[str]:
    """The tables that a module writes, by their names in `plugin.ledger.tables` or in the module."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in WRITES:
            yield ast.unparse(node.args[0]).removeprefix("t.")


def _writers() -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for path in files(".py"):
        name = str(path.relative_to(ROOT))
        if name.startswith(("plugin/", "sidecar/")) and "/migrations/" not in name:
            for table in _written(path):
                found[table].add(name)
    return found


def test_a_table_has_one_writer() -> None:
    """Faces, tags, clearances, intents and grants have one home each; of the others no further writer comes."""
    writers = {table: names - WHOLE_STORE.keys() for table, names in _writers().items()}
    assert {table: writers[table] for table in ONE_HOME} == {table: {home} for table, home in ONE_HOME.items()}
    others = {table: len(names) for table, names in writers.items() if table not in ONE_HOME and len(names) > 1}
    assert others == MORE_THAN_ONE


def test_the_tables_that_are_named_are_there() -> None:
    """And so are the modules: a name that is gone would let everything pass."""
    assert all(hasattr(t, table) for table in {*ONE_HOME, *MORE_THAN_ONE})
    assert all((ROOT / home).is_file() for home in {*ONE_HOME.values(), *WHOLE_STORE})
