"""The configuration, its example file, and what it says of a mistake."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from plugin.config import Config, load, parse
from plugin.errors import ConfigError

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.toml"


def leaves(model: BaseModel, prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            found |= leaves(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = list(value) if isinstance(value, tuple) else value
    return found


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in tree.items():
        found |= (
            flat(value, f"{prefix}{name}.") if isinstance(value, dict) and value else {prefix + name: value}
        )
    return found


def test_the_example_holds_every_key_with_its_default() -> None:
    """config.example.toml and the code agree, key for key and value for value."""
    assert flat(tomllib.loads(EXAMPLE.read_text())) == leaves(Config())


def test_the_example_says_one_sentence_of_every_key() -> None:
    """No key stands without a comment above it that ends as a sentence does."""
    lines = EXAMPLE.read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"^[a-z_]+ = ", line):
            assert lines[number - 1].startswith("# "), line
            assert lines[number - 1].endswith("."), line


@pytest.mark.parametrize(
    ("tree", "path"),
    [
        ({"recogniser": {}}, "recogniser"),
        ({"recognizer": {"detect": 3}}, "recognizer.detect"),
        ({"recognizer": {"detect_px": 10}}, "recognizer.detect_px"),
        ({"matching": {"fpir_auto": 1.5}}, "matching.fpir_auto"),
        ({"matching": {"fpir_auto": 0.5}}, "matching"),
        ({"matching": {"count_px": 90}}, "matching"),
        ({"site": {"timezone": "Europe/Nowhere"}}, "site.timezone"),
        ({"clearance": {"channels": []}}, "clearance.channels"),
        ({"server": {"port": "high"}}, "server.port"),
    ],
)
def test_a_mistake_names_its_path(tree: dict[str, Any], path: str) -> None:
    """An unknown key or a bad value is an error that says where it stands."""
    with pytest.raises(ConfigError, match=re.escape(path)):
        parse(tree)


@given(st.text(alphabet=st.characters(codec="ascii", categories=["Ll"]), min_size=1))
def test_an_unknown_key_is_never_swallowed(name: str) -> None:
    """Whatever the key, what nobody reads is refused."""
    known = set(Config.model_fields)
    if name not in known:
        with pytest.raises(ConfigError, match=name):
            parse({name: 1})


def test_a_file_that_is_not_there_or_not_toml_says_so(tmp_path: Path) -> None:
    """The message names the file and what to do."""
    with pytest.raises(ConfigError, match=r"copy config\.example\.toml"):
        load(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("data = ")
    with pytest.raises(ConfigError, match="is not TOML"):
        load(broken)


def test_data_counts_from_the_folder_of_the_file(tmp_path: Path) -> None:
    """A relative data folder lies beside the configuration, wherever the command is started."""
    file = tmp_path / "facelease.toml"
    file.write_text('data = "kept"\n')
    config = load(file)
    assert config.path("{data}/x") == tmp_path / "kept" / "x"
    assert config.store_url == f"sqlite:///{tmp_path}/kept/ledger.db"


def test_a_configuration_cannot_be_changed() -> None:
    """Frozen: nobody bends a rule at run time."""
    with pytest.raises(ValueError, match="frozen"):
        Config().site.name = "x"
