"""The organisation's forms: each version is kept as it was signed; people are asked the newest."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any, Protocol, TypedDict
from uuid import uuid4

from sqlalchemy import Connection, func, insert, select, update

from plugin.errors import ConsentError, NotFound
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from plugin.ledger.tables.rows import FormRow
from plugin.quitclaim.forms.templates import Form, digest, find_misfits, parse


@dataclass(frozen=True)
class StoredForm:
    """A version of a form as it is kept."""

    id: str
    form: Form
    sha256: str
    created_at: datetime
    retired_at: datetime | None


class FormBody(TypedDict, total=False):
    """What is read of a stored form that is not parsed."""

    texts: Mapping[str, object]


class StoredFormRow(FormRow, Protocol):
    """A row of `form`, with what is read of its body."""

    body: FormBody


def read_sample() -> str:
    """The sample form, English and Dutch, as a TOML file to be made one's own."""
    return (files("plugin.flows.mail") / "sample_form.toml").read_text(encoding="utf-8")


def parse_toml(text: str) -> dict[str, Any]:
    """The tree of a form's file. Raises ConsentError where it is not TOML."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConsentError(f"the form is not TOML: {error}") from error


def add(services: Services, tree: Mapping[str, object], actor: str) -> StoredForm:
    """Store a form as the next version of its name, and retire the one before.

    An unchanged form is no new version. Raises ConsentError, which lists all that is missing.
    """
    form = parse(tree)
    cleared, language = services.config.clearance, services.config.site.language
    wrong = find_misfits(form, cleared.purposes, cleared.channels, language)
    if wrong:
        raise ConsentError("the form does not suit this house: " + "; ".join(wrong))
    body = form.body()
    with services.store.write() as tx:
        last = _find_newest(tx.connection, form.name)
        if last is not None and last.sha256 == digest(body) and last.retired_at is None:
            return _build_stored(last)
        form_id, version = uuid4().hex, 1 + (last.version if last is not None else 0)
        open_ = (t.form.c.name == form.name) & t.form.c.retired_at.is_(None)
        tx.execute(update(t.form).where(open_).values(retired_at=tx.now))
        new = insert(t.form).values(id=form_id, name=form.name, version=version, body=body)
        tx.execute(new.values(sha256=digest(body), created_at=tx.now, created_by=actor))
        tx.audit(Action.FORM_ADD, actor, form=form_id, version=version, sha256=digest(body))
    return load(services, form_id)


def retire(services: Services, name: str, actor: str) -> datetime | None:
    """Ask for the form in no new invitation; links that are out keep asking it.

    Returns since when it was retired already, None if it was not. Raises NotFound for no such form.
    """
    with services.store.write() as tx:
        open_ = (t.form.c.name == name) & t.form.c.retired_at.is_(None)
        if tx.execute(update(t.form).where(open_).values(retired_at=tx.now)).rowcount:
            tx.audit(Action.FORM_RETIRE, actor)
            return None
        last = _find_newest(tx.connection, name)
    if last is None:
        raise NotFound(f"no form is called {name!r}: facelease form list shows them")
    return last.retired_at


def load(services: Services, form_id: str) -> StoredForm:
    """The form of an id, retired or not. Raises NotFound."""
    with services.store.read() as conn:
        row = conn.execute(select(t.form).where(t.form.c.id == form_id)).first()
    if row is None:
        raise NotFound("no such form: facelease form list shows them")
    return _build_stored(row)


def find_in_use(services: Services, name: str | None = None) -> StoredForm:
    """The newest version of a form that is not retired; without a name the only one.

    Raises NotFound if there is none, ConsentError if a name is needed.
    """
    with services.store.read() as conn:
        query = select(t.form).where(t.form.c.retired_at.is_(None)).order_by(t.form.c.version.desc())
        rows = conn.execute(query if name is None else query.where(t.form.c.name == name)).all()
    if not rows:
        called = f" called {name!r}" if name else ""
        raise NotFound(f"no form{called} is in use: add one with facelease form add FILE")
    names = sorted({row.name for row in rows})
    if len(names) > 1:
        raise ConsentError(f"there are several forms, say which: {', '.join(names)}")
    return _build_stored(rows[0])


def list_versions(services: Services, name: str | None = None) -> Sequence[StoredForm]:
    """Every version, by name, the newest first."""
    query = select(t.form).order_by(t.form.c.name, t.form.c.version.desc())
    with services.store.read() as conn:
        rows = conn.execute(query if name is None else query.where(t.form.c.name == name)).all()
    return [_build_stored(row) for row in rows]


def _find_newest(conn: Connection, name: str) -> StoredFormRow | None:
    highest = select(func.max(t.form.c.version)).where(t.form.c.name == name).scalar_subquery()
    return conn.execute(select(t.form).where(t.form.c.name == name, t.form.c.version == highest)).first()


def _build_stored(row: StoredFormRow) -> StoredForm:
    return StoredForm(row.id, parse(row.body, row.version), row.sha256, row.created_at, row.retired_at)
