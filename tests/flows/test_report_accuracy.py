"""`facelease report accuracy --groups`: what it answers, warns of and refuses, and that it keeps nothing of labels."""

import json
import os
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from sidecar.cli import cli
from sidecar.commands.demo import samples

GROUP = 'Older <b>, "so & so"\u0007'
"""A name that means something in CSV, SVG and a terminal."""
FIELDS = {"gallery", "undetected", "rank1", "auto", "suggest", "conditions", "thresholds"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One person, twelve strangers who look as that person does (because they are), and one who does not."""
    monkeypatch.setenv("FACELEASE_PORTRAITS", str(samples.portrait(samples.A_FRONT).parent.absolute()))
    if "FACELEASE_MODELS" in os.environ:
        monkeypatch.setenv("FACELEASE_MODELS", str(Path(os.environ["FACELEASE_MODELS"]).absolute()))
    monkeypatch.chdir(tmp_path)
    references = (samples.A_FRONT, samples.A_SPEECH, samples.A_STANDING, samples.A_FRONT_CUT_LEFT)
    (tmp_path / "people" / "åsa").mkdir(parents=True)
    for number, sha in enumerate(references):
        (tmp_path / "people" / "åsa" / f"{number}.jpg").write_bytes(samples.portrait(sha).read_bytes())
    (tmp_path / "strangers").mkdir()
    for number in range(12):
        (tmp_path / "strangers" / f"{number}.jpg").write_bytes(samples.portrait(samples.A_STANDING).read_bytes())
    (tmp_path / "strangers" / "b.jpg").write_bytes(samples.portrait(samples.B_STANDING).read_bytes())
    (tmp_path / "facelease.toml").write_text('data = "data"\n[matching]\nfpir_auto = 0.002\nfpir_suggest = 0.01\n')
    return tmp_path


def measure(*options: str) -> Result:
    """The command on that folder."""
    return CliRunner().invoke(cli, ["report", "accuracy", "--people", "people", "--strangers", "strangers", *options])


def label(here: Path, text: str, name: str = "labels.csv") -> str:
    """A file of labels."""
    (here / name).write_text(text, encoding="utf-8")
    return name


def test_a_gap_is_told_and_nothing_of_it_is_kept(here: Path) -> None:
    """Exit code 3 and a warning, the worst group first, in JSON and in the picture; no other file knows the group."""
    quoted = GROUP.replace('"', '""')
    lines = [f'{number}.jpg,"{quoted}"' for number in range(12)]
    label(here, "\n".join(["name,group", f'åsa,"{quoted}"', *lines, "b.jpg,others", "nobody.jpg,others"]))
    done = measure("--groups", "labels.csv", "--plot", "errors.svg", "--json")
    assert done.exit_code == 3, done.output + str(done.exception)
    told = json.loads(done.stdout)
    assert {"gallery", "undetected", "rank1", "auto", "suggest", "conditions", "thresholds", "groups", "det"} == set(
        told
    )
    assert told["conditions"]["strangers"] == 13
    assert told["conditions"]["verdict"]["auto"] == "fail"
    worst = told["groups"]["rates"][0]
    assert (worst["group"], worst["auto"]["ratio"], worst["alarm"]) == (GROUP, 500, True)
    assert told["groups"]["unknown"] == 1
    assert "Art. 9 GDPR" in done.stderr
    assert "warning: strangers of some groups" in done.stderr
    assert "\u0007" not in done.stderr
    picture = ET.fromstring((here / "errors.svg").read_text(encoding="utf-8"))
    assert 'Older <b>, "so & so"' in "".join(picture.itertext())
    kept = [path.name for path in here.rglob("*") if path.is_file() and b"Older" in path.read_bytes()]
    assert sorted(kept) == ["errors.svg", "labels.csv"]


def test_it_says_so_in_words(here: Path) -> None:
    """Engine, thresholds, margin, calibration, verdicts, the worst group, small groups; a folder of labels does too."""
    for name in ("x/åsa", *(f"x/{number}.jpg" for number in range(12)), "y/b.jpg"):
        (here / "groups" / name).mkdir(parents=True)
    done = measure("--groups", "groups")
    assert done.exit_code == 3, done.output
    for part in (
        "1 person enrolled",
        "margin 0.03",
        "calibration: ",
        "by the engine's calibration: automatic names below ",
        "configured 0.20%: FAIL",
        "worst: x, 500 x what you configured (named automatically, among everybody enrolled; ",
        "it takes 300 strangers to exclude 5 x; too few of x, y",
        "0 of 1: at most 100.00%",
    ):
        assert part in done.stdout, done.stdout


def test_without_groups_it_is_as_before(here: Path) -> None:
    """The same fields, and what was measured; no word of labels."""
    done = measure("--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 0
    assert set(told) == FIELDS
    assert set(told["auto"]) == {"fpir", "fnir"}
    assert "Art. 9" not in done.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no label has the name"),
        ("name,group\n", "no label has the name"),
        ("Asa,x\n", "no label has the name"),
        ("åsa,x\nb.jpg\n", "line 2 needs a name and a group"),
        ("åsa,x,y\n", "line 1 needs a name and a group"),
        ("åsa,x\nåsa,y\n", "labels.csv, line 2: another group than at labels.csv, line 1"),
        ('åsa,x\n"b.jpg,y\n', "line 2 cannot be read: a quotation mark"),
    ],
)
def test_labels_that_do_not_fit_are_refused_before_anything_is_measured(here: Path, text: str, says: str) -> None:
    """Each with its line; what is measured takes an hour."""
    (here / "strangers" / "0.jpg").write_bytes(b"")  # would be refused as well, later
    done = measure("--groups", label(here, text))
    assert done.exit_code == 1
    assert says in str(done.exception)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "name{}group\n", "\ufeff"])
def test_separators_headings_and_marks(here: Path, separator: str, start: str) -> None:
    """CSV and TSV, with a heading or without, and with the mark that spreadsheets put first: all lines count."""
    (here / "strangers" / "0.jpg").write_bytes(b"")
    text = start.format(separator) + f"åsa{separator}x\n\nb.jpg{separator}y{separator}\n"
    done = measure("--groups", label(here, text))
    assert "0.jpg" in str(done.exception)  # the labels were accepted


def test_what_is_no_file_of_labels(here: Path) -> None:
    """Nothing there, no text, nothing in the folder; and a plot that could not be written is told at once."""
    (here / "bytes.csv").write_bytes(b"\xe5sa,x\n")
    (here / "bare").mkdir()
    for name, says in (("none.csv", "cannot be read"), ("bytes.csv", "no text in UTF-8"), ("bare", "no label has")):
        done = measure("--groups", name)
        assert (done.exit_code, says in str(done.exception)) == (1, True), name
    for plot in ("none/x.svg", "people"):
        done = measure("--plot", plot)
        assert (done.exit_code, "no file can be written" in str(done.exception)) == (1, True)


def test_an_empty_photograph_is_named(here: Path) -> None:
    """As without groups."""
    (here / "strangers" / "b.jpg").write_bytes(b"")
    done = measure("--groups", label(here, "åsa,x\n"))
    assert done.exit_code == 1
    assert "b.jpg" in str(done.exception)
    assert "take it out of the folder" in str(done.exception)
