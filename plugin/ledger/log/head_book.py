"""Everything needed to write a head: the key, the file, the retention of log rows, and ended.log."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plugin.config import Config
from plugin.ledger.log import heads
from plugin.ledger.log.endings import EndedLog
from plugin.ledger.log.head_key import HeadKey
from plugin.ledger.log.heads import SignedHead

if TYPE_CHECKING:
    from plugin.ledger.store.store import Tx


@dataclass(frozen=True)
class HeadBook:
    """Where heads are written, and the key that signs them."""

    key: HeadKey
    path: Path
    months: int
    ended: EndedLog
    begins: bool = False
    """Whether heads restart with this key, which follows no other."""

    @classmethod
    def from_config(cls, config: Config) -> "HeadBook":
        """From the configuration. Raises VaultError where the key is missing."""
        keys = config.keys
        key, ended = HeadKey.load(config.path(keys.heads_key_file)), EndedLog(config.path(keys.ended_log))
        return cls(key, config.path(keys.heads_file), config.retention.audit_months, ended)

    def reach(self) -> None:
        """Call before the write of `add`; see heads.refuse_unreachable."""
        heads.refuse_unreachable(self.path)

    def add(self, tx: "Tx", note: Mapping[str, object], actor: str) -> SignedHead:
        """Add a head in the caller's transaction; see heads.add."""
        return heads.add(tx, self.key, self.path, self.months, self.ended.mark(), note, actor)
