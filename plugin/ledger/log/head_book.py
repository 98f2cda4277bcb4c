"""All that a head is made of, in one hand: the key, the file, the term of the log's rows, and ended.log."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugin.config import Config
from plugin.ledger.log import heads
from plugin.ledger.log.endings import EndedLog
from plugin.ledger.log.head_key import HeadKey
from plugin.ledger.log.heads import SignedHead

if TYPE_CHECKING:
    from plugin.ledger.store.store import Tx


@dataclass(frozen=True)
class HeadBook:
    """Where heads are written, and what signs them."""

    key: HeadKey
    path: Path
    months: int
    ended: EndedLog
    begins: bool = False
    """Whether the key follows none: then the heads begin anew with it."""

    @classmethod
    def from_config(cls, config: Config) -> "HeadBook":
        """As the configuration has it. Raises VaultError where the key is not there."""
        keys = config.keys
        return cls(
            HeadKey.load(config.path(keys.heads_key_file)), config.path(keys.heads_file),
            config.retention.audit_months, EndedLog(config.path(keys.ended_log)),
        )  # fmt: skip

    def reach(self) -> None:
        """Before the write of `add`; see heads.reach."""
        heads.refuse_unreachable(self.path)

    def add(self, tx: "Tx", note: Mapping[str, Any], actor: str) -> SignedHead:
        """A head in the caller's transaction; see heads.add."""
        return heads.add(tx, self.key, self.path, self.months, self.ended.mark(), note, actor)
