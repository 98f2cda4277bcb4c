"""What the doctor says of files that others can read, and that a secret among them is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from plugin.clock import ManualClock
from plugin.errors import ConfigError
from plugin.flows.common.services import Services
from plugin.hooks.resourcespace.adapter import ResourceSpaceDam
from plugin.ledger.store.store import Store
from sidecar.doctor import checks, worker_checks
from sidecar.running import bootstrap
from tests import support

FILES = ("dam.key", "events.secret", "panel.secret", "signin.secret", "mail.password")


def _configured(root: Path) -> dict[str, object]:
    """Every secret in a file of its own."""
    keys = root / "keys"
    keys.mkdir()
    for name in FILES:
        (keys / name).touch(mode=0o600)
        (keys / name).write_text("secret\n")
    webhooks = {f"{what}_secret_file": str(keys / f"{what}.secret") for what in ("events", "panel", "signin")}
    return {
        "dam": {"kind": "resourcespace"},
        "webhooks": webhooks,
        "mail": {"password_file": str(keys / "mail.password")},
        "resourcespace": {
            "url": "http://127.0.0.1:9",
            "user": "facelease",
            "key_file": str(keys / "dam.key"),
            "seconds": 1.0,
        },
    }


@pytest.mark.parametrize("name", FILES)
def test_each_secret_that_others_can_read_is_named(tmp_path: Path, clock: ManualClock, name: str) -> None:
    """With the command that closes it; the others are well."""
    config = support.configuration(tmp_path, **_configured(tmp_path))
    open_to_others = tmp_path / "keys" / name
    open_to_others.chmod(0o640)
    found = {one.what: one for one in checks.run_checks(config, clock) if one.what.startswith("permissions")}
    assert {what for what, one in found.items() if not one.ok} == {f"permissions of {name}"}
    assert {f"permissions of {other}" for other in FILES} <= found.keys()
    assert found[f"permissions of {name}"].mend == f"chmod u=rwX,go= {open_to_others}"


def test_a_dam_whose_key_others_can_read_is_not_opened(tmp_path: Path, store: Store, clock: ManualClock) -> None:
    """As with the master key: whoever has read it may do all that the account may."""
    config = support.configuration(tmp_path, **_configured(tmp_path))
    bootstrap.open_dam(store, config, clock).close()
    key = config.path(config.resourcespace.key_file)
    key.chmod(0o644)
    with pytest.raises(ConfigError, match=f"chmod 600 {key}"):
        ResourceSpaceDam.from_config(store, config)


def test_what_the_thresholds_do_is_said(services: Services, cast: support.Cast) -> None:
    """In a small gallery the ceiling decides; a rate below all that was measured is extrapolated."""
    assert not worker_checks.check_thresholds(services).looked
    person = cast.add("Åsa")
    cast.sign(person)
    cast.enrol(person)
    small = worker_checks.check_thresholds(services)
    assert small.ok
    assert small.said.startswith(
        "with 1 person; automatic names below 0.310: about 0.0031 % of strangers instead of 0.5 %"
    )
    assert "the engine's ceiling for small galleries decides" in small.said
    assert "extrapolated" not in small.said
    strict = services.config.model_copy(
        update={"matching": services.config.matching.model_copy(update={"fpir_auto": 1e-6})}
    )
    said = worker_checks.check_thresholds(replace(services, config=strict)).said
    assert "about 0.0001 % of strangers, extrapolated" in said
    assert "calibrated on 583,739 comparisons (people: 1,081)" in said
