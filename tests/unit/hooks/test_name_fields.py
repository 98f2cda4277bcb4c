"""The list of fields: what the documents say of it, and what is a person in them."""

import re
from pathlib import Path

import pytest

from plugin.hooks import name_spellings
from plugin.hooks.dam import node_key
from plugin.hooks.names_in_files.name_fields import FIELDS

KNOWN = {node_key(name) for name in ("Bo Sample", "Åsa Sample")}
CATEGORIES = {"people"}


def test_the_table_in_the_documents_is_the_list() -> None:
    text = (Path(__file__).parents[3] / "docs/editors.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \|$", text, re.MULTILINE)
    assert rows == [(field.tag, field.kind.value, field.of) for field in FIELDS]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Bo Sample", ["Bo Sample"]),
        ("a fair; bo  SAMPLE", ["bo  SAMPLE"]),
        ("Sample, Bo", ["Bo Sample"]),
        ("2026|Sample, Bo|x", ["Bo Sample"]),
        ("BoSample", []),
        ("Bo Samples", []),
        ("Bo", []),
        ("Bo Sample, Åsa Sample", ["Bo Sample", "Åsa Sample"]),
        ("a\\Bo Sample", ["Bo Sample"]),
    ],
)
def test_whom_a_text_names(text: str, names: list[str]) -> None:
    assert sorted(name_spellings.find_known(text, KNOWN)) == names


@pytest.mark.parametrize(
    ("text", "leaf"),
    [
        ("People|Cee Sample", "Cee Sample"),
        ("x/PEOPLE/Staff/Cee Sample", "Cee Sample"),
        ("People", None),
        ("Cee Sample < People", "Cee Sample"),
        ("People, Cee Sample", None),
        ("Peoples|Cee", None),
        ("People|Sample, Cee", "Sample, Cee"),
        ("a|People", None),
    ],
)
def test_who_stands_under_a_category(text: str, leaf: str | None) -> None:
    found = [path[-1] for path in name_spellings.list_category_paths(text, CATEGORIES)]
    assert found == ([] if leaf is None else [leaf])
