"""The example cards: what a site copies is a card, and recognises once its blanks are filled in."""

import hashlib
from importlib import resources
from pathlib import Path

import pytest

from plugin.config import Config, RecognizerSection
from plugin.recognizer.engines.card import parse_card
from plugin.recognizer.engines.registry import open_engine
from plugin.recognizer.evaluation.identification import LabelledPerson, read_main_shot, report_identification
from plugin.recognizer.examination.examination import Pipeline
from plugin.recognizer.networks.openvino_ir import convert
from sidecar.commands.demo import samples
from tests.ir_network import embedding

FOLDER = resources.files("plugin.recognizer.engines") / "examples"
EXAMPLES = sorted(one.name for one in FOLDER.iterdir())


def fill_in(name: str, folder: Path) -> Path:
    """The example with a small network of the tests' in the place of its file, on which nobody counted comparisons."""
    text = FOLDER.joinpath(name).read_text("utf-8")
    card = parse_card(text, name)
    net = embedding(card.input.side, card.vector)
    body = convert(net.xml, net.weights)
    (file,) = card.files
    (folder / file.name).write_bytes(body)
    text = text.replace(file.sha256, hashlib.sha256(body).hexdigest())
    path = folder / name
    path.write_text(text.replace(f"bytes = {file.bytes}", f"bytes = {len(body)}"))
    return path


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_recognises_once_it_is_filled_in(name: str, tmp_path: Path, cache: Path) -> None:
    """It finds who is enrolled on the same photograph, by suggestion alone until its calibration is counted."""
    card = fill_in(name, tmp_path)
    for counted in (False, True):
        if counted:
            card.write_text(
                card.read_text().replace("[calibration]", "[calibration]\npeople = 1000\ncomparisons = 499500")
            )
        recognizer = RecognizerSection(engine=str(card), cache=str(cache))
        pipeline = Pipeline(open_engine(recognizer, cache), recognizer, Config().matching)
        shot = read_main_shot(pipeline, samples.portrait(samples.A_FRONT))
        told = report_identification([LabelledPerson("a", (shot,) * 4)], [], pipeline.engine, Config().matching)
        assert told["suggest"]["fnir"]["value"] == 0
        assert told["auto"]["fnir"]["value"] == (0 if counted else 1)


def test_every_example_says_that_nobody_measured_it() -> None:
    assert EXAMPLES == ["own-onnx.toml", "sface.toml"]
    for name in EXAMPLES:
        card = parse_card(FOLDER.joinpath(name).read_text("utf-8"), name)
        assert card.calibration.comparisons == 0
        assert "invented" in card.calibration.source
