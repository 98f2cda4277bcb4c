"""Which photograph somebody means: by what its file is called, its number, its path, or its address in the DAM."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from urllib.parse import unquote

from sqlalchemy import ColumnElement, Connection, select

from plugin.flows.access import sight
from plugin.flows.access.staff_sessions import Staff
from plugin.flows.common.services import Services
from plugin.flows.views.photos import photo_sight
from plugin.hooks.picture import FindsFiles, Sight
from plugin.ledger import tables as t
from plugin.ledger.tables.photos import fold_file_name

MOST = 24
"""How many photographs an answer lists."""

_LONGEST = 500  # characters of what was typed
_LAST = "\U0010ffff"  # behind every name that begins alike
_R = t.resource.c


class Nothing(StrEnum):
    """Why no photograph is listed."""

    UNKNOWN = "unknown"
    """None is called that, or none that this account may see."""
    ELSEWHERE = "elsewhere"
    """It is an address of another place: whatever its last part says, it is none of ours."""


@dataclass(frozen=True)
class FoundPhoto:
    """A photograph that the account may see."""

    id: int
    ref: str


@dataclass(frozen=True)
class FoundPhotos:
    """What is meant; `more`: not all that begin like this are listed. `nothing`: why there is none."""

    photos: tuple[FoundPhoto, ...]
    more: bool = False
    nothing: Nothing | None = None


def find(services: Services, staff: Staff, text: str) -> FoundPhotos:
    """Of those that the account may see. Raises DamError where the DAM has to be asked and does not answer."""
    wanted = text.strip().strip("\"'")[:_LONGEST]
    if _is_address(wanted):
        refs = _read_address(services, wanted)
        if refs is None:
            return FoundPhotos((), nothing=Nothing.ELSEWHERE)
        return _list_seen(services, staff, [_R.ref.in_(refs)], exact=True)
    if not wanted:
        return FoundPhotos((), nothing=Nothing.UNKNOWN)
    exact = _list_seen(services, staff, [_R.ref.in_(_read_paths(services, wanted))], exact=True)
    if exact.photos:
        return exact
    return _list_seen(services, staff, _list_conditions(services, staff, wanted))


def _is_address(text: str) -> bool:
    return text.casefold().startswith(("http://", "https://"))


def _read_address(services: Services, address: str) -> list[str] | None:
    """The refs that an address of the DAM names; None for one of another place."""
    ref = services.dam.ref_of(address) if isinstance(services.dam, FindsFiles) else None
    return None if ref is None else [ref]


def _read_paths(services: Services, text: str) -> list[str]:
    """What was typed as a ref: a number, or a path, also one from the root of this machine."""
    path = unquote(text.removeprefix("file://")) if text.startswith("file://") else text
    path = path.replace("\\", "/")
    refs = {text, path, path.strip("/").removeprefix("./")}
    root = PurePosixPath(services.config.path(services.config.folder.path))
    with suppress(ValueError):
        refs.add(str(PurePosixPath(path).relative_to(root)))
    return sorted(refs)


def _list_conditions(services: Services, staff: Staff, text: str) -> list[ColumnElement[bool]]:
    """The photographs whose file is called this, or begins like this; the former first."""
    if isinstance(services.dam, FindsFiles):
        return [_R.ref.in_(services.dam.find_files(photo_sight.user_of(staff), text, MOST + 1))]
    key = fold_file_name(text)
    return [_R.file_key == key, (_R.file_key > key) & (_R.file_key < key + _LAST)] if key else []


def _list_seen(
    services: Services, staff: Staff, conditions: Iterable[ColumnElement[bool]], exact: bool = False
) -> FoundPhotos:
    rows: dict[int, str] = {}
    with services.store.read() as conn:
        for condition in conditions:
            rows |= _select(conn, staff, condition)
    seen = photo_sight.find_sight(services, staff, list(rows.values()))
    photos = [FoundPhoto(id_, ref) for id_, ref in rows.items() if seen[ref] is not Sight.HIDDEN]
    nothing = None if photos else Nothing.UNKNOWN
    return FoundPhotos(tuple(photos[:MOST]), len(photos) > MOST and not exact, nothing)


def _select(conn: Connection, staff: Staff, condition: ColumnElement[bool]) -> dict[int, str]:
    mine = condition, _R.deleted_at.is_(None), sight.photographs(staff)
    query = select(_R.id, _R.ref).where(*mine).order_by(_R.file_key, _R.id).limit(MOST + 1)
    return {row.id: row.ref for row in conn.execute(query)}
