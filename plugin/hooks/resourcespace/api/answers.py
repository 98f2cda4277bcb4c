"""The API's possible answers: errors have no single form, and status 200 is no success."""

import json
import re
from collections.abc import Callable
from typing import TypeVar

from plugin.errors import DamError

T = TypeVar("T")
JsonObject = dict[str, object]
Expect = Callable[[object], T]
"""Takes a parsed answer, returns it typed, or raises Unexpected."""


class Refused(DamError):
    """The account may not do this, or is not known."""


class NoSuchFunction(DamError):
    """The server does not know the function: for one of ours, the plugin is not active."""


class TemporaryFailure(DamError):
    """The server fails now and may recover; `retry_after` in seconds, if it sent one."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class UnexpectedAnswer(DamError):
    """An answer of a type that this call never returns. `what` names the type, never the content."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"the DAM told {what} where that never stands")


def parse_answer(function: str, status: int, kind: str, retry_after: str | None, raw: bytes) -> object:
    """The parsed answer, None for an empty success. Raises DamError for every kind of failure.

    Never quotes the answer: it may contain names.
    """
    _raise_by_status(function, status, kind, retry_after, raw)
    if status == 204:
        return None
    if kind != "application/json":
        raise TemporaryFailure(
            f"{function} was answered with a page, not by the API: is the url in [resourcespace] its start page?"
        )
    if not raw.strip():
        raise NoSuchFunction(f"the server does not know the function {function}, or gave no answer to it")
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError):
        raise DamError(f"{function} was answered with what is not JSON") from None
    _raise_by_content(function, answer)
    return answer


def _raise_by_status(function: str, status: int, kind: str, retry_after: str | None, raw: bytes) -> None:
    if status in {200, 204}:
        return
    if 300 <= status < 400:
        raise DamError(
            f"{function} was answered with a redirect, which is not followed: a sign-in page, or another "
            "address; check the url in [resourcespace]"
        )
    if status == 401:
        raise Refused(
            "the server does not accept the signature: check the user in [resourcespace] and the key in its file"
        )
    if status == 403:
        disabled = raw.strip().startswith(b"API not enabled")
        off = "the server's API is switched off ($enable_remote_apis)"
        raise Refused(off if disabled else f"the account may not call {function}")
    if status in {408, 425, 429, 502, 503, 504}:
        raise TemporaryFailure(f"{function}: the server answered {status}", _parse_seconds(retry_after))
    if status >= 500:
        raise TemporaryFailure(f"{function}: the server failed ({status}), or does not take these arguments")
    raise DamError(f"{function}: the server answered {status}")


def _raise_by_content(function: str, answer: object) -> None:
    """Failures that come with status 200."""
    if isinstance(answer, dict) and answer.get("error") is True:
        raise TemporaryFailure(f"{function} failed inside the server: it says no more than that")
    if isinstance(answer, dict) and answer.get("status") in {"fail", "error"} and "data" in answer:
        raise DamError(f"{function} was turned down by the server")
    if isinstance(answer, str) and answer.startswith("Argument '"):
        raise DamError(f"{function}: the server does not take an argument of this type")


def _parse_seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None


def expect_int(value: object) -> int:
    """A number, also as a string: that depends on the server's query."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch("-?[0-9]{1,18}", value.strip()):
        return int(value)
    raise UnexpectedAnswer(_json_kind(value))


def expect_int_or_false(value: object) -> int | None:
    """A number, or None for false."""
    return None if value is False else expect_int(value)


def expect_bool(value: object) -> bool:
    """A boolean."""
    if isinstance(value, bool):
        return value
    raise UnexpectedAnswer(_json_kind(value))


def expect_objects(value: object) -> list[JsonObject]:
    """A list of objects."""
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        return value
    raise UnexpectedAnswer(_json_kind(value))


def expect_objects_or_false(value: object) -> list[JsonObject] | None:
    """A list of objects, or None for false."""
    return None if value is False else expect_objects(value)


def expect_object(value: object) -> JsonObject:
    """An object; PHP writes an empty one as []."""
    if isinstance(value, dict):
        return value
    if value == []:
        return {}
    raise UnexpectedAnswer(_json_kind(value))


def expect_object_or_false(value: object) -> JsonObject | None:
    """An object, or None for false."""
    return None if value is False else expect_object(value)


def expect_page(value: object) -> tuple[int, list[JsonObject]]:
    """The total number, and the objects of this page."""
    if isinstance(value, dict) and {"total", "data"} <= value.keys():
        return expect_int(value["total"]), expect_objects(value["data"])
    raise UnexpectedAnswer(_json_kind(value))


def expect_numbers(value: object) -> tuple[int, ...]:
    """Node numbers of a field: one number, several in a string with commas, or none."""
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return tuple(expect_int(part) for part in value.split(",") if part.strip())
    if isinstance(value, list):
        return tuple(expect_int(part) for part in value)
    return (expect_int(value),)


def _json_kind(value: object) -> str:
    return {dict: "an object", list: "a list", str: "a text", bool: "true or false"}.get(
        type(value), "nothing" if value is None else "a number"
    )
