"""Calls of the API: signed, rate-limited, retried where that is harmless, with distinct errors.

No URL, log line or error contains the key, or anything that was sent or received: it holds names.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import quote, urlencode

import requests

from plugin.config import ResourceSpaceSection
from plugin.errors import ConfigError, DamError
from plugin.hooks.resourcespace.api.addresses import ServerAddress
from plugin.hooks.resourcespace.api.answers import Expect, T, TemporaryFailure, UnexpectedAnswer, parse_answer
from plugin.hooks.resourcespace.api.call_deadline import CallDeadline
from plugin.hooks.resourcespace.api.rate_limit import RateLimit

Param = str | int | bool
_log = logging.getLogger(__name__)
_ANSWER = 64 << 20  # bytes of an answer: a list of every name of a large archive stays well below
_CONNECT = 5.0  # seconds to get through to the server
_FIRST_PAUSE = 0.5


def sign_call(user: str, key: str, function: str, params: dict[str, Param]) -> dict[str, str]:
    """The form of a call: the query exactly as signed, its signature, and the user again.

    The signature is the hex SHA-256 of the key and the query, still percent-encoded. Booleans are sent as 1 and 0: the
    server reads the word "false" as true.
    """
    asked = [(name, str(int(value)) if isinstance(value, bool) else str(value)) for name, value in params.items()]
    query = urlencode([("user", user), ("function", function), *asked], quote_via=quote)
    return {"query": query, "sign": sha256((key + query).encode()).hexdigest(), "user": user}


class Client:
    """Calls one server for one account. Thread-safe."""

    def __init__(
        self,
        config: ResourceSpaceSection,
        key: str,
        pace: RateLimit | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        if not key:
            raise ConfigError("resourcespace.key_file is empty: put the account's API key in it")
        self.base = ServerAddress(config.url)
        self._config = config
        self._key = key
        self._pace = pace or RateLimit(config.calls_per_second)
        self.patience = CallDeadline(now)
        self._sleep = sleep
        self._now = now
        self._uniform = uniform
        self._threads = threading.local()
        self._sessions: list[requests.Session] = []
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Client({self.base.name})"

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            for session in self._sessions:
                session.close()

    def ask(self, function: str, expect: Expect[T], /, again: bool = True, **params: Param) -> T:
        """Call a function and parse its answer.

        `again`: whether to retry a call whose outcome is unknown. Raises DamError, as Refused, NoSuchFunction or
        TemporaryFailure where that is known.
        """
        form = sign_call(self._config.user, self._key, function, params)

        def call() -> T:
            status, headers, raw = self._send("POST", self.base.api, _ANSWER, form)
            kind = headers.get("content-type", "").split(";")[0].strip().lower()
            answer = parse_answer(function, status, kind, headers.get("retry-after"), raw)
            try:
                return expect(answer)
            except UnexpectedAnswer as odd:
                raise DamError(f"{function} was answered with {odd.what}, which this call never is") from None

        return self._retry(function, call, self._config.tries if again else 1)

    def file(self, function: str, limit: int, /, **params: Param) -> tuple[str, bytes]:
        """Call a function that answers with a file: its version and at most `limit` bytes. Raises DamError."""
        form = sign_call(self._config.user, self._key, function, params)

        def call() -> tuple[str, bytes]:
            status, headers, raw = self._send("POST", self.base.api, limit, form)
            kind = headers.get("content-type", "").split(";")[0].strip().lower()
            if status != 200 or kind != "application/octet-stream":
                parse_answer(function, status, kind, headers.get("retry-after"), raw)
                raise DamError(f"{function} was not answered with a file")
            if len(raw) != int(headers.get("x-facelease-bytes", "-1")):
                raise TemporaryFailure(f"{function}: the file broke off")
            return headers.get("x-facelease-version", ""), raw

        return self._retry(function, call, self._config.tries)

    def fetch(self, url: str, limit: int) -> tuple[int, str, bytes]:
        """Status, media type and at most `limit` bytes of a file of the DAM. Raises DamError."""
        address = self.base.within(url)

        def call() -> tuple[int, str, bytes]:
            status, headers, raw = self._send("GET", address, limit)
            if status in {429, 500, 502, 503, 504}:
                raise TemporaryFailure(f"a preview: the server answered {status}")
            return status, headers.get("content-type", "").split(";")[0].strip().lower(), raw

        return self._retry("a preview", call, self._config.tries)

    def _retry(self, what: str, call: Callable[[], T], tries: int) -> T:
        """Exponential backoff with jitter over its upper half, within the time limit of one call."""
        until = self._now() + self._seconds_left
        tries = 1 if self.patience.seconds is not None else tries
        attempt = 1
        while True:
            try:
                self._pace.take()
                return call()
            except TemporaryFailure as failure:
                pause = _FIRST_PAUSE * 2 ** (attempt - 1) * self._uniform(0.5, 1.0)
                pause = max(pause, failure.retry_after or 0.0)
                if attempt >= tries or self._now() + pause >= until:
                    raise
                _log.info("%s: try %d of %d failed", what, attempt, tries)
            self._sleep(pause)
            attempt += 1

    def _send(
        self, method: str, url: str, limit: int, form: dict[str, str] | None = None
    ) -> tuple[int, "requests.structures.CaseInsensitiveDict[str]", bytes]:
        """One request. Does not chain the library's errors: they quote the URL and the form."""
        seconds = self._seconds_left
        until = self._now() + seconds
        try:
            waits = min(_CONNECT, seconds), seconds
            with self._session().request(
                method, url, data=form, stream=True, allow_redirects=False, timeout=waits
            ) as response:
                return response.status_code, response.headers, self._read(response, limit, until)
        except requests.exceptions.SSLError:
            raise DamError(
                "the server's certificate cannot be verified: check the url in [resourcespace] and ca_file"
            ) from None
        except requests.Timeout:
            raise TemporaryFailure("the server did not answer in time") from None
        except requests.ConnectionError:
            raise TemporaryFailure("the server cannot be reached") from None
        except requests.RequestException:
            raise TemporaryFailure("the server's answer broke off") from None
        except OSError:
            raise DamError(f"resourcespace.ca_file: {self._config.ca_file} cannot be read") from None

    @property
    def _seconds_left(self) -> float:
        """How long a call of this thread may take."""
        left = self.patience.seconds
        return self._config.seconds if left is None else min(left, self._config.seconds)

    def _read(self, response: requests.Response, limit: int, until: float) -> bytes:
        """The body; a slow one ends at the call's time limit, a large one at `limit`."""
        parts, size = [], 0
        for part in response.iter_content(1 << 16):
            size += len(part)
            if size > limit:
                raise DamError(f"the server sends more than {limit} bytes: it was not read further")
            if self._now() > until:
                raise TemporaryFailure("the server did not answer in time")
            parts.append(part)
        return b"".join(parts)

    def _session(self) -> requests.Session:
        """One connection pool a thread, without proxies and .netrc: it calls one host only."""
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            session.verify = self._config.ca_file or True
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            session.headers["User-Agent"] = "FaceLease"
            self._threads.session = session
            with self._lock:
                self._sessions.append(session)
        return session
