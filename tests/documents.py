"""What stands as code in a document: commands to be typed, and the pieces of files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]

_INLINE = re.compile(r"(?:\./run|facelease|FL|bash|chmod|openssl|mariadb\S*) \S.*|\./run")
_FILES = {
    "toml": re.compile(r"\[[a-z_]+\]\n"),
    "php": re.compile(r"\$[a-z_]+ = "),
    "fstab": re.compile(r"tmpfs /"),
    "cron": re.compile(r"\S+ \* \* \* \* "),
}
_PROGRAMS = ("./run", "FL", "facelease", "cp", "mv", "mkdir", "touch", "rm", "diff", "systemctl", "git")
_SHELL = ("cd", "for", "(umask", "umask", "printf", "echo", "export")


@dataclass(frozen=True)
class Code:
    """The commands of a document, as they stand there, and pieces of files by their kind."""

    commands: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    strange: tuple[str, ...]


def code(document: Path) -> Code:
    """All code of the document. What is neither a command nor a piece of a file that we know is `strange`."""
    commands: dict[str, None] = {}
    files, strange = [], []
    for block, inline in _spans(document.read_text(encoding="utf-8")):
        if inline:
            commands |= dict.fromkeys([block] if _INLINE.fullmatch(block) else [])
            continue
        for kind, part in _parts(block):
            if kind:
                files.append((kind, part))
            elif part.split()[0] in (*_PROGRAMS, *_SHELL):
                commands |= dict.fromkeys(_typed(part))
            else:
                strange.append(part)
    return Code(tuple(commands), tuple(files), tuple(strange))


def _parts(block: str) -> Iterator[tuple[str, str]]:
    """The pieces of a block, and of which file each is; "" for what is typed. Empty lines part most of them."""
    if block.startswith("[Unit]"):
        yield "unit", block
        return
    if block.startswith(("server {", "map ")):
        server, _, block = block.rpartition("\n}\n")
        yield "nginx", f"{server}\n}}"
    for part in filter(None, block.strip("\n").split("\n\n")):
        yield next((kind for kind, first in _FILES.items() if first.match(part)), ""), part


def _spans(text: str) -> Iterator[tuple[str, bool]]:
    for token in MarkdownIt().enable("table").parse(text):
        if token.type in {"code_block", "fence"} and token.info != "mermaid":  # a drawing is no code
            yield token.content.rstrip(), False
        for child in token.children or ():
            if child.type == "code_inline":
                yield child.content, True


def _typed(part: str) -> Iterator[str]:
    """The commands of a paragraph: a loop is one; comments, and what explains a command beside it, are none."""
    text = re.sub(r"\\\n\s*", " ", part)
    if "\nfor " in f"\n{text}":
        yield text
        return
    for line in text.splitlines():
        words = re.split(r"\s+#|(?<=\S) {3,}(?=\S)", line)[0].strip()
        if words:
            yield re.sub(r" {2,}", " ", words)
