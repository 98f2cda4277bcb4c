"""The words of the signing pages: the same in both languages, and for everything that can go wrong."""

import ast
import io
import re
from pathlib import Path

import pytest
from PIL import Image

from plugin.errors import PictureError
from plugin.flows.signing.signature_image import MOST_BYTES, redraw
from plugin.words import catalogues
from sidecar.words.sign_words import Words, numbered
from tests.signers import drawing

ROOT = Path(__file__).parents[2]


def test_every_word_is_used_and_there() -> None:
    """What templates and pages ask for exists; what exists is asked for."""
    pages = [path for path in ROOT.glob("sidecar/sign/*.py") if "own_page_words" not in path.read_text()]
    sources = [*pages, *ROOT.glob("sidecar/templates/sign/*.html")]
    text = "\n".join(path.read_text() for path in [*sources, ROOT / "sidecar/templates/people_base.html"])
    asked = set(re.findall(r"""\bw\(["'](\w+)["']""", text))
    asked |= {key for pair in re.findall(r"""\bw\(["'](\w+)["'] if .+? else ["'](\w+)["']""", text) for key in pair}
    known = set(catalogues.Words("sign", "en"))
    assert asked <= known
    unused = {key for key in known - asked if f'"{key}"' not in text and not key.endswith("_title")}
    assert unused == set()


def test_every_fault_has_its_words() -> None:
    """Each pair that the form or the code can raise is said, not just "refused"."""
    known = {pair for key in catalogues.Words("sign fault", "en") for pair in [tuple(key.split("."))]}
    fields = {where for where, _ in known}
    found = set()
    for path in (
        "plugin/flows/signing/form_validation.py",
        "plugin/flows/signing/sign_form.py",
        "sidecar/sign/form_pages.py",
    ):
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(node, ast.Tuple) and len(node.elts) == 2:
                words = [part.value for part in node.elts if isinstance(part, ast.Constant)]
                if len(words) == 2 and words[0] in fields:
                    found.add(tuple(words))
    assert len(found) > 15
    assert found <= known


def test_every_refusal_of_a_photograph_has_its_words() -> None:
    """What the recogniser says of a reference photograph is told apart in both languages."""
    source = (ROOT / "plugin/recognizer/examination/quality.py").read_text()
    reasons = re.findall(r'return f?"((?:no|more|the) [^"]+)"', source)
    reasons += ["does not look like the person on the other photographs"]
    assert len(reasons) >= 6
    for language in catalogues.LANGUAGES:
        said = {Words(language).photograph(reason.replace("{int(widths[chosen])}", "31")) for reason in reasons}
        assert len(said) == len(reasons)
        assert Words(language).photograph("not a picture") not in said


def test_the_number_of_a_photograph_is_kept_apart() -> None:
    """As the recogniser counts them."""
    assert numbered("photograph 2: the face is blurred: take one") == (2, "the face is blurred: take one")
    assert numbered("no photograph was given: three") == (1, "no photograph was given: three")


def test_a_drawing_is_made_anew() -> None:
    """Black on white, at most so large, without what a PNG may carry besides."""
    stuffed = io.BytesIO()
    with Image.open(io.BytesIO(drawing())) as image:
        image.info["Comment"] = "x"
        image.save(stuffed, "PNG", pnginfo=None)
    made = redraw(stuffed.getvalue() + b"<script>")
    with Image.open(io.BytesIO(made)) as image:
        assert (image.mode, image.size) == ("L", (700, 260))
        assert not set(image.info) - {"srgb", "gamma"}
    assert b"script" not in made


@pytest.mark.parametrize("what", ["empty", "no png", "jpeg", "large", "many bytes", "cut"])
def test_what_is_no_drawing_is_refused(what: str) -> None:
    """An empty pad, other formats, and more than a pad makes."""
    blank, jpeg, large = io.BytesIO(), io.BytesIO(), io.BytesIO()
    Image.new("RGBA", (700, 260)).save(blank, "PNG")
    Image.new("RGB", (700, 260)).save(jpeg, "JPEG")
    Image.new("1", (5000, 5000)).save(large, "PNG")
    bodies = {
        "empty": blank.getvalue(),
        "no png": b"<svg/>",
        "jpeg": jpeg.getvalue(),
        "large": large.getvalue(),
        "many bytes": drawing() + b"x" * MOST_BYTES,
        "cut": drawing()[:200],
    }
    with pytest.raises(PictureError):
        redraw(bodies[what])
