"""What the check of the log says, in one place for the command line, the doctor, the API and the console."""

from dataclasses import asdict
from datetime import tzinfo
from typing import Any

from plugin.clock import format_local
from plugin.flows.views.audit_view import LogCheck
from plugin.ledger.log.proof import LogProof, ProofVerdict
from plugin.words.catalogues import Words


def heading(checked: LogCheck, language: str = "en") -> str:
    """The answer in a word or two."""
    return Words("log", language)[checked.verdict.value]


def sentences(checked: LogCheck, zone: tzinfo, language: str = "en") -> list[str]:
    """What was found, the reason first; where the log is broken the one sentence, in English."""
    if checked.proof is None:
        return [checked.broken]
    words = Words("log", language)
    counted = [(word, values, values.get(_COUNTS.get(word, ""), 0)) for word, values in _parts(checked.proof, zone)]
    return [words.counted(word, count).format(**values) for word, values, count in counted]


_COUNTS = {"held": "heads", "after": "after", "pruned": "pruned", "restored": "heads", "below": "below", "rows": "rows"}
"""The number on which the form of a sentence hangs."""


def _parts(proof: LogProof, zone: tzinfo) -> list[tuple[str, dict[str, Any]]]:
    parts: list[tuple[str, dict[str, Any]]] = []
    if proof.why is not None:
        parts.append((proof.why.lack.value, asdict(proof.why)))
    first = proof.start.seq + 1
    if proof.verdict is ProofVerdict.HOLDS and proof.held is not None and proof.held_at is not None:
        at = format_local(proof.held_at, zone)
        if proof.held.seq >= first:  # else there were no rows when the head was written
            parts.append(("held", {"first": first, "held": proof.held.seq, "heads": proof.heads, "at": at}))
        if proof.after:
            parts.append(("after", {"after": proof.after, "held": proof.held.seq}))
        if proof.pruned:
            parts.append(("pruned", {"pruned": proof.pruned, "first": first}))
    if proof.begun is not None:
        at = format_local(proof.begun.at, zone)
        parts.append(("begun", {"row": proof.begun.row, "at": at, "reason": proof.begun.reason}))
    parts += [("restored", asdict(one)) for one in proof.restores]
    if proof.below:
        parts.append(("below", {"below": proof.below}))
    return [*parts, ("rows", {"rows": proof.rows, "seq": proof.last.seq, "hash": proof.last.hash})]
