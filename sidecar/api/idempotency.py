"""A request that changes something and bears an `Idempotency-Key` takes effect once.

The same key and the same request get the same answer; the same key with another request is refused. A request is not
retried if its process died before it answered: whether it took effect is unknown.
"""

import json
import re
from contextlib import suppress
from hashlib import sha256

from flask import Response, g, request

from plugin.errors import StoreAway
from plugin.flows.access.programs import idempotency_keys
from plugin.flows.access.programs.api_tokens import Caller
from plugin.flows.access.programs.idempotency_keys import Used
from plugin.flows.common.services import Services
from sidecar.web import problems

HEADER = "Idempotency-Key"
_LONGEST = 200


class IdempotencyKeys:
    """The keys of one store."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def claim(self, caller: Caller, once: frozenset[str] = frozenset()) -> Response | None:
        """Take the key for this request; or the answer, where it was used before.

        `once`: what of the answer is a secret, and not kept to be given again.
        """
        key = request.headers.get(HEADER)
        if key is None:
            return None
        if not re.fullmatch(rf"[!-~]{{1,{_LONGEST}}}", key):
            said = f"{HEADER}: 1 to {_LONGEST} printable characters without spaces"
            return problems.respond(422, "Unprocessable Content", said)
        key_id, asked = _digest(caller.id.encode(), key.encode()), _hash_request()
        used = idempotency_keys.claim(self._services, key_id, asked)
        if used is not None:
            return self._again(used, asked)
        g.idempotency = key_id, once
        return None

    def _again(self, used: Used, asked: str) -> Response:
        if used.request_sha256 != asked:
            return problems.respond(422, "Unprocessable Content", f"{HEADER}: it was used for another request")
        if used.status is None:
            said = "the same request is being carried out, or was cut off: look whether it took effect"
            answer = problems.respond(409, "Conflict", said)
            answer.headers["Retry-After"] = "1"
            return answer
        body = idempotency_keys.read_answer(self._services, used)
        if not body:
            return problems.respond(409, "Conflict", "it took effect; its answer can no longer be read")
        answer = Response(body, used.status, content_type="application/json")
        answer.headers["Idempotency-Replayed"] = "true"
        return answer

    def settle(self, response: Response) -> None:
        """Keep the answer of what was done; release the key where nothing was.

        If the store is unavailable by now, the answer is sent all the same: a retry with the key gets 409.
        """
        key_id, once = g.pop("idempotency", ("", frozenset()))
        if key_id:
            with suppress(StoreAway):
                self._settle(key_id, once, response)

    def _settle(self, key_id: str, once: frozenset[str], response: Response) -> None:
        if response.status_code < 300:
            tree = json.loads(response.get_data()) | dict.fromkeys(once)
            idempotency_keys.keep_answer(self._services, key_id, response.status_code, json.dumps(tree))
        elif response.status_code < 500:
            idempotency_keys.release(self._services, key_id)


def _hash_request() -> str:
    line = f"{request.method} {request.full_path}".encode("utf-8", "surrogatepass")
    return _digest(line, request.get_data())


def _digest(*parts: bytes) -> str:
    """SHA-256 over the parts, each with its length before it."""
    return sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).hexdigest()
