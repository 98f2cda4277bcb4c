"""S5: no secret, name or vector in logs, errors, audit rows, job errors, or what commands print."""

import base64
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.errors import DamError, FaceLeaseError
from plugin.flows.common.services import Services
from plugin.flows.consent import recording, withdrawal
from plugin.flows.matching import gallery
from plugin.flows.rights import erasure
from plugin.flows.schedule import calendar
from plugin.hooks.dam import Dam, Resource, Write
from plugin.ledger import tables as t
from plugin.ledger.keys.master_keys import MasterKeys
from plugin.quitclaim.consent.lifecycle import Signing
from plugin.quitclaim.consent.model import Grant, GrantKind
from plugin.recognizer.process.examiner import Examiner
from sidecar.cli import cli
from sidecar.commands.demo import samples
from sidecar.running import logs
from sidecar.running.runner import Runner
from tests import support
from tests.dams import Through

NAME, EMAIL, GUARDIAN = "Åsa Kanariefågel", "kanariefagel@example.org", "Voogd Kanariefågel"
PASSWORD = "wachtwoord-kanarie-7781"  # of a database that is not there
PROOF = b"ondertekend kanarie 5512 " * 8
SILENT: Sequence[Sequence[str]] = (
    ("init",),
    ("migrate",),
    ("sweep",),
    ("doctor",),
    ("doctor", "--json"),
    ("audit", "verify"),
    ("audit", "export"),
    ("audit", "heads"),
    ("backup",),
    ("keys", "rotate", "--yes"),
    ("collection", "list"),
    ("scan", "--yes", "--late-consent"),
    ("person", "show", "nobody of that name"),
    ("quitclaim", "withdraw", "nobody of that name"),
)


class Faulty(Through):
    """The real folder, whose errors say too much: a library's with the name, and ours with a path."""

    def __init__(self, dam: Dam) -> None:
        super().__init__(dam)
        self.turn = 0

    def write(self, ref: str, writes: Sequence[Write], released: bool | None) -> Resource:
        self.turn += 1
        if self.turn % 3 == 1:
            raise RuntimeError(f"could not write {[w.node for w in writes]} to {ref}")
        if self.turn % 3 == 2:
            raise DamError(f"/photos/{ref}: the disk is full")
        return super().write(ref, writes, released)


@dataclass
class Canaries:
    """What must not be seen, by what it is."""

    needles: dict[str, bytes]

    def leaks(self, where: str, said: bytes) -> list[str]:
        return [f"{what} in {where}" for what, needle in self.needles.items() if needle in said]


def _spell(what: str, secret: bytes) -> dict[str, bytes]:
    return {
        what: secret,
        f"{what} in base64": base64.b64encode(secret)[:40],
        f"{what} in hex": secret.hex().encode()[:60],
        f"{what} as Python says it": repr(secret)[2:40].encode(),
    }


def _words(what: str, text: str) -> dict[str, bytes]:
    return {
        what: text.encode(),
        f"{what} escaped": json.dumps(text)[1:-1].encode(),
        f"{what} folded": text.casefold().encode(),
    }


def _gather(services: Services, person_id: str) -> Canaries:
    needles = _words("name", NAME) | _words("e-mail", EMAIL) | _words("guardian", GUARDIAN)
    needles |= _spell("evidence", PROOF[:30]) | {"password": PASSWORD.encode()}
    for version in services.master.versions:
        needles |= _spell(f"master key {version}", services.master.key(version))
    with services.store.read() as conn:
        for purpose in ("face", "record"):
            needles |= _spell(f"{purpose} key", services.vault._key(conn, person_id, purpose))
        template = services.vault.open(conn, services.vault.find(conn, person_id, "template")[0])
    return Canaries(needles | _spell("template", template))


def _sign(services: Services, person_id: str) -> None:
    now = services.clock.now()
    lines = (
        Grant("r", GrantKind.RECOGNITION, None, None, now),
        Grant("p", GrantKind.PUBLICATION, "communication", "website", now),
    )
    signing = Signing("v1", None, "en", "paper", True, (), now, lines)
    recording.record(services, person_id, signing, [recording.SignatureEvidence("form.pdf", PROOF)], "test")
    gallery.enrol(services, person_id, [samples.portrait(samples.A_FRONT).read_bytes()], "test")


def _errors(services: Services, person_id: str) -> list[str]:
    """What our own errors say when something about this person cannot be done."""
    said = []
    unsigned = Signing("v", None, "en", "paper", False, (), services.clock.now(), ())

    def opened() -> object:
        with services.store.read() as conn:
            return services.vault.open(conn, "no such item")

    acts: list[Callable[[], object]] = [
        lambda: recording.record(services, person_id, unsigned, [support.FORM], "test"),
        lambda: withdrawal.withdraw(services, person_id, {"no grant"}, "test"),
        lambda: gallery.enrol(services, person_id, [PROOF], "test"),
        lambda: MasterKeys.load(services.config.path("{data}/ledger.db")),
        lambda: erasure.erase(services, "nobody", "test"),
        opened,
    ]
    for act in acts:
        with pytest.raises(FaceLeaseError) as caught:
            act()
        said.append(str(caught.value))
    return said


def _stored(services: Services) -> bytes:
    """Everything that audit rows say, and why jobs and intents failed."""
    with services.store.read() as conn:
        rows: list[object] = [tuple(row) for row in conn.execute(select(t.audit))]
        rows += [tuple(row) for row in conn.execute(select(t.job.c.error, t.job.c.payload))]
        rows += [tuple(row) for row in conn.execute(select(t.intent.c.error))]
    return str(rows).encode()


@pytest.mark.promise
def test_no_secret_is_ever_said(
    tmp_path: Path,
    clock: ManualClock,
    examiner: Examiner,
    promise: Callable[[str, str], None],
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Canaries in every secret and name; everything that is said while all goes well and wrong is searched.

    The photograph bears the name too, and the DAM's own errors quote it.
    """
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    settings = {"server": {"log_file": "{data}/logs/facelease.log", "log_level": "debug"}}
    config = support.configuration(tmp_path, **settings)
    leaks: list[str] = []
    handlers = logging.getLogger().handlers
    logs.configure(config)
    with support.opened(config, clock, examiner, wrap=lambda dam: Faulty(dam)) as services:
        cast = support.Cast(services)
        asa = cast.add(NAME, email=EMAIL, guardians=(GUARDIAN,))
        _sign(services, asa)
        canaries = _gather(services, asa)
        cast.open_collection()
        support.put(tmp_path / "photos", f"shoot/{NAME}.jpg", samples.A_STANDING, (300, 400))
        calendar.poll_dam(services)
        faulty = services.dam
        for _ in range(4):
            Runner(services).drain()
            clock.set(clock.now().replace(hour=(clock.now().hour + 1) % 24, day=clock.now().day + 1))
        assert faulty.turn >= 3  # type: ignore[attr-defined]
        failures = _stored(services)
        assert b"RuntimeError" in failures or b"DamError" in failures or cast.tags(asa)
        for said in _errors(services, asa):
            leaks += canaries.leaks("an error", said.encode())
        leaks += canaries.leaks("audit rows and failed jobs", _stored(services))
    toml = tmp_path / "facelease.toml"
    lines = [
        f'data = "{tmp_path}/data"',
        "[folder]",
        f'path = "{tmp_path}/photos"',
        "[server]",
        'log_file = "{data}/logs/facelease.log"',
    ]
    toml.write_text("\n".join(lines))
    shown = 0
    for command in SILENT:
        done = CliRunner().invoke(cli, ["--config", str(toml), *command])
        leaks += canaries.leaks(
            f"facelease {' '.join(command)}", f"{done.output}{done.stderr}{done.exception}".encode()
        )
        shown += len(done.output)
    away = tmp_path / "away.toml"
    away.write_text(f'data = "{tmp_path}/data"\n[store]\nurl = "postgresql://somebody:{PASSWORD}@127.0.0.1:9/none"\n')
    for command in (("doctor",), ("sweep",), ("migrate",)):
        done = CliRunner().invoke(cli, ["--config", str(away), *command])
        assert done.exit_code
        leaks += canaries.leaks(
            f"facelease {command[0]} without a database", f"{done.output}{done.stderr}{done.exception}".encode()
        )
    for handler in logging.getLogger().handlers:
        handler.close()
    logging.getLogger().handlers = handlers
    written = b"".join(path.read_bytes() for path in (tmp_path / "data" / "logs").iterdir())
    assert b"job failed" in written
    leaks += canaries.leaks("the log", written)
    out, err = capfd.readouterr()
    leaks += canaries.leaks("standard output and error", f"{out}{err}".encode())
    promise(
        "S5", f"canaries {len(canaries.needles)}, leaked {len(leaks)} ({len(SILENT) + 3} commands, logs, errors, audit)"
    )
    assert shown
    assert not leaks, leaks
