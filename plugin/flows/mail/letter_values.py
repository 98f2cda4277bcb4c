"""The values of a letter, looked up when it is sent: its cause may be gone by then."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol, TypedDict

from sqlalchemy import Connection, select

from plugin.errors import LinkRefused
from plugin.flows.access import links
from plugin.flows.clearance import photo_answers
from plugin.flows.common import overdue, roster
from plugin.flows.common.services import Services
from plugin.flows.mail import letter_words
from plugin.flows.mail.letter_words import Value
from plugin.flows.people import register
from plugin.hooks.dam import HasPages
from plugin.ledger import tables as t
from plugin.ledger.tables.rows import MailRow
from plugin.quitclaim.consent import calendar
from plugin.quitclaim.consent.model import Person, Quitclaim
from plugin.quitclaim.words import wording

Secret = Mapping[str, str]

MOST_PHOTOGRAPHS = 200
"""How many photographs one letter to the owner names; the others are counted."""


class Gone(Exception):
    """There is no reason any more to send the letter; the message says why."""


class LetterData(TypedDict, total=False):
    """What is stored with a letter: ids and days, each where its kind needs it."""

    alerts: Sequence[tuple[str, int]]
    due: str
    erasure: str
    guardian: str
    quitclaim: str
    request: str
    what: str


class LetterRow(MailRow, Protocol):
    """A row of `mail`, with what is read of its data."""

    data: LetterData


def find_values(services: Services, conn: Connection, row: LetterRow, secret: Secret) -> dict[str, Value]:
    """The $words of the letter beside the names; `kind` for another form of the letter. Raises Gone."""
    if row.person_id is not None and not services.vault.has_key(conn, row.person_id, "record"):
        raise Gone("the person was erased")
    found = _link(services, row, secret)
    look = _CAUSES.get(row.kind)
    return found | (look(services, conn, row, secret) if look else {})


def _link(services: Services, row: LetterRow, secret: Secret) -> dict[str, Value]:
    """The link, or the key, and the last day on which it opens."""
    what = next((one for one in ("link", "key") if one in secret), None)
    if what is None:
        return {}
    try:
        link = links.find_open(services, secret[what].rsplit("/", 1)[1])
    except LinkRefused as error:
        raise Gone(f"its link is {error.why}") from error
    until = letter_words.last_day(link.expires_at, row.language, services.config.site.zone)
    return {what: secret[what], "until": until}


def find_guardian_name(services: Services, conn: Connection, person_id: str, guardian_id: str) -> str:
    """The guardian's name. Raises Gone if they do not decide for the person any more."""
    for known in register.guardians_of(services, conn, person_id):
        if known["id"] == guardian_id:
            return str(known["name"])
    raise Gone("the guardian decides for the person no more")


def _receipt(_services: Services, conn: Connection, row: LetterRow, _secret: Secret) -> dict[str, Value]:
    there = select(t.quitclaim.c.id).where(t.quitclaim.c.id == row.data["quitclaim"])
    if conn.execute(there).first() is None:
        raise Gone("the quitclaim is gone")
    return {}


def _changed(services: Services, conn: Connection, row: LetterRow, _secret: Secret) -> dict[str, Value]:
    """What is agreed to now, line by line; not for a letter about a photograph that shows somebody else."""
    if row.data.get("what") == "not me":
        return {"kind": "not-me"}
    now, zone = services.clock.now(), services.config.site.zone
    found = roster.load(services, conn, row.person_id or "").windows()
    lines = [
        "- " + letter_words.grant(grant, end, row.language, zone)
        for grant, start, end in found
        if start <= now and (end is None or now < end)
    ]
    return {"standing": lines or ["- " + letter_words.say("nothing", row.language)]}


def _ending(services: Services, conn: Connection, row: LetterRow, secret: Secret) -> dict[str, Value]:
    """With the link to renew by, or with how to ask for one."""
    found = _find_ending(services, conn, row.data["quitclaim"])
    if found is None:
        raise Gone("what was to end has ended or was renewed")
    end = letter_words.last_day(found[2], row.language, services.config.site.zone)
    return {"end": end, "kind": "ending" if "link" in secret else "ending-ask"}


def _find_ending(services: Services, conn: Connection, quitclaim_id: str) -> tuple[Person, Quitclaim, datetime] | None:
    """The person of the quitclaim and when its last grant ends; None if that is past, renewed or erased."""
    owner = select(t.quitclaim.c.person_id).where(t.quitclaim.c.id == quitclaim_id)
    person_id = conn.scalar(owner)
    if person_id is None:
        return None
    standing = roster.load(services, conn, person_id)
    person = standing.person
    claim = next(claim for claim in standing.quitclaims if claim.id == quitclaim_id)
    end = calendar.last_end(person, claim, services.ages, services.clock.now())
    return None if end is None else (person, claim, end)


def _ending_owner(services: Services, conn: Connection, row: LetterRow, _secret: Secret) -> dict[str, Value]:
    """Every quitclaim that still ends, by its end, each with the photographs that name its person."""
    found = [_find_ending(services, conn, quitclaim_id) for quitclaim_id, _ in row.data["alerts"]]
    ending = sorted((one for one in found if one), key=lambda one: (one[2], one[0].display_name))
    if not ending:
        raise Gone("nothing of it ends any more")
    lines: list[str] = []
    room = MOST_PHOTOGRAPHS
    for person, _, end in ending:
        count, refs = _list_photographs(conn, person.id, room)
        room -= len(refs)
        until = letter_words.last_day(end, row.language, services.config.site.zone)
        lines.append(letter_words.say("alert", row.language, name=person.display_name, end=until, count=count))
        lines += ["- " + _locate(services, ref) for ref in refs]
        if count > len(refs):
            lines.append("- " + letter_words.say("more", row.language, count=count - len(refs)))
        lines.append("")
    return {"count": str(len(ending)), "photographs": lines[:-1]}


def _list_photographs(conn: Connection, person_id: str, most: int) -> tuple[int, Sequence[str]]:
    """How many photographs name the person, and the refs of the first of them."""
    ids = photo_answers.list_resources_naming(conn, person_id)
    shown = sorted(ids)[:most]
    query = select(t.resource.c.ref).where(t.resource.c.id.in_(shown)).order_by(t.resource.c.id)
    return len(ids), list(conn.scalars(query))


def _locate(services: Services, ref: str) -> str:
    """How the owner finds a photograph: its address in the DAM, else its ref."""
    return services.dam.page_of(ref) if isinstance(services.dam, HasPages) else ref


def _majority(services: Services, conn: Connection, row: LetterRow, _secret: Secret) -> dict[str, Value]:
    standing = roster.load(services, conn, row.person_id or "")
    birthday = calendar.coming_of_age(standing.person, standing.quitclaims, services.ages)
    if birthday is None:
        raise Gone("nothing rests on that birthday any more")
    soon = birthday > services.clock.now()
    day = letter_words.day(birthday, row.language, services.config.site.zone)
    return {"day": day, "kind": "majority-soon" if soon else "majority"}


def _forget(_services: Services, _conn: Connection, row: LetterRow, _secret: Secret) -> dict[str, Value]:
    return {"due": wording.day(date.fromisoformat(row.data["due"]), row.language)}


def _kept(services: Services, conn: Connection, row: LetterRow, _secret: Secret) -> dict[str, Value]:
    """Why somebody is not forgotten, in the officer's words."""
    stored = conn.scalar(select(t.request.c.reason).where(t.request.c.id == row.data["request"]))
    reason = services.texts(conn).read(stored, "request.reason", row.person_id)
    if not reason:
        raise Gone("the request is gone")
    return {"reason": reason}


def _erased(_services: Services, _conn: Connection, _row: LetterRow, secret: Secret) -> dict[str, Value]:
    """The person is gone from the store: the name came with the address."""
    return {key: value for key, value in secret.items() if key != "to"}


def _owed(services: Services, _conn: Connection, row: LetterRow, _secret: Secret) -> dict[str, Value]:
    """What is overdue when the letter is sent, as numbers: no names."""
    found = {kind: overdue.measure(services, kind) for kind in overdue.QUERIES}
    language, zone = row.language, services.config.site.zone
    lines = [
        "- " + letter_words.say(kind, language, count=one.count, day=letter_words.day(one.since, language, zone))
        for kind, one in found.items()
        if one.since is not None
    ]
    if not lines:
        raise Gone("all of it was done meanwhile")
    return {"owed": lines}


_CAUSES: Mapping[str, Callable[[Services, Connection, LetterRow, Secret], dict[str, Value]]] = {
    "receipt": _receipt,
    "changed": _changed,
    "ending": _ending,
    "ending-owner": _ending_owner,
    "majority": _majority,
    "forget": _forget,
    "kept": _kept,
    "erased": _erased,
    "owed": _owed,
}
