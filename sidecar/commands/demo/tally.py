"""What the demonstration counts, checks and says, step by step: 80 columns, in colour where there is one."""

import os
import textwrap
from dataclasses import dataclass, field

import click

WIDTH = 79


def say(text: str, indent: str = "", **style: object) -> None:
    """Print a sentence, wrapped; coloured unless NO_COLOR is set or the output is no terminal."""
    lines = textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False)
    for line in lines:
        click.echo(line if os.environ.get("NO_COLOR") else click.style(line, **style))  # type: ignore[arg-type]


def heading(text: str) -> None:
    """Print what comes next."""
    click.echo()
    say(text, bold=True)


@dataclass
class Tally:
    """What the demonstration counted, for its last line."""

    tagged: int = 0
    unnamed: int = 0
    revoked: int = 0
    left: int = 0
    audit: str = "broken"
    broken: list[str] = field(default_factory=list)

    def check(self, what: str, held: bool) -> None:
        """Say a step, and remember one that did not hold."""
        say(f"{'ok ' if held else 'NOT'} {what}", "  ", fg="green" if held else "red")
        if not held:
            self.broken.append(what)

    def line(self) -> str:
        """The last line."""
        counts = f"tagged={self.tagged} unnamed={self.unnamed} revoked={self.revoked} left={self.left}"
        return f"DEMO {counts} audit={self.audit}"
