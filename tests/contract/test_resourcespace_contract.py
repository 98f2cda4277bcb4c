"""What we rely on of the server, checked alike on the double and on a real one."""

import io
from uuid import uuid4

import pytest
from PIL import Image

from plugin.config.detection_size import detection_px
from plugin.errors import DamError, ResourceGone, WriteRefused
from plugin.hooks.dam import ChangeKind, Names, Task, Write
from plugin.hooks.mention import CertificateLine
from plugin.hooks.name_search import SoughtName
from plugin.hooks.resourcespace.adapter import ResourceSpaceDam
from plugin.hooks.resourcespace.api.answers import (
    NoSuchFunction,
    Refused,
    TemporaryFailure,
    expect_bool,
    expect_int,
    expect_objects,
)
from plugin.hooks.resourcespace.names.nodes import Nodes
from plugin.hooks.resourcespace.without_plugin import PlainProfile
from tests.doubles.resourcespace_house import Server, jpeg

NODE = frozenset({"node"})


def unique(name: str) -> str:
    """A name that nobody bears on a server that is used again."""
    return f"{name} {uuid4().hex[:8]}"


def add(name: str) -> Write:
    return Write(name, True, NODE)


def remove(name: str) -> Write:
    return Write(name, False, NODE)


def names(dam: ResourceSpaceDam, ref: str) -> set[str]:
    return {named.node for named in dam.look(ref).names}


def test_a_wrong_key_is_refused(server: Server) -> None:
    """The signature is checked; the answer to a wrong one is plain text with status 401."""
    with pytest.raises(Refused, match="signature"):
        server.client(key="0" * 64).ask("checkperm", expect_bool, perm="a")


def test_an_unknown_function_is_told_apart(server: Server) -> None:
    """It answers 200 with nothing in it: that is no success."""
    with pytest.raises(NoSuchFunction):
        server.client().ask("no_such_function", expect_objects)


def test_a_wrong_argument_is_an_error(server: Server) -> None:
    """A number that is none ends in status 500 and an empty body."""
    with pytest.raises(TemporaryFailure):
        server.client().ask("get_collection", expect_objects, ref="abc")


def test_a_warning_inside_the_call_is_an_error(server: Server) -> None:
    """An object that says error, with status 200."""
    with pytest.raises(DamError, match="inside the server"):
        server.client().ask(
            "set_node", expect_int, again=False, ref="NULL", resource_type_field=99999, name="x", parent="NULL"
        )


def test_a_list_that_is_no_json_is_an_error(server: Server) -> None:
    """An English sentence as a JSON text, with status 200."""
    with pytest.raises(DamError, match="argument of this type"):
        server.client().ask("toggle_active_state_for_nodes", expect_int, refs="7")


def test_what_is_not_there_is_gone(dam: ResourceSpaceDam) -> None:
    """A number nobody has, and refs of another DAM."""
    for ref in ("99999999", "folder/photo.jpg", "0", "007"):
        with pytest.raises(ResourceGone):
            dam.look(ref)


def test_names_are_put_on_and_taken_off_one_by_one(server: Server, dam: ResourceSpaceDam) -> None:
    """Commas, quotes, accents and signs beyond the basic plane: the others stay as they are."""
    ref = server.create()
    people = [
        unique("Дарья 😀"),
        unique("Åsa Öberg"),
        unique("Berg, Anna"),
        unique('Bo "Bosse" Ek'),
        unique("'t Hart, Daan"),
    ]
    for name in people:
        dam.write(ref, [add(name)], None)
    assert names(dam, ref) == set(people)
    for count, name in enumerate(people, 1):
        after = dam.write(ref, [remove(name)], None)
        assert {named.node for named in after.names} == set(people[count:]) == names(dam, ref)


def test_a_write_that_is_repeated_changes_nothing(server: Server, dam: ResourceSpaceDam) -> None:
    """Adding twice is one name; removing twice is none."""
    ref, name = server.create(), unique("Åsa Öberg")
    for _ in range(2):
        dam.write(ref, [add(name)], None)
        assert names(dam, ref) == {name}
    for _ in range(2):
        dam.write(ref, [remove(name)], None)
        assert names(dam, ref) == set()


def test_another_spelling_makes_no_second_node(server: Server, dam: ResourceSpaceDam) -> None:
    """Case and white space aside it is one name, on every resource; an accent makes another person."""
    one, two, name = server.create(), server.create(), unique("Åsa Öberg")
    dam.write(one, [add(name)], None)
    dam.write(two, [add(name.upper().replace(" ", "  ", 1))], None)
    assert names(dam, two) == {name}
    dam.write(two, [add(name.replace("Åsa", "Asa"))], None)
    assert names(dam, two) == {name, name.replace("Åsa", "Asa")}
    dam.write(two, [remove(name.lower())], None)
    assert names(dam, two) == {name.replace("Åsa", "Asa")}
    assert set(dam.holders(name.lower())) == {one}


def test_a_translated_node_keeps_its_name(server: Server, dam: ResourceSpaceDam) -> None:
    """The stored form is what stands; any of its languages finds it, and makes no other node."""
    tail = uuid4().hex[:8]
    raw = f"~en:The Queen {tail}~sv:Drottningen {tail}"
    node = server.client().ask("set_node", expect_int, ref="NULL", resource_type_field=29, name=raw, parent="NULL")
    ref = server.create()
    assert server.client().ask("add_resource_nodes", expect_bool, resource=ref, nodestring=str(node))
    dam.write(ref, [add(f"Drottningen {tail}"), add(unique("Bo Ek"))], None)
    assert len(names(dam, ref)) == 2
    assert raw in names(dam, ref)
    assert set(dam.holders(f"The Queen {tail}")) == {ref}
    dam.write(ref, [remove(f"The Queen {tail}")], None)
    assert raw not in names(dam, ref)


def test_a_renamed_node_is_seen_at_the_next_look(server: Server, dam: ResourceSpaceDam) -> None:
    """It keeps its number; what was read before is not believed any more."""
    ref, name, other = server.create(), unique("Åsa Öberg"), unique("Åsa Ek")
    dam.write(ref, [add(name)], None)
    nodes = Nodes(server.client(), 29)
    node = nodes.fitting(name)[0]
    server.client().ask(
        "set_node", expect_int, ref=str(node.ref), resource_type_field=29, name=other, parent="NULL", order_by=""
    )
    assert names(dam, ref) == {other}
    dam.write(ref, [add(name)], None)
    assert names(dam, ref) == {other, name}


def test_a_name_that_cannot_be_held_is_refused(server: Server, dam: ResourceSpaceDam) -> None:
    """Nothing is written then."""
    ref = server.create()
    for name in ("Åsa\nÖberg", "Åsa@@|@@Öberg", "~en:Åsa", '"Åsa" Öberg'):
        with pytest.raises(WriteRefused):
            dam.write(ref, [add(unique(name))], None)
    assert names(dam, ref) == set()


def test_the_smallest_preview_that_serves_is_fetched(server: Server, dam: ResourceSpaceDam) -> None:
    """A JPEG of at least the side that is looked at, though the original is larger."""
    ref = server.photo(jpeg(1600, 1200))
    picture = dam.preview(ref)
    assert picture.data is not None
    with Image.open(io.BytesIO(picture.data)) as preview:
        assert (preview.format, preview.size) == ("JPEG", (1067, 800))
    assert picture.file_version == dam.look(ref).file_version


def test_the_original_is_handed_out_by_the_plugin_alone(server: Server, dam: ResourceSpaceDam) -> None:
    """It is no download. Without the plugin it is the smallest preview that shows enough, and the original's size."""
    data = jpeg(4000, 3000)
    ref = server.photo(data)
    picture = dam.picture(ref)
    assert picture.file_version == dam.look(ref).file_version
    if isinstance(dam.profile(), PlainProfile):
        assert picture.data is not None
        with Image.open(io.BytesIO(picture.data)) as preview:
            assert (preview.size, picture.original_px) == ((2000, 1500), 4000)
    else:
        assert (picture.data == data, picture.original_px, picture.turned) == (True, None, 0)
    log = server.client().ask("resource_log_last_rows", expect_objects, minref=0, days=1, maxrecords=0)
    assert not [row for row in log if (str(row["resource"]), row["type"]) == (ref, "d")]


@pytest.mark.parametrize("longest", [8000, 12_000])
def test_a_large_original_is_known_for_one(server: Server, dam: ResourceSpaceDam, longest: int) -> None:
    """No preview of it is large enough for faces of 64 px; what is shown is small all the same."""
    data = jpeg(longest, longest // 20)
    ref = server.photo(data)
    picture, shown = dam.picture(ref), dam.preview(ref)
    assert picture.data is not None
    assert shown.data is not None
    with Image.open(io.BytesIO(shown.data)) as preview:
        assert max(preview.size) < 2001
    if isinstance(dam.profile(), PlainProfile):
        with Image.open(io.BytesIO(picture.data)) as preview:
            assert max(preview.size) < detection_px(longest, 64)
        assert picture.original_px == longest
    else:
        assert picture.data == data


def test_a_file_that_is_read_anew_keeps_its_version(server: Server, dam: ResourceSpaceDam) -> None:
    """Nothing was changed: nothing is noticed."""
    ref = server.photo()
    before = dam.look(ref).file_version
    dam.read_anew(ref)
    assert dam.look(ref).file_version == before


def test_without_a_file_there_is_no_preview(server: Server, dam: ResourceSpaceDam) -> None:
    """That is an error which passes; never the picture that says so."""
    ref = server.create()
    assert dam.look(ref).kind == "other"
    with pytest.raises(DamError, match="no preview yet"):
        dam.picture(ref)


def test_the_version_follows_the_file(server: Server, dam: ResourceSpaceDam) -> None:
    """Names do not change it; another file does."""
    ref = server.photo()
    before = dam.look(ref)
    dam.write(ref, [add(unique("Åsa Öberg"))], None)
    assert dam.look(ref).file_version == before.file_version
    server.upload(ref, jpeg(shade=200))
    assert dam.look(ref).file_version != before.file_version
    assert before.kind == "photo"


def test_collections_and_what_is_in_them(server: Server, dam: ResourceSpaceDam) -> None:
    """Title and count, and the resources, in the collection and by themselves."""
    inside, outside = server.create(), server.create()
    ref = server.collection("Ümlaut, shoot & more", inside)
    found = {one.ref: one for one in dam.collections()}
    assert (found[ref].title, found[ref].resources) == ("Ümlaut, shoot & more", 1)
    assert list(dam.refs(ref)) == [inside]
    assert ref in dam.look(inside).collections
    assert ref not in dam.look(outside).collections
    assert {inside, outside} <= set(dam.refs())


def test_what_happened_is_told_until_it_is_acknowledged(server: Server, dam: ResourceSpaceDam) -> None:
    """A file, another one, the bin, the end; nothing twice after it was acknowledged."""
    dam.acknowledge(dam.changes())
    ref = server.photo()
    for _ in range(2):
        told = {change.ref: change.what for change in dam.changes()}
        assert told[ref] in {ChangeKind.NEW, ChangeKind.REPLACED}
    dam.acknowledge(dam.changes())
    assert ref not in {change.ref for change in dam.changes()}
    server.delete(ref)
    assert {change.ref: change.what for change in dam.changes()}[ref] is ChangeKind.METADATA
    server.delete(ref)
    assert {change.ref: change.what for change in dam.changes()}[ref] is ChangeKind.DELETED


def test_our_own_writes_are_not_told(server: Server, dam: ResourceSpaceDam) -> None:
    """A name that our account writes is no change."""
    ref = server.create()
    dam.changes()
    dam.acknowledge(dam.changes())
    dam.write(ref, [add(unique("Åsa Öberg"))], None)
    assert ref not in {change.ref for change in dam.changes()}


def test_the_bin_keeps_names_and_the_end_is_the_end(server: Server, dam: ResourceSpaceDam) -> None:
    """In the bin a resource lies in no collection, and a name can be taken off it; then it is gone."""
    ref, name = server.create(), unique("Åsa Öberg")
    server.collection("bin", ref)
    dam.write(ref, [add(name)], None)
    server.delete(ref)
    assert (dam.look(ref).collections, names(dam, ref)) == ((), {name})
    dam.write(ref, [remove(name)], None)
    assert names(dam, ref) == set()
    server.delete(ref)
    with pytest.raises(ResourceGone):
        dam.look(ref)
    with pytest.raises(ResourceGone):
        dam.write(ref, [add(name)], None)


def test_many_are_written_and_read_at_once(server: Server, dam: ResourceSpaceDam) -> None:
    """Each gets what is its own, one that is not there keeps none of the others, and what others set stays."""
    one, two, three = server.create(), server.create(), server.create()
    asa, bo = unique("Berg, Åsa"), unique("Bo Ek")
    dam.write(two, [add(bo)], None)
    every = (one, two, three, "99999999")
    done = dam.write_many([Task(ref, (add(asa),)) for ref in every])
    assert {ref: _told(answer) for ref, answer in done.items()} == {
        one: {asa},
        two: {asa, bo},
        three: {asa},
        "99999999": None,
    }
    taken = dam.write_many([Task(one, (remove(asa),)), Task(two, (remove(asa.upper()),)), Task(three, ())])
    assert {ref: _told(answer) for ref, answer in taken.items()} == {one: set(), two: {bo}, three: {asa}}
    now = dam.names_on([one, two, three])
    assert {ref: _told(answer) for ref, answer in now.items()} == {one: set(), two: {bo}, three: {asa}}
    assert (names(dam, one), names(dam, two), names(dam, three)) == (set(), {bo}, {asa})


def _told(answer: Names | DamError) -> set[str] | None:
    return None if isinstance(answer, DamError) else {named.node for named in answer}


def test_files_beside_a_resource_are_counted(server: Server, dam: ResourceSpaceDam) -> None:
    """The old one of a file that was replaced is such a file; what it is called is not asked."""
    ref, other = server.photo(), server.photo()
    assert server.client().ask(
        "add_alternative_file",
        expect_int,
        again=False,
        resource=ref,
        name="Åsa Öberg.jpg",
        description="",
        file_name="",
        file_extension="",
        file_size=0,
        alt_type="",
        file="",
    )
    assert dam.leftovers([ref, other]) == {ref: 1, other: 0}


def test_an_accounts_groups_are_told_by_its_exact_name(server: Server, dam: ResourceSpaceDam) -> None:
    """Of another spelling, and of nobody, none. Without the plugin the server cannot say who may sign in."""
    assert dam.groups(unique("nobody")) is None
    assert dam.groups(server.user.upper()) is None
    if isinstance(dam.profile(), PlainProfile):
        with pytest.raises(DamError, match="switch the plugin"):
            dam.groups(server.user)
    else:
        assert dam.groups(server.user) == (3,)


def test_a_name_is_found_in_whichever_text(server: Server, dam: ResourceSpaceDam) -> None:
    """With the plugin in captions, titles, names of files and the log, with wild cards taken as letters; without it in
    the list of people and titles that are shown. What was not looked at is said."""
    name = unique("Åsa 100% S_mple")
    sought = SoughtName([name])
    ref, other = server.photo(jpeg()), server.create()
    server.client().ask("update_field", expect_bool, resource=ref, field=8, value=f"The mayor and {name.upper()} talk")
    dam.write(other, [add(name)], None)
    shelf = server.collection(f"Shoot {name}")
    beats: list[int] = []
    found = dam.mentions(sought, lambda: beats.append(1))
    dam.write(other, [remove(name)], None)
    dam.forget(name)
    places = {one.at for one in found.found}
    assert f"collection {shelf}" in places
    assert CertificateLine("unread_originals") in found.unread
    if server.profile == "classic" or isinstance(dam.profile(), PlainProfile):
        assert CertificateLine("unread_classic") in found.unread
        return
    assert {f"resource {ref}", f"resource {other}"} <= places
    assert {one.named for one in found.found if one.ref == other and "field" in one.fields[0]} == {True}
    assert {one.named for one in found.found if one.ref == ref} == {False}
    assert any(one.at.startswith("resource_log.") for one in found.found)
    assert beats
    assert not dam.mentions(SoughtName([unique("Åsa")]), lambda: None).found
