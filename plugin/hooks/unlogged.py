"""What the protocol asks of a DAM that keeps a log, answered by one that keeps none."""

from datetime import datetime

from plugin.hooks.concern import Concern


class Unlogged:
    """Of a folder there is nothing to tell beside its files."""

    def lost(self, ref: str, node: str, put_at: datetime) -> bool:
        """It cannot be told."""
        return False

    def set_back(self) -> bool:
        """There is no log."""
        return False

    def set_back_heard(self) -> None:
        """Nothing to note."""

    def concerns(self) -> list[Concern]:
        """None: what is wrong with a folder is found elsewhere."""
        return []

    def refusal(self, node: str) -> str | None:
        """Files hold every name that a person can have."""
        return None
