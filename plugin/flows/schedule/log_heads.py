"""Heads of the audit log, written to the file outside the store, and the key that signs them."""

from collections.abc import Mapping
from contextlib import suppress

from sqlalchemy import select

from plugin.clock import machine_now, months_before
from plugin.errors import AuditBroken, ConsentError, VaultError
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.log import heads, lineage
from plugin.ledger.log.head_key import HeadKey
from plugin.ledger.log.heads import SignedHead
from plugin.ledger.store.actions import Action
from plugin.ledger.store.store import Tx

HeadNote = Mapping[str, str]


def write_head(services: Services, note: HeadNote | None = None, actor: str = "system") -> SignedHead:
    """Append the current head to the file. Raises VaultError if the key is missing or the file out of reach."""
    refuse_unreachable(services)
    with services.store.write() as tx:
        return write_head_in(services, tx, note, actor)


def refuse_unreachable(services: Services) -> None:
    """See heads.refuse_unreachable."""
    heads.refuse_unreachable(services.config.path(services.config.keys.heads_file))


def write_head_in(services: Services, tx: Tx, note: HeadNote | None = None, actor: str = "system") -> SignedHead:
    """The same inside the caller's transaction."""
    return _add(services, tx, services.head_key, note, actor)


def create_missing_key(services: Services) -> None:
    """An installation older than signed heads gets its key and head 0. One that lost its key gets none and runs
    without; the doctor reports it."""
    keys = services.config.keys
    key, path = services.config.path(keys.heads_key_file), services.config.path(keys.heads_file)
    if key.exists():
        return
    # A broken heads file must not delay a withdrawal.
    with suppress(VaultError, OSError), services.store.write() as tx:
        heads.create_first_head(tx, key, path, services.config.retention.audit_months, services.ended.mark())


def replace_key(services: Services, actor: str) -> HeadKey:
    """Replace the signing key: the old key signs a head that names the new one, and is destroyed; the first head of
    the new key covers everything that the old one signed."""
    refuse_unreachable(services)
    with services.store.write() as tx:
        old = services.head_key
        new = old.replaced(tx.machine_now, lambda key, public: _announce(services, tx, key, public, actor))
        tx.audit(Action.HEAD_KEY, actor, public=new.public)
        _add(services, tx, new, None, actor)
    return new


def make_lost_key(services: Services, reason: str, actor: str) -> HeadKey:
    """Create a key in place of a lost one, and restart the heads with it. Raises ConsentError if a key exists."""
    path = services.config.path(services.config.keys.heads_key_file)
    if path.exists():
        raise ConsentError(f"{path} is there: `facelease keys heads --replace` lets another key follow it")
    key = HeadKey.create(path)
    with services.store.write() as tx:
        tx.audit(Action.HEAD_KEY, actor, public=key.public, lost=True)
    restart_heads(services, reason, actor)
    return key


def restart_heads(services: Services, reason: str, actor: str) -> SignedHead:
    """Restart the heads because the earlier ones are lost: from this one on the log can be proven again."""
    return write_head(services, {"kind": "begin", "reason": reason}, actor)


def find_last_provable(services: Services) -> int:
    """The last audit row whose pruning can be proven; 0 if none can."""
    with suppress(AuditBroken, VaultError):
        path = services.config.path(services.config.keys.heads_file)
        with services.store.read() as conn:
            oldest = conn.scalar(select(t.audit.c.at).order_by(t.audit.c.seq).limit(1))
        now = machine_now(services.clock)
        if oldest is None or oldest > months_before(now, 1):
            return 0  # nothing is past its term: spare reading a year of heads
        return lineage.find_provable_row(heads.read(path), tuple(reversed(services.head_key.known)), now)
    return 0


def _announce(services: Services, tx: Tx, key: HeadKey, public: str, actor: str) -> None:
    _add(services, tx, key, {"kind": "key", "public": public}, actor)


def _add(services: Services, tx: Tx, key: HeadKey, note: HeadNote | None, actor: str) -> SignedHead:
    path = services.config.path(services.config.keys.heads_file)
    months = services.config.retention.audit_months
    return heads.add(tx, key, path, months, services.ended.mark(), note, actor)
