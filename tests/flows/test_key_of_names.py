"""The key under which names are remembered that we took off: where it is lost, the doctor says so and mends nothing."""

from pathlib import Path

from sqlalchemy import insert

from plugin.flows.common.services import Services
from plugin.flows.tags import removed_names
from plugin.flows.views import health
from plugin.ledger import tables as t
from plugin.ledger.keys.name_hashes import NameHasher
from plugin.ledger.store.store import inserted_id
from sidecar.doctor import checks


def _took_off(services: Services, name: str) -> None:
    with services.store.write() as tx:
        values = {"ref": name, "file_version": name, "kind": "photo", "seen_at": tx.now}
        key = inserted_id(tx.execute(insert(t.resource).values(**values)))
        removed_names.note(services, tx, key, name, ("xmp",), None)


def test_a_key_that_was_lost_is_told(services: Services, tmp_path: Path) -> None:
    """Gone, another one in its place, put back."""
    path = services.name_hasher.path
    assert checks._check_names_key(services).ok
    _took_off(services, "Bo Sample")
    assert checks._check_names_key(services).ok
    kept = path.read_bytes()
    path.unlink()
    assert health.count_names_under_another_key(services) == 1
    assert not path.exists()
    assert not checks._check_names_key(services).ok
    NameHasher(path).make()
    object.__setattr__(services, "name_hasher", NameHasher(path))
    finding = checks._check_names_key(services)
    assert (finding.ok, str(path) in finding.mend) == (False, True)
    assert "Bo" not in finding.said
    path.write_bytes(kept)
    object.__setattr__(services, "name_hasher", NameHasher(path))
    assert checks._check_names_key(services).ok
