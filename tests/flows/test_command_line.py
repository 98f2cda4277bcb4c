"""The command line, as somebody at a terminal uses it: a whole day, in JSON and in words."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sidecar.commands.demo import samples
from tests import support

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`run("person", "list")` in a house of its own, in a process of its own."""
    (tmp_path / "photos" / "shoot").mkdir(parents=True)
    (tmp_path / "facelease.toml").write_text(
        'data = "data"\n[folder]\npath = "photos"\n'
        '[clearance]\npurposes = ["communication"]\nchannels = ["website", "press"]\nneeds_confirmed = true\n'
    )
    root = Path(__file__).parents[2]
    environment = os.environ | {
        "PYTHONPATH": str(root),
        "FACELEASE_PORTRAITS": str(samples.portrait(samples.A_FRONT).parent),
    }

    def call(*words: str, ok: bool = True, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "sidecar", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert not ok or done.returncode == code, done.stdout + done.stderr
        return done

    return call


def data(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)


def test_a_whole_day(run: Run, tmp_path: Path) -> None:
    """From an empty folder to a tag, an answer, a confirmation, a withdrawal and a proof."""
    assert "master key" in run("init").stdout
    photo = support.put(tmp_path / "photos", "shoot/one.jpg", samples.A_STANDING)
    support.put(tmp_path / "photos", "shoot/two.jpg", samples.B_STANDING)
    who = data(run("person", "add", "Åsa", "--of-age", "--json"))["id"]
    (tmp_path / "form.pdf").write_bytes(b"%PDF sample")
    signed = ("--recognition", "--publication", "communication:website", "--until", "2099-12-31")
    run("quitclaim", "add", "Åsa", *signed, "--text-version", "2026-1", "--evidence", "form.pdf")
    references = [str(samples.portrait(p)) for p in (samples.A_FRONT, samples.A_SPEECH)]
    enrolled = run("person", "enrol", who, *references).stdout.splitlines()
    assert enrolled[0].startswith(f"{references[0]}: note: 3 or more photographs")  # what it warns of comes first
    assert enrolled[-1].startswith("enrolled: a template was made of 2 photographs")
    basis = ("--basis", "all-asked", "--reference", "list", "--by", "administrator")
    run("collection", "set", "shoot", "auto", *basis)
    scanned = data(run("scan", "--json", "--yes"))
    assert (scanned["examined"], scanned["dead"]) == (2, 0)
    listed = data(run("review", "list", "--json"))
    assert [face["person"] for face in listed["unconfirmed"]] == ["Åsa"]
    before = data(run("clearance", photo, "--json", code=4))["channels"]
    assert before["website"]["status"] == "unknown"  # a machine's tag does not clear by itself
    assert before["press"]["status"] == "blocked"
    run("review", "confirm", str(listed["unconfirmed"][0]["face"]))
    assert data(run("clearance", photo, "--channel", "website", "--json"))["channels"]["website"]["status"] == "cleared"
    assert "cleared" in run("clearance", photo, "--language", "nl", code=3).stdout  # press is blocked: the worst
    assert data(run("clearance", "--channel", "website", "--json"))["count"] == 1
    assert "Åsa" in run("person", "show", "Åsa").stdout
    refused = run("quitclaim", "withdraw", "Åsa", ok=False)
    assert refused.returncode == 2  # nobody can answer here
    assert "1 grant of recognition in force or to come, 1 grant of publication" in refused.stderr
    assert "1 photograph loses the name, 2 reference photographs" in refused.stderr
    assert run("clearance", photo, "--channel", "website").returncode == 0
    run("quitclaim", "withdraw", "--yes", "Åsa")
    after = run("clearance", photo, "--channel", "website", "--json", ok=False)
    assert (data(after)["channels"]["website"]["status"], after.returncode) == ("unknown", 4)
    assert data(run("person", "show", "Åsa", "--json"))["photographs"] == []
    run("audit", "heads")
    assert data(run("audit", "verify", "--json"))["outside"] >= 1


def test_backup_rotation_restore_and_erasure(run: Run, tmp_path: Path) -> None:
    """A backup taken before an erasure brings the living back and not the erased."""
    run("init")
    for name in ("Åsa", "Bo"):
        run("person", "add", name)
        (tmp_path / "form.txt").write_text("sample")
        run("quitclaim", "add", name, "--recognition", "--text-version", "1", "--evidence", "form.txt")
        run("person", "enrol", name, str(samples.portrait(samples.A_FRONT)), str(samples.portrait(samples.A_SPEECH)))
    made = data(run("backup", "--json"))
    erased = run("person", "erase", "Bo", "--yes", "--certificate", "bo.txt")
    assert "CERTIFICATE OF ERASURE" in erased.stdout
    assert "Bo" not in (tmp_path / "bo.txt").read_text()
    assert data(run("keys", "rotate", "--yes", "--json"))["version"] >= 2
    for file in (tmp_path / "data").glob("ledger.db*"):
        file.unlink()
    restored = data(run("restore", "--yes", str(Path(made["store"]).parent), "--json"))
    assert restored["rows"] > 0
    run("sweep")
    people = {row["name"]: row["enrolled"] for row in data(run("person", "list", "--json"))}
    assert people == {"Åsa": True}


def test_what_is_left_out_is_told(run: Run, tmp_path: Path) -> None:
    """Behind a scan with its number, in the doctor, and as a list with reasons; nothing where there is nothing."""
    run("init")
    support.put(tmp_path / "photos", "shoot/one.jpg", samples.A_STANDING, (300, 400))
    run("collection", "set", "shoot", "detect")
    assert data(run("scan", "--left-out", "--json")) == {"count": 0, "kinds": {}, "files": []}
    (tmp_path / "photos/shoot/a.psd").write_bytes(b"8BPS" + bytes(60))
    (tmp_path / "photos/shoot/b.jpg").symlink_to(tmp_path / "photos/shoot/one.jpg")
    scanned = run("scan", "--yes")
    assert "2 left out, which are not part of the library (Photoshop 1, links 1)" in scanned.stdout
    counted = data(run("scan", "--yes", "--json"))["left_out"]
    assert counted == {"count": 2, "kinds": {"format: Photoshop": 1, "link": 1}}
    listed = run("scan", "--left-out").stdout.splitlines()
    assert [line.split(":")[0] for line in listed] == ["shoot/a.psd", "shoot/b.jpg"]
    (waits,) = [one for one in data(run("doctor", "--json", ok=False)) if one["code"] == "left_out"]
    assert (waits["waits"], waits["ok"], waits["count"]) == (True, True, 2)


def test_mistakes_are_answered_with_what_to_do(run: Run, tmp_path: Path) -> None:
    """Each error is a sentence on stderr and an exit code, not a traceback."""
    mistakes = [(("person", "list"), "facelease migrate"), (("--config", "none.toml", "doctor"), "config.example.toml")]
    for words, said in mistakes:
        done = run(*words, ok=False)
        assert done.returncode != 0
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    run("init")
    run("person", "add", "Dag")
    again = run("person", "add", "DAG", ok=False)
    assert "somebody else's display name" in again.stderr
    refused = run("collection", "set", "shoot", "auto", ok=False)
    assert "basis" in refused.stderr
    nobody = run("person", "enrol", "Dag", str(samples.portrait(samples.A_FRONT)), ok=False)
    assert "recognition grant" in nobody.stderr
    assert "no photograph" in run("clearance", "nothing.jpg", ok=False).stderr
    run("person", "add", "Åsa Öst")
    for command in (("person", "show"), ("quitclaim", "list"), ("quitclaim", "invited"), ("tags", "list", "--person")):
        assert "Did you mean 'Åsa Öst'?" in run(*command, "asa ost", ok=False).stderr
    assert "Did you mean 'Dag'?" in run("person", "show", "Dagg", ok=False).stderr
    assert "Did you mean" not in run("person", "show", "Zebedee", ok=False).stderr
    (tmp_path / "facelease.toml").write_text("[recogniser]\nengine = 1\n")
    assert "recogniser" in run("doctor", ok=False).stderr


def _bad(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [finding["what"] for finding in data(done) if not finding["ok"]]


def test_doctor_says_what_is_wrong_and_how_to_mend_it(run: Run, tmp_path: Path) -> None:
    """A key that others may read, and a worker that does not run, are found; well is well."""
    run("init")
    run("sweep")
    done = run("doctor", "--json", ok=False)
    assert (done.returncode, _bad(done)) == (1, ["worker"])  # a command sweeps, and is none
    (tmp_path / "data" / "keys" / "master.json").chmod(0o644)
    done = run("doctor", "--json", ok=False)
    bad = [finding for finding in data(done) if not finding["ok"]]
    assert len(bad) > 1
    assert any("chmod" in finding["mend"] or "chmod" in finding["said"] for finding in bad)


def test_doctor_finds_a_master_key_that_is_older_than_the_store(run: Run, tmp_path: Path) -> None:
    """After a rotation the old file opens nobody's key any more, though it is a good file."""
    run("init")
    run("person", "add", "Åsa")
    run("sweep")
    master = tmp_path / "data" / "keys" / "master.json"
    old = master.read_bytes()
    run("keys", "rotate", "--yes")
    assert _bad(run("doctor", "--json", ok=False)) == ["worker"]
    master.write_bytes(old)
    found = data(run("doctor", "--json", ok=False))
    (finding,) = [finding for finding in found if finding["what"] == "people's keys"]
    assert (finding["ok"], "1 wrapped by a master key" in finding["said"]) == (False, True)


def test_the_demonstration_holds(run: Run) -> None:
    """`facelease demo --once` ends with exit code 0 and the line that says so."""
    done = run("demo", "--once", "--folder", "shown")
    last = done.stdout.strip().splitlines()[-1]
    assert last == "DEMO tagged=4 unnamed=2 revoked=4 left=0 audit=ok"
    assert "NOT" not in [line.split()[0] for line in done.stdout.splitlines() if line.strip()]
