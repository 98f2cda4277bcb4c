"""An end is a moment that does not belong to what ends; people are told days."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from plugin.quitclaim.consent.intervals import end_of, last_day, last_whole_day

OSLO = ZoneInfo("Europe/Oslo")


@pytest.mark.parametrize("day", [date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 25), date(2026, 12, 31)])
def test_what_ends_with_a_day_has_that_day_as_its_last(day: date) -> None:
    """Also where the clocks change: both ways of saying it agree at midnight."""
    midnight = end_of(day, OSLO).astimezone(OSLO)
    assert (midnight.date(), midnight.time()) == (day + timedelta(days=1), time())
    assert last_day(end_of(day, OSLO), OSLO) == last_whole_day(end_of(day, OSLO), OSLO) == day


def test_what_ends_at_noon_is_so_that_day_but_not_all_of_it() -> None:
    """The DAM shows whole days, letters and pages the last one of which a moment counts."""
    noon = datetime(2026, 5, 2, 10, tzinfo=UTC)
    assert (last_day(noon, OSLO), last_whole_day(noon, OSLO)) == (date(2026, 5, 2), date(2026, 5, 1))
