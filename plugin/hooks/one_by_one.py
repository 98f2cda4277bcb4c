"""Many resources, one after the other."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from plugin.errors import DamError

T = TypeVar("T")


def for_each_ref(refs: Iterable[str], act: Callable[[str], T]) -> dict[str, T | DamError]:
    """`act` on one resource after the other; one on which the DAM fails keeps none of the others."""
    answers: dict[str, T | DamError] = {}
    for ref in refs:
        try:
            answers[ref] = act(ref)
        except DamError as error:
            answers[ref] = error
    return answers
