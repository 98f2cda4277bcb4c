"""A line to a PostgreSQL server that can be cut in the moment in which nobody knows whether a write was kept."""

import selectors
import socket
import tempfile
import threading
from pathlib import Path
from typing import Self

from sqlalchemy.engine import make_url

_NAME = ".s.PGSQL.5432"


class Line:
    """Hands on what is said between us and the server of `url`, whose socket lies in a folder."""

    def __init__(self, url: str) -> None:
        there = make_url(url)
        self._server = f"{there.query['host']}/{_NAME}"
        self._folder = tempfile.TemporaryDirectory(prefix="facelease-line-")
        self.url = there.set(query={"host": self._folder.name}).render_as_string(hide_password=False)
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(f"{self._folder.name}/{_NAME}")
        self._door.listen()
        self._to_cut = 0
        self.cuts = 0

    def cut_at_commit(self, number: int = 1) -> None:
        """The server gets the `number`-th commit from now on, and its answer reaches nobody."""
        self._to_cut = number

    def __enter__(self) -> Self:
        threading.Thread(target=self._take, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._door.close()
        Path(self._folder.name, _NAME).unlink(missing_ok=True)
        self._folder.cleanup()

    def _take(self) -> None:
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._server)
            threading.Thread(target=self._carry, args=(client, server), daemon=True).start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        with client, server, selectors.DefaultSelector() as both:
            both.register(client, selectors.EVENT_READ, server)
            both.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in both.select():
                    one: socket.socket = key.fileobj  # type: ignore[assignment]
                    said = one.recv(1 << 16)
                    if not said:
                        return
                    key.data.sendall(said)
                    if one is client and self._is_cut(said):
                        server.recv(1 << 16)  # it is done
                        return

    def _is_cut(self, said: bytes) -> bool:
        if b"COMMIT" not in said or not self._to_cut:
            return False
        self._to_cut -= 1
        if self._to_cut == 0:
            self.cuts += 1
            return True
        return False
