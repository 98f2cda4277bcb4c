"""What the doctor asks of the store: figures, without a word about them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select

from plugin.flows import roster
from plugin.flows.services import Services
from plugin.ledger import tables as t

_MONTH, _LATE = timedelta(days=30), timedelta(hours=2)


def people(services: Services) -> int:
    """How many people the ledger knows."""
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).select_from(t.person)) or 0


def undelivered(services: Services) -> tuple[Sequence[str | None], int]:
    """The errors of the letters that failed in the last month, and how many wait for more than two hours."""
    now = services.clock.now()
    recent = t.mail.c.finished_at > now - _MONTH
    late = (t.mail.c.state == "queued") & (t.mail.c.created_at < now - _LATE)
    with services.store.read() as conn:
        errors = conn.scalars(select(t.mail.c.error).where(t.mail.c.state == "failed", recent)).all()
        return errors, conn.scalar(select(func.count()).where(late)) or 0


def last_sweep(services: Services) -> datetime | None:
    """When the calendar's endings were last carried out."""
    with services.store.read() as conn:
        return conn.scalar(select(t.state.c.last_sweep))


def keys_past_their_grant(services: Services) -> tuple[int, int]:
    """Face keys whose recognition is not in force now, and destroyed keys that are not yet shredded."""
    now = services.clock.now()
    with services.store.read() as conn:
        standings = roster.load_many(conn)
        keys = conn.scalars(select(t.person_key.c.person_id).where(t.person_key.c.purpose == "face")).all()
        over = [key for key in keys if roster.recognition(services, standings[key], now) is None]
        waiting = conn.scalar(select(func.count()).where(t.shredding.c.shredded_at.is_(None))) or 0
    return len(over), waiting


def templates_of_other_engines(services: Services) -> int:
    """How many templates are not compared, because another engine made them."""
    other = (t.sealed.c.kind == "template") & (t.sealed.c.engine != services.faces.engine_id)
    with services.store.read() as conn:
        return conn.scalar(select(func.count()).where(other)) or 0


def names_under_another_key(services: Services) -> int:
    """Names that we took off and that are remembered under a key which is not here: none is known when it comes back.

    Without a key at all none is made: that is for whoever takes a name off.
    """
    here = services.name_hasher.sign if services.name_hasher.path.exists() else ""
    mac = t.taken_off.c.name_mac
    query = select(func.count()).select_from(t.taken_off)
    with services.store.read() as conn:
        return conn.scalar(query.where(~mac.startswith(f"{here}:", autoescape=True)) if here else query) or 0


def keys_that_do_not_open(services: Services) -> int:
    """People's keys that are wrapped by a version of the master key that is not here."""
    known = services.master.versions
    query = select(t.person_key.c.master_version, func.count()).group_by(t.person_key.c.master_version)
    with services.store.read() as conn:
        return sum(count for version, count in conn.execute(query).all() if version not in known)
