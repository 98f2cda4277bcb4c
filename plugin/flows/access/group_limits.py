"""To which collections the members of groups are limited, by the table `access.limited` of the configuration."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol


class Limits(Protocol):
    """A table of the configuration that limits groups, by their names or numbers, to collections."""

    @property
    def limited(self) -> Mapping[str, Sequence[str]]: ...


def find_limit(access: Limits, groups: Collection[object], editors: Collection[object]) -> frozenset[str] | None:
    """The collections of an editor of these groups, of all their groups together; None where one of the groups of
    `editors` has no limit."""
    mine = {str(group) for group in groups} & {str(group) for group in editors}
    limits = [access.limited.get(group) for group in sorted(mine)]
    if not limits or None in limits:
        return None
    return frozenset(ref for refs in limits if refs is not None for ref in refs)
