"""A double of a ResourceSpace server on loopback, faithful to recorded exchanges: its errors, traps and rights.

`Double()` is a context manager. `library` is what it holds; `calls` counts calls by function;
`faults` may make calls fail: before the act, after it, or with a page in the answer's stead.
"""

import hashlib
import json
import struct
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Self
from urllib.parse import parse_qsl, quote

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from tests.doubles.resourcespace_api import Api, PhpError, PluginApi, Status
from tests.doubles.resourcespace_state import Library, User

Fault = Callable[[str], str | None]
"""Told the function, says how it fails: 500, 502, slow, half (done, then 502), page, redirect, empty, odd."""


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


# A small grey PNG, padded to the length of the "no preview" picture of the recorded server.
_PIXELS = zlib.compress(b"\0\x80")
NO_PREVIEW = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
NO_PREVIEW += _chunk(b"IDAT", _PIXELS)
NO_PREVIEW += _chunk(b"tEXt", b"pad\0" + b" " * (2145 - len(NO_PREVIEW) - 28)) + _chunk(b"IEND", b"")


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: Any) -> None:
        """Say nothing."""


class Double:
    """The server: a WSGI app in a thread."""

    def __init__(self, plugin: bool = True, enabled: bool = True) -> None:
        self.library = Library()
        self.enabled = enabled
        self.hidden_paths = True
        self.calls: Counter[str] = Counter()
        self.requests: list[tuple[str, str]] = []
        self.faults: Fault = lambda function: None
        self.before: Callable[[str], None] = lambda function: None
        self._api: Api = (PluginApi if plugin else Api)(self.library, self._address)
        self._counting = threading.Lock()
        self._server: BaseWSGIServer | None = None

    # ---- for tests ---------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=_Quiet)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_port}"

    def switch_plugin(self, on: bool) -> None:
        """The administrator switches our plugin on or off."""
        self._api = (PluginApi if on else Api)(self.library, self._address)

    def photo(self, data: bytes, name: str = "photo.jpg", user: int = 1, previews: bool = True) -> int:
        """A new resource with a file; returns its number."""
        photo = self.library.create(user)
        self.library.upload(photo.ref, data, name, user, previews)
        return photo.ref

    # ---- the app -----------------------------------------------------------------------------

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        with self._counting:
            self.requests.append((request.path, request.query_string.decode("latin-1")))
        if request.path.rstrip("/") == "/api":
            answer = self._call(request)
        elif request.path == "/pages/download.php":
            answer = self._download(request)
        elif request.path.startswith("/filestore/"):
            answer = self._static(request)
        else:
            answer = Response("<html>Sign in</html>", content_type="text/html; charset=UTF-8")
        return answer(environ, start_response)

    def _call(self, request: Request) -> Response:
        if not self.enabled:
            return _plain(403, "API not enabled.")
        posted = "query" in request.form
        raw = request.form["query"] if posted else request.query_string.decode("latin-1")
        asked = dict(parse_qsl(raw.split("&sign=")[0], keep_blank_values=True))
        signature = request.form.get("sign", "") if posted else asked.pop("sign", request.args.get("sign", ""))
        name = request.form.get("user", "") if posted else asked.get("user", "")
        user = self.library.users.get(name.casefold())
        if user is None or hashlib.sha256((user.key + raw.split("&sign=")[0]).encode()).hexdigest() != signature:
            return _plain(401, "Invalid signature")
        function = asked.pop("function", "")
        asked.pop("user", None)
        return self._answer(request, function, user, asked)

    def _answer(self, request: Request, function: str, user: User, asked: dict[str, str]) -> Response:
        with self._counting:
            self.calls[function] += 1
        self.before(function)
        fault = self.faults(function)
        if fault not in {None, "half"}:
            return _faulty(str(fault))
        if function == "upload_multipart":
            return self._upload(request, user, asked)
        act = getattr(self._api, function, None) if not function.startswith("_") else None
        if act is None or function in {"photo", "editable", "url"}:
            return _plain(200, "")
        try:
            with self.library.lock:
                answer = act(user, asked)
        except PhpError:
            return _plain(500, "")
        except Status as odd:
            return _json(odd.status, odd.body)
        if fault == "half":
            return _faulty("502")
        return answer if isinstance(answer, Response) else _json(200, answer)

    def _upload(self, request: Request, user: User, asked: dict[str, str]) -> Response:
        photo = self.library.photos.get(int(asked.get("ref", "0")))
        file = request.files.get("file")
        if file is None:
            return _json(400, {"status": "fail", "data": {"message": "Request missing the 'file' parameter."}})
        if photo is None:
            return _json(400, {"status": "fail", "data": {"message": "Permission denied."}})
        self.library.upload(photo.ref, file.read(), file.filename or "photo.jpg", user.ref)
        return _plain(204, "")

    # ---- files -------------------------------------------------------------------------------

    def _address(self, ref: int, size: str, extension: str, user: User) -> str:
        if not self.hidden_paths:
            secret = hashlib.sha256(f"{ref}{size}".encode()).hexdigest()[:15]
            return f"{self.url}/filestore/{ref}{size}_{secret}.{extension}"
        key = self._access_key(ref, size, user)
        return (
            f"{self.url}/pages/download.php?ref={ref}&size={size}&ext={extension}&page=1&alternative=-1"
            f"&watermarked=&k=&noattach=true&v=&access_key={key}"
        )

    def _access_key(self, ref: int, size: str, user: User) -> str:
        return hashlib.sha256(f"{user.key}{ref}{size}".encode()).hexdigest()

    def _download(self, request: Request) -> Response:
        ref, size = int(request.args.get("ref", "0")), request.args.get("size", "")
        fault = self.faults("download.php")
        if fault:
            return _faulty(fault)
        good = {self._access_key(ref, size, user) for user in self.library.users.values()}
        if request.args.get("access_key") not in good:
            where = f"{self.url}/login.php?url={quote(request.full_path, safe='')}&auto=&nocookies=true"
            return Response("", 302, {"Location": where}, content_type="text/html; charset=UTF-8")
        with self._counting:
            self.calls["download.php"] += 1
        data = self._bytes(ref, size, request.args.get("ext", "jpg"))
        if data is None:
            return Response(NO_PREVIEW, content_type="image/png")
        return Response(data, content_type="image/jpeg")

    def _static(self, request: Request) -> Response:
        for ref, photo in list(self.library.photos.items()):
            for size in ("", *photo.previews):
                if self._address(ref, size, "jpg", self.library.users["admin"]).endswith(request.path):
                    return Response(self._bytes(ref, size, "jpg"), content_type="image/jpeg")
        return Response("", 404, content_type="text/html")

    def _bytes(self, ref: int, size: str, extension: str) -> bytes | None:
        photo = self.library.photos.get(ref)
        if photo is None or not photo.original or (size and size not in photo.previews):
            return None
        if not size:
            return photo.original if extension == photo.extension else None
        return photo.previews[size][2] if extension == "jpg" else None


def _plain(status: int, body: str) -> Response:
    return Response(body, status, content_type="application/json")


def _json(status: int, answer: Any) -> Response:
    return Response(json.dumps(answer).replace("/", "\\/"), status, content_type="application/json")


def _faulty(kind: str) -> Response:
    if kind == "slow":
        time.sleep(1.5)
        return _plain(504, "")
    if kind == "page":
        return Response("<html>Sign in</html>", content_type="text/html; charset=UTF-8")
    if kind == "redirect":
        return Response("", 302, {"Location": "http://127.0.0.1:1/login.php"})
    if kind == "odd":
        return _json(200, {"odd": [1, 2]})
    if kind == "warning":
        return _json(200, {"error": True, "error_note": "Sorry, an error has occurred. "})
    return _plain(200, "") if kind == "empty" else _plain(int(kind), "")
