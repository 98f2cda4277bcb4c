"""A request that changes something and bears an `Idempotency-Key` takes effect once.

The same key and the same request are answered again; the same key with another request is refused.
A request whose process died before it could answer stays unanswered: whether it took effect, nobody
may guess. The answer is kept sealed, for `retention.REPEATABLE`: it may repeat what the caller typed.
"""

import json
import re
from contextlib import suppress
from hashlib import sha256
from typing import Any

from flask import Response, g, request
from sqlalchemy import Row, delete, insert, select, update

from plugin.errors import StoreAway
from plugin.flows.access.api_tokens import Caller
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.keys import free_text
from plugin.ledger.queue.retention_rules import REPEATABLE
from sidecar.web import problems

HEADER = "Idempotency-Key"
_LONGEST = 200
_RUNNING = 0
_BODY = "idempotency.body"


class Keys:
    """The keys of one store."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._store = services.store

    def claim(self, caller: Caller, once: frozenset[str] = frozenset()) -> Response | None:
        """Take the key for this request; or the answer, where it was used before.

        `once`: what of the answer is a secret, and not kept to be given again.
        """
        key = request.headers.get(HEADER)
        if key is None:
            return None
        if not re.fullmatch(rf"[!-~]{{1,{_LONGEST}}}", key):
            return problems.problem(
                422, "Unprocessable Content", f"{HEADER}: 1 to {_LONGEST} printable characters without spaces"
            )
        row_id, asked = _digest(caller.id.encode(), key.encode()), _request()
        with self._store.write() as tx:
            this = t.idempotency.c.id == row_id
            old = t.idempotency.c.created_at < tx.now - REPEATABLE
            tx.execute(delete(t.idempotency).where(this, old))
            row = tx.execute(select(t.idempotency).where(this)).first()
            if row is None:
                tx.execute(
                    insert(t.idempotency).values(
                        id=row_id, request_sha256=asked, status=_RUNNING, body=None, created_at=tx.now
                    )
                )
                g.idempotency = row_id, once
                return None
        return self._again(row, asked)

    def _again(self, row: Row[Any], asked: str) -> Response:
        if row.request_sha256 != asked:
            return problems.problem(
                422, "Unprocessable Content", f"{HEADER}: it was used for another request"
            )
        if row.status == _RUNNING:
            said = "the same request is being carried out, or was cut off: look whether it took effect"
            answer = problems.problem(409, "Conflict", said)
            answer.headers["Retry-After"] = "1"
            return answer
        with self._store.read() as conn:
            body = self._services.texts(conn).read(row.body, _BODY)
        if not body:
            return problems.problem(409, "Conflict", "it took effect; its answer can no longer be read")
        answer = Response(body, row.status, content_type="application/json")
        answer.headers["Idempotency-Replayed"] = "true"
        return answer

    def settle(self, response: Response) -> None:
        """Keep the answer of what was done; let go of the key where nothing was.

        Where the store is away by now the answer stands: who uses the key again is told to look.
        """
        row_id, once = g.pop("idempotency", ("", frozenset()))
        if row_id:
            with suppress(StoreAway):
                self._settle(row_id, once, response)

    def _settle(self, row_id: str, once: frozenset[str], response: Response) -> None:
        this = t.idempotency.c.id == row_id
        with self._store.write() as tx:
            if response.status_code < 300:
                tree = json.loads(response.get_data()) | dict.fromkeys(once)
                kept = free_text.seal(tx, self._services.vault, json.dumps(tree), _BODY)
                tx.execute(update(t.idempotency).where(this).values(status=response.status_code, body=kept))
            elif response.status_code < 500:
                tx.execute(delete(t.idempotency).where(this))


def _request() -> str:
    line = f"{request.method} {request.full_path}".encode("utf-8", "surrogatepass")
    return _digest(line, request.get_data())


def _digest(*parts: bytes) -> str:
    """SHA-256 over the parts, each with its length before it."""
    return sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).hexdigest()
