"""Read a PDF in a confined process: whether it is locked, and how many pages it has."""

import io

from pypdf import PdfReader

from plugin.errors import ImportRefused


def answer(_header: object, parts: list[bytes]) -> tuple[dict[str, object], list[bytes]]:
    """Answer `confinement.reader`. Raises ImportRefused if it does not open."""
    try:
        found = PdfReader(io.BytesIO(parts[0]))
        locked = found.is_encrypted
        return {"locked": locked, "pages": 0 if locked else len(found.pages)}, []
    except Exception:  # hostile bytes may raise anything in a reader
        raise ImportRefused("it does not open") from None
