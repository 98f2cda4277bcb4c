"""Cards, and publishers' files: found, downloaded, taken from elsewhere; nothing that was changed is ever loaded."""

import hashlib
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugin.config import Config, MatchingSection, RecognizerSection
from plugin.errors import EngineError
from plugin.recognizer.engines import engine_files
from plugin.recognizer.engines.card import CardFile, EngineCard, parse_card, shipped_cards
from plugin.recognizer.engines.engine import Detections
from plugin.recognizer.engines.onnx_encoder import fit_similarity
from plugin.recognizer.engines.registry import engine_id, find_card, open_engine
from plugin.recognizer.process.worker import Worker
from sidecar.running import bootstrap
from tests.engine_cards import card_of, write_card
from tests.ir_network import IrNetwork, embedding

SIDE, VECTOR = 64, 24
BUNDLED = resources.files("plugin.recognizer.engines").joinpath("cards/classic.toml").read_text("utf-8")
LARGE = np.random.default_rng(5).bytes(300_000)


@pytest.fixture(scope="module")
def net() -> IrNetwork:
    return embedding(SIDE, VECTOR)


@pytest.fixture
def folder(net: IrNetwork, tmp_path: Path) -> Path:
    """Where the publisher's files lie, unchanged."""
    (tmp_path / "small.xml").write_bytes(net.xml)
    (tmp_path / "small.bin").write_bytes(net.weights)
    return tmp_path


def test_every_shipped_card_says_what_an_officer_asks() -> None:
    assert {"retinaface-dlib", "classic", "retail-0095"} <= set(shipped_cards())
    for name, card in shipped_cards().items():
        assert card.name == name
        assert card.measured().points[0][0] >= card.calibration.floor
        assert card.calibration.auto_ceiling <= card.calibration.suggest_ceiling
        assert card.calibration.comparisons > 100_000
        assert card.calibration.low_end
        for file in card.files:
            assert file.url.startswith("https://"), file


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"vector": 3}, "vector"),
        ({"licence": ""}, "licence"),
        ({"surprise": 1}, "surprise"),
        ({"files": []}, "2 files"),
        ({"rates": {"auto": 0.1, "suggest": 0.01}}, "auto must not be above"),
        ({"calibration": {"low_end": (0.1, 0.2)}}, "around the rate of the first point"),
        ({"distances": {"look_alike": 0.9, "unlike": 1.1, "apart": 1.4}}, "belong together"),
    ],
)
def test_a_card_that_is_wrong_is_refused_with_the_field(change: dict[str, Any], said: str) -> None:
    text = resources.files("plugin.recognizer.engines").joinpath("cards/retail-0095.toml").read_text("utf-8")
    tree = tomllib.loads(text)
    part = {name: tree[name] | value for name, value in change.items() if name == "calibration"}
    with pytest.raises(Exception, match=said):
        EngineCard.model_validate(tree | change | part)
    with pytest.raises(EngineError, match="is no TOML"):
        parse_card("name = ", "mine.toml")


def test_files_are_used_only_if_they_are_the_publishers(net: IrNetwork, folder: Path) -> None:
    """F4: one byte changed anywhere, cut, emptied, exchanged, or missing: named, and never loaded."""
    card = card_of(net, SIDE, VECTOR)
    assert engine_files.read_files(card, folder) == [net.xml, net.weights]
    assert engine_files.describe_files(card, folder) == "here"
    tried = 0
    for name in ("small.xml", "small.bin"):
        good = (folder / name).read_bytes()
        changed = [good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :] for at in range(0, len(good), len(good) // 20)]
        other = net.weights if name.endswith("xml") else net.xml
        for body in [*changed, good[:-1], good + b"\0", b"", other]:
            (folder / name).write_bytes(body)
            with pytest.raises(EngineError, match=name):
                engine_files.read_files(card, folder)
            assert engine_files.describe_files(card, folder) == "changed"
            tried += 1
        (folder / name).unlink()
        with pytest.raises(EngineError, match=f"needs {name}"):
            engine_files.read_files(card, folder)
        assert engine_files.describe_files(card, folder) == "missing"
        (folder / name).write_bytes(good)
    assert tried >= 40
    assert engine_files.describe_files(card, folder) == "here"


def test_files_that_are_brought_are_taken_together_or_not_at_all(net: IrNetwork, folder: Path, tmp_path: Path) -> None:
    card, target = card_of(net, SIDE, VECTOR), tmp_path / "engines"
    xml, weights = folder / "small.xml", folder / "small.bin"
    with pytest.raises(EngineError, match=r"small\.bin is missing"):
        engine_files.take_files(card, [xml], target)
    (folder / "odd.bin").write_bytes(b"x")
    with pytest.raises(EngineError, match=r"odd\.bin: small has no such file"):
        engine_files.take_files(card, [xml, weights, folder / "odd.bin"], target)
    good = weights.read_bytes()
    weights.write_bytes(b"x" + good[1:])
    with pytest.raises(EngineError, match="not the publisher"):
        engine_files.take_files(card, [xml, weights], target)
    assert not target.exists()
    weights.write_bytes(good)
    assert len(engine_files.take_files(card, [xml, weights], target)) == 2
    assert engine_files.remove_files(card, target) == 2
    assert engine_files.remove_files(card, target) == 0
    assert xml.exists()


class Publisher(BaseHTTPRequestHandler):
    """Serves two files; stops in the middle of the first answer of each, and honours Range."""

    bodies: dict[str, bytes]
    asked: list[str]
    honest = True

    def do_GET(self) -> None:
        body = self.bodies[self.path.removeprefix("/")]
        start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-")) if self.headers["Range"] else 0
        self.asked.append(f"{self.path}:{start}")
        self.send_response(206 if start else 200)
        rest = body[start:] if self.honest else b"x" * (len(body) - start + 5)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        first = not any(one.startswith(f"{self.path}:") for one in self.asked[:-1])
        self.wfile.write(rest[: len(rest) // 2] if first and self.honest else rest)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def publisher(net: IrNetwork) -> Iterator[tuple[str, type[Publisher]]]:
    class Mine(Publisher):
        bodies = {"bin": net.weights, "big": LARGE}  # noqa: RUF012 (one class a test)
        asked: list[str] = []  # noqa: RUF012

    server = ThreadingHTTPServer(("127.0.0.1", 0), Mine)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", Mine
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_download_that_breaks_off_goes_on_where_it_stopped(
    publisher: tuple[str, type[Publisher]], tmp_path: Path
) -> None:
    url, served = publisher
    file = CardFile(name="big", sha256=hashlib.sha256(LARGE).hexdigest(), bytes=len(LARGE), url="https://publisher")
    file = file.model_copy(update={"url": url + "big"})
    with pytest.raises(EngineError, match="try again"):
        engine_files.download_file(file, tmp_path, lambda _: None)
    came = (tmp_path / "big.part").stat().st_size
    assert 0 < came <= len(LARGE) // 2
    told: list[int] = []
    path = engine_files.download_file(file, tmp_path, told.append)
    assert path.read_bytes() == LARGE
    assert served.asked == ["/big:0", f"/big:{came}"]
    assert sum(told) == len(LARGE)
    assert [one.name for one in tmp_path.iterdir()] == ["big"]


def test_a_publisher_that_sends_something_else_is_refused(
    net: IrNetwork, publisher: tuple[str, type[Publisher]], tmp_path: Path
) -> None:
    url, served = publisher
    served.honest = False
    file = card_of(net, SIDE, VECTOR).files[1].model_copy(update={"url": url + "bin"})
    with pytest.raises(EngineError, match="more than"):
        engine_files.download_file(file, tmp_path, lambda _: None)
    (tmp_path / "small.bin.part").write_bytes(b"x" * file.bytes)
    with pytest.raises(EngineError, match="not the publisher"):
        engine_files.download_file(file, tmp_path, lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_a_sites_own_card_makes_an_engine(net: IrNetwork, folder: Path, tmp_path: Path) -> None:
    """Named by the path of its card, its files beside it; vectors are as wide as it says, or it fails."""
    write_card(net, SIDE, VECTOR, folder)
    config = RecognizerSection(engine=str(folder / "small.toml"))
    assert find_card(config).name == "small"
    assert engine_id(config) == f"retinaface-small/1-{find_card(config).mark}"
    engine = open_engine(config, tmp_path / "models")
    points = np.array([[[30, 30], [60, 30], [45, 45], [32, 62], [58, 62]]], "f4")
    faces = Detections(np.array([[20, 10, 50, 70]], "f4"), points, np.ones(1, "f4"))
    picture = np.random.default_rng(3).integers(0, 255, (100, 120, 3)).astype(np.uint8)
    vectors = engine.encoder.encode(picture, faces, mirrored=True)
    assert vectors.shape == (1, VECTOR)
    assert np.linalg.norm(vectors) == pytest.approx(1, abs=1e-5)
    assert engine.encoder.encode(picture, faces.take(np.zeros(0, np.intp))).shape == (0, VECTOR)
    write_card(net, SIDE, 32, folder)
    with pytest.raises(EngineError, match="its card says 32"):
        open_engine(config, tmp_path / "models")
    (folder / "mine.toml").write_text(BUNDLED)
    with pytest.raises(EngineError, match="a card of your own is of a network in files"):
        find_card(RecognizerSection(engine=str(folder / "mine.toml")))
    with pytest.raises(EngineError, match="is no engine"):
        engine_id(RecognizerSection(engine="nothing"))


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"licence": "another", "training": "told since", "limits": "told since"}, True),
        ({"files": "other"}, False),
        ({"input": {"side": 96}}, False),
        ({"input": {"colours": "rgb"}}, False),
        ({"input": {"mean": (1, 1, 1)}}, False),
        ({"input": {"points": [[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.4, 0.8], [0.6, 0.8]]}}, False),
        ({"vector": 32}, False),
    ],
)
def test_what_decides_a_vector_is_in_the_engines_id(net: IrNetwork, change: dict[str, Any], same: bool) -> None:
    """A card that is changed under its old name and version makes another engine: its templates meet no old ones."""
    card = card_of(net, SIDE, VECTOR)
    tree = card.model_dump()
    if change.get("files") == "other":
        change = {"files": card_of(embedding(SIDE, VECTOR, seed=2), SIDE, VECTOR).model_dump()["files"]}
    if "input" in change:
        change = {"input": tree["input"] | change["input"]}
    assert (EngineCard.model_validate(tree | change).mark == card.mark) == same


def test_a_child_opens_what_a_card_describes(net: IrNetwork, folder: Path, tmp_path: Path) -> None:
    """In the confined process, by the folder that it is told: it has no environment of ours."""
    write_card(net, SIDE, VECTOR, folder)
    config = RecognizerSection(engine=str(folder / "small.toml"), cache=str(tmp_path / "models"))
    child = Worker(config, MatchingSection(), tmp_path / "models")
    try:
        child.start()
    finally:
        child.stop()
    (folder / "small.bin").write_bytes(b"x" + net.weights[1:])
    with pytest.raises(EngineError, match=r"not the publisher's small\.bin"):
        child.start()


def test_the_folder_of_measurements_is_told_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FACELEASE_ENGINE_FILES", str(tmp_path))
    assert bootstrap.resolve_models(Config()).recognizer.files == str(tmp_path)
    monkeypatch.delenv("FACELEASE_ENGINE_FILES")
    assert bootstrap.resolve_models(Config(data="/x")).recognizer.files == "/x/engines"


def test_a_face_lies_where_the_card_says() -> None:
    """Turned, shrunk and shifted: the similarity brings the five points back; no reflection, no shear."""
    target = np.array(shipped_cards()["retail-0095"].input.points, "f8") * 128
    turn = np.deg2rad(33)
    spin = 0.4 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    seen = target @ spin.T + (70, -12)
    warp = fit_similarity(seen, target)
    assert np.abs(seen @ warp[:, :2].T + warp[:, 2] - target).max() < 1e-9
