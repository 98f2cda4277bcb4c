"""Whether the server's downloads pass the plugin's gate: what its canary saw, and what is missing."""

from collections.abc import Iterator

from plugin.hooks.concern import Concern
from plugin.hooks.resourcespace.plugin_answers import GateAnswer
from plugin.words.plurals import pluralize

_GATE = "downloads in the DAM"
_STALE_SECONDS = 86_400
_LATE_SECONDS = 3600
_PAGE = "“Test the connection” on the plugin's set-up page shows it"


def list_gate_concerns(gate: GateAnswer | None) -> Iterator[Concern]:
    """What is wrong with the gate, if one is used; else that it worked within the last day."""
    if gate is None:
        said = "the plugin does not say whether its gate holds"
        yield Concern(_GATE, False, said, "copy the plugin of this version into the DAM")
        return
    if not gate.on:
        yield Concern(_GATE, True, "no channel has a rule: nothing is asked")
        return
    yield _judge_canary(gate)
    if gate.lacks:
        said = f"this version of the DAM lacks {', '.join(gate.lacks)}"
        yield Concern(_GATE, False, said, "use a version of the DAM and of the plugin that belong together")
    for setting in gate.open:
        said = f"files go out without passing the gate: {setting}"
        yield Concern(_GATE, False, said, "change it in the DAM's include/config.php")
    if gate.waiting and gate.waiting_age > _LATE_SECONDS:
        late = pluralize(gate.waiting, "delivery is", "deliveries are")
        late += f" not in the log yet, the oldest for {_format_age(gate.waiting_age)}"
        yield Concern(_GATE, False, late, "the DAM's scheduled task tells them; does it run?")


def _format_age(seconds: int) -> str:
    return pluralize(seconds // 3600, "hour") if seconds >= 7200 else pluralize(seconds // 60, "minute")


def _judge_canary(gate: GateAnswer) -> Concern:
    seen = f"{_format_age(gate.canary_age)} ago"
    if gate.canary == "passed":
        said = f"THE HOST PASSES THE GATE BY: a file that must be stopped was delivered {seen}"
        mend = f"is the plugin on for everybody, was the DAM upgraded? {_PAGE}"
        return Concern(_GATE, False, said, mend, first=True)
    if gate.canary != "stopped":
        said = f"not known whether the gate holds: {gate.canary_seen or 'never asked'}"
        mend = f"the DAM must reach its own address ($facelease_own_url); {_PAGE}"
        return Concern(_GATE, False, said, mend)
    if gate.canary_age > _STALE_SECONDS:
        said = f"not known whether the gate holds: last asked {seen}"
        return Concern(_GATE, False, said, "the DAM's scheduled task asks; does it run?")
    tried = "" if gate.tried else f"; but nobody has tried it with this version of the DAM ({gate.host})"
    return Concern(_GATE, True, f"a file that must be stopped was stopped {seen}{tried}")
