from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from plugin.quitclaim.consent.intervals import containing, contains, earlier, intersect, union
from plugin.quitclaim.consent.model import Window

START = datetime(2026, 3, 2, tzinfo=UTC)


def _at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def _window(start: int, length: int | None) -> Window:
    return _at(start), None if length is None else _at(start + length)


windows = st.lists(st.builds(_window, st.integers(0, 20), st.none() | st.integers(-3, 10)), max_size=6)
minutes = st.integers(-2, 40)


def held(found: list[Window], minute: int) -> bool:
    """Whether any window holds the minute, told without the module under test."""
    return any(start <= _at(minute) and (end is None or end > _at(minute)) for start, end in found)


@given(windows, minutes)
def test_a_union_holds_what_its_parts_hold(found: list[Window], minute: int) -> None:
    """No moment is won or lost by joining."""
    assert held(union(found), minute) == held(found, minute)


@given(windows)
def test_a_union_is_in_order_apart_and_never_empty(found: list[Window]) -> None:
    """Windows of a union neither touch nor are empty, and only the last has no end."""
    joined = union(found)
    assert all(end is None or start < end for start, end in joined)
    for (_, end), (start, _) in pairwise(joined):
        assert end is not None
        assert end < start
    assert union(joined) == joined


@given(windows, windows, minutes)
def test_an_intersection_holds_what_both_hold(one: list[Window], other: list[Window], minute: int) -> None:
    """A moment lies in the intersection exactly if it lies in both."""
    assert held(intersect(one, other), minute) == (held(one, minute) and held(other, minute))
    assert intersect(one, other) == intersect(other, one)


@given(windows, minutes)
def test_the_window_around_a_moment_is_unbroken_and_longest(found: list[Window], minute: int) -> None:
    """Every minute of it is held, the one before it and the one at its end are not."""
    around = containing(found, _at(minute))
    assert (around is not None) == held(found, minute)
    if around is None:
        return
    first = (around[0] - START) // timedelta(minutes=1)
    last = 40 if around[1] is None else (around[1] - START) // timedelta(minutes=1)
    assert all(held(found, m) for m in range(first, last))
    assert not held(found, first - 1)
    assert around[1] is None or not held(found, last)


def test_windows_are_half_open() -> None:
    """The start belongs to a window, the end does not."""
    assert contains(_window(0, 5), _at(0))
    assert not contains(_window(0, 5), _at(5))
    assert contains(_window(0, None), _at(10_000))


def test_no_end_is_later_than_any() -> None:
    """None is the end that never comes."""
    assert earlier(None, _at(1)) == earlier(_at(1), None) == earlier(_at(2), _at(1)) == _at(1)
    assert earlier(None, None) is None
