#!/usr/bin/env python3
"""Checks the audit log of FaceLease without FaceLease: Python's standard library and `cryptography` are enough.

    facelease audit export > log.jsonl
    python3 facelease-verify.py log.jsonl audit-heads.log --key PUBLIC [--head SEQ:HASH]

PUBLIC is the public key that `facelease init` printed, a head is one that `facelease audit heads` printed: both written
down away from the machine. Give several keys in the order of their replacement: heads then have to end under the last.

    holds       (exit code 0)  the rows up to the last head are those that were written
    not proven  (exit code 3)  nothing contradicts itself, but the heads do not show that these are the rows
    broken      (exit code 4)  something contradicts itself: rows or heads were changed
"""

import argparse
import calendar
import hashlib
import json
import re
import sys
from base64 import b64decode
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

Json = dict[str, Any]
Position = tuple[int, str]  # the number of a row and its hash
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
UNSIGNED = re.compile(rb"\S+ (\d+) ([0-9a-f]{64})")
BODY = ("number", "at", "seq", "hash", "start", "months", "ended", "note", "key")


class NotProven(Exception):
    """The heads do not show that these are the rows which were written."""


class Broken(Exception):
    """Something contradicts itself."""


def canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def read_heads(path: str) -> tuple[list[Json], list[Position]]:
    """Signed heads; and lines from before heads were signed, which may contradict the log, and prove nothing."""
    signed, unsigned = [], []
    lines = Path(path).read_bytes().splitlines(keepends=True) if Path(path).exists() else []
    for number, line in enumerate(lines, 1):
        old = UNSIGNED.fullmatch(line.rstrip(b"\n"))
        if old:
            unsigned.append((int(old[1]), old[2].decode()))
        elif head := read_head(line):
            signed.append(head)
        elif line.endswith(b"\n") and not line.endswith(b"#torn\n"):  # else a crash left it half written
            raise Broken(f"line {number} of the file of heads is no head")
    return signed, unsigned


def read_head(line: bytes) -> Json | None:
    try:
        head: Json = json.loads(line)
        (start, start_hash), (ended, ended_hash) = head["start"], head["ended"]
        texts = [head["at"], head["hash"], head["key"], head["signature"], start_hash, ended_hash]
        numbers = [head["number"], head["seq"], head["months"], start, ended]
        typed = all(type(one) is str for one in texts) and all(type(one) is int for one in numbers)
        whole = typed and set(head) == {*BODY, "signature"}
        head["last"], head["first"] = (head["seq"], head["hash"]), (start, start_hash)
        head["kind"], head["when"] = head["note"].get("kind", ""), datetime.fromisoformat(head["at"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return head if whole else None


def check_signatures(heads: list[Json]) -> None:
    before = -1
    for head in heads:
        signed = b"facelease head\n" + canonical({name: head[name] for name in BODY})
        try:
            key = Ed25519PublicKey.from_public_bytes(b64decode(head["key"], validate=True))
            key.verify(b64decode(head["signature"], validate=True), signed)
        except (InvalidSignature, ValueError) as error:
            raise Broken(f"head {head['number']} was changed after it was signed") from error
        if head["number"] <= before:
            raise Broken(f"head {head['number']} stands after head {before}")
        before = head["number"]


def follow_keys(heads: list[Json], keys: Sequence[str], first: int) -> tuple[list[Json], str]:
    """The heads from `first` that your key signed, or one that it announced, one after another; and what is lacking."""
    good, given, seen = list[Json](), keys, hashlib.sha256()
    for at, head in enumerate(heads):
        before = seen.hexdigest()
        seen.update(f"{head['signature']}\n".encode())
        if at < first:
            continue
        if good and head["number"] != good[-1]["number"] + 1:
            return good, f"head {good[-1]['number'] + 1} is missing in the file of heads"
        if head["key"] not in keys:
            return good, f"head {head['number']} is signed by a key that you did not give: {head['key']}"
        if good and head["key"] != good[-1]["key"] and head["note"].get("before") != before:
            raise Broken(f"heads before head {head['number']} were changed: it is the first of its key")
        good.append(head)
        keys = [str(head["note"].get("public")) if head["kind"] == "key" else head["key"]]
    is_former = good and len(given) > 1 and good[-1]["key"] != given[-1]
    return good, "the heads do not end under the last key that you gave" if is_former else ""


def lineage(heads: list[Json]) -> tuple[list[Json], list[Json], float]:
    """The heads that the log of now follows from (at a restore on from the head that knew its backup), the restores,
    and the row up to which older lines count."""
    manifests = {one["note"].get("sha256"): at for at, one in enumerate(heads) if one["kind"] == "manifest"}
    held, restores, limit, at = [], [], float("inf"), len(heads) - 1
    while at >= 0:
        head, back = heads[at], at
        if head["seq"] <= limit:
            held.append(head)
        if head["kind"] == "restore":
            restores.append(head)
            limit = min(limit, went_on_from(head))
            known = manifests.get(head["note"].get("sha256"), at)
            back = known + 1 if known < at else at
        at = back - 1
    return held[::-1], restores[::-1], limit


def went_on_from(restore: Json) -> int:
    return min(int(restore["note"].get("from", restore["seq"])), int(restore["seq"]))


def check_order(heads: list[Json]) -> None:
    for one, other in pairwise(heads):
        name = f"head {other['number']}"
        if other["seq"] < one["seq"] or other["first"][0] < one["first"][0]:
            raise Broken(f"when {name} was written row {other['seq'] + 1} was gone, or older ones were back")
        (lines, digest), (more, another) = one["ended"], other["ended"]
        back = more < lines or (more == lines and another != digest)
        if back and other["kind"] not in ("ended", "restore", "begin"):
            raise Broken(f"{name} knows other lines of ended.log than head {one['number']} before it")


def early_prune(heads: list[Json]) -> str:
    """Rows may be gone if a head that held them was written a term before the first that knew them gone."""
    rows = [head["seq"] for head in heads]
    moved = [at for at in range(1, len(heads)) if heads[at]["first"] != heads[at - 1]["first"]]
    for at in moved:
        row, when = heads[at]["first"][0], heads[at]["when"]
        holding = heads[bisect_left(rows, row) : at]
        if not any(old["when"] <= months_before(when, old["months"]) for old in holding):
            return f"head {heads[at]['number']} knew rows up to {row} gone, and none that is a term older held them"
    return ""


def months_before(moment: datetime, months: int) -> datetime:
    years, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    day = min(moment.day, calendar.monthrange(years, month + 1)[1])
    return moment.replace(year=years, month=month + 1, day=day)


def read_rows(path: str) -> list[Json]:
    lines = Path(path).read_bytes().split(b"\n")
    if any(lines):
        return [read_row(number, line) for number, line in enumerate(lines, 1) if line]
    raise NotProven("the log holds no rows")


def read_row(number: int, line: bytes) -> Json:
    try:
        row: Json = json.loads(line)
        moment = (datetime.fromisoformat(row["at"]) - EPOCH) // timedelta(microseconds=1)
        who = [row[name] for name in ("action", "actor", "subject", "resource_id")]
        parts = [int(row["seq"]), moment, *who, canonical(dict(row["details"])).decode(), row["previous"]]
        return row | {"fits": hashlib.sha256(canonical(parts)).hexdigest() == row["hash"]}
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise Broken(f"line {number} of the log is no row") from error


def follow_rows(rows: list[Json], known: set[Position]) -> tuple[Position, Position]:
    """From the first row to the last, through every position that is known; earlier ones cannot be compared."""
    wanted: dict[int, str] = {}
    for seq, digest in known | {(0, "0" * 64)}:
        if wanted.setdefault(seq, digest) != digest:
            raise Broken(f"two heads of audit row {seq} differ")
    start = last = (rows[0]["seq"] - 1, rows[0]["previous"])
    if wanted.get(start[0], start[1]) != start[1]:
        raise Broken(f"audit row {start[0]}, the last one before the log, is not the one that a head knows")
    for row in rows:
        seq = row["seq"]
        if seq != last[0] + 1:
            raise Broken(f"audit row {last[0] + 1} is missing: the next one is {seq}")
        if row["previous"] != last[1]:
            raise Broken(f"audit row {seq} does not follow from the row before it")
        if not row["fits"]:
            raise Broken(f"audit row {seq} was changed after it was written")
        last = (seq, row["hash"])
        if wanted.get(seq, last[1]) != last[1]:
            raise Broken(f"audit row {seq} is not the one that a head knows")
    if max(wanted) > last[0]:
        raise Broken(f"audit row {last[0] + 1} is missing: a head knows row {max(wanted)}")
    return start, last


def missing_head(rows: list[Json], heads: list[Json], first: int) -> str:
    """The log says of each head that it was written."""
    known = {head["number"]: head["seq"] for head in heads}
    for row in rows:
        number, seq = row["details"].get("number"), row["details"].get("seq")
        if row["action"] != "audit:head:write" or type(number) is not int:
            continue
        if known.get(number, seq) != seq:
            raise Broken(f"head {number} holds rows up to {known[number]}, the log says up to {seq}")
        if number not in known and number >= first:
            return f"the log speaks of head {number}, which is not in the file of heads"
    return ""


def unknown_start(rows: list[Json], start: Position, held: list[Json]) -> str:
    if held and held[-1]["first"][0] > start[0]:
        raise Broken(f"audit row {start[0] + 1} is there, but head {held[-1]['number']} knew it to be gone")
    prunes = [row["details"] for row in rows if row["action"] == "audit:log:prune"]
    is_told = any((said.get("through"), said.get("hash")) == start for said in prunes)
    if held and start == held[-1]["first"] and (is_told or start == held[0]["first"]):
        return ""
    return f"the log begins after row {start[0]}, and no head knows that the rows before it were deleted at their term"


def check(log: str, heads_file: str, keys: list[str], given: list[Position]) -> list[str]:
    """What is said of a log that holds. Raises NotProven or Broken."""
    heads, unsigned = read_heads(heads_file)
    check_signatures(heads)
    begun = [at for at, head in enumerate(heads) if head["kind"] == "begin" and head["key"] in keys]
    first = begun[-1] if begun else 0
    good, lack = follow_keys(heads, keys, first)
    if not begun and (not heads or heads[0]["number"]):
        lack = "head 0 is missing in the file of heads" if heads else "there are no signed heads"
    ours = [head for head in heads[:first] if head["key"] in keys] + good
    standing, restores, limit = lineage(ours)
    check_order(standing)
    held = [head for head in standing if head["number"] >= heads[first]["number"]]
    numbers = {head["number"] for head in standing}
    away = positions(head for head in ours if head["number"] not in numbers)
    rows, older = read_rows(log), {one for one in unsigned if one[0] <= limit}
    start, last = follow_rows(rows, positions(standing) | older | (set(given) - away))
    more = missing_head(rows, heads, held[0]["number"] if held else 0), unknown_start(rows, start, held)
    if lack := lack or more[0] or early_prune(held) or more[1]:
        raise NotProven(lack)
    below = [f"row {seq} is older than the log: not compared" for seq, _ in given if seq < start[0]]
    return [*told(start, last, held, restores), *below]


def positions(heads: Any) -> set[Position]:
    return {one for head in heads for one in (head["last"], head["first"]) if one[0]}


def told(start: Position, last: Position, held: list[Json], restores: list[Json]) -> Iterator[str]:
    first, end = held[0], held[-1]
    yield f"rows {start[0] + 1} to {end['seq']} are those that were written"
    yield f"signed heads hold them: {first['number']} to {end['number']}, the last of {end['at']}"
    if last[0] > end["seq"]:
        yield f"no head holds rows {end['seq'] + 1} to {last[0]} yet: nobody would notice a change in them"
    if start != first["first"]:
        yield f"rows {first['first'][0] + 1} to {start[0]} were deleted after their term"
    if first["kind"] == "begin":
        yield f"heads were begun anew on {first['at']}: nothing proves rows up to {first['seq']} from before that day"
    for one in restores:
        yield f"the backup {one['note'].get('name')} was restored: the log goes on from its row {went_on_from(one)}"
    yield f"the last row is {last[0]}:{last[1]}"


def position(text: str) -> Position:
    if not re.fullmatch("[0-9]+:[0-9a-fA-F]{64}", text):
        raise argparse.ArgumentTypeError("a head is SEQ:HASH, as `facelease audit heads` prints it")
    return int(text[:-65]), text[-64:].lower()


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks the audit log of FaceLease against signed heads.")
    parser.add_argument("log", help="what `facelease audit export` wrote")
    parser.add_argument("heads", help="the file of heads (keys.heads_file)")
    parser.add_argument("--key", required=True, action="append", help="the public key that was written down")
    parser.add_argument("--head", default=[], type=position, action="append", help="a head: SEQ:HASH")
    asked = parser.parse_args()
    try:
        lines = check(asked.log, asked.heads, asked.key, asked.head)
    except (NotProven, Broken) as why:
        word, code = ("not proven", 3) if isinstance(why, NotProven) else ("broken", 4)
        print(f"{word}: {why}")
        return code
    print("\n  ".join(["holds", *lines]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
