"""Signed forms as files: checked whether they open; their content is not read."""

import unicodedata
from pathlib import Path

from plugin.confinement.reader import find_reader
from plugin.errors import ImportRefused, ReadingFailed
from plugin.flows.common.services import Services
from plugin.flows.consent.recording import SignatureEvidence
from plugin.words.plurals import pluralize


def load_evidence(services: Services, folder: Path, name: str, pdf_only: bool = False) -> SignatureEvidence:
    """The file `name` under `folder`. Raises ImportRefused if it is missing, outside the folder, or not usable."""
    importing = services.config.importing
    try:
        path = _find_file(folder, name)
        inside = path.resolve().is_relative_to(folder.resolve()) and path.is_file()
        size = path.stat().st_size if inside else 0
        if inside and size > importing.megabytes << 20:
            raise ImportRefused(f"evidence: the file is larger than {importing.megabytes} MB (importing.megabytes)")
        body = path.read_bytes() if inside else b""
    except (OSError, ValueError):  # ValueError: a name that no file can have
        inside, body = False, b""
    if not inside:
        raise ImportRefused("evidence: there is no such file in the folder, or it cannot be read")
    if not body:
        raise ImportRefused("evidence: the file is empty")
    if pdf_only or path.suffix.lower() == ".pdf":
        check_pdf(body, importing.pages)
    return SignatureEvidence(path.name, body)


def _find_file(folder: Path, name: str) -> Path:
    """The file of this name, in any Unicode form: a Mac decomposes letters."""
    path = folder / name
    if path.exists() or "/" in name:
        return path
    wanted = unicodedata.normalize("NFC", name)
    return next((p for p in folder.iterdir() if unicodedata.normalize("NFC", p.name) == wanted), path)


def check_pdf(body: bytes, most_pages: int) -> None:
    """Raise ImportRefused unless it opens without a password and has a page, and not too many."""
    try:
        said, _ = find_reader("plugin.flows.importing.tables.pdf_pages").ask({}, [body], refusals=(ImportRefused,))
        locked, pages = bool(said["locked"]), int(str(said["pages"]))
    except (ImportRefused, ReadingFailed, KeyError, TypeError, ValueError):
        raise ImportRefused("evidence: that is no PDF that opens: scan the form anew") from None
    if locked:
        raise ImportRefused("evidence: the PDF is encrypted: save it without a password")
    if not 1 <= pages <= most_pages:
        raise ImportRefused(
            f"evidence: the PDF has {pluralize(pages, 'page')}, 1 to {most_pages} are taken (importing.pages)"
        )


def list_pdfs(folder: Path) -> list[str]:
    """The PDFs that lie directly in the folder, by name. Raises ImportRefused."""
    try:
        return sorted(path.name for path in folder.iterdir() if path.suffix.lower() == ".pdf" and path.is_file())
    except OSError as error:
        raise ImportRefused(f"the folder cannot be read ({error.strerror})") from None
