"""D3 for letters, pages and tables: what a name says is shown, and never obeyed."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from flask import render_template_string
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugin.config import parse
from plugin.flows.common.services import Services
from plugin.flows.importing.csv_reports import unmark_formulas
from plugin.flows.mail import letter_words
from plugin.flows.mail.smtp import MailServer, Outgoing, compose, one_line
from sidecar import output
from sidecar.app import create_app
from tests import mailbox
from tests.hostile import HOSTILE, IMPOSSIBLE, LETTERS, PAGES, TABLES
from tests.mailbox import Mailbox

pytestmark = pytest.mark.promise

Promise = Callable[[str, str], None]
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NAMES = list(dict.fromkeys([*HOSTILE, *IMPOSSIBLE, *LETTERS, *PAGES, *TABLES]))
HEADERS = {
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "Content-Type",
    "Content-Transfer-Encoding",
    "MIME-Version",
}
LINK = "https://lease.example.org/s/token"
ANY = settings(
    deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


# ---- letters ------------------------------------------------------------------------------


def _letter(name: str, kind: str, language: str) -> EmailMessage:
    """A letter in which everything that others may have named is called so."""
    values: Mapping[str, Any] = {
        "site": name,
        "name": name,
        "guardian": name,
        "link": LINK,
        "until": "1 April 2026",
        "end": "1 April 2026",
        "count": "1",
        "photographs": [name, "- " + name],
        "standing": ["- " + name],
        "reason": name,
    }
    subject, text = letter_words.letter(kind, language, values)
    return compose(Outgoing("id", "asa@example.org", subject, text, NOON), "photos@example.org", name)


def _shape(message: EmailMessage) -> tuple[list[str], int]:
    """The headers that a reader finds, and how many lines the text has."""
    text = str(message.get_content())
    return sorted(message.keys()), len(text.splitlines())


def _obeyed(raw: bytes, plain: tuple[list[str], int], name: str) -> list[str]:
    """What the letter says beyond showing the name."""
    read = message_from_bytes(raw, policy=policy.default)
    assert isinstance(read, EmailMessage)
    text = str(read.get_content())
    found = [f"header {key}" for key in read if key not in HEADERS]
    found += ["lines"] if _shape(read) != plain else []
    found += ["address"] if [a.addr_spec for a in read["To"].addresses] != ["asa@example.org"] else []
    found += ["sender"] if [a.addr_spec for a in read["From"].addresses] != ["photos@example.org"] else []
    found += ["link"] if text.count(LINK) > 1 else []
    found += ["name"] if one_line(name) not in text else []
    return found


def test_a_hostile_name_in_a_letter(tmp_path: Path, full: bool, promise: Promise) -> None:
    """Over the wire: one letter, one address, the headers that we wrote and as many lines as with a plain name."""
    kinds = [("invite", "en"), ("reminder", "nl"), ("ending-owner", "en"), ("changed", "nl"), ("kept", "en")]
    plain = {kind: _shape(_letter("Eva", *kind)) for kind in kinds}
    with mailbox.running(tmp_path / "mail") as box:
        recipients: list[str] = []
        box.rcpt = lambda address: recipients.append(address) or mailbox.TAKEN  # type: ignore[func-returns-value]
        injected = [
            (name, said)
            for number, name in enumerate(NAMES)
            for said in _sent(box, name, kinds[number % len(kinds)], plain)
        ]
        assert (len(box.got), set(recipients)) == (len(NAMES), {"asa@example.org"})
    drawn = 0

    @settings(ANY, max_examples=3000 if full else 100)
    @given(
        st.one_of(st.text(max_size=60), st.from_regex(r"a?=\?utf-8\?[qbQB]\?[A-Za-z0-9=+/]*\?= ?b?", fullmatch=True))
    )
    def any_text(name: str) -> None:
        nonlocal drawn
        drawn += 1
        for kind in kinds:
            assert _obeyed(_letter(name, *kind).as_bytes(), plain[kind], name) == []

    any_text()
    promise("D3", f"(mail) names {len(NAMES) + drawn} x sinks 3 (sender, subject, text), injected {len(injected)}")
    assert injected == []


def _sent(
    box: Mailbox, name: str, kind: tuple[str, str], plain: Mapping[tuple[str, str], tuple[list[str], int]]
) -> list[str]:
    server = MailServer.from_config(parse({"mail": box.section()}))
    server.send(_letter(name, *kind))
    return _obeyed(box.got[-1], plain[kind], name)


# ---- pages --------------------------------------------------------------------------------

PAGE = """<p>{{ name }}</p><a title="{{ name }}" href="/x?q={{ name|urlencode }}">x</a>
<input value='{{ name }}'><textarea>{{ name }}</textarea><title>{{ name }}</title>"""


class _Read(HTMLParser):
    """What a browser would find: tags with their attributes, and text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _page(name: str) -> list[str]:
    """What the page holds beyond what we wrote, or shows otherwise than the name."""
    read = _Read()
    read.feed(render_template_string(PAGE, name=name))
    read.close()
    found = ["tags"] if [tag for tag, _ in read.tags] != ["p", "a", "input", "textarea", "title"] else []
    if found:
        return found
    held = [set(attributes) for _, attributes in read.tags]
    found += ["attributes"] if held != [set(), {"title", "href"}, {"value"}, set(), set()] else []
    shown = (read.tags[1][1].get("title"), read.tags[2][1].get("value"))
    found += ["altered"] if shown != (name, name) else []
    return found + (["text"] if "".join(read.words) != f"{name}x\n{name}{name}" else [])


def test_a_hostile_name_on_a_page(services: Services, full: bool, promise: Promise) -> None:
    """Text stays text in an element, in both kinds of quotes and in an address; every page of ours is rendered so."""
    app = create_app(services.config, services)
    names = [name for name in NAMES if "\ud800" not in name]
    drawn = 0
    with app.test_request_context():
        injected = [(name, said) for name in names for said in _page(name)]

        @settings(ANY, max_examples=3000 if full else 200)
        @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
        def any_text(name: str) -> None:
            nonlocal drawn
            drawn += 1
            assert _page(name) == []

        any_text()
    loose = [f"{page}: {line}" for page, source in _pages(app) for line in _unescaped(source)]
    pages = sum(1 for _ in _pages(app))
    promise(
        "D3",
        f"(HTML) names {len(names) + drawn} x sinks 5, injected {len(injected)}; "
        f"pages {pages}, rendered without escaping {len(loose)}",
    )
    assert (injected, loose) == ([], [])
    assert pages


def _pages(app: Any) -> Iterator[tuple[str, str]]:
    """Every template of ours, those of blueprints included, with its text."""
    for name in app.jinja_env.list_templates():
        assert app.jinja_env.autoescape(name) if name.endswith(".html") else True, name
        yield name, app.jinja_env.loader.get_source(app.jinja_env, name)[0]


def _unescaped(source: str) -> list[str]:
    """Places where a page takes a value as it is: a filter `safe`, escaping off, or an attribute without quotes."""
    return re.findall(r"\|\s*safe\b|autoescape\s+false|\s[\w-]+=\{\{|<script[^>]*>[^<]*\{\{", source)


# ---- tables -------------------------------------------------------------------------------


def _computed(value: str) -> bool:
    """Whether a spreadsheet would compute the cell, white space before it or not."""
    return bool(value.strip()) and value.strip()[0] in "=+-@\uff1d\uff0b\uff0d\uff20|%"


def _table(name: str) -> list[str]:
    """What the table holds beyond two rows of three cells."""
    text = output.csv_text(["id", "name", "other"], [["1", name, name], ["2", "Eva", ""]])
    assert text.startswith("\ufeff")
    rows = list(csv.reader(io.StringIO(text[1:], newline=""), strict=True))
    found = ["rows"] if len(rows) != 3 or text.count("\r\n") != 3 or any(len(row) != 3 for row in rows) else []
    found += [
        f"formula where {separator!r} separates"
        for separator in ",;\t|:"
        for row in csv.reader(io.StringIO(text[1:], newline=""), delimiter=separator)
        if any(_computed(value) for value in row)
    ]
    return found + (["altered"] if unmark_formulas(rows[1][1]) != one_line(name) else [])


def test_a_hostile_name_in_a_table(full: bool, promise: Promise) -> None:
    """No cell is a formula, none begins a row or a column of its own."""
    injected = [(name, said) for name in NAMES for said in _table(name)]
    drawn = 0

    @settings(ANY, max_examples=5000 if full else 500)
    @given(
        st.one_of(
            st.text(max_size=40),
            st.from_regex(r"[ \t\r\n\u00a0]*[=+\-@|%].*", fullmatch=True),
            st.text("a'\" ;,:|\t\n=+-@2", max_size=12),
        )
    )
    def any_text(name: str) -> None:
        nonlocal drawn
        drawn += 1
        assert _table(name) == []

    any_text()
    promise("D3", f"(CSV) names {len(NAMES) + drawn} x sinks 1, injected {len(injected)}")
    assert injected == []
