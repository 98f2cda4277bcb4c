"""Asking in good time: before a quitclaim ends, when an invitation stays unanswered, when a child comes of age.

Each act asks what is due by now, once a cause, so it may be repeated, and days without us cost nothing
but days: of several alerts that were missed only the latest is sent. Nobody's silence is taken as
a yes: what is not renewed ends by itself.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, select, update

from plugin.flows import links, mails, people, roster
from plugin.flows.links import Kind, Link
from plugin.flows.mails import OWNER, Letter
from plugin.flows.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store import Tx
from plugin.quitclaim import calendar
from plugin.quitclaim.model import Person, Quitclaim

ALERTS = (60, 14, 1)
"""Days before the end of a quitclaim on which people are written to, where its form says nothing else."""

_BY = "calendar"
_SOONEST = timedelta(days=1)  # a reminder that comes later than this before the link's end helps nobody


@dataclass(frozen=True)
class Ending:
    """A quitclaim whose end is near, and how many days before it this alert is."""

    person: Person
    claim: Quitclaim
    end: datetime
    days: int


def send(services: Services) -> dict[str, int]:
    """Queue every letter that the calendar asks for by now; returns how many of each kind."""
    if not services.config.mail.host:
        return {}
    now = services.clock.now()
    with services.store.read() as conn:
        standings = roster.load_many(conn)
        ending = list(_ending(services, conn, standings.values(), now))
        waiting = _unanswered(services, conn, now)
    return {
        "ending": sum(_alert(services, one) for one in ending),
        "ending-owner": _tell_owner(services, ending),
        "reminder": sum(_remind(services, link_id) for link_id in waiting),
        "majority": sum(_ask_of_age(services, standing, now) for standing in standings.values()),
    }


# ---- before the end -----------------------------------------------------------------------


def _ending(
    services: Services, conn: Connection, standings: Iterable[roster.Standing], now: datetime
) -> Iterator[Ending]:
    forms = {row.id: row for row in conn.execute(select(t.form))}
    asked: dict[str, str | None] = {
        row.id: row.form_id for row in conn.execute(select(t.quitclaim.c.id, t.quitclaim.c.form_id))
    }
    for person, claims in standings:
        for claim in claims:
            end = calendar.last_end(person, claim, services.ages, now)
            form = forms.get(asked.get(claim.id) or "")
            if end is None:
                continue
            days = form.body.get("alerts", ALERTS) if form is not None else ALERTS
            due = calendar.nearest(end, days, now, claim.recorded_at, _late(services))
            if due is not None:
                yield Ending(person, claim, end, due)


def _late(services: Services) -> timedelta:
    """How far behind its day a letter may still come: what was sent is remembered for as long as that."""
    return timedelta(days=services.config.retention.mails_days)


def _alert(services: Services, ending: Ending) -> int:
    """Write to the person, or to each guardian who signed, with a link of their own; returns how many letters."""
    person, claim = ending.person, ending.claim
    if calendar.ends_with_age(person, claim, services.ages, ending.end):
        return 0  # no renewal by guardians: the young person is asked
    count = 0
    for to in ["person"] if claim.signed_by_person else claim.signed_by_guardians:
        cause = f"end:{claim.id}:{ending.days}" + ("" if to == "person" else f":{to}")
        letter = Letter(cause, "ending", person.language, person.id, to, {"quitclaim": claim.id})
        with services.store.write() as tx:
            if _new(services, tx, letter):
                secret = _fresh(services, tx, _renewal(services, tx, ending, to))
                count += mails.put(services, tx, replace(letter, secret=secret))
    return count


def _new(services: Services, tx: Tx, letter: Letter) -> bool:
    """Whether somebody can be written to and was not yet, for this cause."""
    known = tx.execute(select(t.mail.c.id).where(t.mail.c.cause == letter.cause)).first()
    if known is not None or not _stands(tx, letter.person_id):
        return False
    return bool(mails.address_of(services, tx.connection, letter))


def _stands(tx: Tx, person_id: str | None) -> bool:
    """Whether the person is still there, and not being erased."""
    mine = (t.person_key.c.person_id == person_id) & (t.person_key.c.purpose == "record")
    return tx.execute(select(t.person_key.c.person_id).where(mine)).first() is not None


def _renewal(services: Services, tx: Tx, ending: Ending, to: str) -> Link | None:
    """The link to renew by; None where no form is in use that could be asked again."""
    form = _successor(tx, ending.claim.id)
    if form is None:
        return None
    person = ending.person
    language = person.language if person.language in form.body["texts"] else min(form.body["texts"])
    guardian = None if to == "person" else to
    lasts = max(timedelta(days=services.config.signing.link_days), ending.end - tx.now)
    return Link(
        Kind.RENEW, language, person.id, form.id, guardian, by_mail=True, most_uses=1, lasts=lasts
    )  # fmt: skip


def _successor(tx: Tx, quitclaim_id: str) -> Row[Any] | None:
    """The version in use of the form that was signed; of a quitclaim without one, the only form in use."""
    signed = select(t.form.c.name).join(t.quitclaim, t.quitclaim.c.form_id == t.form.c.id)
    name = tx.execute(signed.where(t.quitclaim.c.id == quitclaim_id)).scalar()
    in_use = select(t.form).where(t.form.c.retired_at.is_(None)).order_by(t.form.c.version.desc())
    rows = tx.execute(in_use if name is None else in_use.where(t.form.c.name == name)).all()
    return rows[0] if rows and len({row.name for row in rows}) == 1 else None


def _fresh(services: Services, tx: Tx, link: Link | None) -> dict[str, str]:
    """What is sealed with the letter: a new link, in the place of those of its kind that are out."""
    if link is None or not services.config.server.public_url:
        return {}
    out = select(t.invitation.c.id).where(
        t.invitation.c.person_id == link.person_id, t.invitation.c.kind == link.kind.value,
        t.invitation.c.guardian_id.is_not_distinct_from(link.guardian_id),
        t.invitation.c.revoked_at.is_(None), t.invitation.c.uses == 0,
    )  # fmt: skip
    for old in tx.execute(out).scalars().all():
        links.revoke(services, tx, old, _BY)
    made = links.make(services, tx, link, _BY)
    return {"link": links.address(services, made.token)}


def _tell_owner(services: Services, ending: Sequence[Ending]) -> int:
    """One letter to the owner over all that ends, not one for each: a school has hundreds on one day."""
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
        return int(mails.put(services, tx, letter))


# ---- unanswered invitations ---------------------------------------------------------------


def _unanswered(services: Services, conn: Connection, now: datetime) -> list[str]:
    """Links to sign that were mailed, are not answered, and whose reminder is due."""
    signing = services.config.signing
    link = t.invitation.c
    open_ = (
        (link.kind == Kind.SIGN.value)
        & link.by_mail
        & link.person_id.is_not(None)
        & link.revoked_at.is_(None)
        & (link.uses == 0)
        & (link.expires_at > now + _SOONEST)
        & (link.reminded < signing.reminders)
    )
    rows = conn.execute(select(t.invitation).where(open_).order_by(link.created_at)).all()
    every = timedelta(days=signing.reminder_days)
    return [row.id for row in rows if row.created_at + every <= now and not _answered(conn, row)]


def _answered(conn: Connection, row: Row[Any]) -> bool:
    """Whether the person has signed, or taken back, anything since they were asked."""
    _, claims = roster.load(conn, row.person_id)
    ended = [grant.ended_at for claim in claims for grant in claim.grants if grant.ended_at]
    return any(moment >= row.created_at for moment in [*ended, *(claim.recorded_at for claim in claims)])


def _remind(services: Services, link_id: str) -> bool:
    """A fresh link in the place of the old, which nobody can read back; its end stays where it was."""
    with services.store.write() as tx:
        row = tx.execute(select(t.invitation).where(t.invitation.c.id == link_id)).first()
        if row is None or row.revoked_at is not None or row.uses:
            return False
        to = row.guardian_id or "person"
        letter = Letter(f"reminder:{link_id}", "reminder", row.language, row.person_id, to)
        if not services.config.server.public_url or not _new(services, tx, letter):
            return False
        link = Link(
            Kind.SIGN, row.language, row.person_id, row.form_id, row.guardian_id, by_mail=True,
            most_uses=row.most_uses, lasts=row.expires_at - tx.now,
        )  # fmt: skip
        made = links.make(services, tx, link, _BY)
        links.revoke(services, tx, link_id, _BY)
        counted = update(t.invitation).where(t.invitation.c.id == made.id)
        tx.execute(counted.values(reminded=row.reminded + 1, reminded_at=tx.now))
        secret = {"link": links.address(services, made.token)}
        return mails.put(services, tx, replace(letter, secret=secret))


# ---- coming of age ------------------------------------------------------------------------


def _ask_of_age(services: Services, standing: roster.Standing, now: datetime) -> int:
    """Tell the young person some days ahead, and ask them on the day; returns how many letters."""
    person, claims = standing
    birthday = calendar.coming_of_age(person, claims, services.ages)
    if birthday is None:
        return 0
    since = min(claim.recorded_at for claim in claims)
    days = calendar.nearest(
        birthday, (*services.config.minors.warn_days, 0), now, since, _late(services)
    )  # fmt: skip
    if days is None:
        return 0
    count = 0
    with services.store.write() as tx:
        letters = _to_the_young(services, tx, person, days)
        secret = _fresh(services, tx, _own(tx, person, claims)) if letters and days == 0 else {}
        for letter in letters:
            count += mails.put(services, tx, replace(letter, secret=secret))
    return count


def _to_the_young(services: Services, tx: Tx, person: Person, days: int) -> list[Letter]:
    """One letter to their own address, else one to each guardian, to pass on."""
    cause = f"majority:{person.id}:{days}"
    own = Letter(cause, "majority", person.language, person.id)
    known = tx.execute(select(t.mail.c.id).where(t.mail.c.cause.startswith(cause))).first()
    if known is not None or not _stands(tx, person.id):
        return []
    if mails.address_of(services, tx.connection, own):
        return [own]
    guardians = people.guardians_of(services, tx.connection, person.id)
    written = [one["id"] for one in guardians if one.get("email")]
    return [Letter(f"{cause}:{one}", "majority", person.language, person.id, one) for one in written]


def _own(tx: Tx, person: Person, claims: Sequence[Quitclaim]) -> Link | None:
    form = _successor(tx, claims[-1].id)
    if form is None:
        return None
    language = person.language if person.language in form.body["texts"] else min(form.body["texts"])
    return Link(Kind.MAJORITY, language, person.id, form.id, by_mail=True, most_uses=1)
