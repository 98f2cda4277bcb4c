"""What is said of thresholds: that a ceiling decides, and that nobody measured so far down."""

import pytest

from plugin.config import MatchingSection
from plugin.recognizer.engines.card import shipped_cards
from plugin.recognizer.engines.thresholds import OperatingPoint
from sidecar.words import threshold_words

MEASURED = OperatingPoint(1.1, 0.01, 0.0101, False)


@pytest.mark.parametrize(
    ("point", "said"),
    [
        (MEASURED, "1.100: about 1 % of strangers"),
        (
            OperatingPoint(0.31, 0.005, 0.00028, False),
            "about 0.028 % of strangers instead of 0.5 %: the engine's ceiling",
        ),
        (OperatingPoint(0.3, 0.005, 0.005, True), "0.300: about 0.5 % of strangers, extrapolated"),
        (
            OperatingPoint(0.2, 0.005, 0.02, True),
            "about 2 % of strangers instead of 0.5 %: the engine was not measured",
        ),
    ],
)
def test_a_threshold_that_is_not_what_was_configured_says_so(point: OperatingPoint, said: str) -> None:
    auto, both = threshold_words.list_thresholds((point, MEASURED))
    assert auto.startswith("automatic names below ")
    assert said in auto
    assert both == "automatic names and suggestions below 1.100: about 1 % of strangers"


def test_an_engine_that_nobody_measured_names_nobody_by_itself() -> None:
    """Its card does not say on how many comparisons its rates rest: it suggests, and that is said."""
    card = shipped_cards()["retail-0095"]
    bare = card.model_copy(update={"calibration": card.calibration.model_copy(update={"comparisons": 0})})
    assert bare.find_thresholds(MatchingSection(), 50).auto == 0
    auto, both = threshold_words.list_thresholds(bare.explain_thresholds(MatchingSection(), 50))
    assert auto.startswith("no automatic names: the engine's card does not say")
    assert both == "automatic names and suggestions below 1.088: about 1 % of strangers"


def test_the_low_end_is_told_with_its_interval() -> None:
    """On how many people it rests; of a card that does not say, that it does not."""
    card = shipped_cards()["retail-0095"]
    said = threshold_words.describe_low_end(card)
    assert said.startswith(
        "calibrated on 583,739 comparisons (people: 1,081), down to 1.001 (rate 2e-05, 95 % 4e-06 to 5e-05"
    )
    assert said.endswith("; extrapolated below")
    bare = card.model_copy(
        update={"calibration": card.calibration.model_copy(update={"comparisons": 0, "low_end": None})}
    )
    assert "a number of comparisons that its card does not say" in threshold_words.describe_low_end(bare)
