"""No sentence of a page is put together from messages: word order is each language's own.

Seen: two messages side by side in a template without a tag or a mark between them, joined by ~ or +, or in one
f-string, where the first does not end a sentence. Not seen: what was put into a variable before, what a macro or a
script joins, and a message that is filled into the gap of another (which its language can place).
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
from jinja2 import nodes

from plugin.words.catalogues import Words

ROOT = Path(__file__).parents[2]
TEMPLATES = [*sorted(ROOT.glob("sidecar/templates/**/*.html")), ROOT / "plugin/flows/mail/papers/receipt.html"]
MODULES = sorted([*ROOT.glob("sidecar/**/*.py"), *ROOT.glob("plugin/**/*.py")])
_NAMES = {"w", "words", "_w", "_words", "known"}
_APART = re.compile(r'[<>:·,;()|.?!"]')
CONTEXTS = ("own page", "sign", "console", "front", "receipt", "reason", "certificate")


def ends(key: object) -> bool:
    """Whether the message of this key is a whole sentence, wherever it stands."""
    said = [known[str(key)] for known in (Words(one, "en") for one in CONTEXTS) if key in known]
    return bool(said) and all(one.rstrip()[-1:] in {".", "?", "!", ":", "…"} for one in said)


# ---- templates


def asked(node: nodes.Node) -> object:
    """The key of the message that an expression is; True where it is worked out, None where it is none."""
    if isinstance(node, nodes.Filter) and node.name == "format" and node.node is not None:
        return asked(node.node)
    if isinstance(node, nodes.Call):
        counted = isinstance(node.node, nodes.Getattr) and node.node.attr == "counted"
        named = node.node.node if isinstance(node.node, nodes.Getattr) and counted else node.node
        return _key(named, node.args[0]) if node.args else None
    if isinstance(node, nodes.Getattr):
        return _key(node.node, nodes.Const(node.attr))
    return _key(node.node, node.arg) if isinstance(node, nodes.Getitem) else None


def _key(of: nodes.Node, key: nodes.Node) -> object:
    if not isinstance(of, nodes.Name) or of.name != "w":
        return None
    return key.value if isinstance(key, nodes.Const) else True


def built(tree: nodes.Template) -> Iterator[int]:
    """The lines on which a template puts two messages together."""
    both: list[tuple[int, list[nodes.Expr]]] = [(one.lineno, one.nodes) for one in tree.find_all(nodes.Concat)]
    both += [(one.lineno, [one.left, one.right]) for one in tree.find_all(nodes.Add)]
    for line, parts in both:
        if len([one for one in parts if asked(one) is not None]) > 1:
            yield line
    for output in tree.find_all(nodes.Output):
        before: object = None
        for part in output.nodes:
            if isinstance(part, nodes.TemplateData):
                before = None if _APART.search(part.data) else before
            elif (key := asked(part)) is not None:
                if before is not None and not ends(before):
                    yield part.lineno
                before = key


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_template_builds_a_sentence(path: Path) -> None:
    assert sorted(set(built(jinja2.Environment(autoescape=True).parse(path.read_text())))) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{ w.name }} {{ w.search }}", 1),
        ("{{ w('name') }} {{ count }} {{ w('skip') }}", 1),
        ("{{ w.name ~ w.search }}", 1),
        ("{{ w['na' ~ x] + w.search }}", 1),
        ("{{ w.is_this|format(x) }} {{ w.search }}", 0),
        ("<b>{{ w.name }}</b> {{ w.search }}", 0),
        ("{{ w.name }}: {{ w.search }}", 0),
        ("{{ w.name }} {{ count }}", 0),
    ],
)
def test_what_is_built_is_seen(text: str, found: int) -> None:
    assert len([*built(jinja2.Environment(autoescape=True).parse(text))]) == found


# ---- code


def said(node: ast.AST) -> object:
    """As `asked`, in Python: `w("key")`, `words["key"]`, `self._w("key")`, `w.counted("key", n)`."""
    if isinstance(node, ast.FormattedValue):
        return said(node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"format", "counted"}:
        of = node.func.value
        return said(of) if node.func.attr == "format" else _said(of, node.args[0])
    if isinstance(node, ast.Call):
        return _said(node.func, node.args[0]) if node.args else None
    return _said(node.value, node.slice) if isinstance(node, ast.Subscript) else None


def _said(of: ast.AST, key: ast.AST) -> object:
    name = of.attr if isinstance(of, ast.Attribute) else of.id if isinstance(of, ast.Name) else ""
    if name not in _NAMES:
        return None
    return key.value if isinstance(key, ast.Constant) else True


def joined(tree: ast.AST) -> Iterator[int]:
    """The lines on which code puts two messages together."""
    for node in ast.walk(tree):
        parts: list[ast.expr] = []
        if isinstance(node, ast.JoinedStr):
            parts = [*node.values]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            parts = [node.left, node.right]
        before: object = None
        for part in parts:
            if isinstance(part, ast.Constant):
                before = None if _APART.search(str(part.value)) else before
            elif (key := said(part)) is not None:
                if before is not None and not ends(before):
                    yield part.lineno
                before = key


def test_no_code_builds_a_sentence() -> None:
    found = [f"{path.relative_to(ROOT)}:{line}" for path in MODULES for line in joined(ast.parse(path.read_text()))]
    assert found == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("f\"{w('photo')} {n} {w('skip')}\"", 1),
        ("words['photo'] + words['skip']", 1),
        ("f\"{self._w('photo')} {words.counted('skip', 1)}\"", 1),
        ("f\"{w('good')} {w('skip')}\"", 0),
        ("f\"{w('photo')}: {w('skip')}\"", 0),
        ("f\"{w('photo')} {n}\"", 0),
    ],
)
def test_what_is_joined_is_seen(code: str, found: int) -> None:
    assert len([*joined(ast.parse(code))]) == found
