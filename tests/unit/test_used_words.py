"""No message stands in the catalogues that nobody asks for.

A key is asked for where it stands in the code or in a template: whole, or put together from pieces that stand there,
such as "menu_" and "home"; a part may be the name of an action. What is asked for by pieces of another message as well
is not noticed when it is left over.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import jinja2
from jinja2 import nodes

from bench import words
from plugin.ledger.store.actions import Action

ROOT = Path(__file__).parents[2]


def in_code() -> Iterator[str]:
    for path in [*ROOT.glob("plugin/**/*.py"), *ROOT.glob("sidecar/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def in_templates() -> Iterator[str]:
    for path in [*ROOT.glob("sidecar/templates/**/*.html"), ROOT / "plugin/flows/mail/papers/receipt.html"]:
        tree = jinja2.Environment(autoescape=True).parse(path.read_text())
        yield from (node.attr for node in tree.find_all(nodes.Getattr))
        yield from (node.value for node in tree.find_all(nodes.Const) if isinstance(node.value, str))


ACTIONS = {one.value.replace(":", "_").replace("-", "_") for one in Action}
ASKED = {one.replace(" ", "_") for one in (*in_code(), *in_templates())} | ACTIONS
STARTS = tuple(one for one in ASKED if one[-1:] in {"_", "."} and len(one) > 2)
ENDS = tuple(one for one in ASKED if one[:1] in {"_", ".", "-"} and len(one) > 2)


def is_asked(key: str) -> bool:
    """Whole, or from pieces: a start, an end, or parts that a full stop parts; a number is the status of an answer."""
    key = key.replace(" ", "_")
    if key in ASKED or key.isdecimal() or ("." in key and all(is_asked(part) for part in key.split("."))):
        return True
    shorter = [key.removeprefix(one) for one in STARTS if key.startswith(one)]
    return any(is_asked(one) for one in [*shorter, *(key.removesuffix(one) for one in ENDS if key.endswith(one))])


def test_each_message_is_asked_for() -> None:
    """Refusals are known by what flows say: test_refusals has those."""
    keys = [
        (one.context, one.id if isinstance(one.id, str) else one.id[0])
        for one in words.read("en")
        if one.id and one.context not in {"refusal", "sign photograph"}
    ]
    assert len(keys) > 1000
    assert [f"{context}: {key}" for context, key in keys if not is_asked(key)] == []


def test_what_nobody_asks_for_is_seen() -> None:
    asked = ("menu_home", "title_child", "form.refused", "did_photo_face_scan")
    assert [key for key in asked if not is_asked(key)] == []
    left_over = ("menu_moon", "done_thrice", "did_photo_face_hide")
    assert [key for key in left_over if is_asked(key)] == []
