"""The part of the adapter that uses the DAM's log: what happened, and who set a name."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime

from plugin.config.sections import ResourceSpaceSection
from plugin.errors import DamError
from plugin.hooks.dam import Change, Named, node_key
from plugin.hooks.resourcespace.names import name_authors
from plugin.hooks.resourcespace.names.cursor import Cursor
from plugin.hooks.resourcespace.names.log import ChangeFeed, ResourceLog
from plugin.hooks.resourcespace.names.nodes import Nodes, find_refusal, is_known_by


class Logged:
    """As the Dam protocol has it."""

    def __init__(
        self,
        feed: ChangeFeed,
        log: ResourceLog,
        cursor: Cursor,
        nodes: Nodes,
        server: ResourceSpaceSection,
        permitted: Callable[[str], bool],
    ) -> None:
        self._feed = feed
        self._log = log
        self._cursor_of_log = cursor
        self._names = nodes
        self._config_of_server = server
        self._permitted = permitted

    def changes(self) -> Sequence[Change]:
        """What the resource log says since the last acknowledgement. Raises DamError without permission."""
        if not self._permitted("v"):
            raise DamError("the account lacks permission v, without which the DAM tells nothing of changes")
        return self._feed.changes()

    def acknowledge(self, changes: Sequence[Change]) -> None:
        """Do not report the rows behind these changes again."""
        self._feed.acknowledge(changes)

    def position(self) -> int | None:
        """The number of the log's newest row; None where the account may not read the log."""
        return self._feed.position() if self._permitted("v") else None

    def _position(self) -> int:
        """The last row that was read."""
        at = self._cursor_of_log.load()
        return at.position if at else 0

    def _note_end(self) -> None:
        """Remember the rows of our own removals too: they tell an older dump apart."""
        with suppress(DamError):
            self.position()

    def came_back(self, ref: str, named: Named, since: int | None) -> frozenset[str]:
        """Every place, unless the resource's log shows that another account added the name since."""
        if not self._permitted("v"):
            return frozenset()
        asked = self._question(named.node)
        by_hand = name_authors.is_put_by_hand(self._log.acts(ref), asked, since, self._feed.floors())
        return frozenset() if by_hand else named.places

    def lost(self, ref: str, node: str, put_at: datetime) -> bool:
        """Whether it was set before the log was set back, and no logged act removed it."""
        at, _ = self._cursor_of_log.times()
        if at is None or put_at > at or not self._permitted("v"):
            return False
        return not name_authors.is_taken_off_by_hand(self._log.acts(ref), self._question(node))

    def _question(self, node: str) -> name_authors.NameQuestion:
        key = node_key(node)
        spelt = {node_key(one.name) for one in self._names.fitting(node)}
        server = self._config_of_server

        def is_name(name: str) -> bool:
            return is_known_by(name, key) or node_key(name) in spelt

        return name_authors.NameQuestion(server.people_field, server.user, is_name)

    def remember(self, ref: str, nodes: Iterable[str]) -> None:
        """Does nothing: the DAM's log remembers."""

    def refusal(self, node: str) -> str | None:
        """Names that the people field cannot hold."""
        return find_refusal(node)

    def set_back(self) -> bool:
        """Whether the log was set back, and no full comparison has run since."""
        return self._cursor_of_log.pending()

    def set_back_heard(self) -> None:
        """Everything was compared again."""
        self._cursor_of_log.heard()
