"""Whether the server's downloads pass the plugin's gate: what its canary saw, and what is missing."""

from collections.abc import Iterator

from plugin.hooks.concern import Concern
from plugin.hooks.resourcespace.binding import GateAnswer

_GATE = "downloads in the DAM"
_STALE_SECONDS = 86_400
_LATE_SECONDS = 3600
_PAGE = "“Test the connection” on the plugin's set-up page shows it"


def list_gate_concerns(gate: GateAnswer | None) -> Iterator[Concern]:
    """What is wrong with the gate, if one is used; else that it worked within the last day."""
    if gate is None:
        yield Concern(_GATE, False, "the plugin does not say whether its gate holds",
                      "copy the plugin of this version into the DAM")  # fmt: skip
        return
    if not gate.on:
        yield Concern(_GATE, True, "no channel has a rule: nothing is asked")
        return
    yield _judge_canary(gate)
    if gate.lacks:
        yield Concern(_GATE, False, f"this version of the DAM lacks {', '.join(gate.lacks)}",
                      "use a version of the DAM and of the plugin that belong together")  # fmt: skip
    for setting in gate.open:
        yield Concern(_GATE, False, f"files go out without passing the gate: {setting}",
                      "change it in the DAM's include/config.php")  # fmt: skip
    if gate.waiting and gate.waiting_age > _LATE_SECONDS:
        late = f"{gate.waiting} deliveries are not in the log yet, the oldest for {_format_age(gate.waiting_age)}"
        yield Concern(_GATE, False, late, "the DAM's scheduled task tells them; does it run?")


def _format_age(seconds: int) -> str:
    return f"{seconds // 3600} hours" if seconds >= 7200 else f"{seconds // 60} minutes"


def _judge_canary(gate: GateAnswer) -> Concern:
    seen = f"{_format_age(gate.canary_age)} ago"
    if gate.canary == "passed":
        return Concern(
            _GATE, False, f"THE HOST PASSES THE GATE BY: a file that must be stopped was delivered {seen}",
            f"is the plugin on for everybody, was the DAM upgraded? {_PAGE}", first=True,
        )  # fmt: skip
    if gate.canary != "stopped":
        return Concern(_GATE, False, f"not known whether the gate holds: {gate.canary_seen or 'never asked'}",
                       f"the DAM must reach its own address ($facelease_own_url); {_PAGE}")  # fmt: skip
    if gate.canary_age > _STALE_SECONDS:
        return Concern(_GATE, False, f"not known whether the gate holds: last asked {seen}",
                       "the DAM's scheduled task asks; does it run?")  # fmt: skip
    tried = "" if gate.tried else f"; but nobody has tried it with this version of the DAM ({gate.host})"
    return Concern(_GATE, True, f"a file that must be stopped was stopped {seen}{tried}")
