"""Figures about the store for the doctor, the front page and the metrics."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Column, ColumnElement, Connection, func, select

from plugin.flows.common import roster, worker_state
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.keys import house_key
from plugin.ledger.store.store import Store

_MONTH, _LATE = timedelta(days=30), timedelta(hours=2)
_SHREDDED = timedelta(days=1)  # a reader of the store delays shredding, but none stays for a day


@dataclass(frozen=True)
class Counts:
    """Photographs by how far they are examined, faces, jobs and letters by state; `sweep_age` in seconds."""

    photos: dict[str, int]
    faces: dict[str, int]
    jobs: dict[str, int]
    templates: int
    sweep_age: float | None
    mails: dict[str, int] = field(default_factory=dict)


def count_people(services: Services) -> int:
    """How many people the ledger knows."""
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).select_from(t.person)) or 0


def find_undelivered(services: Services) -> tuple[Sequence[str | None], int]:
    """The errors of letters that failed in the last 30 days, and how many letters wait for more than two hours."""
    now = services.clock.now()
    recent = t.mail.c.finished_at > now - _MONTH
    late = (t.mail.c.state == "queued") & (t.mail.c.created_at < now - _LATE)
    with services.store.read() as conn:
        errors = conn.scalars(select(t.mail.c.error).where(t.mail.c.state == "failed", recent)).all()
        return errors, conn.scalar(select(func.count()).where(late)) or 0


def count_known_photographs(services: Services) -> int:
    """1 if any photograph of the DAM is known, else 0; an exact count would be slow."""
    there = select(t.resource.c.id).where(t.resource.c.deleted_at.is_(None)).limit(1)
    with services.store.read() as conn:
        return int(conn.execute(there).first() is not None)


def has_been_used(store: Store) -> bool:
    """Whether any person or photograph was ever entered: then the configuration worked once."""
    with store.read() as conn:
        tables = (t.resource, t.person)
        return any(conn.execute(select(one.c.id).limit(1)).first() is not None for one in tables)


def count_keys_past_grant(services: Services) -> tuple[int, int, int]:
    """Face keys without recognition in force; destroyed keys not yet shredded; and how many of those are late."""
    now = services.clock.now()
    with services.store.read() as conn:
        standings = roster.load_many(services, conn)
        keys = conn.scalars(select(t.person_key.c.person_id).where(t.person_key.c.purpose == "face")).all()
        over = [key for key in keys if standings[key].recognition(now) is None]
        unshredded = t.shredding.c.shredded_at.is_(None)
        waiting = conn.scalar(select(func.count()).where(unshredded)) or 0
        old = unshredded & (t.shredding.c.unusable_at < now - _SHREDDED)
        late = conn.scalar(select(func.count()).where(old)) or 0
    return len(over), waiting, late


def count_templates(services: Services) -> int:
    """How many templates are stored."""
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).where(t.sealed.c.kind == "template")) or 0


def count_names_under_another_key(services: Services) -> int:
    """Removed names that are remembered under a key that is missing: they are not recognised when they come back.

    No key is created here; the removal of a name creates it.
    """
    here = services.name_hasher.sign if services.name_hasher.path.exists() else ""
    mac = t.taken_off.c.name_mac
    query = select(func.count()).select_from(t.taken_off)
    with services.store.read() as conn:
        return conn.scalar(query.where(~mac.startswith(f"{here}:", autoescape=True)) if here else query) or 0


def has_removed_names(services: Services) -> bool:
    """Whether any removed name is remembered."""
    with services.store.read() as conn:
        return conn.execute(select(t.taken_off.c.name_mac).limit(1)).first() is not None


def count_keys_without_master(services: Services) -> int:
    """Keys of people that are wrapped by a version of the master key that is missing."""
    known = services.master.versions
    query = select(t.person_key.c.master_version, func.count()).group_by(t.person_key.c.master_version)
    with services.store.read() as conn:
        return sum(count for version, count in conn.execute(query).all() if version not in known)


def count_damaged_keys(services: Services) -> int:
    """How many people have a key that does not open, although its master key is present."""
    with services.store.read() as conn:
        return sum(not services.vault.fits(row) for row in conn.execute(select(t.person_key)))


def open_sample_keys(services: Services) -> int:
    """Open the house key and one person's key for each master key version in use; returns how many versions.

    Raises VaultError if one does not open, because another master key wrapped it.
    """
    newest = select(func.max(t.person_key.c.person_id)).group_by(t.person_key.c.master_version)
    with services.store.read() as conn:
        house_key.unwrap(conn, services.master)
        people = list(conn.scalars(newest))
        for person_id in people:
            services.vault.refuse_shut(conn, person_id)
    return len(people)


def count(services: Services) -> Counts:
    """The counts; those of rows in one snapshot."""
    with services.store.read() as conn:
        photos = _count_by(conn, t.resource.c.examined, t.resource.c.deleted_at.is_(None))
        faces = _count_by(conn, t.face.c.state)
        mails = _count_by(conn, t.mail.c.state)
        templates = conn.scalar(select(func.count()).where(t.sealed.c.kind == "template")) or 0
    age = worker_state.sweep_age(services)
    return Counts(photos, faces, services.queue.counts(), templates, age, mails)


def _count_by(conn: Connection, column: "Column[str]", *which: ColumnElement[bool]) -> dict[str, int]:
    rows = conn.execute(select(column, func.count()).where(*which).group_by(column))
    return {str(value): int(count) for value, count in rows}
