"""A gallery whose people lie nearer together than people do is compared by stricter thresholds."""

from dataclasses import replace

import numpy as np
import pytest

from plugin.config import MatchingSection
from plugin.recognizer.engines.card import shipped_cards
from plugin.recognizer.engines.dense_galleries import Apart, measure_apart
from plugin.recognizer.engines.engine import Engine, Floats, normalise
from plugin.recognizer.engines.thresholds import Calibration, Thresholds, compute_thresholds
from plugin.recognizer.matching.gallery import compute_distances

USUAL = Apart(1.4, 0.06)


def draw(people: int, together: float, seed: int = 1) -> Floats:
    """Templates in all directions, but for a part that all share."""
    chance = np.random.default_rng(seed)
    vectors = chance.normal(size=(people, 128))
    vectors[:, 0] += together
    return normalise(vectors.astype(np.float32))


def engine_with(engine: Engine, apart: Apart | None) -> Engine:
    """The default engine, whose card says this."""
    said = {"apart": apart.distance, "apart_deviation": apart.deviation} if apart else {}
    bare = engine.card.distances.model_copy(update={"apart": None, "apart_deviation": None} | said)
    return replace(engine, card=engine.card.model_copy(update={"distances": bare}))


@pytest.mark.parametrize("people", [2, 5, 40])
def test_the_distance_is_the_root_of_the_mean_square_over_all_pairs(people: int) -> None:
    """As it is from every pair, but in one pass."""
    templates = draw(people, 4)
    pairs = compute_distances(templates, templates)[np.triu_indices(people, 1)]
    assert measure_apart(templates) == pytest.approx(float(np.sqrt((pairs**2).mean())), abs=1e-5)


def test_nobody_is_near_to_somebody_alone() -> None:
    """Of nobody and of one there is no distance, and nothing is moved."""
    for people in (0, 1):
        assert measure_apart(draw(5, 4)[:people]) is None
        assert USUAL.find_excess(draw(5, 4)[:people]) == 0


def test_only_what_chance_does_not_explain_moves_a_threshold() -> None:
    """By one standard error less than the gallery is denser; never upwards."""
    dense = draw(10, 6)
    found = measure_apart(dense)
    assert found is not None
    assert found < 1.3
    assert USUAL.find_excess(dense) == pytest.approx(1.4 - found - 0.06 / np.sqrt(45), abs=1e-6)
    assert USUAL.find_excess(draw(10, 0)) == 0
    assert replace(USUAL, distance=0.9).find_excess(dense) == 0
    nearer = replace(USUAL, distance=found + 0.05).find_excess(dense)
    assert nearer == pytest.approx(0.05 - 0.06 / np.sqrt(45), abs=1e-6)
    two = dense[:2]
    near = measure_apart(two)
    assert near is not None
    assert replace(USUAL, distance=near + 0.059).find_excess(two) == 0  # one pair says little


def test_an_engine_is_stricter_with_such_a_gallery(engine: Engine) -> None:
    """Both thresholds by as much, and they say by how much; with a card that says no distance nothing moves."""
    matching, dense, loose = MatchingSection(), draw(10, 6), draw(10, 0)
    usual = engine.find_thresholds(matching, 10)
    apart = replace(USUAL, distance=1.3)
    by = apart.find_excess(dense)
    assert by > 0.01
    strict = engine_with(engine, apart)
    found = strict.find_gallery_thresholds(matching, dense)
    assert found == engine.card.find_thresholds(matching, 10, by)
    assert (found.auto, found.suggest) < (usual.auto, usual.suggest)
    assert strict.find_gallery_thresholds(matching, loose) == usual
    assert engine_with(engine, None).find_gallery_thresholds(matching, dense) == usual


def test_it_comes_off_what_the_rates_ask_for_and_not_off_the_ceiling() -> None:
    """A ceiling that is lower already stays; nothing is below 0."""
    table = Calibration(((0.3, 1e-4), (0.4, 1e-3), (0.5, 1e-2)), 0.34, 0.48, 0.1, "invented")
    assert compute_thresholds(table, 1, 0.001, 0.01) == Thresholds(0.34, 0.48)
    some, more = (compute_thresholds(table, 1, 0.001, 0.01, by) for by in (0.05, 0.1))
    assert (some.auto, some.suggest, some.lowered) == pytest.approx((0.34, 0.45, 0.05))
    assert (more.auto, more.suggest, more.lowered) == pytest.approx((0.3, 0.4, 0.1))
    assert compute_thresholds(table, 1, 0.001, 0.01, 0.9) == Thresholds(0, 0, 0.9)


def test_the_shipped_cards_say_it() -> None:
    """Farther apart than two people may be to be told apart."""
    for card in shipped_cards().values():
        assert card.apart is not None
        assert card.apart.distance > card.distances.unlike > card.distances.look_alike
        assert 0 < card.apart.deviation < card.apart.distance / 5
