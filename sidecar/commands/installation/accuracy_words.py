"""What an accuracy report says to people."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from plugin.config import MatchingSection
from plugin.recognizer.engines.card import EngineCard
from plugin.recognizer.evaluation.binomial_bounds import GAP
from plugin.words.plurals import pluralize
from sidecar.output import table
from sidecar.words import threshold_words

if TYPE_CHECKING:
    from plugin.recognizer.evaluation.accuracy_report import FullReport, GroupsReport
    from plugin.recognizer.evaluation.group_rates import GroupLevel, GroupRates
    from plugin.recognizer.evaluation.stricter_rates import StricterRate

Level = Literal["auto", "suggest"]
ABOUT_LABELS = (
    "Labels of groups may be special categories of personal data (Art. 9 GDPR). They are read for this answer and kept "
    "nowhere: not in the store, not in a log. What is printed and drawn names your groups: keep it as you keep them."
)
LEVELS: tuple[Level, Level] = ("auto", "suggest")
LEVEL_WORDS: dict[Level, str] = {"auto": "named automatically", "suggest": "named or suggested"}
VERDICTS = {"pass": "pass", "fail": "FAIL", "unclear": "too few to say"}
_HEADS = [
    "group",
    "people",
    "probes",
    "strangers",
    "named",
    "times",
    "proven",
    "among all",
    "missed",
    "pairs",
    "result",
]


def describe_report(data: "FullReport", card: EngineCard, matching: MatchingSection) -> Iterator[str]:
    """The lines of a report; groups are last."""
    about = data["conditions"]
    enrolled, missed = pluralize(data["gallery"], "person", "people"), pluralize(data["undetected"], "photograph")
    yield f"{card.name}: {enrolled} enrolled; no face found on {missed}"
    probes, strangers = pluralize(about["probes"], "probe"), pluralize(about["strangers"], "stranger")
    yield (
        f"measured: {about['engine']}, with {probes} and {strangers}; {_describe_limits(about['thresholds'])}, "
        f"margin {about['margin']:g}"
    )
    yield f"calibration: {about['calibration']}"
    yield from _list_expected(card, matching, data["gallery"], about["thresholds"]["lowered"])
    yield f"right person first: {format_rate(data['rank1'])}"
    for level, words in LEVEL_WORDS.items():
        rates = data[level]
        named, lost = format_rate(rates["fpir"]), format_rate(rates["fnir"])
        verdict = f"configured {about['configured'][level]:.2%}: {VERDICTS[about['verdict'][level]]}"
        yield f"{words}: strangers {named}, enrolled people missed {lost}; {verdict}"
    if "groups" in data:
        expected = _list_expected(card, matching, data["groups"]["gallery"])
        yield from _describe_groups(data["groups"], about["configured"], expected)


def _list_expected(card: EngineCard, matching: MatchingSection, enrolled: int, lowered: float = 0.0) -> list[str]:
    """What thresholds are to do with so many people, by the card."""
    said = threshold_words.list_thresholds(card.explain_thresholds(matching, enrolled, lowered), lowered)
    return [f"by the engine's calibration: {one}" for one in said]


def format_rate(rate: dict[str, float]) -> str:
    """A rate with its interval; of none of n what is not excluded, 3/n (Hanley & Lippman-Hand 1983, JAMA 249:1743)."""
    if rate["value"] == 0 and rate.get("of"):
        return f"0 of {rate['of']:.0f}: at most {min(1, 3 / rate['of']):.2%}"
    return f"{rate['value']:.2%} ({rate['low']:.2%} to {rate['high']:.2%})"


def _describe_limits(limits: dict[str, float]) -> str:
    return f"named below a distance of {limits['auto']:.3f}, suggested below {limits['suggest']:.3f}"


def _describe_groups(groups: "GroupsReport", configured: dict[Level, float], expected: list[str]) -> Iterator[str]:
    yield ""
    yield describe_worst(groups)
    if groups["gallery"]:
        people = pluralize(groups["gallery"], "person", "people")
        yield f"each group's strangers in galleries of {people} of that group, {_describe_limits(groups['thresholds'])}"
        yield from expected
        near = [one for one in groups["rates"] if one["lowered"] >= threshold_words.LEAST_LOWERED]
        if near:
            by = ", ".join(f"{one['group']} {one['lowered']:.3f}" for one in near)
            yield f"lower than that, because people of the group lie near together: {by}"
    for level, words in LEVEL_WORDS.items():
        yield ""
        yield f"{words}, configured {configured[level]:.2%}:"
        yield from table(_HEADS, [_build_row(one, one[level]) for one in groups["rates"]])
    yield ""
    yield from _describe_gaps(groups, configured)
    rates = {one["group"]: one for one in groups["rates"]}
    due = [one for one in groups["stricter"] if rates[one["group"]][one["level"]]["verdict"] == "fail"]
    yield from (_describe_stricter(one) for one in due)


def describe_worst(groups: "GroupsReport") -> str:
    """The line on the worst group."""
    worst = groups["rates"][0]
    level = _find_worse(worst)
    ratio, proven = worst[level]["ratio"], worst[level]["proven"]
    if not ratio:
        return "worst: none; no stranger of any group was named"
    where = "" if worst[level]["among"] == "group" else ", among everybody enrolled"
    sure = f"; {proven:.1f} x is proven" if proven > 1 else "; it may be chance" if ratio > 1 else ""
    return f"worst: {worst['group']}, {format_times(ratio)} what you configured ({LEVEL_WORDS[level]}{where}{sure})"


def _find_worse(rates: "GroupRates") -> Level:
    """The level that the warning is about, else that with the larger ratio."""

    def rank(level: Level) -> tuple[bool, float]:
        ratio = rates[level]["ratio"] or 0.0
        return ratio >= GAP and rates[level]["proven"] > 1, ratio

    return "suggest" if rank("suggest") > rank("auto") else "auto"


def describe_alarm(groups: "GroupsReport") -> str:
    """The warning, with each group of which it is due."""
    due = [one for one in groups["rates"] if one["alarm"]]
    named = "; ".join(f"{one['group']} {format_times(one[_find_worse(one)]['ratio'] or 0)}" for one in due)
    return (
        f"warning: strangers of some groups are named {GAP:.0f} times as often as configured, or more: {named}. Leave "
        "their collections on suggest, make the thresholds stricter as said above, or measure another engine"
    )


def _build_row(rates: "GroupRates", level: "GroupLevel") -> list[str]:
    ratio, pairs = level["ratio"], level["fmr"]
    mark = "*" if level["among"] == "all" else ""
    return [
        rates["group"],
        *(str(count) for count in (rates["people"], rates["probes"], rates["strangers"])),
        _format_cell(level["fpir"]),
        "-" if ratio is None else format_times(ratio) + mark,
        f"{level['proven']:.1f} x" if level["proven"] else "-",
        _format_cell(level["fpir_mixed"]),
        _format_cell(level["fnir"]),
        "-" if pairs is None else f"{pairs['value']:.4%} ({format_times(level['fmr_ratio'] or 0)})",
        VERDICTS[level["verdict"]],
    ]


def _format_cell(rate: dict[str, float] | None) -> str:
    return "-" if rate is None else format_rate(rate)


def format_times(ratio: float) -> str:
    """A multiple of what is configured."""
    return f"{ratio:.0f} x" if ratio >= 10 else f"{ratio:.1f} x"


def _describe_gaps(groups: "GroupsReport", configured: dict[Level, float]) -> Iterator[str]:
    """What the table cannot say: groups that are small, and what bears no label."""
    yield (
        "named, among all: strangers in galleries of their group, and where everybody is enrolled; times, proven: what "
        "was configured; pairs: two people of the group that pass for one, and times what the threshold is for"
    )
    if any(one[level]["among"] == "all" for one in groups["rates"] for level in LEVELS):
        yield "* among everybody enrolled: that is worse, or the group has too few people for a gallery of its own"
    for level, words in LEVEL_WORDS.items():
        needed = math.ceil(3 / (GAP * configured[level]))
        small = [one["group"] for one in groups["rates"] if one["strangers"] < needed]
        if small:
            yield f"{words}: it takes {needed} strangers to exclude {GAP:.0f} x; too few of {', '.join(small)}"
    without = groups["unlabelled"]
    if without["people"] or without["strangers"]:
        people, strangers = (
            pluralize(without["people"], "person", "people"),
            pluralize(without["strangers"], "stranger"),
        )
        yield f"without a label: {people} and {strangers}; they count among all"
    if groups["unknown"]:
        yield f"{pluralize(groups['unknown'], 'label')} of nobody here, the first at {groups['example']}"


def _describe_stricter(one: "StricterRate") -> str:
    target, words = f"bring {one['group']} to {one['target']:.2%} ({LEVEL_WORDS[one['level']]})", one["setting"]
    if not one["value"]:
        return (
            f"nothing would {target}: at the least {words} it is {one['fpir']:.2%}, because its strangers lie nearer "
            "than this engine was measured for. Leave collections on suggest, or measure another engine"
        )
    changed = {where: _describe_change(one[where]) for where in ("fnir_all", "fnir_group")}
    return (
        f"to {target}, set {words} = {one['value']:f}".rstrip("0")
        + f": with {one['enrolled']} enrolled below a distance "
        f"of {one['threshold']:.3f}, where {one['fpir']:.2%} of its strangers here are named; missed "
        f"{changed['fnir_all']} of all, {changed['fnir_group']} of {one['group']}"
    )


def _describe_change(missed: Any) -> str:
    return f"{missed['after']:.1%} instead of {missed['before']:.1%}"
