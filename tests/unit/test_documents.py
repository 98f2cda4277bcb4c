"""The documents say what there is: commands, keys of the configuration, files, scripts' variables."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from plugin.config import Config
from sidecar.cli import cli

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]

_CALL = re.compile(r"(?:\bfacelease|\bFL|\.venv/bin/facelease) +((?:--config \S+ +)?[a-z][^\n`#|<>&;]*)")
_KEY = re.compile(r"`([a-z_]+)\.([a-z_]+)(?: = [^`]*)?`")
_SUFFIXES = {"md", "toml", "log", "py", "db"}
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


def _resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words name, and what is left of them. Raises KeyError for one that is not there."""
    here: click.Command = cli
    while isinstance(here, click.Group) and words and not words[0].startswith("-"):
        here, words = here.commands[words[0]], words[1:]
    return here, words


def _calls(text: str) -> list[str]:
    """What stands after `facelease` where that is the command: in code, on one line or continued."""
    code = re.findall(r"`([^`\n]*)`", text) + re.findall(r"^    .*$", text.replace("\\\n", " "), re.MULTILINE)
    return [re.sub(r"--config \S+ +", "", found) for part in code for found in _CALL.findall(part)]


def _heading(line: str) -> str:
    """The anchor of a heading, as GitHub and its like make it."""
    return re.sub(r"[^\w\- ]", "", line.lstrip("# ").strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_that_is_named_exists(document: Path) -> None:
    """Each `facelease ...` in a document is a command, and its options are that command's."""
    wrong = []
    for call in _calls(document.read_text()):
        try:
            command, rest = _resolve(call.split())
        except KeyError as missing:
            wrong.append(f"{call}: no command {missing}")
            continue
        known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
        wrong += [
            f"{call}: no option {o}" for o in re.findall(r"--[a-z-]+", " ".join(rest)) if o not in {*known, "--help"}
        ]
    assert not wrong


def _keys(text: str) -> Iterator[tuple[str, str]]:
    """`section.key` in a sentence, and the keys below `[section]` in an example."""
    yield from ((section, key) for section, key in _KEY.findall(text) if key not in _SUFFIXES)
    for section, body in re.findall(r"^    \[([a-z_]+)\]\n((?:    [^\s\[].*\n)+)", text, re.MULTILINE):
        yield from ((section, key) for key in re.findall(r"^    ([a-z_]+) += ", body, re.MULTILINE))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_key_that_is_named_exists(document: Path) -> None:
    """Each key of the configuration that a document names, or sets in an example, is one."""
    wrong = []
    for section, key in _keys(document.read_text()):
        field = Config.model_fields.get(section)
        if field is None:
            continue
        model = field.annotation
        assert isinstance(model, type)
        assert issubclass(model, BaseModel)
        wrong += [f"{section}.{key}"] if key not in model.model_fields else []
    assert not wrong


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    """Each relative link is a file that is committed, or a folder; its anchor is a heading there."""
    wrong = []
    for target in _LINK.findall(document.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        headings = [_heading(line) for line in path.read_text().splitlines() if line.startswith("#")] if anchor else []
        wrong += [target] if not path.exists() or (anchor and anchor not in headings) else []
    assert not wrong


def test_every_command_is_documented() -> None:
    """No command is left to be found by chance: each, and so each group, stands in one of the documents."""
    named = set()
    for document in DOCUMENTS:
        for call in _calls(document.read_text()):
            words = call.split()
            named |= {tuple(words[:length]) for length in range(1, len(words) + 1)}
    assert not set(_commands(cli)) - named


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "SECURITY.md"])
def test_every_path_that_is_named_exists(name: str) -> None:
    """Each file, folder and module in code of these two is there."""
    code = re.findall(r"`([^`\n]+)`|^    (\./run .*)", (ROOT / name).read_text(), re.MULTILINE)
    words = [word for one in code for word in " ".join(one).split() if "*" not in word]
    modules = [word.replace(".", "/") + ".py" for word in words if word.startswith("plugin.")]
    paths = [word for word in words if re.match(r"(?:plugin|tests|docs)/|\.ci/", word)]
    assert paths
    assert [one for one in paths + modules if not (ROOT / one).exists()] == []


def test_the_readme_names_what_run_can_do() -> None:
    """Each command that ./run knows stands in the README, and each variable that `./run live` takes."""
    usage = subprocess.run(["./run", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    readme = (ROOT / "README.md").read_text()
    assert not {name for name in re.findall(r"^\./run (\w+)", usage, re.MULTILINE) if f"./run {name}" not in readme}
    sources = "".join((ROOT / name).read_text() for name in ("run", "tests/live/given.py"))
    taken = set(re.findall(r"FACELEASE_LIVE_([A-Z_]+)", sources))
    listed = re.search(r"for name in ([A-Z_ ]+); do", (ROOT / "run").read_text())
    assert listed is not None
    assert not {name for name in taken | set(listed[1].split()) if f"`{name}`" not in readme}
