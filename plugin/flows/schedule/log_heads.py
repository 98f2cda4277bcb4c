"""Heads of the log, written to the file outside the store; their key made, listed and replaced."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

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

HeadNote = Mapping[str, Any]


def write_head(services: Services, note: HeadNote | None = None, actor: str = "system") -> SignedHead:
    """Add a head of now to the file. Raises VaultError where its key is not there."""
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
    """A house of before heads were signed gets its key and head 0. One whose key is lost gets none, and goes on
    without: the doctor says so."""
    keys = services.config.keys
    key, path = services.config.path(keys.heads_key_file), services.config.path(keys.heads_file)
    if key.exists():
        return
    # Nothing that a file of heads is in the way of may keep a withdrawal waiting.
    with suppress(VaultError, OSError), services.store.write() as tx:
        heads.create_first_head(tx, key, path, services.config.retention.audit_months, services.ended.mark())


def replace_key(services: Services, actor: str) -> HeadKey:
    """Another key signs from now on: the old one says so in a head of its own, and is destroyed; the first head of the
    new one binds all that the old one signed."""
    refuse_unreachable(services)
    with services.store.write() as tx:
        old = services.head_key
        new = old.replaced(tx.machine_now, lambda key, public: _announce(services, tx, key, public, actor))
        tx.audit(Action.HEAD_KEY, actor, public=new.public)
        _add(services, tx, new, None, actor)
    return new


def make_lost_key(services: Services, reason: str, actor: str) -> HeadKey:
    """A key in the place of one that is lost, and heads begun anew with it. Raises ConsentError where one is there."""
    path = services.config.path(services.config.keys.heads_key_file)
    if path.exists():
        raise ConsentError(f"{path} is there: `facelease keys heads --replace` lets another key follow it")
    key = HeadKey.create(path)
    with services.store.write() as tx:
        tx.audit(Action.HEAD_KEY, actor, public=key.public, lost=True)
    restart_heads(services, reason, actor)
    return key


def restart_heads(services: Services, reason: str, actor: str) -> SignedHead:
    """Heads begin anew, because those of before are lost: from this one on the log can be proven again."""
    return write_head(services, {"kind": "begin", "reason": reason}, actor)


def find_last_provable(services: Services) -> int:
    """The last row whose pruning could be proven; 0 where nothing could."""
    with suppress(AuditBroken, VaultError):
        path = services.config.path(services.config.keys.heads_file)
        with services.store.read() as conn:
            oldest = conn.scalar(select(t.audit.c.at).order_by(t.audit.c.seq).limit(1))
        now = machine_now(services.clock)
        if oldest is None or oldest > months_before(now, 1):
            return 0  # nothing is past any term: a year of heads need not be read
        return lineage.find_provable_row(heads.read(path), tuple(reversed(services.head_key.known)), now)
    return 0


def _announce(services: Services, tx: Tx, key: HeadKey, public: str, actor: str) -> None:
    _add(services, tx, key, {"kind": "key", "public": public}, actor)


def _add(services: Services, tx: Tx, key: HeadKey, note: HeadNote | None, actor: str) -> SignedHead:
    path = services.config.path(services.config.keys.heads_file)
    months = services.config.retention.audit_months
    return heads.add(tx, key, path, months, services.ended.mark(), note, actor)
