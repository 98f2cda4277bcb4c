"""Rule 14: codes and letters that somebody outside can cause are counted for each link, person, address, network."""

import secrets
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.flows.access import rate_limits
from plugin.flows.access.rate_limits import MailCause, Requester
from plugin.flows.collections import modes
from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from sidecar.app import create_app
from tests import support
from tests.posting import Post
from tests.signers import Desk, Visit


def spent(services: Services, cause: MailCause, *askers: Requester) -> int:
    """How many of them were allowed."""
    with services.store.write() as tx:
        return sum(rate_limits.spend(services, tx, cause, one) for one in askers)


@pytest.mark.parametrize(
    ("remote", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2002:c000:0207::1", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9%eth0", "2001:db8:1:2::/64"),
        ("2001:0DB8:0001:0002::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_a_network_is_what_one_holder_has(remote: str, network: str) -> None:
    """An IPv4 address as it is, also in IPv6's clothes; of IPv6 the /64, however it is written."""
    assert rate_limits.network_of(remote) == network


@pytest.mark.parametrize("cause", list(MailCause))
def test_one_address_is_written_to_a_few_times_whoever_asks(services: Services, cause: MailCause) -> None:
    """Other links, other networks, other spellings of the address: it is the same mailbox."""
    askers = [
        Requester(uuid4().hex, "", "A@example.org" if n % 2 else "a@example.org", f"192.0.2.{n}") for n in range(50)
    ]
    assert spent(services, cause, *askers) == rate_limits.LIMITS[cause]["address"][0]


@pytest.mark.parametrize("cause", list(MailCause))
def test_one_personal_link_writes_to_few_addresses(services: Services, cause: MailCause) -> None:
    """Whoever holds a link of one person cannot use it to write to strangers."""
    askers = [Requester("link", "person", f"{n}@example.org", f"192.0.2.{n}") for n in range(50)]
    assert spent(services, cause, *askers) == min(
        rate_limits.LIMITS[cause]["addresses"][0], rate_limits.LIMITS[cause]["person"][0]
    )


def test_one_shoot_link_writes_to_as_many_as_can_stand_there(services: Services, clock: ManualClock) -> None:
    """Sixty people on one network get their codes, and half of them a second; a stranger who goes on gets none,
    on the next network either not much, and a day has its end too."""
    sixty = [Requester("shoot", "", f"{n}@example.org", "2001:db8::/64", shoot=True) for n in range(60)]
    assert spent(services, MailCause.CODE, *sixty, *sixty[:30]) == 90
    strangers = [Requester("shoot", "", f"{n}@example.net", "2001:db8::/64", shoot=True) for n in range(100)]
    assert spent(services, MailCause.CODE, *strangers) == 0
    elsewhere = [Requester("shoot", "", f"{uuid4().hex}@example.net", f"192.0.2.{n}", shoot=True) for n in range(250)]
    assert spent(services, MailCause.CODE, *elsewhere) == 110
    count = 0
    for _ in range(23):
        clock.advance(timedelta(hours=1))
        count += spent(
            services,
            MailCause.CODE,
            *(Requester("shoot", "", f"{uuid4().hex}@example.net", f"192.0.2.{n}", shoot=True) for n in range(250)),
        )
    assert count == 1000 - 200


def test_one_network_has_an_end_whatever_it_calls_itself(services: Services) -> None:
    """300 askers of one /64, each with an address and a link of its own."""
    networks = [rate_limits.network_of(f"2001:db8:1:2::{n:x}") for n in range(300)]
    askers = [Requester(uuid4().hex, "", f"{n}@example.org", network) for n, network in enumerate(networks)]
    assert spent(services, MailCause.LETTER, *askers) == rate_limits.LIMITS[MailCause.LETTER]["network"][0]


def test_what_is_refused_is_not_counted_and_an_hour_later_it_is_open_again(
    services: Services, clock: ManualClock
) -> None:
    """Who keeps pressing does not lock themselves out; nor does one cause use up another."""
    asker = Requester("", "", "a@example.org", "192.0.2.1")
    most = rate_limits.LIMITS[MailCause.CODE]["address"][0]
    assert spent(services, MailCause.CODE, *[asker] * 40) == most
    assert spent(services, MailCause.LETTER, asker) == 1
    clock.advance(timedelta(hours=1))
    assert spent(services, MailCause.CODE, *[asker] * 40) == most


def test_nothing_of_it_names_anybody_and_nothing_stays(services: Services, clock: ManualClock) -> None:
    """The rows hold a keyed hash and a moment, and go with the events."""
    spent(services, MailCause.CODE, Requester("link", "person", "asa@example.org", "192.0.2.1"))
    with services.store.read() as conn:
        ids = list(conn.scalars(select(t.event.c.id)))
    assert len(ids) >= 4
    assert all(len(one) == 96 and set(one) <= set("0123456789abcdef") for one in ids)
    clock.advance(timedelta(days=services.config.retention.events_days + 1))
    calendar.run_housekeeping(services)
    with services.store.read() as conn:
        left = set(conn.scalars(select(t.event.c.id)))
    assert not left & set(ids)


# ---- through the pages ---------------------------------------------------------------------------


def test_one_shoot_link_does_not_mail_to_strangers_without_end(post: Post) -> None:
    """A script with the link of a shoot, one /64, an address of a stranger each time: codes end at 90 an hour, and
    so do the receipts that a signature would send; sixty visitors before it had theirs."""
    ruling = modes.Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("shoot", "photographer"))
    modes.decide(post.services, support.SHOOT, ruling, "test")
    coded, plain = Desk(post.services, code_by_mail=True), Desk(post.services, name="Plain")
    link = coded.invite(collection_ref=support.SHOOT)
    sent = [_coded(coded, link, n) for n in range(130)]
    assert sent == [True] * 90 + [False] * 40
    assert len({str(one["To"]) for one in post.box.letters}) == 90
    link = plain.invite(collection_ref=support.SHOOT)
    done = [_signed(plain, link, n) for n in range(95)]
    assert done == [303] * 90 + [422] * 5
    assert len(post.mails("receipt")) == 90
    assert _signed(plain, link, 1, address="") == 303  # without an address everybody can sign on


def _from(visit: Visit, number: int) -> None:
    visit.client.environ_base["REMOTE_ADDR"] = f"2001:db8:1:2::{number:x}"


def _coded(desk: Desk, link: str, number: int) -> bool:
    _after_a_minute(desk)
    visit = Visit(desk.app, link)
    _from(visit, number)
    sent = visit.hidden() | {"email": f"stranger{number}@example.org"}
    return bool(visit.client.post("/s/code", data=sent).json["sent"])  # type: ignore[index]


def _after_a_minute(desk: Desk) -> None:
    """What is limited by the minute begins anew: it is the budget of the hour that is asked here."""
    (limiter,) = desk.app.extensions["limiter"]
    limiter.reset()


def _signed(desk: Desk, link: str, number: int, address: str | None = None) -> int:
    _after_a_minute(desk)
    visit = Visit(desk.app, link)
    _from(visit, number)
    email = f"stranger{number}@example.org" if address is None else address
    return visit.sign("press", name=f"Guest {number} Sample", email=email).status_code


def test_who_asked_once_is_forgotten(post: Post) -> None:
    """Every counter in memory has an end: else each visitor ever would make each request slower."""
    app = create_app(post.services.config, post.services)
    for number in range(20):
        _open(app, f"2001:db8:1:{number:x}::1")
    (limiter,) = app.extensions["limiter"]
    kept: Any = limiter.storage
    assert not kept.events
    assert kept.expirations.keys() >= kept.storage.keys()
    assert len(kept.storage) >= 20


@pytest.mark.usefixtures("one_minute")
def test_the_pages_count_networks(post: Post) -> None:
    """Of one /64 the 121st opening of links in a minute is told to wait, whatever address it comes from; a
    neighbouring network is not."""
    app = create_app(post.services.config, post.services)
    statuses = [_open(app, f"2001:db8:1:2::{number:x}") for number in range(200)]
    assert statuses == [404] * 120 + [429] * 80
    assert _open(app, "2001:db8:1:3::1") == 404


def _open(app: Flask, remote: str) -> int:
    browser = app.test_client()
    browser.environ_base["REMOTE_ADDR"] = remote
    return browser.get(f"/s/{secrets.token_urlsafe(32)}").status_code
