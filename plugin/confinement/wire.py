"""Messages to a confined child process: a JSON header and raw bytes, never pickle.

The child handles hostile files, so its answers are treated as data of bounded size. Frame: two big-endian uint32
(length of the header, of the body), header, body.
"""

import json
import os
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from subprocess import DEVNULL, PIPE
from typing import BinaryIO

Message = tuple[dict[str, object], list[bytes]]
"""A header, and the parts that it belongs to."""

_HEAD = struct.Struct(">II")
HEADER_LIMIT = 8_000_000
"""Bytes of JSON: some 20,000 faces."""
BODY_LIMIT = 2**32 - 1


class PipeClosed(Exception):
    """The other side has ended, or violates the protocol."""


def take_over_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the parent, moved off stdin and stdout; stdin, stdout and stderr go to /dev/null."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
    return source, sink


def send(stream: BinaryIO, header: Mapping[str, object], parts: Sequence[bytes] = ()) -> None:
    """Write one message; the header gets the lengths of the parts. Raises PipeClosed."""
    told = json.dumps({**header, "parts": [len(part) for part in parts]}).encode()
    try:
        stream.write(_HEAD.pack(len(told), sum(len(part) for part in parts)) + told)
        stream.writelines(parts)
        stream.flush()
    except (OSError, ValueError) as error:
        raise PipeClosed("the pipe is closed") from error


def receive(stream: BinaryIO, body_limit: int) -> Message:
    """Read one message: header and parts. Raises PipeClosed at the end or for a malformed one."""
    head, body = _HEAD.unpack(_read_exactly(stream, _HEAD.size))
    if head > HEADER_LIMIT or body > body_limit:
        raise PipeClosed("a message is larger than any that is expected")
    told = _read_exactly(stream, head)
    whole = _read_exactly(stream, body)
    try:
        header = json.loads(told)
        lengths = [int(length) for length in header.pop("parts")]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise PipeClosed("a message is not in the form expected") from error
    if any(length < 0 for length in lengths) or sum(lengths) != body:
        raise PipeClosed("a message is not as long as it says")
    if lengths == [body]:
        return header, [whole]  # one picture, not held twice
    parts, at, raw = [], 0, memoryview(whole)
    for length in lengths:
        parts.append(bytes(raw[at : at + length]))
        at += length
    return header, parts


def start_process(module: str, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    """A Python process that runs `module` and speaks this protocol on stdin and stdout."""
    command = [sys.executable, "-P", "-m", module]
    return subprocess.Popen(  # noqa: S603 (our own module)
        command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd="/", start_new_session=True, env=environment
    )


def end_process(process: "subprocess.Popen[bytes]") -> None:
    """Kill the child and close the pipes to it."""
    process.kill()
    for pipe in (process.stdin, process.stdout, process.stderr):
        with suppress(OSError):  # bytes that were not delivered: it is dead
            if pipe is not None:
                pipe.close()
    process.wait()


def _read_exactly(stream: BinaryIO, count: int) -> bytes:
    try:
        data = stream.read(count)
    except (OSError, ValueError) as error:
        raise PipeClosed("the pipe is closed") from error
    if len(data) != count:
        raise PipeClosed("the pipe is closed")
    return data
