"""Reminders: before a quitclaim ends, when an invitation is not answered, when a child comes of age.

A link to sign goes only to an address that is confirmed, or that was typed in the visit in which the quitclaim was
signed; the reminder of an invitation only to the address of the invitation. Else the letter has no link.

Each run queues what is due by now, once a cause: it is idempotent, and of several missed alerts only the latest is
sent. Silence is never a yes: what is not renewed ends by itself.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Protocol

from sqlalchemy import Connection, select, update

from plugin.flows.access import links
from plugin.flows.access.links import Link, LinkKind
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.mail import coming_of_age, renewals
from plugin.flows.people import addresses, outbox
from plugin.flows.people.outbox import OWNER, Letter
from plugin.ledger import tables as t
from plugin.ledger.queue import set_aside
from plugin.ledger.store.store import Tx
from plugin.ledger.tables.rows import InvitationRow
from plugin.quitclaim.consent import calendar
from plugin.quitclaim.consent.model import Person, Quitclaim
from plugin.quitclaim.consent.standing import Standing

ALERTS = (60, 14, 1)
"""Days before the end of a quitclaim on which people are written to, where its form says nothing else."""

_SOONEST = timedelta(days=1)  # a reminder that comes later than this before the link's end helps nobody


@dataclass(frozen=True)
class NearEnding:
    """A quitclaim that ends soon, and how many days before it this alert is."""

    person: Person
    claim: Quitclaim
    end: datetime
    days: int


def queue_due(services: Services) -> dict[str, int]:
    """Queue every letter that is due by now; returns how many of each kind."""
    if not services.config.mail.host:
        return {}
    now = services.clock.now()
    with services.store.read() as conn:
        standings = roster.load_many(services, conn)
        ending = list(_list_ending(services, conn, standings.values(), now))
        waiting = _list_unanswered(services, conn, now)
    each = partial(set_aside.act_on_each, services.store)

    def tell_of_age(person_id: str) -> int:
        return coming_of_age.queue_letters(services, standings[person_id], now)

    return {
        "ending": sum(each("a letter before an end", ending, partial(_alert, services), lambda one: one.claim.id)),
        "ending-owner": _tell_owner(services, ending),
        "reminder": sum(each("a reminder", waiting, partial(remind, services), str)),
        "majority": sum(roster.each(services, "a letter at majority", standings, tell_of_age)),
    }


# ---- before the end -----------------------------------------------------------------------


def _list_ending(
    services: Services, conn: Connection, standings: Iterable[Standing], now: datetime
) -> Iterator[NearEnding]:
    forms = {row.id: row for row in conn.execute(select(t.form))}
    query = select(t.quitclaim.c.id, t.quitclaim.c.form_id)
    asked: dict[str, str | None] = {row.id: row.form_id for row in conn.execute(query)}
    for standing in standings:
        for claim in standing.quitclaims:
            end = calendar.last_end(standing.person, claim, services.ages, now)
            form = forms.get(asked.get(claim.id) or "")
            if end is None:
                continue
            days = form.body.get("alerts", ALERTS) if form is not None else ALERTS
            due = calendar.find_due_alert(end, days, now, claim.recorded_at, renewals.max_delay(services))
            if due is not None:
                yield NearEnding(standing.person, claim, end, due)


def _alert(services: Services, ending: NearEnding) -> int:
    """Write to the person, or to each guardian who signed, if a link may go to them; returns how many."""
    person, claim = ending.person, ending.claim
    if calendar.ends_with_age(person, claim, services.ages, ending.end):
        return 0  # no renewal by guardians: the young person is asked
    count = 0
    for to in ["person"] if claim.signed_by_person else claim.signed_by_guardians:
        cause = f"end:{claim.id}:{ending.days}" + ("" if to == "person" else f":{to}")
        letter = Letter(cause, "ending", person.language, person.id, to, {"quitclaim": claim.id})
        with services.store.write() as tx:
            if outbox.is_due(services, tx, letter):
                secret = renewals.make_link(services, tx, _plan_renewal(services, tx, ending, to))
                count += outbox.put(services, tx, replace(letter, secret=secret))
    return count


def _plan_renewal(services: Services, tx: Tx, ending: NearEnding, to: str) -> Link | None:
    """The link to renew by; None if no form is in use, or the address is nobody's for certain."""
    person, parent = ending.person, None if to == "person" else to
    form = renewals.find_successor(tx, ending.claim.id)
    address = _find_address(services, tx, ending, parent)
    if form is None or address is None:
        return None
    language = renewals.choose_language(form, person.language)
    left = max(timedelta(days=services.config.signing.link_days), ending.end - tx.now)
    return Link(
        LinkKind.RENEW, language, person.id, form.id, parent, by_mail=True, most_uses=1, lasts=left, address_id=address
    )


def _find_address(services: Services, tx: Tx, ending: NearEnding, guardian: str | None) -> str | None:
    """The address on file, if it is confirmed, or was typed while signing what ends now."""
    row = addresses.find_on_file(tx.connection, ending.person.id, guardian)
    if row is None:
        return None
    sure = addresses.may_open_page(services, tx.connection, ending.person.id, guardian, renewals.ACTOR)
    return row.id if sure or row.quitclaim_id == ending.claim.id else None


def _tell_owner(services: Services, ending: Sequence[NearEnding]) -> int:
    """One letter to the owner about everything that ends: a school has hundreds on one day."""
    with services.store.write() as tx:
        sent = tx.execute(select(t.mail.c.data).where(t.mail.c.kind == "ending-owner")).scalars().all()
        known = {(quitclaim, days) for data in sent for quitclaim, days in data["alerts"]}
        fresh = sorted({(one.claim.id, one.days) for one in ending} - known)
        if not fresh:
            return 0
        digest = sha256(json.dumps(fresh).encode()).hexdigest()
        language = services.config.site.language
        data = {"alerts": [list(alert) for alert in fresh]}
        letter = Letter(f"end-owner:{digest}", "ending-owner", language, to=OWNER, data=data)
        return int(outbox.put(services, tx, letter))


# ---- unanswered invitations ---------------------------------------------------------------


class _MailedLink(InvitationRow, Protocol):
    person_id: str


def _list_unanswered(services: Services, conn: Connection, now: datetime) -> list[str]:
    """Mailed links to sign that are not answered, with a reminder due."""
    signing = services.config.signing
    link = t.invitation.c
    open_ = (
        (link.kind == LinkKind.SIGN.value)
        & link.by_mail
        & link.person_id.is_not(None)
        & link.revoked_at.is_(None)
        & (link.uses == 0)
        & (link.expires_at > now + _SOONEST)
        & (link.reminded < signing.reminders)
    )
    rows = conn.execute(select(t.invitation).where(open_).order_by(link.created_at)).all()
    every = timedelta(days=signing.reminder_days)
    return [row.id for row in rows if row.created_at + every <= now and not _has_answered(services, conn, row)]


def _has_answered(services: Services, conn: Connection, row: _MailedLink) -> bool:
    """Whether the person has signed, or withdrawn, anything since they were asked."""
    claims = roster.load(services, conn, row.person_id).quitclaims
    ended = [grant.ended_at for claim in claims for grant in claim.grants if grant.ended_at]
    return any(moment >= row.created_at for moment in [*ended, *(claim.recorded_at for claim in claims)])


def remind(services: Services, link_id: str) -> bool:
    """A fresh link replaces the old one, which only its reader knows; its expiry stays the same.

    False where it was answered, or its reader cannot be written to any more.
    """
    with services.store.write() as tx:
        row = tx.execute(select(t.invitation).where(t.invitation.c.id == link_id)).first()
        if row is None or row.revoked_at is not None or row.uses:
            return False
        to = row.guardian_id or "person"
        letter = Letter(f"reminder:{link_id}", "reminder", row.language, row.person_id, to)
        if not services.config.server.public_url or not outbox.is_due(services, tx, letter):
            return False
        if not _has_same_reader(services, tx, row):
            return False
        link = Link(
            LinkKind.SIGN,
            row.language,
            row.person_id,
            row.form_id,
            row.guardian_id,
            by_mail=True,
            most_uses=row.most_uses,
            lasts=row.expires_at - tx.now,
            address_id=row.address_id,
            may_replace=row.may_replace,
        )
        made = links.make(services, tx, link, renewals.ACTOR)
        links.revoke(services, tx, link_id, renewals.ACTOR)
        counted = update(t.invitation).where(t.invitation.c.id == made.id)
        tx.execute(counted.values(reminded=row.reminded + 1, reminded_at=tx.now))
        secret = {"link": links.url(services, made.token)}
        return outbox.put(services, tx, replace(letter, secret=secret))


def _has_same_reader(services: Services, tx: Tx, row: _MailedLink) -> bool:
    """Whether the address on file is the one that was written to, and its reader still the one who decides.

    For a link from before addresses were recorded: whether the address is from then too.
    """
    on_file = addresses.find_on_file(tx.connection, row.person_id, row.guardian_id)
    if (on_file.id if on_file is not None else None) != row.address_id:
        return False
    standing = roster.load(services, tx.connection, row.person_id)
    if row.guardian_id is not None:
        return standing.is_minor(tx.now)
    return coming_of_age.may_reach(services, tx.connection, standing.person, tx.now)
