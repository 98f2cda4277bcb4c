"""What the demonstration counts and checks, step by step."""

from dataclasses import dataclass, field

import click


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
        click.echo(f"  {'ok ' if held else 'NOT'} {what}")
        if not held:
            self.broken.append(what)

    def line(self) -> str:
        """The last line."""
        counts = f"tagged={self.tagged} unnamed={self.unnamed} revoked={self.revoked} left={self.left}"
        return f"DEMO {counts} audit={self.audit}"
