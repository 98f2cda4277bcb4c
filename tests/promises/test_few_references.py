"""F6: what an engine's card says that few reference photographs cost is what is measured."""

from collections.abc import Callable
from functools import partial
from itertools import combinations
from pathlib import Path

import pytest

from plugin.recognizer.engines.card import shipped_cards
from plugin.recognizer.evaluation.identification import (
    ENROLLED_FROM,
    LabelledPerson,
    list_people,
    read_main_shot,
    report_identification,
)
from plugin.recognizer.examination.examination import Pipeline
from tests.promises.test_faces import CONFIG, half, open_measured

Promise = Callable[[str, str], None]
ENGINES = sorted(name for name, card in shipped_cards().items() if card.references.missed is not None)


def read_people(pipeline: Pipeline, faces: Path) -> list[LabelledPerson]:
    """The people of half B, of whom no calibration was made."""
    found = [(name, files) for name, files in list_people(faces / "people") if half(name) == "B"]
    return [
        LabelledPerson(name, tuple(read_main_shot(pipeline, file, n < ENROLLED_FROM) for n, file in enumerate(files)))
        for name, files in found
    ]


def with_photographs(person: LabelledPerson, chosen: tuple[int, ...]) -> LabelledPerson:
    """The same person and probes, enrolled from these of the first photographs alone."""
    used = (person.shots[n] if n in chosen else None for n in range(ENROLLED_FROM))
    return LabelledPerson(person.name, (*used, *person.probes))


@pytest.mark.promise
@pytest.mark.parametrize("name", ENGINES)
def test_few_photographs_cost_what_the_card_says(promise: Promise, full: bool, faces: Path | None, name: str) -> None:
    """F6: missed with one, two and three photographs, suggestions included: each choice of them within its interval."""
    card = shipped_cards()[name]
    assert card.references.missed is not None
    pipeline = open_measured(partial(promise, "F6"), full, faces, name)
    if pipeline is None or faces is None:
        return
    people = read_people(pipeline, faces)
    said, broken = [], []
    for count, expected in enumerate(card.references.missed, 1):
        told = [
            report_identification(
                [with_photographs(one, chosen) for one in people], [], pipeline.engine, CONFIG.matching
            )["suggest"]["fnir"]
            for chosen in combinations(range(ENROLLED_FROM), count)
        ]
        mean = sum(one["value"] for one in told) / len(told)
        said.append(f"{count}: {mean * 100:.1f} % (its card: {expected * 100:.1f} %)")
        if not min(one["low"] for one in told) <= expected <= max(one["high"] for one in told):
            broken.append(said[-1])
    probes = sum(len(one.probes) for one in people)
    promise("F6", f"{name}: missed with so many photographs: {', '.join(said)}; {len(people)} people, {probes} probes")
    assert not broken
