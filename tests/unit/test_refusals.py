"""What flows refuse is said in the console in the language of whoever is refused."""

import ast
from functools import cache
from pathlib import Path

import pytest

from plugin.words.catalogues import LANGUAGES, Words
from sidecar.console import refusals

ROOT = Path(__file__).parents[2]


@cache
def said() -> frozenset[str]:
    """Every sentence of the code, with braces where something is put in."""
    found = set()
    for folder in ("plugin/flows", "plugin/quitclaim", "sidecar/console"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.add(node.value)
                elif isinstance(node, ast.JoinedStr):
                    found.add(
                        "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
                    )
    return frozenset(found)


@pytest.mark.parametrize("says", [*Words("refusal", "en")], ids=lambda says: says[:40])
def test_each_is_still_said_by_somebody(says: str) -> None:
    """A sentence that is changed where it is raised is changed here too; what a language fills in, it has."""
    gaps = {part[1] for part in refusals._GAP.finditer(says)}
    assert refusals._GAP.sub("{}", says) in said()
    for language in LANGUAGES:
        told = Words("refusal", language)[says]
        assert {part[1] for part in refusals._GAP.finditer(told)} <= gaps


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_stands_in_the_gaps_is_kept(language: str) -> None:
    """And no command is named to who has no command line."""
    sentence = (
        "'Bo Sample' stands on 7 photographs already. If that is this person, say so with --adopt; "
        "else choose another display name"
    )
    words, spoken = refusals.told(sentence, language)
    assert spoken == language
    assert ("'Bo Sample'" in words, "7" in words, "--" in words) == (True, True, False)


def test_another_is_said_as_it_came() -> None:
    """In English, and the page says so."""
    assert refusals.told("the moon is full", "nl") == ("the moon is full", "en")
