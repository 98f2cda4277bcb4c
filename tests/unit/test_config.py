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
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) and value else {prefix + name: value}
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
        ({"matching": {"fpir_auto": 0.5, "fpir_suggest": 0.1}}, "matching"),
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


def test_a_copy_of_the_example_means_what_the_defaults_mean(tmp_path: Path) -> None:
    """Unchanged, and with each key of it alone: what is accepted unsaid is accepted said."""
    file = tmp_path / "facelease.toml"
    file.write_text(EXAMPLE.read_text())
    whole = load(file)
    file.write_text("")
    assert whole == load(file)
    assert whole.data == str(tmp_path / "facelease-data")
    for key, value in flat(tomllib.loads(EXAMPLE.read_text())).items():
        section, _, name = key.rpartition(".")
        assert parse({section: {name: value}} if section else {name: value}) == Config(), key


def test_a_channel_that_is_mistyped_is_refused_and_a_shipped_one_is_not() -> None:
    """`Print=prnt` is somebody's mistake; the pairs as delivered are told at the import, whatever the channels are."""
    with pytest.raises(ConfigError, match="prnt"):
        parse({"importing": {"mediums": ["Print=prnt", "TV=tv"]}})
    fewer = parse({"clearance": {"channels": ["intranet"]}, "importing": {"mediums": ["TV=tv", "Print=print"]}})
    assert fewer.importing.channel_of == {"TV": "tv", "Print": "print"}


PATHS = {
    "store.url": "sqlite:///{}",
    "keys.master_file": "{}",
    "keys.ended_log": "{}",
    "keys.heads_file": "{}",
    "keys.heads_key_file": "{}",
    "keys.names_file": "{}",
    "backup.folder": "{}",
    "folder.path": "{}",
    "resourcespace.key_file": "{}",
    "resourcespace.ca_file": "{}",
    "recognizer.yunet": "{}",
    "recognizer.cache": "{}",
    "recognizer.files": "{}",
    "server.log_file": "{}",
    "webhooks.events_secret_file": "{}",
    "webhooks.panel_secret_file": "{}",
    "webhooks.signin_secret_file": "{}",
    "openid.secret_file": "{}",
    "mail.password_file": "{}",
    "mail.ca_file": "{}",
    "data": "{}",
}


@pytest.mark.parametrize(
    ("written", "there"),
    [
        ("kept/x", "house/kept/x"),
        ("../x", "house/../x"),
        ("./x", "house/x"),
        ("~/x", "home/x"),
        ("{data}/x", "house/d/x"),
    ],
)
def test_every_path_counts_from_the_folder_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, there: str
) -> None:
    """Wherever it is started; `~` is the home of who starts it; the same path is used, in a URL of a store too."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "house").mkdir()
    file = tmp_path / "house" / "facelease.toml"
    for key, form in PATHS.items():
        if key == "data" and written.startswith("{data}"):
            continue
        section, _, name = key.rpartition(".")
        said = f'{name} = "{form.replace("{}", written)}"\n'
        file.write_text(f"[{section}]\n{said}" if section else said)
        monkeypatch.chdir(tmp_path)
        config = load(Path("house") / "facelease.toml")  # and the file itself is named from here
        monkeypatch.chdir("/")
        value = getattr(getattr(config, section) if section else config, name)
        used = config.store_url.removeprefix("sqlite:///") if key == "store.url" else str(config.path(value))
        assert used == str(tmp_path / there.replace("house/d/", "house/facelease-data/")), key


def test_no_path_of_the_configuration_is_forgotten() -> None:
    """Every key whose default is a path, or whose name says that it is one, is in the list above."""
    named = re.compile(r"(_file|^path|^folder|^cache|_log|yunet|url)$")
    found = {
        key
        for key, value in leaves(Config()).items()
        if isinstance(value, str) and ("{data}" in value or named.search(key.rpartition(".")[2]))
    }
    assert found - {"resourcespace.url", "server.public_url"} <= set(PATHS)


def test_files_in_the_url_of_a_server_and_the_command_of_the_key_count_from_there(tmp_path: Path) -> None:
    """Certificates of PostgreSQL, and what `keys.master_command` names; a password stays as it is."""
    file = tmp_path / "facelease.toml"
    url = "postgresql+psycopg://u:p%40ss@127.0.0.1/x"
    file.write_text(f'[store]\nurl = "{url}?sslmode=verify-full&sslrootcert=ca.pem"\n')
    assert load(file).store_url == f"{url}?sslmode=verify-full&sslrootcert={tmp_path}/ca.pem".replace(
        "/ca.pem", "%2Fca.pem"
    ).replace(str(tmp_path), str(tmp_path).replace("/", "%2F"))
    file.write_text(f'[store]\nurl = "{url}?sslrootcert=system"\n')
    assert load(file).store_url == f"{url}?sslrootcert=system"
    file.write_text('[keys]\nmaster_command = ["cat", "keys/key"]\n')
    assert load(file).folder_of_file == tmp_path


def test_data_in_the_middle_of_a_path_is_refused(tmp_path: Path) -> None:
    """It stands for an absolute folder."""
    with pytest.raises(ConfigError, match="beginning of a path"):
        parse({"backup": {"folder": "old/{data}"}}, folder=tmp_path)
