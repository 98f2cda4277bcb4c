"""Uploads of people's pages stay in memory: a photograph of somebody who has not signed touches no disk."""

import io
from typing import IO

from flask import Request

from plugin.flows.filling import MOST_PHOTOGRAPH_BYTES, MOST_PHOTOGRAPHS
from sidecar.sessions import SIGN

FORM_BYTES = MOST_PHOTOGRAPHS * MOST_PHOTOGRAPH_BYTES + (2 << 20)
PHOTO_BYTES = MOST_PHOTOGRAPH_BYTES + (1 << 16)


class InMemory(Request):
    """A request whose uploads are never spooled to a temporary file, under /s."""

    def _get_file_stream(
        self, total_content_length: int | None, content_type: str | None, filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:  # fmt: skip
        if self.path.startswith(f"{SIGN}/"):
            return io.BytesIO()
        return super()._get_file_stream(total_content_length, content_type, filename, content_length)
