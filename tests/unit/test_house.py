"""The house itself: sizes, layers' files, and what no file may say."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULE, FUNCTION, MOST = 300, 40, 25
FOLDER, GROUPS = 12, {"sidecar/commands": 15, "sidecar/console": 15, "sidecar/api": 15}
"""Modules of code in a folder; more where each is one command, or one group of routes."""
REVISIONS = "plugin/ledger/store/migrations/versions"  # one a change of the schema, and none ever moves
NAMES_OF_A_REST = re.compile(r"(.*\d|misc|more|other|others|rest|utils?|helpers?|parts?|_.*|.*_(more|rest|part))$")


def files(*suffixes: str) -> Iterator[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if name.endswith(suffixes) and (ROOT / name).is_file():
            yield ROOT / name


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


def ours() -> list[Path]:
    return [path for path in files(".py") if path.relative_to(ROOT).parts[0] in {"plugin", "sidecar", "bench"}]


def test_no_module_and_no_function_is_too_long() -> None:
    """A module has at most 300 lines, a function 40, and nine functions in ten 25."""
    long = [f"{p.relative_to(ROOT)}" for p in ours() if len(p.read_text().splitlines()) > MODULE]
    sizes = [size for path in ours() for size in functions(path)]
    long += [name for name, size in sizes if size > FUNCTION]
    assert not long
    lengths = sorted(size for _, size in sizes)
    assert lengths[len(lengths) * 9 // 10] <= MOST


def test_no_file_names_a_path_outside_its_checkout() -> None:
    """The product stands alone: no parent folder, no home, no registry."""
    forbidden = re.compile(r"\.\./shared|/root/|pypi\.org|deb\.debian\.org|registry\.npmjs")
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in files(".py", ".md", ".toml", ".cfg", ".txt", ".html", ".css", "run", "NOTICE")
        for match in [forbidden.search(path.read_text())]
        if match and path.name != Path(__file__).name
    ]
    assert not found


def test_every_test_can_fail() -> None:
    """Each test function asserts something, or expects an error."""
    for path in files(".py"):
        if path.relative_to(ROOT).parts[0] != "tests":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                text = ast.unparse(node)
                assert re.search(r"\bassert\b|raises|assert_|check|expect", text), f"{path.name}: {node.name}"


def test_no_room_is_empty() -> None:
    """A package or module stands only where its feature is: none that is nothing but a docstring."""
    for path in ours():
        body = ast.parse(path.read_text()).body
        if path.name != "__init__.py":
            assert len(body) > 1, path


def folders() -> dict[str, list[Path]]:
    """The modules of each folder of plugin/ and sidecar/ but for an `__init__` that only says what the folder is."""
    found: dict[str, list[Path]] = {}
    for path in files(".py"):
        name = str(path.parent.relative_to(ROOT))
        if name.partition("/")[0] in {"plugin", "sidecar"}:
            modules = found.setdefault(name, [])
            if path.name != "__init__.py" or len(ast.parse(path.read_text()).body) > 1:
                modules.append(path)
    return found


def test_no_folder_is_too_full() -> None:
    """At most 12 modules of code, 15 where each is one command or one group of routes."""
    counts = {name: len(modules) for name, modules in folders().items() if name != REVISIONS}
    assert len(counts) > 50
    assert {name: count for name, count in counts.items() if count > GROUPS.get(name, FOLDER)} == {}


def test_each_package_says_what_it_is() -> None:
    """A docstring begins its `__init__`, and one sentence that fills the first line begins that."""
    for name in folders():
        said = ast.get_docstring(ast.parse((ROOT / name / "__init__.py").read_text())) or ""
        assert re.match(r"\S.*[.?]$", said.partition("\n")[0]), name


def test_no_folder_is_only_a_split() -> None:
    """A folder holds two things at least, and its name says which: it is not what was left over elsewhere."""
    all_of_them = folders()
    for name, modules in all_of_them.items():
        inner = {path.parent for path in files("") if (ROOT / name) in path.parent.parents}
        assert len(modules) + len(inner) > 1, name
        assert not NAMES_OF_A_REST.match(name.rpartition("/")[2]), name


def test_who_looks_is_audited_in_flows_and_the_kind_of_a_dam_is_asked_where_one_is_opened() -> None:
    """No module of the sidecar writes an audit row; beside the configuration, the registry alone reads `dam.kind`."""
    audits, kinds = set(), set()
    for path in ours():
        name = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Attribute):
                continue
            if node.attr == "audit" and ast.unparse(node.value) == "tx" and name.startswith("sidecar/"):
                audits.add(name)
            if node.attr == "kind" and ast.unparse(node.value).endswith("dam"):
                kinds.add(name)
    assert not audits
    assert kinds == {"plugin/config/__init__.py", "plugin/hooks/registry.py"}
