"""The words of a person's page: each is asked for, and none is of the trade."""

import re
from pathlib import Path

import pytest

import sidecar
from plugin.words.catalogues import LANGUAGES, Words

SOURCES = [
    *(p for p in (Path(sidecar.__file__).parent / "sign").rglob("*.py") if "own_page_words" in p.read_text()),
    *(Path(sidecar.__file__).parent / "templates/me").glob("*.html"),
    Path(sidecar.__file__).parent / "templates/people_base.html",
]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_word_of_the_trade(language: str) -> None:
    """Whoever is in a photograph need not know what a template or a grant is."""
    said = " ".join(Words("own page", language).values()).lower()
    found = re.findall(r"\b(template|encoding|grant|quitclaim|biometr\w*|vector|node|metadata)s?\b", said)
    assert not found


def test_every_word_that_a_page_asks_for_is_there_and_none_is_left_over() -> None:
    """By the names in the code and the templates."""
    code = "\n".join(path.read_text() for path in SOURCES)
    asked = set(re.findall(r"""\b_?w(?:ords)?(?:\.counted)?\(\s*['"]([\w ]+)['"]""", code))
    known = set(Words("own page", "en"))
    assert {key for key in asked if not key.endswith("_")} - known == set()
    asked |= set(re.findall(r"""_back\(\s*["'](\w+)["']""", code))
    asked |= {key for pair in re.findall(r"""_closed\(\d+, "(\w+)", "(\w+)\"""", code) for key in pair}
    asked |= {key for pair in re.findall(r"""["'](\w+)["'] if [^\n]*? else ["'](\w+)["']""", code) for key in pair}
    plain = {key for key in known if not key.endswith("_child") and not key.startswith(("state_", "origin_", "way_"))}
    assert plain - asked == set()
