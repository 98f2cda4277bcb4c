"""Calls a function for many resources, one by one."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from plugin.errors import DamError

T = TypeVar("T")


def for_each_ref(refs: Iterable[str], act: Callable[[str], T]) -> dict[str, T | DamError]:
    """Call `act` for each ref; a DamError is the result of that ref and does not stop the others."""
    answers: dict[str, T | DamError] = {}
    for ref in refs:
        try:
            answers[ref] = act(ref)
        except DamError as error:
            answers[ref] = error
    return answers
