"""Uploads stay in memory: a photograph of somebody who has not signed, or a scan, touches no disk in the clear."""

import io
from typing import IO

from flask import Request
from werkzeug.datastructures import FileStorage

from plugin.flows.signing.form_validation import MOST_PHOTOGRAPH_BYTES, MOST_PHOTOGRAPHS

FORM_BYTES = MOST_PHOTOGRAPHS * MOST_PHOTOGRAPH_BYTES + (2 << 20)
PHOTO_BYTES = MOST_PHOTOGRAPH_BYTES + (1 << 16)


class InMemoryRequest(Request):
    """A request whose uploads are never spooled to a temporary file."""

    def _get_file_stream(
        self, total_content_length: int | None, content_type: str | None, filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:  # fmt: skip
        return io.BytesIO()


def read_upload(file: FileStorage) -> bytes:
    """What was uploaded, without a copy of it."""
    stream = file.stream
    return stream.getvalue() if isinstance(stream, io.BytesIO) else file.read()
