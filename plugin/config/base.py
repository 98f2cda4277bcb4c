"""The base types of the configuration file's tables."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


def _check_address(value: str) -> str:
    if value and not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+(/[A-Za-z0-9._~/\-]*)?", value):
        raise ValueError("give the address of its start page, such as https://dam.example.org")
    return value.rstrip("/")


WebAddress = Annotated[str, AfterValidator(_check_address)]


def resolve_path(value: str, folder: Path | None) -> str:
    """`value` relative to `folder`, that of the configuration file; a value that begins with `{data}` stays."""
    if not value or value.startswith("{data}"):
        return value
    if "{data}" in value:
        raise ValueError(f"{value!r}: {{data}} stands at the beginning of a path")
    path = Path(value).expanduser()
    return str(folder / path if folder else path)


def _resolve_path(value: str, info: ValidationInfo) -> str:
    return resolve_path(value, find_folder(info))


def find_folder(info: ValidationInfo) -> Path | None:
    """The folder of the configuration file that is being read; None without a file."""
    context: dict[str, Path | None] = info.context or {}
    found: Path | None = context.get("folder")
    return found


ConfigPath = Annotated[str, AfterValidator(_resolve_path)]
"""A path of the configuration: relative ones count from the folder of the file."""


def _resolve_card(value: str, info: ValidationInfo) -> str:
    return _resolve_path(value, info) if value.endswith(".toml") else value


CardName = Annotated[str, Field(min_length=1), AfterValidator(_resolve_card)]
"""An engine by its name, by the path of its card, which ends in .toml, or auto: the best one that is installed."""

# What of libpq's parameters names a file; "system" is its word for the machine's own authorities.
_LIBPQ_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "sslcrldir", "passfile")


def _resolve_database(value: str, info: ValidationInfo) -> str:
    try:
        url = make_url(value)
    except ArgumentError:
        return value  # the store says what is wrong with it
    kind, folder, changed = url.drivername.partition("+")[0], find_folder(info), url
    if kind == "sqlite" and url.database and url.database != ":memory:":
        changed = url.set(database=resolve_path(url.database, folder))
    if kind == "postgresql":
        named = {name: str(url.query[name]) for name in _LIBPQ_FILES if name in url.query}
        changed = url.update_query_dict(
            {name: said if said == "system" else resolve_path(said, folder) for name, said in named.items()}
        )
    return value if changed == url else changed.render_as_string(hide_password=False)


StoreUrl = Annotated[str, AfterValidator(_resolve_database)]
"""The URL of a store; the files that it names count as those of the configuration do."""


class Section(BaseModel):
    """A table of the configuration: frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
