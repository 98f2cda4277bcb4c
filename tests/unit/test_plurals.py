"""Of one thing every sentence speaks as of one."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from click.testing import CliRunner

from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from sidecar.cli import cli
from sidecar.commands.common import Shell
from sidecar.commands.demo import samples
from tests import support

ROOT = Path(__file__).parents[2]
NOUNS = (
    "columns|collections|days|deliveries|endings|faces|figures|files|grants|groups|heads|hours|items|jobs|keys|kinds|"
    "letters|lines|links|minutes|names|others|pages|people|persons|photographs|photos|quitclaims|rows|scans|secrets|"
    "sessions|suggestions|tags|templates|tokens|uses|versions|withdrawals"
)
OF_ONE = re.compile(rf"(?<![\w.,:-])1 (?:(?:\w+ ){{0,2}}?(?:{NOUNS})|are|do|have|wait|were)\b")
COUNTED = re.compile(rf" (?:(?!(?:compares|holds|knew|knows|names|of|the) )\w+ ){{0,2}}?(?:{NOUNS})\b(?! no )")

COMMANDS = (
    "person list; person show Åsa; person declared; person export Åsa; quitclaim list Åsa; form list; collection list; "
    "collection history shoot; collection held shoot; review list; review again; tags list; mail list; token list; "
    "session list; jobs list; audit verify; audit heads; scan --left-out; clearance shoot/one.jpg; doctor; "
    "person add Bo; scan shoot --again; reconcile --wait; sweep; collection set shoot suggest; keys rotate --keep; "
    "keys rotate; person lock Åsa; quitclaim withdraw Åsa; quitclaim withdraw Åsa --yes; person erase Åsa; "
    "person erase Åsa --yes; doctor; audit verify; backup {folder}"
)


def test_commands_on_one_photograph_of_one_person_with_one_grant(
    services: Services, cast: support.Cast, photos: Path, tmp_path: Path
) -> None:
    """No output says "1 photographs"; those that look, those that ask, and those that end something."""
    support.put(photos, "shoot/one.jpg", samples.A_STANDING)
    asa = cast.add("Åsa")
    cast.sign(asa)
    cast.enrol(asa, samples.A_FRONT)
    cast.open_collection()
    calendar.poll_dam(services)
    cast.work()
    shell = Shell(services.config, services.clock)
    wrong = []
    for words in COMMANDS.split("; "):
        asked = words.format(folder=tmp_path / "backup").split()
        done = CliRunner().invoke(cli.commands[asked[0]], asked[1:], obj=shell)
        wrong += [f"{words}: {said}" for said in OF_ONE.findall(done.output)]
        assert done.exit_code != 2 or "add --yes" in done.output, (words, done.output)
    assert not wrong


def test_no_sentence_puts_a_bare_number_before_many() -> None:
    """`pluralize` says a number with its noun; a limit of ours, which has a name in capitals, is never one."""
    wrong = [f"{path}:{line}: {said}" for path in _modules() for line, said in _bare(path)]
    assert not wrong, "\n".join(wrong)


def _modules() -> Iterator[Path]:
    for folder in ("plugin", "sidecar"):
        yield from sorted(one.relative_to(ROOT) for one in (ROOT / folder).rglob("*.py"))


def _bare(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        for part, after in pairwise(node.values if isinstance(node, ast.JoinedStr) else []):
            if isinstance(part, ast.FormattedValue) and isinstance(after, ast.Constant):
                value, rest = ast.unparse(part.value), str(after.value)
                if COUNTED.match(rest) and not value.split(".")[0].strip("_").isupper():
                    yield part.lineno, f"{{{value}}}{rest}"
