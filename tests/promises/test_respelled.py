"""R3: a name of ours that another program spelled anew, in any place, is taken off; others' metadata is not touched.

What other programs do to a name when they write a file: decomposed letters, capitals, more white space, wide
letters. Names are read by a key; they are written, found and taken out by the same one.
"""

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from plugin.flows.consent import withdrawal
from plugin.flows.rights import erasure
from plugin.flows.schedule import calendar
from plugin.hooks.dam import Write
from sidecar.commands.demo import samples
from tests import another_program, support

NAME = "Åsa Sample"
WIDE = "".join(chr(ord(sign) + 0xFEE0) if sign.isascii() and sign.isalpha() else sign for sign in NAME)
SPELLINGS = {
    "decomposed": unicodedata.normalize("NFD", NAME),
    "capitals": NAME.upper(),
    "small": NAME.lower(),
    "two spaces": NAME.replace(" ", "  "),
    "no-break space": NAME.replace(" ", "\u00a0"),
    "a tab": NAME.replace(" ", "\t"),
    "a line end": NAME.replace(" ", "\n"),
    "wide": WIDE,
    "surname first": "Sample, Åsa",
    "a soft hyphen": "Åsa Sam\u00adple",
    "UTF-8 taken for Latin": NAME.encode().decode("cp1252"),
    "wide and decomposed": unicodedata.normalize("NFD", WIDE).upper(),
}


def respell(photo: Path, spelled: str) -> None:
    """Another program writes the three places anew, with a name, a region and a keyword of its own beside ours."""
    beside = photo.with_name(photo.name + ".xmp")
    text = beside.read_text("utf-8").replace(NAME, spelled)
    assert spelled in text
    beside.write_text(text, "utf-8")
    another_program.run(beside, "-XMP-iptcExt:PersonInImage+=Edna Sample", "-XMP-dc:Description=at the fair")
    another_program.run(photo, f"-XPKeywords=a fair;{spelled};Edna Sample", "-IPTC:Keywords=a fair")


def left(photo: Path) -> list[str]:
    """The keywords and persons that read like the name, each as it is spelled, once a place."""
    wanted = {another_program.folded(one) for one in SPELLINGS.values()}
    return [word for word in another_program.spellings(photo) if another_program.folded(word) in wanted]


@pytest.mark.promise
def test_a_name_of_ours_spelled_anew_goes(
    cast: support.Cast, photos: Path, promise: Callable[[str, str], None]
) -> None:
    """Each spelling in all three places of a photograph; a withdrawal; none is left, and the others' words are."""
    person = cast.add(NAME)
    cast.sign(person)
    cast.enrol(person)
    refs = {
        how: support.put(photos, f"shoot/{i}.jpg", samples.A_STANDING, (300 + i, 400))
        for i, how in enumerate(SPELLINGS)
    }
    cast.open_collection()
    calendar.poll_dam(cast.services)
    cast.work()
    for how, ref in refs.items():
        respell(photos / ref, SPELLINGS[how])
    calendar.poll_dam(cast.services)
    cast.work()
    assert set(cast.tags(person)) == set(refs.values()), "still one tag each, and ours"
    spelled = sum(len(left(photos / ref)) for ref in refs.values())
    withdrawal.withdraw(cast.services, person, None, "test")
    cast.work()
    stays = sum(len(left(photos / ref)) for ref in refs.values())
    lost = sum(not {"Edna Sample", "a fair"} <= another_program.words(photos / ref) for ref in refs.values())
    promise("R3", f"respelled names of ours left {stays} of {spelled}, others' words lost {lost} of {len(refs)}")
    assert spelled == 3 * len(refs)
    assert (stays, lost) == (0, 0)
    assert cast.services.queue.dead() == []


@pytest.mark.parametrize("how", SPELLINGS)
def test_a_name_that_stands_in_another_spelling_is_not_written_twice(
    cast: support.Cast, photos: Path, how: str
) -> None:
    ref = support.put(photos, "shoot/a.jpg", samples.A_STANDING, (300, 400))
    beside = photos / "shoot/a.jpg.xmp"
    box = (0.1, 0.1, 0.2, 0.2)
    cast.services.dam.write(ref, [Write(NAME, True, cast.services.dam.places, box)], None)
    beside.write_text(beside.read_text("utf-8").replace(NAME, SPELLINGS[how]), "utf-8")
    another_program.run(photos / ref, f"-XPKeywords={SPELLINGS[how]}")
    before = (photos / ref).read_bytes(), beside.read_bytes()
    cast.services.dam.write(ref, [Write(NAME, True, cast.services.dam.places, box)], None)
    assert ((photos / ref).read_bytes(), beside.read_bytes()) == before


def test_a_name_by_hand_spelled_anew_in_a_region_blocks_no_erasure(cast: support.Cast, photos: Path) -> None:
    """The erasure takes it out, and is finished."""
    person = cast.add(NAME)
    cast.sign(person, recognition=False)
    ref = support.put(photos, "shoot/a.jpg", samples.A_STANDING, (300, 400))
    cast.services.dam.write(ref, [Write(NAME, True, frozenset({"region"}), (0.1, 0.1, 0.2, 0.2))], None)
    beside = photos / "shoot/a.jpg.xmp"
    beside.write_text(beside.read_text("utf-8").replace(NAME, SPELLINGS["decomposed"]), "utf-8")
    support.settle(photos / ref)
    calendar.poll_dam(cast.services)
    cast.work()
    certificate = erasure.erase(cast.services, person, "test")
    assert certificate.finished_at is not None
    assert left(photos / ref) == []
