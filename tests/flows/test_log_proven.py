"""What a whole house says of its log: commands, doctor, console, programs; and how lost heads and keys are mended."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import delete, select, update

from plugin.clock import ManualClock
from plugin.config import Config
from plugin.errors import VaultError
from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from plugin.flows.views import audit_view
from plugin.ledger import tables as t
from plugin.ledger.log import heads
from plugin.ledger.log.head_key import HeadKey
from plugin.ledger.log.proof import ProofVerdict
from plugin.ledger.store.actions import Action
from sidecar.app import create_app
from sidecar.cli import cli
from sidecar.doctor import checks
from sidecar.doctor.finding import Finding
from sidecar.running import bootstrap
from tests import support
from tests.program import Api

Run = Callable[..., Result]
HOLDS, NOT_PROVEN, BROKEN = 0, 3, 4


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return support.configuration(tmp_path)


@pytest.fixture
def run(tmp_path: Path, config: Config) -> Run:
    """`run("audit", "verify")` in a new house; the exit code and what was printed."""
    file = tmp_path / "facelease.toml"
    (tmp_path / "photos").mkdir()
    file.write_text(f'data = "{config.data}"\n[folder]\npath = "{tmp_path / "photos"}"\n')

    def call(*words: str) -> Result:
        return CliRunner().invoke(cli, ["--config", str(file), *words])

    made = call("init")
    assert made.exit_code == 0, made.output
    assert HeadKey.load(_key(config)).public in made.output
    return call


def _file(config: Config) -> Path:
    return config.path(config.keys.heads_file)


def _key(config: Config) -> Path:
    return config.path(config.keys.heads_key_file)


def _verify(run: Run, *words: str) -> tuple[int, Any]:
    done = run("audit", "verify", "--json", *words)
    return done.exit_code, json.loads(done.stdout)


def _findings(config: Config, clock: ManualClock) -> dict[str, Finding]:
    return {one.what: one for one in checks.run_checks(config, clock)}


def test_a_new_house_holds_from_its_first_row(run: Run, config: Config) -> None:
    """Head 0 is of a log without a row; what comes after the last head is told with its number."""
    (first,) = heads.read(_file(config))
    assert (first.number, first.last.seq) == (0, 0)
    run("person", "add", "Ada Sample")
    code, found = _verify(run)
    assert (code, found["verdict"], found["held"][0], found["after"]) == (HOLDS, "holds", 0, 2)
    assert "held by no head yet" in run("audit", "verify").output
    printed = run("audit", "heads").output.strip()
    code, found = _verify(run, "--head", printed)
    assert (code, found["after"], found["held"][0]) == (HOLDS, 1, 2)
    seq = printed.partition(":")[0]
    assert _verify(run, "--head", f"{seq}:{'a' * 64}")[0] == BROKEN
    assert run("audit", "verify", "--head", "nonsense").exit_code == 2


def test_each_answer_has_its_exit_code_and_its_word(run: Run, config: Config, clock: ManualClock) -> None:
    """The doctor says the same word, and its exit code is not 0."""
    run("audit", "heads")
    whole = _file(config).read_bytes()
    assert _findings(config, clock)["audit log"].ok
    for lines, lack in (
        (b"", "no_heads"),
        (whole.splitlines(keepends=True)[0], "fewer"),
        (whole.splitlines(keepends=True)[1], "begins_late"),
    ):
        _file(config).write_bytes(lines)
        code, found = _verify(run)
        assert (code, found["verdict"], found["why"]) == (NOT_PROVEN, "not_proven", lack)
        finding = _findings(config, clock)["audit log"]
        assert not finding.ok
        assert finding.said == f"not proven: {found['said'][0]}"
    _file(config).unlink()
    assert _verify(run)[0] == NOT_PROVEN
    _file(config).write_bytes(whole.replace(b'"months": 84', b'"months": 1'))
    code, found = _verify(run)
    assert (code, found["verdict"]) == (BROKEN, "broken")
    finding = _findings(config, clock)["audit log"]
    assert (finding.ok, finding.said) == (False, f"broken: {found['said'][0]}")
    assert run("doctor").exit_code == 1


def test_a_key_that_was_written_down_is_believed_and_no_other(run: Run, config: Config, tmp_path: Path) -> None:
    """Whoever has the whole folder of keys may put heads of their own there: not under the officer's key."""
    mine = run("keys", "heads").output.strip()
    assert _verify(run, "--key", mine)[0] == HOLDS
    other = HeadKey.create(tmp_path / "other.key").public
    code, found = _verify(run, "--key", other)
    assert (code, found["why"]) == (NOT_PROVEN, "unknown_key")


def test_a_key_is_replaced_by_a_head_of_its_own(run: Run, config: Config) -> None:
    """The old one announces it; it stays listed, and the officer's copy of it leads to the new one."""
    old = run("keys", "heads").output.strip()
    new = run("keys", "heads", "--yes", "--replace").output.splitlines()[0]
    assert new != old
    assert [one["public"] for one in json.loads(run("keys", "heads", "--json").output)["former"]] == [old]
    run("audit", "heads")
    assert [head.key for head in heads.read(_file(config))] == [old, old, new, new]
    for keys in ((), ("--key", old), ("--key", old, "--key", new)):
        assert _verify(run, *keys)[0] == HOLDS
    with bootstrap.open_house(config) as services, services.store.read() as conn:
        said = list(conn.scalars(select(t.audit.c.action)))
    assert said.count(Action.HEAD_KEY.value) == 1
    assert run("keys", "heads", "--yes", "--replace", "--lost", "x").exit_code == 2


def test_lost_heads_are_begun_anew_by_hand_alone(run: Run, config: Config) -> None:
    """No start and no hour makes the log proven again; `audit begin` does, and says what never was."""
    run("audit", "heads")
    _file(config).unlink()
    run("person", "add", "Ada Sample")
    run("sweep")
    assert run("init").exit_code == 0
    assert _verify(run)[0] == NOT_PROVEN
    assert run("audit", "begin").exit_code == 2
    assert run("audit", "begin", "--yes", "--reason", "the share was lost").exit_code == 0
    code, found = _verify(run)
    assert (code, found["begun"]["reason"]) == (HOLDS, "the share was lost")
    assert any("nothing proves" in said for said in found["said"])


def test_a_lost_key_stops_nothing_but_heads(tmp_path: Path, clock: ManualClock, config: Config, run: Run) -> None:
    """People can withdraw, the doctor is BAD, no key is made unseen; `keys heads --lost` makes one, and begins anew."""
    run("audit", "heads")
    run("person", "add", "Ada Sample", "--of-age")
    signed = ("--publication", "communication:website", "--text-version", "1", "--evidence")
    (tmp_path / "form").write_text("sample")
    assert run("quitclaim", "add", "Ada Sample", *signed, str(tmp_path / "form")).exit_code == 0
    _key(config).unlink()
    assert run("quitclaim", "withdraw", "--yes", "Ada Sample").exit_code == 0
    found = _findings(config, clock)
    assert (found["key of heads"].ok, found["audit log"].ok) == (False, False)
    assert "--lost" in found["key of heads"].said
    assert not _key(config).exists()
    assert run("audit", "heads").exit_code != 0
    with pytest.raises(VaultError):
        bootstrap.init(config, clock)
    assert run("keys", "heads", "--yes", "--lost", "the disk broke").exit_code == 0
    assert _verify(run)[0] == HOLDS
    assert run("keys", "heads", "--yes", "--lost", "again").exit_code != 0


def test_a_house_of_before_gets_its_key_and_head_0_at_its_first_start(services: Services, clock: ManualClock) -> None:
    """Its unsigned lines may contradict, and prove nothing; once it has a key no start makes heads again."""
    config = services.config
    _key(config).unlink()
    with services.store.write() as tx:
        tx.audit(Action.HEAD_WRITE, "system")
    with services.store.write() as tx:
        tx.execute(delete(t.audit).where(t.audit.c.details.contains("number")))
        last = tx.execute(select(t.audit.c.seq, t.audit.c.hash).order_by(t.audit.c.seq.desc())).first()
    assert last is not None
    with services.store.write() as tx:
        tx.execute(update(t.audit_head).values(pruned_seq=1, pruned_hash=_previous(tx.connection, 2)))
    _file(config).write_text(f"{clock.now().isoformat()} {last.seq} {last.hash}\n")
    calendar.start_process(services)
    assert [head.number for head in heads.read(_file(config))] == [0]
    assert audit_view.verify_log(services).verdict is ProofVerdict.HOLDS
    _file(config).write_text(f"{clock.now().isoformat()} {last.seq} {'a' * 64}\n" + _file(config).read_text())
    assert audit_view.verify_log(services).verdict is ProofVerdict.BROKEN
    _file(config).unlink()
    calendar.start_process(services)
    assert not _file(config).exists()


def _previous(conn: Any, seq: int) -> str:
    return str(conn.scalar(select(t.audit.c.previous).where(t.audit.c.seq == seq)))


def test_the_doctor_says_where_the_heads_belong(tmp_path: Path, clock: ManualClock) -> None:
    """Inside the data folder, or beside the store: somebody has something to do. Elsewhere it is well."""
    store = f"sqlite:///{tmp_path}/elsewhere/ledger.db"
    outside = {"heads_file": str(tmp_path / "share" / "heads.log")}
    beside = {"heads_file": str(tmp_path / "elsewhere" / "heads.log")}
    for number, (sections, waits) in enumerate(
        (({}, True), ({"keys": outside}, False), ({"keys": beside, "store": {"url": store}}, True))
    ):
        root = tmp_path / str(number)
        root.mkdir()
        (root / "photos").mkdir()
        config = support.configuration(root, **sections)
        bootstrap.init(config, clock)
        found = _findings(config, clock)["place of heads"]
        assert (found.ok, found.waits) == (True, waits), found


def test_what_is_exported_holds_for_the_program_that_is_printed(run: Run, config: Config, tmp_path: Path) -> None:
    """The three things that an officer takes along."""
    run("person", "add", "Ada Sample")
    head = run("audit", "heads").output.strip()
    (tmp_path / "log.jsonl").write_text(run("audit", "export").output)
    (tmp_path / "facelease-verify.py").write_text(run("audit", "verifier").output)
    shutil.copy(_file(config), tmp_path / "audit-heads.log")
    key = run("keys", "heads").output.strip()
    call = [sys.executable, "facelease-verify.py", "log.jsonl", "audit-heads.log", "--key", key, "--head", head]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "holds"), done


def test_programs_are_told_the_verdict(services: Services) -> None:
    """With the reason in a word; the look is a row of the log."""
    with create_app(services.config, services).test_client() as client:
        api = Api(services, client)
        found = api.get("/audit/proof")
        assert (found["verdict"], found["why"]) == ("holds", None)
        _file(services.config).unlink()
        found = api.get("/audit/proof")
        assert (found["verdict"], found["why"]) == ("not_proven", "no_heads")
        rows = api.get("/audit?limit=500")["items"]
    assert [row["details"].get("verdict") for row in rows if "verdict" in row["details"]] == ["holds", "not_proven"]


def test_the_demonstration_begins_with_head_0(config: Config, clock: ManualClock) -> None:
    """As `init` does; repeated it writes none."""
    for _ in range(2):
        bootstrap.init(config, clock)
    assert [head.number for head in heads.read(_file(config))] == [0]
