"""What one store takes and the other does not is refused on both alike, before it is asked."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from plugin.clock import ManualClock
from plugin.flows.clearance import photo_answers
from plugin.flows.common.services import Services
from plugin.flows.schedule import calendar
from plugin.hooks.left_out import LeftOutReason
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.answers import ClearanceStatus
from plugin.recognizer.process.examiner import Examiner
from tests import program, signers, staff, support, visiting
from tests.crowd import B, Crowd

BEYOND = str(1 << 63)
NUL = "a\0b"
_FIELDS = (
    "person", "name", "reason", "note", "session", "user", "job", "ref", "email", "known", "dismissal", "newest",
    "tag", "form", "how", "guardian", "mode", "basis", "reference", "by", "text", "language", "set", "grant", "link",
    "asked_by", "number", "birth_date", "visit", "token", "code", "signer", "typed", "choice", "child", "q", "after",
    "who", "face", "shown", "of_person", "of_photo", "shoot", "collection", "collections", "before", "from", "with",
    "purpose", "channel", "password", "old", "again", "onward", "birth", "adopt", "guardians", "about", "drawn",
)  # fmt: skip


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """A house with a console."""
    with support.opened(staff.configuration(tmp_path), clock, examiner) as open_:
        yield open_


def _asked(app: Any, prefix: str, value: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Every method and path under `prefix` with `value` in each place, and as every field."""
    fields = dict.fromkeys(_FIELDS, value)
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith(prefix) or "leave" in rule.rule or rule.rule.endswith("/sign-out"):
            continue
        chosen = re.sub(r"<any\(([^,)]+)[^>]*>", r"\1", rule.rule)
        for number, text in ((BEYOND, "x"), ("1", "a%00b"), ("1", "x")):
            path = re.sub(r"<[^>]+>", text, re.sub(r"<int:[^>]+>", number, chosen))
            for method in (rule.methods or set()) & {"GET", "POST"}:
                yield method, path, fields


def _wrong(answer: TestResponse) -> bool:
    return answer.status_code >= 500


def test_what_no_index_holds_stops_no_other_photograph(
    services: Services, cast: support.Cast, photos: Path, examiner: Examiner
) -> None:
    """A path of 3,000 bytes is left out and told; a word of 6,000 in a file is a name that nobody bears, and blocks."""
    cast.open_collection()
    fine, wordy = f"{support.SHOOT}/fine.jpg", f"{support.SHOOT}/wordy.jpg"
    for ref in (fine, wordy):
        Crowd(examiner).put(photos, ref, Crowd(examiner).row([B]))
    long = "".join(Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=6000))
    subprocess.run(
        ["exiftool", "-overwrite_original", f"-XMP-iptcExt:PersonInImage={long}", photos / wordy], check=True,
        capture_output=True,
    )  # fmt: skip
    support.settle(photos / wordy)
    below = os.open(photos / support.SHOOT, os.O_RDONLY)
    for start in range(0, 3000, 200):
        os.mkdir(long[start : start + 200], dir_fd=below)
        deeper = os.open(long[start : start + 200], os.O_RDONLY, dir_fd=below)
        os.close(below)
        below = deeper
    os.link(photos / fine, "deep.jpg", dst_dir_fd=below)
    os.close(below)
    calendar.poll_dam(services)
    cast.work()
    with services.store.read() as conn:
        found = {row.ref: row.examined for row in conn.execute(select(t.resource))}
        assert conn.execute(select(t.job)).all() == []
        (tag,) = conn.execute(select(t.tag)).all()
    assert found == {fine: "whole", wordy: "whole"}
    assert (tag.node, tag.person_id) == (long, None)
    assert LeftOutReason.NAME in {one.why for one in services.dam.left_out()}
    answer = photo_answers.answer_photo(services, wordy, "communication", "website")
    assert answer.status is not ClearanceStatus.CLEARED
    calendar.poll_dam(services)
    cast.work()
    assert cast.services.dam.look(wordy).names


@pytest.mark.parametrize("value", [NUL, BEYOND])
def test_no_page_of_the_staff_fails_by_what_is_sent(
    services: Services, cast: support.Cast, clock: ManualClock, value: str
) -> None:
    """In the path, the query and every field: refused, or not found."""
    cast.add("Åsa")
    app = staff.app(services)
    browser = staff.signed_in(app, clock, "administrator")
    (guard,) = set(re.findall(r'name="csrf_token" value="([^"]+)"', browser.get("/console/").text))
    wrong = []
    for method, path, fields in _asked(app, "/console", value):
        if method == "GET":
            answer = browser.get(path, query_string=fields)
        else:
            answer = browser.post(path, data={"csrf_token": guard, **fields})
        if _wrong(answer):
            wrong.append((method, path))
    assert wrong == []


@pytest.mark.parametrize("value", [NUL, BEYOND])
def test_no_page_of_a_person_fails_by_what_is_sent(services: Services, cast: support.Cast, value: str) -> None:
    """The same on the page of one's own and on the form."""
    asa = cast.add("Åsa")
    me = visiting.visit(services, asa)
    guard = visiting.token(me.get(visiting.PAGE).text)
    wrong = []
    for method, path, fields in _asked(me.application, "/s", value):
        if method == "GET":
            answer = me.get(path, query_string=fields)
        else:
            answer = me.post(path, data={"csrf_token": guard, **fields})
        if _wrong(answer):
            wrong.append((method, path))
    assert wrong == []
    visit = signers.Desk(services).visit(asa)
    assert not _wrong(visit.sign("website", typed=value, signer=value, email=value))


@pytest.mark.parametrize("value", [NUL, BEYOND])
def test_no_answer_of_the_api_fails_by_what_is_sent(services: Services, cast: support.Cast, value: str) -> None:
    """In the path, the query and every field of the body."""
    cast.add("Åsa")
    app = staff.app(services)
    wrong = []
    with app.test_client() as client:
        api = program.Api(services, client)
        for method, path, fields in _asked(app, "/api/v1/", value):
            short, body = path.removeprefix("/api/v1"), fields if method == "POST" else None
            names = ("",) if body else ("", "after", "ref", "limit", "ref=x&purpose")
            for name in names:
                query = f"?{name}={quote(value)}" if name else ""
                if _wrong(api.ask(method, short + query, body)):
                    wrong.append((method, path, name))
    assert wrong == []
