"""Moments for people: on the organisation's clock, and in the hour that comes twice which of the two it is."""

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from plugin.clock import format_local, format_local_day

ROOT = Path(__file__).parents[2]
AMSTERDAM, NEW_YORK = ZoneInfo("Europe/Amsterdam"), ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("at", "zone", "said"),
    [
        ("2026-07-01T22:30", AMSTERDAM, "2026-07-02 00:30"),
        ("2026-12-31T23:30", AMSTERDAM, "2027-01-01 00:30"),
        ("2026-10-25T00:30", AMSTERDAM, "2026-10-25 02:30 CEST"),
        ("2026-10-25T01:30", AMSTERDAM, "2026-10-25 02:30 CET"),
        ("2026-10-25T02:00", AMSTERDAM, "2026-10-25 03:00"),
        ("2026-03-29T01:00", AMSTERDAM, "2026-03-29 03:00"),
        ("2026-07-01T02:00", NEW_YORK, "2026-06-30 22:00"),
    ],
)
def test_a_moment_is_told_on_the_organisations_clock(at: str, zone: ZoneInfo, said: str) -> None:
    """Its day too; in the hour that a clock set back shows twice with the zone's short name."""
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert format_local(moment, zone) == said
    assert format_local_day(moment, zone) == said[:10]


def test_no_command_writes_a_moment_by_itself() -> None:
    """A format of a date or an hour stands in no module that speaks to people, but in the one place for it."""
    own = re.compile(r"%Y|%H:%M|strftime")
    where = [*(ROOT / "sidecar").rglob("*.py"), *(ROOT / "plugin" / "hooks" / "resourcespace").rglob("*.py")]
    found = {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in where
        for line in path.read_text().splitlines()
        if own.search(line) and "click.DateTime" not in line and ".astimezone(" not in line
    }
    assert {one for one in found if "{local:%H:%M}" not in one} == set()
