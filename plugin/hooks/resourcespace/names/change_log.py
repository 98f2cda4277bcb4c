"""The part of the adapter that leans on the DAM's own log: what happened, and who put a name where it stands."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime

from plugin.config.sections import ResourceSpaceSection
from plugin.errors import DamError
from plugin.hooks.dam import Change, Named, node_key
from plugin.hooks.resourcespace.names import acts
from plugin.hooks.resourcespace.names.cursor import Cursor
from plugin.hooks.resourcespace.names.log import ChangeFeed, ResourceLog
from plugin.hooks.resourcespace.names.nodes import Nodes, find_refusal, is_known_by


class Logged:
    """As the Dam protocol has it."""

    def __init__(
        self, feed: ChangeFeed, log: ResourceLog, cursor: Cursor, nodes: Nodes, server: ResourceSpaceSection,
        permitted: Callable[[str], bool],
    ) -> None:  # fmt: skip
        self._feed = feed
        self._log = log
        self._cursor_of_log = cursor
        self._names = nodes
        self._config_of_server = server
        self._permitted = permitted

    def changes(self) -> Sequence[Change]:
        """What the resource log says since it was last acknowledged. Raises DamError without permission for it."""
        if not self._permitted("v"):
            raise DamError("the account lacks permission v, without which the DAM tells nothing of changes")
        return self._feed.changes()

    def acknowledge(self, changes: Sequence[Change]) -> None:
        """The rows behind these changes are not told again."""
        self._feed.acknowledge(changes)

    def position(self) -> int | None:
        """The number of the log's newest row; None where the account may not read the log."""
        return self._feed.position() if self._permitted("v") else None

    def _position(self) -> int:
        """How far the log was read."""
        at = self._cursor_of_log.load()
        return at.position if at else 0

    def _note_end(self) -> None:
        """Know the log by the rows of our own removals too: a dump from before them is told apart by these."""
        with suppress(DamError):
            self.position()

    def came_back(self, ref: str, named: Named, since: int | None) -> frozenset[str]:
        """Everywhere, unless the resource's log has an act of another account that put the name there since."""
        if not self._permitted("v"):
            return frozenset()
        asked = self._question(named.node)
        by_hand = acts.is_put_by_hand(self._log.acts(ref), asked, since, self._feed.floors())
        return frozenset() if by_hand else named.places

    def lost(self, ref: str, node: str, put_at: datetime) -> bool:
        """It was put there before the log was set back, and the resource's log has nobody's act that took it off."""
        at, _ = self._cursor_of_log.times()
        if at is None or put_at > at or not self._permitted("v"):
            return False
        return not acts.is_taken_off_by_hand(self._log.acts(ref), self._question(node))

    def _question(self, node: str) -> acts.NameQuestion:
        key = node_key(node)
        spelt = {node_key(one.name) for one in self._names.fitting(node)}
        return acts.NameQuestion(
            self._config_of_server.people_field, self._config_of_server.user,
            lambda name: is_known_by(name, key) or node_key(name) in spelt,
        )  # fmt: skip

    def remember(self, ref: str, nodes: Iterable[str]) -> None:
        """Nothing: the DAM's log remembers."""

    def refusal(self, node: str) -> str | None:
        """What the people field cannot hold."""
        return find_refusal(node)

    def set_back(self) -> bool:
        """Whether the log was found set back, and nothing was asked for anew since."""
        return self._cursor_of_log.pending()

    def set_back_heard(self) -> None:
        """Everything was asked for anew."""
        self._cursor_of_log.heard()
