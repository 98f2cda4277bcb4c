"""What no page and no program has a reason to send, refused before it reaches the store: a NUL, a number beyond it.

PostgreSQL keeps no text with a NUL, SQLite no number of more than 64 bits: what one of them would take is refused on
both.
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
    """A request of whose fields none holds a NUL."""

    def _load_form_data(self) -> None:
        super()._load_form_data()
        _refuse_nul(chain(self.form, *self.form.listvalues()))


class _NumberConverter(IntegerConverter):
    """A number in a path: beyond the store's there is nothing."""

    def __init__(self, map: Map) -> None:  # noqa: A002 - its name in werkzeug
        super().__init__(map, max=MOST_NUMBER)


def prepare(app: Flask) -> None:
    """Before the app has routes."""
    app.request_class = PlainRequest
    app.url_map.converters["int"] = _NumberConverter
    app.before_request(_check_address)


def parse_number(text: str | None) -> int:
    """The whole number of a field or an address; 0 where there is none that the store could hold."""
    return int(text) if text is not None and text.isdecimal() and len(text) < len(str(MOST_NUMBER)) else 0


def _check_address() -> None:
    # A link is looked for by its hash: its page says what it is.
    hashed = set(request.view_args or ()) == {"token"}
    _refuse_nul(chain([] if hashed else [request.path], request.args, *request.args.listvalues()))


def _refuse_nul(texts: Iterable[str]) -> None:
    if any(_NUL in text for text in texts):
        raise BadRequest
