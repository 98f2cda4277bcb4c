"""Calls: signed as recorded, repeated only where that is harmless, told apart when they fail, and slow enough."""

import logging
import re
import threading
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest

from plugin import errors
from plugin.config import parse
from plugin.errors import ConfigError, DamError
from plugin.hooks.resourcespace.api.answers import (
    NoSuchFunction,
    Refused,
    TemporaryFailure,
    UnexpectedAnswer,
    expect_bool,
    expect_int,
    expect_numbers,
    expect_object_or_false,
    expect_objects,
    expect_page,
    parse_answer,
)
from plugin.hooks.resourcespace.api.client import Client, sign_call
from plugin.hooks.resourcespace.api.rate_limit import RateLimit
from tests.doubles.resourcespace import Double
from tests.doubles.resourcespace_house import configuration, on

JSON = "application/json"


def test_the_signature_is_over_the_query_as_it_is_sent() -> None:
    """Hex SHA-256 of key and query, percent-encoded; the user once more beside it; booleans as 1 and 0."""
    form = sign_call("ås", "secret", "update_field", {"value": 'A, "B" & Å+=😀', "nodevalues": False})
    assert form["query"] == (
        "user=%C3%A5s&function=update_field&value=A%2C%20%22B%22%20%26%20%C3%85%2B%3D%F0%9F%98%80&nodevalues=0"
    )
    assert form["sign"] == sha256(b"secret" + form["query"].encode()).hexdigest()
    assert form["user"] == "ås"


@pytest.mark.parametrize(
    ("status", "kind", "raw", "error", "says"),
    [
        (401, JSON, b"Invalid signature", Refused, "signature"),
        (403, JSON, b"API not enabled.", Refused, "switched off"),
        (403, JSON, b"[]", Refused, "may not call"),
        (403, JSON, b"false", Refused, "may not call"),
        (200, JSON, b"", NoSuchFunction, "does not know"),
        (200, JSON, b"  \n", NoSuchFunction, "does not know"),
        (500, JSON, b"", TemporaryFailure, "arguments"),
        (429, JSON, b"", TemporaryFailure, "429"),
        (503, "text/html", b"<html>", TemporaryFailure, "503"),
        (404, "text/html", b"<html>", DamError, "404"),
        (302, "text/html", b"", DamError, "redirect"),
        (200, "text/html", b"<html>Sign in", TemporaryFailure, "start page"),
        (200, JSON, b"PHP Warning: x", DamError, "not JSON"),
        (200, JSON, b'{"error":true,"error_note":"Sorry."}', TemporaryFailure, "inside the server"),
        (400, JSON, b'{"status":"fail","data":{"message":"Permission denied."}}', DamError, "400"),
        (200, JSON, b'{"status":"fail","data":{"message":"no"}}', DamError, "turned down"),
        (200, JSON, b"\"Argument 'coldata' must be of type array (json encoded), Unknown given\"", DamError, "type"),
    ],
)
def test_every_form_of_failure_is_told_apart(
    status: int, kind: str, raw: bytes, error: type[DamError], says: str
) -> None:
    """A 200 is not a success, and no error has the same form as another."""
    with pytest.raises(error, match=says) as told:
        parse_answer("set_node", status, kind, None, raw)
    assert type(told.value) is error
    assert re.search(says, errors.redact_error(told.value)), "what is logged of it must still say what to do"
    if raw.strip() and raw not in {b"[]", b"false"}:
        assert raw.decode()[:12] not in str(told.value)


def test_what_succeeds_is_parsed() -> None:
    """Also with nothing in it where the status says so."""
    assert parse_answer("x", 200, JSON, None, b'{"10":3}') == {"10": 3}
    assert parse_answer("x", 204, JSON, None, b"") is None
    assert parse_answer("x", 200, JSON, None, b"false") is False


@pytest.mark.parametrize(
    ("expect", "good", "bad"),
    [
        (expect_int, [(3, 3), ("279", 279), ("-2", -2)], [True, None, "x", "", [], 2.5, "--1", "٣x"]),
        (expect_bool, [(True, True), (False, False)], [1, "true", None, {}, "You can't modify this collection."]),
        (expect_objects, [([], []), ([{"a": 1}], [{"a": 1}])], [{}, False, None, [1], "x"]),
        (expect_object_or_false, [(False, None), ([], {}), ({"ref": 1}, {"ref": 1})], [True, None, "", [1]]),
        (expect_page, [({"total": "2", "data": []}, (2, []))], [[], {"total": 1}, {"total": None, "data": []}]),
        (expect_numbers, [("", ()), (None, ()), (298, (298,)), ("298,299", (298, 299))], ["a,b", {}]),
    ],
)
def test_an_answer_has_its_type_or_is_none(
    expect: Callable[[Any], Any], good: list[tuple[Any, Any]], bad: list[Any]
) -> None:
    """Numbers may come as strings; nothing else is bent into shape."""
    for given, wanted in good:
        assert expect(given) == wanted
    for given in bad:
        with pytest.raises(UnexpectedAnswer):
            expect(given)


def test_an_odd_answer_is_an_error_that_does_not_quote_it() -> None:
    """It may hold a name."""
    with Double() as double:
        double.faults = lambda function: "odd"
        client = on(double).client()
        with pytest.raises(DamError, match="an object, which this call never is") as told:
            client.ask("get_nodes", expect_objects, ref=29)
    assert "odd" not in str(told.value)


def test_what_may_be_repeated_is_and_with_growing_pauses() -> None:
    """Two failures, then the answer; each pause about twice the one before."""
    pauses: list[float] = []
    with Double() as double:
        fates = iter(["502", "503", None])
        double.faults = lambda function: next(fates)
        client = _client(double, pauses, tries=3)
        assert client.ask("checkperm", expect_bool, perm="a")
        assert double.calls["checkperm"] == 3
    assert pauses == [0.5, 1.0]


def test_what_may_not_be_repeated_is_not() -> None:
    """One call, whatever came of it."""
    with Double() as double:
        double.faults = lambda function: "502"
        with pytest.raises(TemporaryFailure):
            _client(double, [], tries=3).ask("create_resource", expect_int, again=False, resource_type=1)
        assert double.calls["create_resource"] == 1


def test_tries_end_and_so_does_the_time_of_a_call() -> None:
    """After so many tries; and no pause goes beyond the seconds that a call may take."""
    with Double() as double:
        double.faults = lambda function: "502"
        with pytest.raises(TemporaryFailure):
            _client(double, [], tries=4).ask("checkperm", expect_bool, perm="a")
        assert double.calls["checkperm"] == 4
        pauses: list[float] = []
        with pytest.raises(TemporaryFailure):
            _client(double, pauses, tries=10, seconds=2.0).ask("checkperm", expect_bool, perm="a")
        assert sum(pauses) < 2.0


def test_what_does_not_pass_is_not_repeated() -> None:
    """A wrong key stays wrong."""
    with Double() as double:
        with pytest.raises(Refused):
            on(double).client(key="0" * 64).ask("checkperm", expect_bool, perm="a")
        assert len(double.requests) == 1


def test_a_server_that_is_slow_or_not_there_is_an_error_in_time() -> None:
    """The call ends by itself."""
    with Double() as double:
        double.faults = lambda function: "slow"
        with pytest.raises(TemporaryFailure, match="in time"):
            on(double).client(seconds=0.3, tries=1).ask("checkperm", expect_bool, perm="a")
        url = double.url
    gone = Client(configuration(url, tries=1).resourcespace, "key")
    with pytest.raises(TemporaryFailure, match="cannot be reached"):
        gone.ask("checkperm", expect_bool, perm="a")


def test_neither_key_nor_names_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """Not in addresses, log lines, errors or what an object says of itself."""
    caplog.set_level(logging.DEBUG)
    with Double() as double:
        server = on(double)
        client = server.client(tries=2)
        said = [repr(client), str(vars(client.base))]
        for fate in ("500", "page", "redirect", "odd", "empty", "warning", "404"):
            double.faults = lambda function, fate=fate: fate  # type: ignore[misc]
            with pytest.raises(DamError) as told:
                client.ask("set_node", expect_int, name="Åsa Öberg", resource_type_field=29)
            said += [str(told.value), repr(told.value.__cause__), repr(told.value.__context__)]
        said += [path + query for path, query in double.requests] + [record.getMessage() for record in caplog.records]
    everything = "\n".join(said)
    for secret in (server.key, "Åsa", "%C3%85sa", "Oberg"):
        assert secret not in everything


def test_there_are_no_more_calls_a_second_than_agreed() -> None:
    """A second's worth at once, then one after the other; threads share the turns."""
    now, waits = [100.0], []

    def sleep(seconds: float) -> None:
        waits.append(seconds)

    pace = RateLimit(4.0, lambda: now[0], sleep)
    assert [pace.take() for _ in range(4)] == [0.0] * 4
    assert [pace.take() for _ in range(3)] == [0.25, 0.5, 0.75]
    now[0] += 10
    assert [pace.take() for _ in range(5)] == [0.0] * 4 + [0.25]
    assert waits == [0.25, 0.5, 0.75, 0.25]
    now[0] += 10
    threads = [threading.Thread(target=pace.take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waits[4:]) == [0.25, 0.5, 0.75, 1.0]


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"url": "ftp://dam.example"}, "start page"),
        ({"url": "https://user:secret@dam.example"}, "start page"),
        ({"url": "https://dam.example/?x=1"}, "start page"),
        ({"url": "http://dam.example"}, "https"),
        ({"url": "https://dam.example", "seconds": 200.0}, "lease"),
        ({"url": ""}, "are needed"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(section: dict[str, Any], says: str) -> None:
    """No address with a secret in it, no open network, no call longer than a lease."""
    with pytest.raises(ConfigError, match=says):
        parse({"dam": {"kind": "resourcespace"}, "resourcespace": {"user": "x"} | section})


def test_an_empty_key_is_refused() -> None:
    """It would sign, and with what everybody knows."""
    with pytest.raises(ConfigError, match="key"):
        Client(configuration("http://127.0.0.1:1").resourcespace, "")


def _client(double: Double, pauses: list[float], **server: Any) -> Client:
    config = configuration(double.url, **server)
    now = [0.0]

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    key = double.library.users["admin"].key
    return Client(config.resourcespace, key, sleep=sleep, now=lambda: now[0], uniform=lambda low, high: high)
