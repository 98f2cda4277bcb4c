"""Batches and what is left of them, on a DAM that is a function."""

from collections.abc import Sequence

import pytest

from plugin.errors import DamError
from plugin.flows.common.batches import Failed, run_batches


def test_what_fails_now_and_then_comes_again_while_others_succeed() -> None:
    """One at a time: an item is tried until it succeeds, as long as another does."""
    tries = dict.fromkeys(range(20), 0)

    def act(items: Sequence[int]) -> Failed[int]:
        for item in items:
            tries[item] += 1
        return [(item, DamError("502")) for item in items if item % 4 == 3 and tries[item] <= item // 8]

    run_batches(list(tries), act)
    assert tries == {item: 1 + (item // 8 if item % 4 == 3 else 0) for item in tries}


def test_one_that_breaks_the_call_is_found_in_smaller_and_smaller_batches() -> None:
    """All the others are done, and what is told is that one is left."""
    done: set[int] = set()
    calls = []

    def act(items: Sequence[int]) -> Failed[int]:
        calls.append(len(items))
        if 700 in items:
            return [(item, DamError("500")) for item in items]
        done.update(items)
        return []

    with pytest.raises(DamError, match="1 of 1 photograph is not done yet: 500"):
        run_batches(list(range(1000)), act, 1000)
    assert done == set(range(1000)) - {700}
    assert len(calls) < 40


@pytest.mark.parametrize("size", [1, 1000])
def test_a_dam_that_fails_for_all_is_left_alone_soon(size: int) -> None:
    """A dozen calls in vain, not one for each of a thousand."""
    calls = []

    def act(items: Sequence[int]) -> Failed[int]:
        calls.append(len(items))
        return [(item, DamError("down")) for item in items]

    with pytest.raises(DamError, match="1000 of 1000 photographs are not done yet: down"):
        run_batches(list(range(1000)), act, size)
    assert len(calls) == 12
