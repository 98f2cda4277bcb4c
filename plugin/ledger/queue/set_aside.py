"""Skips an item that fails, so that the others continue: it is recorded once, by number or kind, and retried."""

import json
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from sqlalchemy import func, select

from plugin.errors import StoreError
from plugin.ledger import tables as t
from plugin.ledger.store.actions import Action
from plugin.ledger.store.store import Store

T = TypeVar("T")
R = TypeVar("R")
SHOWN = timedelta(days=2)
"""How long a recorded item is listed; if it still fails, it is recorded again."""

_log = logging.getLogger(__name__)
_AGAIN = timedelta(days=1)


def act_on_each(store: Store, what: str, items: Iterable[T], act: Callable[[T], R], key: Callable[[T], str]) -> list[R]:
    """Call `act` for every item; the results of those that did not fail. Raises where the store itself fails."""
    done: list[R] = []
    for item in items:
        try:
            done.append(act(item))
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001, RUF100 - an error of one row must not stop the others
            note_set_aside(store, what, key(item), type(error).__name__)
    return done


def note_set_aside(store: Store, what: str, key: str, why: str) -> bool:
    """Record a skipped item, unless that was done within a day; whether it was recorded now.

    `what`, `key` and `why` contain no names.
    """
    short = key[:80]
    mine = (t.audit.c.action == Action.SET_ASIDE.value) & (t.audit.c.at > store.clock.now() - _AGAIN)
    for part in (f'"key":"{short}"', f'"what":"{what}"'):
        mine &= t.audit.c.details.contains(part, autoescape=True)
    with store.read() as conn:
        if conn.execute(select(t.audit.c.seq).where(mine).limit(1)).first() is not None:
            return False
    with store.write() as tx:
        tx.audit(Action.SET_ASIDE, "system", what=what, key=short, why=why)
    _log.warning("set aside, and tried again: %s %s (%s)", what, short, why)
    return True


class SetAside(NamedTuple):
    """A recorded item: what it is, its number or kind, the class of its error, and when it was last recorded."""

    what: str
    key: str
    why: str
    at: datetime


def list_set_aside(store: Store) -> list[SetAside]:
    """The items recorded lately, once each."""
    a = t.audit.c
    query = (
        select(a.details, func.max(a.at).label("at"))
        .where(a.action == Action.SET_ASIDE.value, a.at > store.clock.now() - SHOWN)
        .group_by(a.details)
        .order_by(a.details)
    )
    with store.read() as conn:
        return [SetAside(**json.loads(row.details), at=row.at) for row in conn.execute(query)]
