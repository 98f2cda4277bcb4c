"""`facelease quitclaim import` as somebody at a terminal uses it."""

import csv
import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sidecar.cli import cli
from tests import imports as it
from tests.doubles.resourcespace import Double
from tests.sender import secret_file

Run = Callable[..., Result]


@pytest.fixture
def double() -> Iterator[Double]:
    with Double(plugin=False) as running:
        yield running


@pytest.fixture
def run(tmp_path: Path, double: Double) -> Run:
    """`run("person", "list")` in a house whose DAM is the double."""
    secret_file(tmp_path / "dam.key", double.library.users["admin"].key)
    (tmp_path / "facelease.toml").write_text(
        f'data = "data"\n[dam]\nkind = "resourcespace"\n[resourcespace]\nurl = "{double.url}"\nuser = "admin"\n'
        f'key_file = "{tmp_path / "dam.key"}"\ncalls_per_second = 1000\n'
        '[clearance]\npurposes = ["communication"]\nchannels = ["website", "print"]\n'
    )

    def call(*words: str, code: int = 0, typed: str = "") -> Result:
        done = CliRunner().invoke(cli, ["--config", str(tmp_path / "facelease.toml"), *words], input=typed)
        assert done.exit_code == code, done.output
        return done

    call("init")
    return call


TABLE = "name,channels,signed\nÅsa,website,2026-01-15\nDag,tv,2026-01-15\n=1+1,,2026-01-15\n"
OPTIONS = ("--purpose", "communication", "--text-version", "form 1", "--list-is-proof", "--channel", "print")


def test_a_table_is_rehearsed_then_applied(run: Run, tmp_path: Path) -> None:
    """Every row on the terminal, in JSON and in a report of the owner's alone; code 1 where somebody has to look."""
    (tmp_path / "people.csv").write_text(TABLE)
    words = ("quitclaim", "import", "table", str(tmp_path / "people.csv"), *OPTIONS)
    said = run(*words).output
    assert "row 2: Åsa: new person" in said
    assert "row 3: Dag: refused" in said
    assert "rehearsal" in said
    assert json.loads(run("person", "list", "--json").output) == []
    report = tmp_path / "report.csv"
    done = run(*words, "--apply", "--json", "--report", str(report), code=1)
    assert json.loads(done.stdout)["counts"] == {"imported": 1, "refused": 2}
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    rows = list(csv.DictReader(report.read_text("utf-8-sig").splitlines()))
    assert [row["name"] for row in rows] == ["Åsa", "Dag", "'=1+1"]
    assert [row["name"] for row in json.loads(run("person", "list", "--json").output)] == ["Åsa"]
    again = json.loads(run(*words, "--apply", "--json", code=1).output)
    assert again["counts"] == {"imported before": 1, "refused": 2}
    listed = json.loads(run("quitclaim", "list", "Åsa", "--json").output)
    assert [(row["kind"], row["channel"], row["state"]) for row in listed] == [("publication", "website", "in force")]
    assert "rows" in run("audit", "verify").output


def test_pdfs_of_a_folder(run: Run, tmp_path: Path) -> None:
    """Days come first where that is said, and only then."""
    (tmp_path / "forms").mkdir()
    (tmp_path / "forms" / "Åsa_Öberg.pdf").write_bytes(it.pdf())
    words = ("quitclaim", "import", "pdf", str(tmp_path / "forms"), *OPTIONS[:4], "--channel", "print")
    assert "day" in str(run(*words, "--signed", "15-01-2026", code=1).exception)
    done = run(*words, "--signed", "15-01-2026", "--dates", "d-m-y", "--apply", "--json")
    assert json.loads(done.stdout)["counts"] == {"imported": 1}


def test_consentmanager_from_plan_to_import(run: Run, double: Double, tmp_path: Path) -> None:
    """A plan, a yes, a no and an adoption one by one, then the import; what was not confirmed stays out."""
    admin = double.library.users["admin"]
    photo = double.library.create(1)
    double.library.add_nodes(photo.ref, [double.library.node("Carl").ref], 1)
    for name in ("Åsa", "Bo", "Carl", "Dag"):
        asked = {"name": name, "consent_usage": "Websites, TV", "date_of_consent": "2026-01-15"}
        double._api.consentmanager_create_consent(admin, asked)
    plan = tmp_path / "plan.csv"
    words = ("quitclaim", "import", "consentmanager")
    run(*words, "--plan", str(plan), code=1)  # no purpose
    said = run(*words, "--plan", str(plan), "--purpose", "communication").output
    assert "no channel here: TV" in said
    assert stat.S_IMODE(plan.stat().st_mode) == 0o600
    assert json.loads(run(*words, "--apply", str(plan), "--json", code=1).output)["counts"] == {"not confirmed": 4}
    answered = run(*words, "--confirm", str(plan), typed="y\nn\na\nq\n").output
    assert "2 of 4 lines are confirmed" in answered
    done = json.loads(run(*words, "--apply", str(plan), "--json").output)
    assert [row["status"] for row in done["rows"]] == ["imported", "not confirmed", "imported", "not confirmed"]
    assert "1 of" not in run(*words, "--confirm", str(plan), typed="q\n").output
    run(*words, "--plan", str(plan), "--apply", str(plan), code=2)
    assert run(*words, "--confirm", str(tmp_path / "facelease.toml"), code=1).exception is not None


def test_a_folder_has_no_consentmanager(tmp_path: Path) -> None:
    """It is said, not tried."""
    (tmp_path / "photos").mkdir()
    config = tmp_path / "facelease.toml"
    config.write_text('data = "data"\n[folder]\npath = "' + str(tmp_path / "photos") + '"\n')
    CliRunner().invoke(cli, ["--config", str(config), "init"])
    words = ["--config", str(config), "quitclaim", "import", "consentmanager", "--plan", str(tmp_path / "p.csv")]
    assert "dam.kind" in str(CliRunner().invoke(cli, words).exception)
