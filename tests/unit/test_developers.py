"""docs/developers.md names no file that is not there, and each rule has its tests."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/developers.md").read_text(encoding="utf-8")
_ROOMS = ("flows", "hooks", "ledger", "recognizer", "quitclaim", "confinement", "config")
_TOPS = ("plugin", "sidecar", "tests", "bench", "docs")


def _there(named: str) -> bool:
    """`flows/consent/cuts` is plugin/flows/consent/cuts.py, or a folder."""
    path = ROOT / (f"plugin/{named}" if named.split("/")[0] in _ROOMS else named)
    return path.exists() or path.with_name(path.name + ".py").exists()


def test_each_file_that_it_names_is_there() -> None:
    named = {
        token
        for token in re.findall(r"`([A-Za-z_./]+)`", TEXT)
        if "/" in token and token.split("/")[0] in {*_ROOMS, *_TOPS}
    }
    assert len(named) > 100
    assert not sorted(token for token in named if not _there(token))


def test_each_folder_of_the_flows_is_told() -> None:
    for room in ("flows", "hooks", "ledger", "recognizer"):
        for folder in (ROOT / "plugin" / room).iterdir():
            if (folder / "__init__.py").exists():
                assert f"{room}/{folder.name}" in TEXT, folder


def test_each_rule_has_tests() -> None:
    """The numbers of the table are those of the rules, each once."""
    rules = [int(number) for number in re.findall(r"^\*\*(\d+)\.", TEXT, re.MULTILINE)]
    table = TEXT.split("## Which test keeps which rule")[1].split("\n## ")[0]
    told: list[int] = []
    for cell, tests in re.findall(r"^\| ([\d, to]+?) \| (.+) \|$", table, re.MULTILINE):
        for part in cell.split(","):
            first, _, last = part.strip().partition(" to ")
            told += range(int(first), int(last or first) + 1)
        assert "`tests/" in tests
    assert rules == list(range(1, len(rules) + 1))
    assert sorted(told) == rules


def test_twenty_questions_have_their_answers() -> None:
    questions = re.findall(r"^\| (Where .+\?) \| `(.+)` \|$", TEXT, re.MULTILINE)
    assert len(questions) == 20
    assert len({answer for _, answer in questions}) == 20
