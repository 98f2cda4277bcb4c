"""Featured categories: what is chosen for one counts for what lies below it, with the plugin and without."""

import pytest

from plugin.hooks.resourcespace.adapter import ResourceSpaceDam
from plugin.hooks.resourcespace.without_plugin import PlainProfile
from tests.doubles.resourcespace import Double
from tests.doubles.resourcespace_house import Server, jpeg

FEATURED = 3


@pytest.fixture
def nested(double: Double, server: Server) -> tuple[list[int], list[int]]:
    """Four featured collections, each within the one before it, with a photograph in the last and in the second."""
    ours = double.library.users["facelease"].ref
    refs: list[int] = []
    for depth in range(4):
        shelf = double.library.collect(f"level {depth}", ours, kind=FEATURED, parent=refs[-1] if refs else 0)
        refs.append(shelf.ref)
    photos = [double.photo(jpeg()), double.photo(jpeg(shade=90))]
    double.library.shelves[refs[3]].resources.append(photos[0])
    double.library.shelves[refs[1]].resources.append(photos[1])
    return refs, photos


def test_a_photograph_lies_in_every_category_above_it(
    dam: ResourceSpaceDam, nested: tuple[list[int], list[int]]
) -> None:
    refs, photos = nested
    assert set(dam.look(str(photos[0])).collections) == set(map(str, refs))
    assert set(dam.look(str(photos[1])).collections) == set(map(str, refs[:2]))


def test_a_category_holds_what_lies_below_it(dam: ResourceSpaceDam, nested: tuple[list[int], list[int]]) -> None:
    refs, photos = nested
    assert sorted(dam.refs(str(refs[0]))) == sorted(map(str, photos))
    assert list(dam.refs(str(refs[2]))) == [str(photos[0])]


def test_a_mode_of_a_category_is_told_with_the_photograph(
    double: Double, dam: ResourceSpaceDam, nested: tuple[list[int], list[int]]
) -> None:
    refs, photos = nested
    double.library.shelves[refs[0]].ruling = {"mode": "never", "set_by": "admin", "set_at": "2026-03-02 13:00:00"}
    rulings = dam.look(str(photos[0])).rulings
    if isinstance(dam.profile(), PlainProfile):
        assert rulings == ()  # the server itself keeps no modes
    else:
        assert [(one.ref, one.mode) for one in rulings] == [(str(refs[0]), "never")]
        assert next(c.resources for c in dam.collections() if c.ref == str(refs[0])) == len(photos)


def test_a_standard_collection_lies_in_no_category(double: Double, dam: ResourceSpaceDam) -> None:
    """Whatever its row says of a parent."""
    ours = double.library.users["facelease"].ref
    first = double.library.collect("first", ours, kind=FEATURED)
    photo = double.photo(jpeg())
    plain = double.library.collect("plain", ours, resources=[photo], parent=first.ref)
    assert dam.look(str(photo)).collections == (str(plain.ref),)
    assert list(dam.refs(str(first.ref))) == []
