"""Networks as they are converted: the published ones' faces and vectors in both forms, the same file each time."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from plugin.errors import EngineError
from plugin.recognizer.engines import resnet, retinaface
from plugin.recognizer.engines.engine import Detections, Floats
from plugin.recognizer.engines.retinaface import RetinaFace
from plugin.recognizer.networks import dlib_conversion, model_cache, retinaface_conversion, weights
from plugin.recognizer.networks.processor import find_form
from plugin.recognizer.networks.retinaface_conversion import FORMS
from plugin.recognizer.networks.session import open_session
from plugin.recognizer.pictures.pixels import Pixels
from sidecar.commands.demo import samples

PORTRAITS = [samples.A_FRONT, samples.A_SPEECH, samples.A_STANDING, samples.B_STANDING]
MEAN = (104, 117, 127)
NETWORKS = {
    "retinaface": (retinaface.ensure_model, retinaface_conversion.convert, weights.read_retinaface),
    "dlib": (
        resnet.ensure_model,
        dlib_conversion.convert,
        lambda: weights.read_package_file(resnet.MODELS, resnet.DAT, weights.DAT_SHA256),
    ),
}
"""Who makes a network, who converts it, and who reads it as it is published."""
LOW = 0.02  # the finer pass asks for faces from this score on


def crowd(side: int = 1024) -> Pixels:
    """Four portraits at eight sizes; the finest level finds their faces."""
    page = np.full((side * 3 // 4, side, 3), 110, np.uint8)
    for place in range(16):
        picture = cv2.imread(str(samples.portrait(PORTRAITS[place % 4])))
        assert picture is not None
        factor = (70, 85, 100, 115, 130, 145, 160, 185)[place // 2] / picture.shape[0]
        small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)[:190, :250]
        top, left = place // 4 * 192, place % 4 * 256
        page[top : top + small.shape[0], left : left + small.shape[1]] = small
    return page


def published(picture: Pixels) -> tuple[Floats, Floats, Floats]:
    """Offsets of boxes, scores and points of every anchor, as the package's own model gives them."""
    session = open_session(weights.read_retinaface())
    boxes, scores, points = session.run(None, {"input": cv2.dnn.blobFromImage(picture, mean=MEAN)})
    return boxes[0], scores[0, :, 1], points[0]


def rows_of(picture: Pixels, cache: Path, form: str) -> Floats:
    session = open_session(retinaface.ensure_model(cache, form))
    rows: Floats = session.run(None, {"input": cv2.dnn.blobFromImage(picture, mean=MEAN)})[0][0]
    return rows


@pytest.mark.parametrize("size", [(768, 1024), (333, 501), (31, 33)])
def test_the_float_form_is_the_published_network(size: tuple[int, int], cache: Path) -> None:
    """Each anchor's box, score and points are within rounding of the published model's, at odd sizes too."""
    picture: Pixels = cv2.resize(crowd(), size[::-1], interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    boxes, scores, points = published(picture)
    rows = rows_of(picture, cache, "float")
    assert np.abs(1 / (1 + np.exp(rows[:, 0] - rows[:, 1])) - scores).max() < 1e-5
    assert np.abs(rows[:, 2:6] - boxes).max() < 1e-3
    assert np.abs(rows[:, 6:] - points).max() < 1e-3


def test_the_form_of_this_machine_finds_the_same_faces(cache: Path) -> None:
    """Every face is found that is found in float, at the same place; none besides.

    Without instructions for them integers may overflow: what 8 bits give there is not promised, and not used.
    """
    page = crowd()
    first, second = RetinaFace(0.7, cache, "float").detect(page), RetinaFace(0.7, cache).detect(page)
    assert len(first) == len(second) >= 10
    order = [int(np.abs(second.boxes - box).sum(axis=1).argmin()) for box in first.boxes]
    assert sorted(order) == list(range(len(first)))
    widths = first.boxes[:, 2:3]
    assert (np.abs(second.boxes[order] - first.boxes) / widths).max() < 0.1
    assert np.abs(second.scores[order] - first.scores).max() < 0.1


def test_larger_faces_are_the_same_to_the_bit(cache: Path) -> None:
    """Only the finest level counts in 8 bits: a face that a coarser one finds has the same box, points and score."""
    picture = cv2.imread(str(samples.portrait(samples.A_FRONT)))
    assert picture is not None
    first, second = (RetinaFace(0.7, cache, form).detect(picture) for form in FORMS)  # type: ignore[arg-type]
    assert first.boxes[0, 2] > 64
    for name in ("boxes", "points", "scores"):
        assert (getattr(first, name) == getattr(second, name)).all()


def test_only_the_finest_level_differs(cache: Path) -> None:
    """The anchors of strides 16 and 32 have equal rows in both forms, those of stride 8 do not."""
    page = crowd()
    first, second = (rows_of(page, cache, form) for form in FORMS)
    finest = (page.shape[0] // 8) * (page.shape[1] // 8) * 2
    assert (first[finest:] == second[finest:]).all()
    assert (first[:finest] != second[:finest]).any()


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("form", FORMS)
def test_a_form_is_the_same_file_each_time(network: str, form: str, cache: Path, tmp_path: Path) -> None:
    """Two conversions are equal byte for byte, in this process and in another; a damaged one is replaced."""
    ensure_model, convert, published = NETWORKS[network]
    kept = ensure_model(tmp_path, form)
    assert convert(published(), form) == kept
    (made,) = tmp_path.glob("*.onnx")
    made.write_bytes(kept[:-1] + b"x")
    assert ensure_model(tmp_path, form) == kept == made.read_bytes()
    assert ensure_model(cache, form) == (cache / made.name).read_bytes() == kept


@pytest.mark.parametrize("network", NETWORKS)
def test_forms_are_kept_apart(network: str, cache: Path) -> None:
    """Machines with and without the instructions may share a cache."""
    assert len({NETWORKS[network][0](cache, form) for form in FORMS}) == len(FORMS)


@pytest.mark.parametrize("network", NETWORKS)
def test_another_form_or_model_is_refused(network: str, tmp_path: Path) -> None:
    """Plain refusals, and nothing is kept."""
    ensure_model, convert, published = NETWORKS[network]
    with pytest.raises(ValueError, match="int4"):
        convert(published(), "int4")
    with pytest.raises(EngineError, match="tested"):
        convert(b"another", "float")
    with pytest.raises(EngineError, match="cannot be converted"):
        ensure_model(tmp_path, "int4")
    assert [path for path in tmp_path.iterdir() if path.suffix == ".onnx"] == []


@pytest.mark.parametrize(
    ("cpuinfo", "form"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512f avx512_vnni\n", "int8"),
        ("processor\t: 0\nflags\t\t: fpu avx2 avx_vnni\n", "int8"),
        ("processor\t: 0\nflags\t\t: fpu avx2 avx512f\n", "float"),
        ("processor\t: 0\nFeatures\t: fp asimd asimddp\n", "float"),
        ("", "float"),
    ],
)
def test_the_processor_decides(cpuinfo: str, form: str, tmp_path: Path) -> None:
    """8 bits only where the processor says that it has instructions for them."""
    (tmp_path / "cpuinfo").write_text(cpuinfo)
    assert find_form(tmp_path / "cpuinfo") == form


def test_without_a_word_of_the_processor_it_is_float(tmp_path: Path) -> None:
    assert find_form(tmp_path / "none") == "float"


def test_an_empty_picture_area_gives_no_face(cache: Path) -> None:
    """From the lowest score on that is asked for, grey has none in either form."""
    grey = np.full((480, 640, 3), 127, np.uint8)
    found: list[Detections] = [RetinaFace(0.7, cache, form).detect(grey, LOW) for form in FORMS]
    assert [len(faces) for faces in found] == [0, 0]


def test_a_converters_neighbours_belong_to_its_recipe() -> None:
    """A change in what the converters share makes other models: the recipe has every module beside them."""
    recipe = model_cache.read_recipe(retinaface.CONVERTER)
    folder = Path(weights.__file__).parent
    assert all(module.read_bytes() in recipe for module in folder.glob("*.py"))
