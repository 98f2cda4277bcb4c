#!/usr/bin/env python3
"""Checks the audit log of FaceLease without FaceLease: Python's standard library and `cryptography` are enough.

    facelease audit export > log.jsonl
    python3 facelease-verify.py log.jsonl audit-heads.log --key PUBLIC [--key PUBLIC] [--head SEQ:HASH]

PUBLIC is the public key that `facelease init` printed and that you wrote down away from the machine; a head is one that
`facelease audit heads` printed. Says one of three things:

    holds       (exit code 0)  the rows up to the last head are those that were written
    not proven  (exit code 3)  nothing contradicts itself, and the heads do not show that these are the rows
    broken      (exit code 4)  something contradicts itself: rows or heads were changed
"""

import argparse
import calendar
import hashlib
import json
import re
import sys
from base64 import b64decode
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

HOLDS, NOT_PROVEN, BROKEN = 0, 3, 4
NOTHING = (0, "0" * 64)
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
UNSIGNED = re.compile(r"\S+ (\d+) ([0-9a-f]{64})")
SIGNED_FIELDS = ("number", "at", "seq", "hash", "start", "months", "ended", "note", "key")


class Broken(Exception):
    """Something contradicts itself."""


class NotProven(Exception):
    """The heads do not show that these are the rows which were written."""


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


# The file of heads


def read_heads(path):
    """The signed heads in their order, and the positions of lines from before heads were signed."""
    signed, unsigned = [], []
    lines = Path(path).read_bytes().splitlines(keepends=True) if Path(path).exists() else []
    for number, line in enumerate(lines, 1):
        if line.endswith(b"#torn\n") or (not line.endswith(b"\n") and not is_head(line)):
            continue  # a crash left it half written
        old = UNSIGNED.fullmatch(line.decode("utf-8", "replace").rstrip("\n"))
        if old:
            unsigned.append((int(old[1]), old[2]))
        elif is_head(line):
            signed.append(json.loads(line))
        else:
            raise Broken(f"line {number} of the file of heads is no head")
    for head in signed:
        head["last"], head["start"] = (head["seq"], head["hash"]), tuple(head["start"])
        head["kind"] = head["note"].get("kind", "")
        head["when"] = datetime.fromisoformat(head["at"])
    return signed, unsigned


def is_head(line):
    try:
        head = json.loads(line)
        pairs = (head["start"], head["ended"])
        texts = [head[name] for name in ("at", "hash", "key", "signature")] + [pair[1] for pair in pairs]
        numbers = [head[name] for name in ("number", "seq", "months")] + [pair[0] for pair in pairs]
        fits = all(type(text) is str for text in texts) and all(type(number) is int for number in numbers)
        datetime.fromisoformat(head["at"])
        return fits and type(head["note"]) is dict and len(head) == len(SIGNED_FIELDS) + 1
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return False


def check_signature(head):
    body = {name: head[name] for name in SIGNED_FIELDS} | {"start": list(head["start"])}
    try:
        key = Ed25519PublicKey.from_public_bytes(b64decode(head["key"], validate=True))
        key.verify(b64decode(head["signature"], validate=True), b"facelease head\n" + canonical(body))
    except (InvalidSignature, ValueError) as error:
        raise Broken(f"head {head['number']} was changed after it was signed") from error


def trusted(heads, keys):
    """The heads that count from the first on, those of before heads were begun anew, and what is lacking."""
    for one, other in pairwise([{"number": -1}, *heads]):
        check_signature(other)
        if other["number"] <= one["number"]:
            raise Broken(
                f"head {other['number']} stands after head {one['number']}: the file of heads was changed"
            )
    begun = [at for at, head in enumerate(heads) if head["kind"] == "begin" and head["key"] in keys]
    first, lack = begun[-1] if begun else 0, None
    earlier = [head for head in heads[:first] if head["key"] in keys]
    if not heads:
        lack = "there are no signed heads"
    elif not begun and heads[0]["number"] != 0:
        lack = f"the file of heads begins with head {heads[0]['number']}: those before it are missing"
    good, allowed = [], keys
    for head in heads[first:]:
        if good and head["number"] != good[-1]["number"] + 1:
            return good, earlier, lack or f"head {good[-1]['number'] + 1} is missing in the file of heads"
        if head["key"] not in allowed:
            return (
                good,
                earlier,
                lack or f"head {head['number']} is signed by a key that you did not give: {head['key']}",
            )
        good.append(head)
        allowed = [head["note"].get("public") if head["kind"] == "key" else head["key"]]
    return good, earlier, lack


def standing(heads):
    """The heads that the log of now follows from, what restores put away, and the row up to which older lines count."""
    manifests = {
        head["note"].get("sha256"): at for at, head in enumerate(heads) if head["kind"] == "manifest"
    }
    held, restores, at, limit = [], [], len(heads) - 1, float("inf")
    while at >= 0:
        head, back = heads[at], at
        if head["last"][0] <= limit:
            held.append(head)
        if head["kind"] == "restore":
            restores.append(head)
            limit = min(limit, went_on_from(head))
            known = manifests.get(head["note"].get("sha256"), at)
            back = known + 1 if known < at else at
        at = back - 1
    held.reverse()
    numbers = {head["number"] for head in held}
    for one, other in pairwise(held):
        if other["last"][0] < one["last"][0]:
            raise Broken(f"audit row {other['last'][0] + 1} was gone when head {other['number']} was written")
    return held, [head for head in heads if head["number"] not in numbers], restores[::-1], limit


def went_on_from(head):
    told = head["note"].get("from")
    return min(told, head["last"][0]) if type(told) is int else head["last"][0]


# What heads say of one another


def check_ended(heads):
    for one, other in pairwise(heads):
        (lines, digest), (more, another) = one["ended"], other["ended"]
        went_back = more < lines or (more == lines and another != digest)
        if went_back and other["kind"] not in ("ended", "restore", "begin"):
            raise Broken(
                f"head {other['number']} knows other lines of ended.log than head {one['number']} knew"
            )


def unproven_prune(heads):
    """Why a start of the log is not believed: no head held those rows a term before the first that knew them gone."""
    for at, head in enumerate(heads):
        if at == 0 or head["start"] == heads[at - 1]["start"]:
            continue
        row = head["start"][0]
        if row <= heads[at - 1]["start"][0]:
            raise Broken(f"head {head['number']} begins the log at an earlier row than the head before it")
        if not any(
            old["last"][0] >= row and old["when"] <= months_before(head["when"], old["months"])
            for old in heads[:at]
        ):
            return (
                f"rows up to {row} were gone when head {head['number']} was written, and no head that is a term older "
                "held them: they went too early, or were never held"
            )
    return None


def months_before(moment, months):
    years, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    day = min(moment.day, calendar.monthrange(years, month + 1)[1])
    return moment.replace(year=years, month=month + 1, day=day)


# The rows


def read_rows(path):
    rows = []
    for number, line in enumerate(Path(path).read_bytes().split(b"\n"), 1):
        if not line:
            continue
        try:
            row = json.loads(line)
            at = (datetime.fromisoformat(row["at"]) - EPOCH) // timedelta(microseconds=1)
            parts = [
                row["seq"],
                at,
                row["action"],
                row["actor"],
                row["subject"],
                row["resource_id"],
                canonical(row["details"]).decode(),
                row["previous"],
            ]
            row["computed"] = hashlib.sha256(canonical(parts)).hexdigest()
            row["hash"], row["details"], row["seq"] = str(row["hash"]), dict(row["details"]), int(row["seq"])
        except (ValueError, KeyError, TypeError) as error:
            raise Broken(f"line {number} of the log is no row") from error
        rows.append(row)
    if not rows:
        raise NotProven("the log holds no rows")
    return rows


def follow(rows, positions):
    """The chain, through every position that is known. Those before the first row cannot be compared."""
    wanted = {}
    for seq, digest in positions:
        if wanted.setdefault(seq, digest) != digest:
            raise Broken(f"two heads of audit row {seq} differ")
    start = last = (rows[0]["seq"] - 1, rows[0]["previous"])
    if wanted.get(start[0], start[1]) != start[1] or (start[0] == 0 and start != NOTHING):
        raise Broken(f"audit row {start[0]}, the last one before the log, is not the one that a head knows")
    for row in rows:
        if row["seq"] != last[0] + 1:
            raise Broken(f"audit row {last[0] + 1} is missing: the next one is {row['seq']}")
        if row["previous"] != last[1]:
            raise Broken(f"audit row {row['seq']} does not follow from the row before it")
        if row["computed"] != row["hash"]:
            raise Broken(f"audit row {row['seq']} was changed after it was written")
        last = (row["seq"], row["hash"])
        if wanted.get(last[0], last[1]) != last[1]:
            raise Broken(f"audit row {last[0]} is not the one that a head knows")
    if wanted and max(wanted) > last[0]:
        raise Broken(f"audit row {last[0] + 1} is missing: a head knows {max(wanted)} rows")
    return start, last


def forgotten_head(rows, heads, first):
    """A head that the log speaks of, and the file does not have."""
    known = {head["number"]: head["last"][0] for head in heads}
    for row in rows:
        number = row["details"].get("number") if row["action"] == "audit:head:write" else None
        if type(number) is not int:
            continue
        if known.get(number, row["details"].get("seq")) != row["details"].get("seq"):
            raise Broken(
                f"head {number} holds {known[number]} rows, the log says {row['details'].get('seq')}"
            )
        if number not in known and number >= first:
            return f"the log speaks of head {number}, which is not in the file of heads"
    return None


def unexplained_start(rows, start, held):
    pruned = [row["details"] for row in rows if row["action"] == "audit:log:prune"]
    is_told = any((said.get("through"), said.get("hash")) == start for said in pruned)
    if held and start == held[-1]["start"] and (is_told or start == held[0]["start"]):
        return None
    return f"the log begins after row {start[0]}, and no head knows that the rows before it were deleted at their term"


def positions_of(heads):
    return {head["last"] for head in heads} | {head["start"] for head in heads if head["start"][0]}


def check(log, heads_file, keys, given):
    """What is said of a log that holds. Raises NotProven or Broken."""
    heads, unsigned = read_heads(heads_file)
    good, earlier, lack = trusted(heads, keys)
    every, away, restores, limit = standing([*earlier, *good])
    numbers = {head["number"] for head in good}
    held = [head for head in every if head["number"] in numbers]
    check_ended(held)
    prune = unproven_prune(held)
    rows = read_rows(log)
    known = (
        positions_of(every) | {one for one in unsigned if one[0] <= limit} | (set(given) - positions_of(away))
    )
    start, last = follow(rows, known)
    if held and held[-1]["start"][0] > start[0]:
        raise Broken(
            f"audit row {start[0] + 1} is there, but head {held[-1]['number']} knew that it was gone"
        )
    forgotten = forgotten_head(rows, heads, held[0]["number"] if held else 0)
    lack = lack or forgotten or prune or unexplained_start(rows, start, held)
    if lack:
        raise NotProven(lack)
    return told(rows, start, last, held, restores, given)


def told(rows, start, last, held, restores, given):
    end = held[-1]
    yield (
        f"rows {start[0] + 1} to {end['last'][0]} are those that were written: {len(held)} signed heads hold them, "
        + (f"the last of {end['at']}")
    )
    if last[0] > end["last"][0]:
        yield f"{last[0] - end['last'][0]} rows after that are held by no head yet: a change there cannot be noticed"
    if start[0] > held[0]["start"][0]:
        yield f"{start[0] - held[0]['start'][0]} rows before row {start[0] + 1} were deleted after their term"
    if held[0]["kind"] == "begin":
        yield (
            f"heads were begun anew at row {held[0]['last'][0]} on {held[0]['at']}: of what is before it is proven only "
            + ("that it stood there then")
        )
    for head in restores:
        yield f"the backup {head['note'].get('name')} was restored: the log goes on from its row {went_on_from(head)}"
    old = sum(seq < start[0] for seq, _ in given)
    if old:
        yield f"{old} of the heads that you gave are older than the first row: nothing to compare them with"
    yield f"{len(rows)} rows, up to {last[0]}:{last[1]}"


def position(text):
    seq, _, digest = text.partition(":")
    if not seq.isdigit() or not re.fullmatch("[0-9a-fA-F]{64}", digest):
        raise argparse.ArgumentTypeError("a head is SEQ:HASH, as `facelease audit heads` prints it")
    return int(seq), digest.lower()


def main():
    parser = argparse.ArgumentParser(description="Checks the audit log of FaceLease against signed heads.")
    parser.add_argument("log", help="the rows: what `facelease audit export` wrote")
    parser.add_argument("heads", help="the file of heads (keys.heads_file)")
    parser.add_argument("--key", required=True, action="append", help="the public key that was written down")
    parser.add_argument(
        "--head",
        default=[],
        type=position,
        action="append",
        metavar="SEQ:HASH",
        help="a head that was written down",
    )
    asked = parser.parse_args()
    try:
        lines = list(check(asked.log, asked.heads, asked.key, asked.head))
    except NotProven as why:
        print(f"not proven: {why}")
        return NOT_PROVEN
    except Broken as why:
        print(f"broken: {why}")
        return BROKEN
    except OSError as why:
        print(f"error: {why}", file=sys.stderr)
        return 1
    print("holds")
    for line in lines:
        print(f"  {line}")
    return HOLDS


if __name__ == "__main__":
    sys.exit(main())
