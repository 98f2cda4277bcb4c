"""The wheel is whole: built as from a fresh checkout, installed apart from it, it does what a checkout does."""

import ast
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterable, Iterator
from email import message_from_bytes
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from zipfile import ZipFile

import pytest
import requests
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from plugin.clock import SystemClock
from plugin.ledger.store import migrations
from tests import staff
from tests.doubles.resourcespace import Double
from tests.doubles.resourcespace_state import SUPER
from tests.processes import Processes, free_port
from tests.sender import SECRET, secret_file

ROOT = Path(__file__).parents[2]
PACKAGES = ("plugin", "sidecar")
OPTIONAL = {"dlib", "exiftool", "face_recognition"}  # another engine, or a program: used where it is there


def _tracked() -> set[str]:
    """What git keeps, or would with the next commit."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}


def _pip(*words: object) -> None:
    command = [sys.executable, "-m", "pip", *map(str, words), "--no-index", "--no-deps", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from what git keeps, and from what lies about in a checkout that was used."""
    root = tmp_path_factory.mktemp("wheel")
    for name in _tracked():
        copy = root / "source" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((ROOT / name).read_bytes())
    for package in PACKAGES:
        stray = root / "source" / package / "__pycache__" / "stray.cpython-311.pyc"
        stray.parent.mkdir()
        stray.touch()
    _pip("wheel", "--no-build-isolation", "-w", root, root / "source")
    (made,) = root.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds the wheel, and finds here only what it depends on.

    The line in a .pth adds the folder but reads no .pth in it, so the checkout's own is not followed.
    """
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, symlinks=True)
    _pip("--python", home / "bin" / "python", "install", wheel)
    (site,) = home.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return home / "bin" / "python"


@pytest.fixture
def double() -> Iterator[Double]:
    """A ResourceSpace with our plugin."""
    with Double() as server:
        yield server


@pytest.fixture
def house(python: Path, double: Double, tmp_path: Path) -> Iterator[Processes]:
    """A house of the installed program beside that server, with a console."""
    account, port = double.library.add_user("FaceLease", SUPER), free_port()
    key, secret = secret_file(tmp_path / "dam.key", account.key), secret_file(tmp_path / "secret", SECRET)
    configuration = (
        f'data = "{tmp_path}/data"\n[dam]\nkind = "resourcespace"\n'
        f'[resourcespace]\nurl = "{double.url}"\nuser = "{account.name}"\nkey_file = "{key}"\n'
        f'[server]\nport = {port}\npublic_url = "http://127.0.0.1:{port}"\n'
        f'[webhooks]\nsignin_secret_file = "{secret}"\n[access]\nadministrators = [{SUPER}]\n'
    )
    with Processes(tmp_path, port, configuration, python) as running:
        yield running


def _said(python: Path, program: str) -> str:
    """What a program of one line prints there."""
    done = subprocess.run(
        [python, "-c", program], cwd=python.parent, env={}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_wheel_holds_what_git_keeps_of_the_packages_and_nothing_else(wheel: Path) -> None:
    """Templates, styles, the PHP plugin, words as they are read; no test, no bench, no bytecode; and the licence."""
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    info = {name for name in names if name.split("/")[0].endswith(".dist-info")}
    kept = {name for name in _tracked() if name.startswith(tuple(f"{package}/" for package in PACKAGES))}
    compiled = {f"{name.removesuffix('.po')}.mo" for name in kept if name.endswith(".po")}
    assert names - info == kept | compiled
    assert {"licenses/LICENSE", "licenses/NOTICE"} <= {name.partition("/")[2] for name in info}


def test_what_the_code_imports_comes_with_the_wheel(wheel: Path) -> None:
    """By what it asks for, and what that asks for; not a package that only the tests have."""
    with ZipFile(wheel) as archive:
        (described,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        asked = message_from_bytes(archive.read(described)).get_all("Requires-Dist", [])
    needed, missing = _needed(asked, frozenset(), set()), set[str]()
    known = {name for name, by in packages_distributions().items() if needed & set(map(canonicalize_name, by))}
    known |= sys.stdlib_module_names | set(PACKAGES) | OPTIONAL
    for name in _tracked():
        if name.startswith(PACKAGES) and name.endswith(".py"):
            missing |= {f"{name}: {other}" for other in _imported(ROOT / name) - known}
    assert not missing


def _needed(lines: Iterable[str], extras: frozenset[str], found: set[str]) -> set[str]:
    """The distributions that these lines bring, with what each of them brings."""
    for one in map(Requirement, lines):
        name, wanted = canonicalize_name(one.name), [{"extra": extra} for extra in extras or {""}]
        if name not in found and (one.marker is None or any(map(one.marker.evaluate, wanted))):
            found.add(name)
            _needed(requires(name) or (), frozenset(one.extras), found)
    return found


def _imported(path: Path) -> set[str]:
    found = set[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_it_runs_from_where_it_was_installed(python: Path) -> None:
    """Not from this checkout, whose packages the environment borrows."""
    for package in PACKAGES:
        assert Path(_said(python, f"import {package}; print({package}.__file__)")).is_relative_to(python.parents[1])


def test_the_plugin_comes_with_it_byte_for_byte(python: Path) -> None:
    """The plugin's own list of its files, with sizes and digests, holds for the copy that was installed."""
    program = "from plugin.hooks.resourcespace.plugin_copy import *; print(MANIFEST.read_text() == build_manifest())"
    assert _said(python, program) == "True"


def test_commands_read_and_write_a_store(python: Path, house: Processes) -> None:
    """The command itself is there, with its version; a person who was added is listed."""
    command = python.with_name("facelease")
    version = subprocess.run([command, "--version"], capture_output=True, text=True, check=True, cwd=house.root)
    assert version.stdout.split()[-1] == "0.1.0"
    house.run("person", "add", "Åsa Ek")
    assert "Åsa Ek" in house.run("person", "list")
    assert "def main" in house.run("audit", "verifier")
    house.run("audit", "verify")


def test_a_store_of_the_first_revision_is_brought_to_this_one(house: Processes) -> None:
    """The revisions are in it."""
    migrations.downgrade(house.config.store_url, "0001")
    assert f"at schema {migrations.head()}, and was at 0001" in house.run("migrate")
    assert house.run("person", "list")


def test_pages_open_with_their_styles_and_words(double: Double, house: Processes) -> None:
    """The front page, a page to sign on, and the console after signing in, as somebody's browser gets them."""
    house.run("person", "add", "Åsa Ek")
    (house.root / "form.toml").write_text(house.run("form", "sample"))
    house.run("form", "add", "form.toml")
    link = house.run("quitclaim", "invite", "Åsa Ek").strip()
    house.start("serve")
    house.until_up()
    told = staff.Dam(SystemClock(), audience=house.url).form(
        user=double.library.add_user("jan", SUPER).name, groups=[SUPER]
    )
    with requests.Session() as browser:
        pages = [browser.get(house.url), browser.get(link), browser.post(house.url + staff.PATH, data=told)]
        pages += [browser.get(f"{house.url}/console/{name}") for name in ("people", "forms", "log")]
        pages += [browser.get(f"{house.url}/static/{name}") for name in ("facelease.css", "console.css", "sign.js")]
    assert [page.status_code for page in pages] == [200] * len(pages), [page.url for page in pages]
    assert [page.url.removeprefix(house.url) for page in pages[1:3]] == ["/s/form", "/console/"]
