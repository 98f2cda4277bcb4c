"""A house without an engine, and what importing tests say over and over."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from pypdf import PdfWriter
from sqlalchemy import func, select

from plugin.clock import Clock
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.importing import runs
from plugin.flows.importing.entries import ImportDefaults
from plugin.flows.importing.judge import RowVerdict
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.quitclaim.consent.model import Quitclaim
from sidecar.running import bootstrap
from tests import support

HEAD = "name,email,language,birth_date,guardian,purpose,channels,from,until,signed,text_version,evidence"
LISTED = ImportDefaults(
    purposes=("communication",),
    channels=("website",),
    text_version="form 1",
    signed=date(2026, 1, 15),
    list_is_proof=True,
)


@contextmanager
def opened(root: Path, clock: Clock, **sections: Any) -> Iterator[Services]:
    """An open house on an empty folder."""
    config = support.configuration(root, **sections)
    config.path(config.folder.path).mkdir(parents=True, exist_ok=True)
    support.begin(config, clock)
    with bootstrap.open_house(config, clock) as services:
        yield services


def table(
    services: Services, path: Path, data: str | bytes, apply: bool = False, defaults: ImportDefaults = LISTED
) -> list[RowVerdict]:
    """Write a table to `path` and import it."""
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return list(runs.import_table(services, path, defaults, apply, "test").verdicts)


def statuses(verdicts: Sequence[RowVerdict]) -> list[str]:
    return [verdict.status.value for verdict in verdicts]


def claims(services: Services, name: str) -> tuple[Quitclaim, ...]:
    """Every version that somebody of this name has."""
    with services.store.read() as conn:
        return roster.load(services, conn, roster.find(conn, name)).quitclaims


def uses(services: Services, name: str) -> set[str | None]:
    """The channels that are in force now."""
    with services.store.read() as conn:
        standing = roster.load(services, conn, roster.find(conn, name))
    now = services.clock.now()
    return {grant.channel for grant in standing.in_force(now)}


def counted(services: Services) -> dict[str, int]:
    """How many rows stand in the tables that an import writes to."""
    tables = (t.person, t.quitclaim, t.grant, t.sealed, t.guardian, t.audit)
    with services.store.read() as conn:
        return {one.name: int(conn.scalar(select(func.count()).select_from(one)) or 0) for one in tables}


def audited(services: Services, action: Action) -> list[Mapping[str, Any]]:
    with services.store.read() as conn:
        rows = conn.execute(select(t.audit).where(t.audit.c.action == action.value).order_by(t.audit.c.seq))
        return [dict(row._mapping) for row in rows]


def sheet(*rows: Sequence[object]) -> bytes:
    """An XLSX file."""
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def pdf(pages: int = 1, password: str = "", title: str = "") -> bytes:
    """A PDF of blank pages; another title is another file."""
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    writer.add_metadata({"/Title": title or "form"})
    if password:
        writer.encrypt(password)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
