"""A search for a name that shares no code with the program: bytes, tables as they lie in the store, and ExifTool run by
hand. For those who check what a certificate says."""

import json
import re
import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

MASK = "[…]"


def bare(text: str) -> str:
    """Letters and digits alone, composed and without case."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


def shown(text: str, name: str) -> str:
    """A path as a certificate shows it: the words of the name, and what is between them, replaced."""
    words = r"[\W_]*".join(re.escape(word) for word in unicodedata.normalize("NFC", name).split())
    for escaped, sign in (("%20", " "), ("%C3%85", "Å")):
        text = text.replace(escaped, sign)
    return re.sub(words, MASK, unicodedata.normalize("NFC", text), flags=re.IGNORECASE)


def bytes_of(name: str) -> dict[str, bytes]:
    """How the name may stand in a file."""
    found: dict[str, bytes] = {}
    for what, text in (("", name), ("upper", name.upper()), ("folded", name.casefold())):
        for form in ("NFC", "NFD"):
            written = unicodedata.normalize(form, text)
            for apart in (" ", "_", "-"):
                found[f"{what} {form} {apart}"] = written.replace(" ", apart).encode()
            found[f"{what} {form} UTF-16"] = written.encode("utf-16-le")
            found[f"{what} {form} JSON"] = json.dumps(written)[1:-1].encode()
    return found


def in_tables(url: str, name: str) -> dict[str, int]:
    """Columns of the store in which the name stands, read from its own schema; what is sealed stays so."""
    engine, needle, found = sa.create_engine(url), bare(name), {}
    tables = sa.MetaData()
    tables.reflect(engine)
    with engine.connect() as conn:
        for table in tables.sorted_tables:
            for column in table.columns:
                values = (value for (value,) in conn.execute(sa.select(column)) if value is not None)
                hits = sum(needle in bare(_unescaped(value)) for value in values)
                if hits:
                    found[f"{table.name}.{column.name}"] = hits
    engine.dispose()
    return found


def rows(url: str) -> bytes:
    """Every value of every table, as bytes: what a copy of the rows of a server's store would hold."""
    engine, tables, found = sa.create_engine(url), sa.MetaData(), bytearray()
    tables.reflect(engine)
    with engine.connect() as conn:
        for table in tables.sorted_tables:
            for row in conn.execute(sa.select(table)):
                for value in row:
                    found += (value if isinstance(value, bytes) else str(value).encode()) + b"\n"
    engine.dispose()
    return bytes(found)


def _unescaped(value: object) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    return re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), text)


def in_files(folder: Path, name: str) -> list[Path]:
    """Files that hold the name in their bytes."""
    needles = bytes_of(name).values()
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [path for path in files if any(needle in path.read_bytes() for needle in needles)]


def in_photographs(folder: Path, name: str) -> Iterator[tuple[str, str]]:
    """Paths below the folder that hold the name, and how: in what they are called, in bytes, or as ExifTool reads."""
    needle = bare(name)
    for path in sorted(folder.rglob("*")):
        ref = path.relative_to(folder).as_posix()
        if needle in bare(path.name.replace("%20", " ").replace("%C3%85", "Å")):
            yield ref, "called"
    for path in in_files(folder, name):
        yield path.relative_to(folder).as_posix(), "bytes"
    command = ["exiftool", "-a", "-G1", "-j", "-charset", "utf8", "-r", "-ext", "*", "-ext+", "xmp", str(folder)]
    done = subprocess.run(command, capture_output=True, check=False)
    for entry in json.loads(done.stdout or b"[]"):
        where = Path(entry.pop("SourceFile")).relative_to(folder).as_posix()
        read = {key: value for key, value in entry.items() if not key.startswith(("System:", "Composite:"))}
        if needle in bare(json.dumps(read, ensure_ascii=False)):
            yield where, "fields"
