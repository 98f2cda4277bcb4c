"""Uploads stay in memory: no photograph and no scan is written to a disk in the clear."""

import io
from typing import IO

from flask import Request
from werkzeug.datastructures import FileStorage

from plugin.flows.signing.form_validation import MOST_PHOTOGRAPH_BYTES, MOST_PHOTOGRAPHS

FORM_BYTES = MOST_PHOTOGRAPHS * MOST_PHOTOGRAPH_BYTES + (2 << 20)
FIELD_BYTES = 1 << 20  # of a field that is no file: a signature, or a face that was chosen
PHOTO_BYTES = MOST_PHOTOGRAPH_BYTES + (1 << 16)


class InMemoryRequest(Request):
    """A request whose uploads are never spooled to a temporary file."""

    def _get_file_stream(self, *_: object, **__: object) -> IO[bytes]:
        return io.BytesIO()


def read_upload(file: FileStorage) -> bytes:
    """What was uploaded, without a copy of it."""
    stream = file.stream
    return stream.getvalue() if isinstance(stream, io.BytesIO) else file.read()
