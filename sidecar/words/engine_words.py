"""What is said of engines: by the command line, the doctor and the console, in the reader's language."""

from collections.abc import Iterator

from plugin.flows.matching.engine_status import BetterEngine, EngineStatus
from plugin.quitclaim.words import wording
from plugin.recognizer.engines.card import CardFigures
from plugin.words.catalogues import Words


def list_faults(status: EngineStatus, language: str = "en") -> list[str]:
    """What keeps people from being recognised, or a change from coming to its end."""
    return list(_faults(status, Words("engine", language)))


def list_news(status: EngineStatus, language: str = "en") -> list[str]:
    """What goes on, and what could be done; nothing is wrong."""
    return list(_news(status, Words("engine", language)))


def _faults(status: EngineStatus, w: Words) -> Iterator[str]:
    if status.lacks is not None:
        yield w[f"lacks_{status.lacks.value}"].format(engine=status.serving)
    if status.wish_lacks is not None:
        yield w[f"wish_{status.wish_lacks.value}"].format(engine=status.wish)
    if status.going == "held":
        yield w["held"].format(engine=status.wanted, missed=status.missed_sets, of=status.of, before=status.serving)
    if status.missed:
        key, engine = ("missed" if status.wanted is None else "missed_soon"), status.wanted or status.serving
        yield w.counted(key, len(status.missed)).format(n=len(status.missed), engine=engine)


def _news(status: EngineStatus, w: Words) -> Iterator[str]:
    if status.wanted is not None:
        said = w[f"change_{status.going.value}"]
        yield said.format(engine=status.wanted, made=status.made, of=status.of, before=status.serving)
    elif status.scanned:
        yield w.counted("scanned", status.scanned).format(n=status.scanned)
    if status.better is not None and status.wanted is None:
        yield better(status.better, w.lang)


def why_missed(why: str, language: str = "en") -> str:
    """Why an engine can make no template of somebody."""
    return Words("engine", language)[f"why_{why}"]


def better(found: BetterEngine, language: str = "en") -> str:
    """That a better engine could be had, and what it would change, in figures."""
    w, new, now = Words("engine", language), found.card.figures, found.serving.figures
    said = w["better"].format(engine=found.card.name)
    if new is not None and now is not None:
        said += " " + w["better_figures"].format(
            enrolled=new.enrolled,
            **{f"new_{name}": share for name, share in _list_shares(new, language).items()},
            **{f"now_{name}": share for name, share in _list_shares(now, language).items()},
        )
    return f"{said} {w['better_how'].format(engine=found.card.name)}"


def _list_shares(figures: CardFigures, language: str) -> dict[str, str]:
    names = ("auto_fpir", "auto_fnir", "suggest_fpir", "suggest_fnir")
    return {name: wording.percent(getattr(figures, name), language) for name in names}
