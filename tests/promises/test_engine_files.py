"""F4: no engine runs on weights that are not the publisher's, whoever changed them, and when."""

import importlib
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from plugin.config import RecognizerSection
from plugin.errors import EngineError
from plugin.recognizer.engines.engine import Detections, Floats
from plugin.recognizer.engines.registry import open_engine
from plugin.recognizer.engines.resnet import DAT, MODELS, POINTS
from tests.engine_cards import write_card
from tests.ir_network import IrNetwork, embedding

Promise = Callable[[str, str], None]
SIDE, VECTOR = 64, 24
NET, OTHER = embedding(SIDE, VECTOR), embedding(SIDE, VECTOR, seed=2)
ROUNDS = 12


def write_files(folder: Path, net: IrNetwork) -> None:
    """A publisher's two files."""
    (folder / "small.xml").write_bytes(net.xml)
    (folder / "small.bin").write_bytes(net.weights)


def encode(engine: str, cache: Path) -> Floats:
    """What an engine makes of a face of no picture. Raises EngineError."""
    opened = open_engine(RecognizerSection(engine=engine), cache)
    points = np.array([[[30, 30], [60, 30], [45, 45], [32, 62], [58, 62]]], "f4")
    face = Detections(np.array([[20, 10, 50, 70]], "f4"), points, np.ones(1, "f4"))
    picture = np.random.default_rng(3).integers(0, 255, (100, 120, 3)).astype(np.uint8)
    return opened.encoder.encode(picture, face)


def change(good: bytes, places: int, first: float = 0, last: float = 1) -> Iterator[bytes]:
    """One bit of it changed, at so many places from `first` to `last` (shares); cut; nothing."""
    for at in np.linspace(first, last, places) * (len(good) - 1):
        place = int(at)
        yield good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :]
    yield from (good[:-9], good[: len(good) // 2], b"")


def is_opened(engine: str, cache: Path, named: str = "") -> bool:
    """Whether the engine starts, or is refused for another reason than this file."""
    try:
        encode(engine, cache)
    except EngineError as error:
        return named not in str(error)
    return True


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A card with its publisher's files beside it, unchanged."""
    write_files(tmp_path, NET)
    return write_card(NET, SIDE, VECTOR, tmp_path)


def swap_places(folder: Path) -> None:
    """The two files under each other's names."""
    (folder / "small.xml").write_bytes(NET.weights)
    (folder / "small.bin").write_bytes(NET.xml)


def link_elsewhere(folder: Path) -> None:
    """A link to another network's weights in the place of the file."""
    (folder / "other.bin").write_bytes(OTHER.weights)
    (folder / "small.bin").unlink()
    (folder / "small.bin").symlink_to(folder / "other.bin")


def put_a_folder(folder: Path) -> None:
    (folder / "small.bin").unlink()
    (folder / "small.bin").mkdir()


def write_in_capitals(folder: Path) -> None:
    (folder / "small.bin").rename(folder / "SMALL.BIN")


@pytest.mark.promise
def test_files_that_were_changed_are_never_loaded(promise: Promise, card: Path) -> None:
    """F4: by one bit, cut, longer, exchanged, another network's, linked, a folder; also after a good start."""
    folder, cache, engine = card.parent, card.parent / "models", str(card)
    assert is_opened(engine, cache)
    attacks: list[Callable[[], object]] = []
    for name, good in (("small.xml", NET.xml), ("small.bin", NET.weights)):
        attacks += [lambda name=name, body=body: (folder / name).write_bytes(body) for body in change(good, 12)]  # type: ignore[misc]
        attacks.append((folder / name).unlink)
    attacks += [lambda: write_files(folder, OTHER), lambda: (folder / "small.bin").write_bytes(OTHER.weights)]
    attacks += [lambda act=act: act(folder) for act in (swap_places, link_elsewhere, put_a_folder, write_in_capitals)]  # type: ignore[misc]
    loaded = 0
    for attack in attacks:
        attack()
        loaded += is_opened(engine, cache)
        for path in folder.glob("small.*"):
            path.rmdir() if path.is_dir() else None
        for path in (folder / "small.xml", folder / "small.bin"):
            path.unlink(missing_ok=True)
        write_files(folder, NET)
        card = write_card(NET, SIDE, VECTOR, folder)
    assert is_opened(engine, cache)
    promise("F4", f"files of an engine changed, cut, exchanged: loaded {loaded} of {len(attacks)}")
    assert loaded == 0


@pytest.mark.promise
def test_files_that_change_while_they_are_read_give_no_other_vectors(promise: Promise, card: Path) -> None:
    """F4: what is loaded are the bytes that were verified, though somebody exchanges the files all the time."""
    folder, engine = card.parent, str(card)
    right = encode(engine, folder / "models")
    ended = threading.Event()

    def exchange() -> None:
        while not ended.is_set():
            for net in (OTHER, NET):
                for name, body in (("xml", net.xml), ("bin", net.weights)):
                    (folder / f"new.{name}").write_bytes(body)
                    (folder / f"new.{name}").replace(folder / f"small.{name}")

    thread = threading.Thread(target=exchange)
    thread.start()
    wrong, opened = 0, 0
    try:
        for number in range(ROUNDS):
            try:
                wrong += not np.array_equal(encode(engine, folder / f"models-{number}"), right)
                opened += 1
            except EngineError:
                continue
    finally:
        ended.set()
        thread.join()
    promise("F4", f"files exchanged while they are read: other vectors {wrong} of {ROUNDS} ({opened} opened)")
    assert wrong == 0


@pytest.mark.promise
def test_a_converted_model_that_was_changed_is_not_used(promise: Promise, card: Path, tmp_path: Path) -> None:
    """F4: a cached model changed, cut, or another network's with the record that belongs to it: made anew."""
    cache, engine = card.parent / "models", str(card)
    right = encode(engine, cache)
    (model,), (record,) = cache.glob("small-*.onnx"), cache.glob("small-*.sha256")
    good, said = model.read_bytes(), record.read_text()
    away = tmp_path / "away"
    away.mkdir()
    write_files(away, OTHER)
    assert not np.array_equal(encode(str(write_card(OTHER, SIDE, VECTOR, away)), away / "models"), right)
    (theirs,), (their_record,) = (away / "models").glob("small-*.onnx"), (away / "models").glob("small-*.sha256")
    attacks = [(body, said) for body in change(good, 12)]
    attacks += [(theirs.read_bytes(), said), (theirs.read_bytes(), their_record.read_text()), (good, "")]
    wrong = 0
    for body, text in attacks:
        model.write_bytes(body)
        record.write_text(text)
        wrong += not np.array_equal(encode(engine, cache), right)
        assert model.read_bytes() == good
    promise("F4", f"converted models changed, cut, exchanged: other vectors {wrong} of {len(attacks)}")
    assert wrong == 0


@pytest.mark.promise
def test_weights_of_packages_that_were_changed_are_never_loaded(
    promise: Promise, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F4: dlib's files and the detector's constant, in a package that lies before the installed one.

    `classic` is refused before its package is imported: what it would load, it loads by itself.
    """
    cache = Path(".cache/models").resolve()
    assert is_opened("retinaface-dlib", cache)
    monkeypatch.syspath_prepend(tmp_path)
    loaded, tried = 0, 0
    for package, name in ((MODELS, DAT), (MODELS, POINTS), ("retinaface", "weights.py")):
        spec = find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        whole = Path(spec.origin).parent
        copy = tmp_path / package
        copy.mkdir()
        for path in whole.rglob("*"):
            if path.is_file() and path != whole / name:
                (copy / path.relative_to(whole)).parent.mkdir(parents=True, exist_ok=True)
                (copy / path.relative_to(whole)).symlink_to(path)
        good = (whole / name).read_bytes()
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes(good)
        importlib.invalidate_caches()
        for module in [one for one in sys.modules if one.split(".")[0] == package]:
            monkeypatch.delitem(sys.modules, module)  # another test imported it from its own place
        found = find_spec(package)
        assert found is not None
        assert str(found.origin).startswith(str(tmp_path)), "the copy takes the package's place"
        assert is_opened("retinaface-dlib", cache)
        for body in change(good, 3, 0.3, 0.7):
            (copy / name).write_bytes(body)
            users = ["retinaface-dlib", "classic"] if package == MODELS else ["retinaface-dlib"]
            loaded += sum(is_opened(engine, cache, Path(name).stem) for engine in users)
            tried += len(users)
        shutil.rmtree(copy)
    promise("F4", f"weights of packages changed, cut: loaded {loaded} of {tried}")
    assert loaded == 0
