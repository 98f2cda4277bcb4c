"""Refuses input that a store cannot hold, before it reaches one: NUL characters, numbers beyond 64 bits.

PostgreSQL stores no text with a NUL, SQLite no number of more than 64 bits: both are refused on both stores.
"""

from collections.abc import Iterable
from itertools import chain

from flask import Flask, request
from werkzeug.exceptions import BadRequest
from werkzeug.routing import IntegerConverter, Map

from plugin.ledger.store.engine import MOST_NUMBER
from sidecar.web import uploads

_NUL = "\0"


class PlainRequest(uploads.InMemoryRequest):
    """A request whose form fields may hold no NUL."""

    def _load_form_data(self) -> None:
        super()._load_form_data()
        _refuse_nul(chain(self.form, *self.form.listvalues()))


class _NumberConverter(IntegerConverter):
    """A number in a path; one beyond the store's range matches no route (404)."""

    def __init__(self, map: Map) -> None:  # noqa: A002 - its name in werkzeug
        super().__init__(map, max=MOST_NUMBER)


def prepare(app: Flask) -> None:
    """Install the checks. Call it before routes are added."""
    app.request_class = PlainRequest
    app.url_map.converters["int"] = _NumberConverter
    app.before_request(_check_address)


def parse_number(text: str | None) -> int:
    """The whole number of a field or an address; 0 where there is none that the store could hold."""
    return int(text) if text is not None and text.isdecimal() and len(text) < len(str(MOST_NUMBER)) else 0


def _check_address() -> None:
    # A link's token is only hashed, and its page explains an unknown one.
    hashed = set(request.view_args or ()) == {"token"}
    _refuse_nul(chain([] if hashed else [request.path], request.args, *request.args.listvalues()))


def _refuse_nul(texts: Iterable[str]) -> None:
    if any(_NUL in text for text in texts):
        raise BadRequest
