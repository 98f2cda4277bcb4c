"""The house itself: sizes, layers' files, and what no file may say."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULE, FUNCTION, MOST = 300, 40, 25


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
    return [
        path for path in files(".py") if path.relative_to(ROOT).parts[0] in {"plugin", "sidecar", "bench"}
    ]


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
