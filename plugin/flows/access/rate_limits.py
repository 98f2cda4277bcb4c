"""How many codes and letters somebody outside can cause: for each link, person, address and network.

Counters are rows of `event` under keyed hashes: no address, name or network is stored. The rows of a counter go when
they are older than its longest window.

Many people share a shoot's link, mostly on one network: 90 codes an hour for the link on one network are enough for
60 people of whom half ask twice, and limit what one stranger can do with it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network
from uuid import uuid4

from sqlalchemy import ColumnElement, delete, func, insert, select

from plugin.flows.common.services import Services
from plugin.flows.people.contacts import mailbox_key
from plugin.ledger import tables as t
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import InvitationRow

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

_IPV6_PREFIX = 64  # what one house, one telephone, one rented server is given; all of it is one network


class MailCause(StrEnum):
    """What is caused: a one-time code, a letter requested again, or mail to an address typed while signing."""

    CODE = "code"
    LETTER = "letter"
    RECEIPT = "receipt"


@dataclass(frozen=True)
class Requester:
    """Who causes it, as far as is known; "" is not counted. `shoot`: the link is shared by many."""

    link_id: str = ""
    person_id: str = ""
    address: str = ""
    network: str = ""
    shoot: bool = False


Limits = tuple[int, int]
"""The most an hour, and the most a day."""

LIMITS: dict[MailCause, dict[str, Limits]] = {
    MailCause.CODE: {
        "address": (3, 8), "person": (6, 20), "link": (6, 20), "addresses": (3, 6), "shoot": (200, 1000),
        "shoot on a network": (90, 400), "network": (150, 600),
    },
    MailCause.LETTER: {
        "address": (2, 4), "person": (2, 4), "link": (3, 6), "addresses": (3, 6), "shoot": (90, 200),
        "shoot on a network": (20, 60), "network": (20, 60),
    },
    MailCause.RECEIPT: {
        "address": (6, 10), "person": (6, 20), "link": (6, 20), "addresses": (3, 6), "shoot": (300, 1000),
        "shoot on a network": (90, 400), "network": (150, 600),
    },
}  # fmt: skip
"""By cause and what is counted. `addresses`: to how many different addresses one personal link may send."""


def network_of(remote: str) -> str:
    """The network of a request: an IPv4 address as it is, of IPv6 the /64.

    An IPv4 address inside IPv6 (mapped, 6to4) counts as the IPv4 address: else its holder would have many.
    """
    try:
        address = ip_address(remote.partition("%")[0])
    except ValueError:
        return remote
    if not isinstance(address, IPv6Address):
        return str(address)
    inner = address.ipv4_mapped or address.sixtofour
    return str(inner) if inner else str(ip_network((address, _IPV6_PREFIX), strict=False))


def spend(services: Services, tx: Tx, cause: MailCause, asker: Requester) -> bool:
    """Count one more; False, and nothing is counted, if any budget is used up."""
    counters = list(_counters(services, tx, cause, asker))
    if any(_count(tx, key, HOUR) >= hourly or _count(tx, key, DAY) >= daily for key, (hourly, daily) in counters):
        return False
    for key, _ in counters:
        note(tx, key)
    return True


def note(tx: Tx, key: str) -> str:
    """Count one more under the key of a counter, and return its id; what is older than a day goes."""
    tx.execute(delete(t.event).where(_of(key), t.event.c.received_at <= tx.now - DAY))
    one = key + uuid4().hex
    tx.execute(insert(t.event).values(id=one, received_at=tx.now))
    return one


def list_times(tx: Tx, key: str) -> Sequence[datetime]:
    """When the counter was moved within the last day, the oldest first."""
    mine = (_of(key), t.event.c.received_at > tx.now - DAY)
    return tx.connection.scalars(select(t.event.c.received_at).where(*mine).order_by(t.event.c.received_at)).all()


def take_back(tx: Tx, counted: Collection[str]) -> None:
    """Count these no more, by their ids."""
    tx.execute(delete(t.event).where(t.event.c.id.in_(counted)))


def forget(tx: Tx, key: str) -> None:
    """Set the counter to nothing."""
    tx.execute(delete(t.event).where(_of(key)))


def spend_typed(services: Services, tx: Tx, link: InvitationRow, addresses: Iterable[str], network: str) -> bool:
    """Count a letter to each address that was typed by whoever holds the link; "" is none."""
    asker = Requester(link.id, link.person_id or "", network=network, shoot=link.person_id is None)
    return all(spend(services, tx, MailCause.RECEIPT, replace(asker, address=one)) for one in addresses if one)


def _counters(services: Services, tx: Tx, cause: MailCause, asker: Requester) -> Iterator[tuple[str, Limits]]:
    limits = LIMITS[cause]
    for what, parts in _counted(asker):
        yield make_key(services, cause.value, what, *parts), limits[what]
    address = mailbox_key(asker.address)
    if asker.link_id and address and not asker.shoot:
        pair = make_key(services, cause.value, "pair", asker.link_id, address)
        if not _count(tx, pair, DAY):
            yield make_key(services, cause.value, "addresses", asker.link_id), limits["addresses"]
        yield pair, limits["address"]


def _counted(asker: Requester) -> Iterator[tuple[str, Sequence[str]]]:
    if asker.address:
        yield "address", [mailbox_key(asker.address)]
    if asker.person_id:
        yield "person", [asker.person_id]
    if asker.network:
        yield "network", [asker.network]
    if asker.link_id:
        yield "shoot" if asker.shoot else "link", [asker.link_id]
    if asker.link_id and asker.shoot and asker.network:
        yield "shoot on a network", [asker.link_id, asker.network]


def _count(tx: Tx, key: str, window: timedelta) -> int:
    since = t.event.c.received_at > tx.now - window
    return tx.connection.scalar(select(func.count()).where(_of(key), since)) or 0


def _of(key: str) -> ColumnElement[bool]:
    """The rows of a counter: a range of the primary key, in digits that every collation sorts alike."""
    return t.event.c.id.between(key + "0" * 32, key + "f" * 32)


def make_key(services: Services, *parts: str) -> str:
    """The key of a counter, a keyed hash of what it counts.

    Not keyed by the master key: an erasure rotates that, and every counter would restart.
    """
    return services.name_hasher.hash("\0".join(("budget", *parts))).rpartition(":")[2]
