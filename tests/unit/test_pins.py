"""What `run` installs: each package is pinned, with the hashes of its files; a file that differs stops the set-up."""

import hashlib
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = ("requirements.txt", "requirements-test.txt", "requirements-nodeps.txt")
PINNED = re.compile(r"[A-Za-z0-9._-]+==\S+( \\\n    --hash=sha256:[0-9a-f]{64})+")


@pytest.mark.parametrize("name", FILES)
def test_each_package_has_its_hashes(name: str) -> None:
    """Nothing else stands in the files but comments."""
    text = (ROOT / name).read_text()
    left = PINNED.sub("", text)
    assert {line for line in left.splitlines() if line and not line.startswith("# ")} == set()


def test_run_gets_nothing_that_is_not_checked() -> None:
    """Each call of pip demands hashes, or has no index to ask; none builds with tools that it fetches for that."""
    code = re.sub(r"^ *#.*$", "", (ROOT / "run").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    checked = re.search(r"set -- .*(--disable-pip-version-check .*)", code)
    assert checked is not None
    calls = [line.replace('"$@"', checked[1]) for line in code.splitlines() if re.search(r'/bin/pip" [a-z$]', line)]
    assert len(calls) == 5
    for call in calls:
        assert "--require-hashes" in call or "--no-index" in call, call
        assert "--only-binary :all:" in call or "--no-build-isolation" in call, call


def _wheel(folder: Path, name: str) -> str:
    """A package of one module, as a wheel; its hash."""
    about = f"{name}-1.0.dist-info"
    files = (f"{name}.py", *(f"{about}/{part}" for part in ("METADATA", "WHEEL", "RECORD")))
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "".join(f"{file},,\n" for file in files))
    return hashlib.sha256(path.read_bytes()).hexdigest()


_BUILD = """
import shutil
def build_editable(folder, *_):
    return shutil.copy("house-1.0-py3-none-any.whl", folder).rpartition("/")[2]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `run` with an environment of its own, and no network: the one package lies beside it."""
    root = tmp_path_factory.mktemp("set-up")
    shutil.copy(ROOT / "run", root)
    (root / "setup.cfg").touch()
    _wheel(root, "house")
    build = '[build-system]\nrequires = []\nbuild-backend = "build"\nbackend-path = ["."]\n'
    (root / "pyproject.toml").write_text(build)
    (root / "build.py").write_text(_BUILD)
    (root / ".cache" / "portraits").mkdir(parents=True)
    return root


def _pinned(place: Path) -> dict[str, str]:
    """A package of its own in each of the files, none of them installed; the line of each."""
    for stamp in place.glob(".venv/.stamp-*"):
        stamp.unlink()
    lines = {}
    for number, name in enumerate(FILES):
        lines[name] = f"sample{number}==1.0 --hash=sha256:{_wheel(place, f'sample{number}')}\n"
        (place / name).write_text(lines[name])
    for installed in place.glob(".venv/lib/python*/site-packages/sample*"):
        shutil.rmtree(installed) if installed.is_dir() else installed.unlink()
    return lines


@pytest.mark.parametrize("wrong", FILES)
@pytest.mark.parametrize("hashed", [True, False], ids=["another hash", "no hash"])
def test_a_file_that_differs_stops_the_set_up(place: Path, wrong: str, hashed: bool) -> None:
    """In whichever of the files: nothing of it is installed, nothing goes on, and the next run begins again."""
    line = _pinned(place)[wrong]
    pin, _, _ = line.partition(" ")
    (place / wrong).write_text(f"{pin} --hash=sha256:{os.urandom(32).hex()}\n" if hashed else f"{pin}\n")
    tests = wrong == "requirements-test.txt"
    done = _run(place, "check" if tests else "facelease")
    assert done.returncode != 0
    assert "ruff" not in done.stderr  # with which `check` would begin
    assert "hash" in done.stderr.lower(), done.stderr
    assert not list(place.glob(f".venv/lib/python*/site-packages/{pin.partition('==')[0]}.py"))
    assert not list(place.glob(".venv/.stamp-tests-*" if tests else ".venv/.stamp-*"))


def test_with_the_right_hashes_all_of_it_is_installed(place: Path) -> None:
    """So what stopped it above was the hash alone."""
    _pinned(place)
    _run(place, "check")
    assert len(list(place.glob(".venv/lib/python*/site-packages/sample?.py"))) == len(FILES)


def test_the_demonstration_needs_no_package_of_the_tests(place: Path) -> None:
    """What only the tests and the gates need is installed by them alone."""
    _pinned(place)
    _run(place, "demo")
    found = sorted(path.stem for path in place.glob(".venv/lib/python*/site-packages/sample?.py"))
    assert found == [f"sample{number}" for number, name in enumerate(FILES) if name != "requirements-test.txt"]


def _run(place: Path, command: str) -> "subprocess.CompletedProcess[str]":
    own = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(place), "PIP_CONFIG_FILE": os.devnull}
    return subprocess.run(
        ["./run", command, "--help"],
        cwd=place,
        env=os.environ | own,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
