"""The picture of an accuracy report: an SVG in black on white, on one page of A4.

Lengths are in px of the picture's own, of which 720 are 190 mm.
"""

import math
from dataclasses import dataclass, replace
from importlib import resources
from typing import TYPE_CHECKING, Any

from plugin.words.plurals import pluralize
from sidecar.commands.installation.accuracy_words import LEVEL_WORDS, LEVELS, Level, format_rate, format_times
from sidecar.output import safe

if TYPE_CHECKING:
    from plugin.recognizer.evaluation.accuracy_report import FullReport, GroupsReport
    from plugin.recognizer.evaluation.group_rates import GroupLevel

_WIDTH, _PAGE_MM, _PAGE_HEIGHT_MM = 720, 190.0, 277.0
_MOST_BARS = 20
_ROW = 36
_NAME = 24  # characters
_NEAR = 18  # px between two figures on an axis
_MARKS = (1.0, 5.0)  # what is configured, and what is warned of


@dataclass(frozen=True)
class Panel:
    """A frame, and the scale along each side."""

    left: float
    right: float
    top: float
    bottom: float


@dataclass(frozen=True)
class Tick:
    """A line across a panel, and what is written at it."""

    at: float
    text: str
    marked: bool = False


def draw_report(data: "FullReport", engine: str) -> str:
    """The SVG of a report with its curve, and with bars if it has groups."""
    from jinja2 import Environment, StrictUndefined  # only who draws waits for it

    source = resources.files("sidecar").joinpath("templates/report/accuracy.svg").read_text("utf-8")
    template = Environment(autoescape=True, trim_blocks=True, undefined=StrictUndefined).from_string(source)
    groups, about = data.get("groups"), data["conditions"]
    bars = _lay_bars(groups, about["configured"], 552) if groups else None
    height = bars["bottom"] + (64 if bars["left_out"] else 44) if bars else 500
    shrink = min(1.0, _PAGE_HEIGHT_MM * _WIDTH / (_PAGE_MM * height))
    compared = f"{pluralize(about['probes'], 'probe')}, {pluralize(about['strangers'], 'stranger')}"
    limits = f"named below a distance of {about['thresholds']['auto']:.3f}, suggested below "
    return template.render(
        title=safe(f"Recognition errors of {engine}"),
        description=_describe(data),
        lines=[
            safe(f"{about['engine']}; {pluralize(data['gallery'], 'person', 'people')} enrolled, {compared}"),
            f"{limits}{about['thresholds']['suggest']:.3f}; margin {about['margin']:g}",
        ],
        width=_WIDTH,
        height=height,
        width_mm=_PAGE_MM * shrink,
        height_mm=_PAGE_MM * shrink * height / _WIDTH,
        det=_lay_curves(data, Panel(72, 700, 152, 440)),
        bars=bars,
    )


def _describe(data: "FullReport") -> str:
    """The picture in words, for who does not see it."""
    parts = [f"{words}: {_describe_point(data, level)}" for level, words in LEVEL_WORDS.items()]
    for one in data["groups"]["rates"] if "groups" in data else ():
        times = (f"{words} {_describe_times(one[level])}" for level, words in LEVEL_WORDS.items())
        parts.append(f"{safe(one['group'])}: {', '.join(times)}")
    return "; ".join(parts)


def _describe_point(data: "FullReport", level: Level) -> str:
    rates = data[level]
    return f"FPIR {rates['fpir']['value']:.2%}, FNIR {rates['fnir']['value']:.2%}"


def _lay_curves(data: "FullReport", panel: Panel) -> dict[str, Any]:
    strangers = max(data["conditions"]["strangers"], 10)
    first = math.floor(math.log10(1 / strangers))
    points = {level: [point for point in data["det"][level] if point[0] > 0] for level in LEVELS}
    highest = max([y for level in points for _, y in points[level]] + [data[one]["fnir"]["value"] for one in LEVELS])
    step, top = _find_step(max(highest, 0.01))

    def x_of(rate: float) -> float:
        share = (math.log10(rate) - first) / -first if rate > 0 else 0.0
        return round(panel.left + (panel.right - panel.left) * max(0.0, share), 1)

    def y_of(rate: float) -> float:
        return round(panel.bottom - (panel.bottom - panel.top) * rate / top, 1)

    curves, configured = [], data["conditions"]["configured"]
    for level, words in LEVEL_WORDS.items():
        fpir, fnir = data[level]["fpir"]["value"], data[level]["fnir"]["value"]
        none = "" if fpir else ", at the left edge"
        curves.append(
            {
                "dashed": level == "auto",
                "points": " ".join(f"{x_of(x)},{y_of(y)}" for x, y in points[level]),
                "x": x_of(fpir),
                "y": y_of(fnir),
                "fill": "#000" if fpir else "#fff",
                "words": f"{words}: {_describe_point(data, level)}{none} (configured: FPIR {configured[level]:.2%})",
            }
        )
    decades = [Tick(x_of(10.0**n), f"{10.0**n:.{max(0, -n - 2)}%}") for n in range(first, 1)]
    shares = [Tick(y_of(n * step), f"{n * step:.{1 if step < 0.01 else 0}%}") for n in range(round(top / step) + 1)]
    return {**vars(panel), "x_ticks": decades, "y_ticks": shares, "curves": curves}


def _find_step(highest: float) -> tuple[float, float]:
    """The distance of round figures on an axis, four to eight of them, and the last, at `highest` or above."""
    decade = 10.0 ** math.floor(math.log10(highest))
    step = next(decade * part for part in (0.2, 0.5, 1, 2) if highest / (decade * part) <= 7)
    return step, step * math.ceil(highest / step - 1e-9)


def _lay_bars(groups: "GroupsReport", configured: dict[Level, float], top: float) -> dict[str, Any]:
    shown = groups["rates"][:_MOST_BARS]
    panel = Panel(184, 505, top, top + _ROW * len(shown) + 6)
    step, last = _find_step(
        max(_MARKS[1] + 1, *(1.1 * (one[level]["ratio"] or 0.0) for one in shown for level in LEVELS))
    )
    scale = (panel.right - panel.left) / last
    rows = []
    for number, one in enumerate(shown):
        y = top + 6 + _ROW * number
        people = f"{pluralize(one['people'], 'person', 'people')}, {pluralize(one['strangers'], 'stranger')}"
        bars = [
            _lay_bar(one[level], configured[level], y + 13 * place, panel, scale) for place, level in enumerate(LEVELS)
        ]
        rows.append({"name": _shorten(one["group"]), "about": people, "alarm": one["alarm"], "y": y, "bars": bars})
    rest = len(groups["rates"]) - len(shown)
    left_out = f"and {pluralize(rest, 'group')} more, whose strangers are named no more often" if rest else ""
    ticks = _lay_ticks([n * step for n in range(round(last / step) + 1)], panel.left, scale)
    return {**vars(panel), "ticks": ticks, "rows": rows, "left_out": left_out}


def _lay_ticks(values: list[float], left: float, scale: float) -> list[Tick]:
    """Round figures, and the two that are marked, in whose way no other stands."""
    plain = [value for value in values if all(abs(value - mark) * scale > _NEAR for mark in _MARKS)]
    ticks = [Tick(round(left + value * scale, 1), f"{value:g}", value in _MARKS) for value in (*plain, *_MARKS)]
    crowded = (_MARKS[1] - _MARKS[0]) * scale < _NEAR
    return [replace(tick, text="") if crowded and tick.text == f"{_MARKS[0]:g}" else tick for tick in ticks]


def _lay_bar(level: "GroupLevel", configured: float, y: float, panel: Panel, scale: float) -> dict[str, Any]:
    """A bar to the ratio, and a line over its interval, as far as the panel goes."""

    def x_of(ratio: float) -> float:
        return round(min(panel.left + ratio * scale, panel.right), 1)

    rate = _find_rate(level) or {"low": 0.0, "high": 0.0}
    low, high = rate["low"] / configured, rate["high"] / configured
    beyond = panel.left + high * scale > panel.right
    bar = {"y": y, "end": x_of(level["ratio"] or 0.0), "text": _describe_times(level), "whisker": high > 0}
    return {**bar, "low": x_of(low), "high": x_of(high), "beyond": beyond}


def _find_rate(level: "GroupLevel") -> dict[str, float] | None:
    """What the ratio is of."""
    return level["fpir"] if level["among"] == "group" else level["fpir_mixed"]


def _describe_times(level: "GroupLevel") -> str:
    rate = _find_rate(level)
    if rate is None or level["ratio"] is None:
        return "not measured"
    return format_rate(rate) if not level["ratio"] else f"{format_times(level['ratio'])}: {format_rate(rate)}"


def _shorten(name: str) -> str:
    name = safe(name)
    return name if len(name) <= _NAME else name[: _NAME - 1] + "…"
