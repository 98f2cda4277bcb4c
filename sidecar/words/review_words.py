"""A proposal in words: how alike, and why the machine did not name the face itself."""

from collections.abc import Mapping

from plugin.recognizer.matching.matching import WhySuggested
from plugin.words.catalogues import Words

_STEPS = ("alike", "rather", "barely")


def score(distance: float | None, limits: Mapping[str, object] | None, language: str) -> str:
    """How alike the face is to the reference pictures, by where its distance lies between the limits; "" if that was
    not kept, as for names that the machine wrote itself."""
    auto, suggest = ((limits or {}).get(key) for key in ("auto", "suggest"))
    if distance is None or not isinstance(auto, float | int) or not isinstance(suggest, float | int):
        return ""
    step = "very"
    if distance >= auto:
        part = (distance - auto) / (suggest - auto) if suggest > auto else 1.0
        step = _STEPS[min(len(_STEPS) - 1, int(part * len(_STEPS)))]
    return Words("light table", language)[f"score_{step}"]


def reasons(limits: Mapping[str, object] | None, language: str) -> list[str]:
    """Why it is no more than a suggestion; of one that was made before reasons were kept, none."""
    kept = (limits or {}).get("why")
    words = Words("light table", language)
    return [words[f"why_{why}"] for why in (kept if isinstance(kept, list) else []) if why in set(WhySuggested)]
