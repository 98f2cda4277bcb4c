"""The adapter where a double lets us stage what a real server only sometimes does."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest

from plugin.clock import ManualClock
from plugin.errors import ConfigError, DamError
from plugin.hooks.dam import ChangeKind, Write
from plugin.hooks.resourcespace import fields
from plugin.hooks.resourcespace.adapter import ResourceSpaceDam
from plugin.hooks.resourcespace.api import listing
from plugin.hooks.resourcespace.api.answers import NoSuchFunction, Refused
from plugin.hooks.resourcespace.names.log import ResourceLog
from plugin.hooks.resourcespace.names.node_owners import NodeOwners
from plugin.hooks.resourcespace.names.nodes import is_known_by, list_translations
from plugin.hooks.resourcespace.previews import choose_preview
from plugin.ledger.store.store import Store
from plugin.ledger.tables import person
from tests.doubles.resourcespace import NO_PREVIEW, Double
from tests.doubles.resourcespace_house import Server, configuration, jpeg, on
from tests.doubles.resourcespace_state import ADMIN, SUPER

NODE = frozenset({"node"})


def told(dam: ResourceSpaceDam) -> dict[str, ChangeKind]:
    """What is told now, and acknowledged."""
    changes = dam.changes()
    dam.acknowledge(changes)
    return {change.ref: change.what for change in changes}


# ---- pictures -----------------------------------------------------------------------------------


def test_a_preview_that_is_not_made_yet_is_waited_for(double: Double, dam: ResourceSpaceDam) -> None:
    """Minimal previews first; the rest when a job has run, which is told."""
    ref = str(double.photo(jpeg(), previews=False))
    told(dam)
    with pytest.raises(DamError, match="no preview yet"):
        dam.picture(ref)
    double.library.make_previews(int(ref))
    assert told(dam) == {ref: ChangeKind.METADATA}
    assert dam.picture(ref).data


def test_the_no_preview_picture_is_no_picture(double: Double, dam: ResourceSpaceDam) -> None:
    """It comes with status 200 where a preview that is listed has gone meanwhile."""
    assert len(NO_PREVIEW) == 2145
    ref = double.photo(jpeg())
    kept = double.library.photos[ref].previews
    source = dam.profile().source(str(ref))
    double.library.photos[ref].previews = {}
    dam.profile().source = lambda ref, closely=False: source  # type: ignore[method-assign]
    with pytest.raises(DamError, match="no preview yet"):
        dam.preview(str(ref))
    double.library.photos[ref].previews = kept
    assert dam.preview(str(ref)).data


@pytest.mark.parametrize(("fate", "says"), [("redirect", "sign-in"), ("page", "not a picture"), ("404", "no preview")])
def test_something_else_than_a_picture_is_an_error(double: Double, dam: ResourceSpaceDam, fate: str, says: str) -> None:
    """A redirect is not followed, a page is not decoded."""
    ref = str(double.photo(jpeg()))
    dam.look(ref)
    double.faults = lambda function: fate if function == "download.php" else None
    with pytest.raises(DamError, match=says):
        dam.preview(ref)


def test_a_preview_larger_than_the_limit_is_not_read_on(double: Double, dam: ResourceSpaceDam) -> None:
    """The configured megabytes hold for what the DAM sends, too."""
    ref = double.photo(jpeg())
    for name, (width, height, _) in double.library.photos[ref].previews.items():
        double.library.photos[ref].previews[name] = (width, height, b"\xff\xd8" + bytes(2 << 20))
    small = dam._config.model_copy(
        update={"recognizer": dam._config.recognizer.model_copy(update={"max_megabytes": 1})}
    )
    dam._config = small
    with pytest.raises(DamError, match="sends more than 1048576 bytes"):
        dam.preview(str(ref))


def test_static_addresses_serve_too(double: Double, dam: ResourceSpaceDam) -> None:
    """Installations that were upgraded give the files' own addresses."""
    double.hidden_paths = False
    assert dam.picture(str(double.photo(jpeg()))).data


def test_the_smallest_that_serves_is_chosen() -> None:
    """Never the original; the largest where none is large enough; none is an error."""
    sizes: list[dict[str, Any]] = [
        {"size_code": "original", "url": "u", "width": 4000, "height": 3000},
        {"size_code": "lpr", "url": "u", "width": 2000, "height": 1500},
        {"size_code": "scr", "url": "u", "width": "1067", "height": "800"},
        {"size_code": "pre", "url": "u", "width": 720, "height": 540},
        {"size_code": "huge", "url": "", "width": 1100, "height": 800},
    ]
    assert choose_preview(sizes, 1024)["size_code"] == "scr"
    assert choose_preview(sizes, 1400)["size_code"] == "lpr"
    assert choose_preview(sizes, 3000)["size_code"] == "lpr"
    with pytest.raises(DamError, match="no preview yet"):
        choose_preview(sizes[:1], 1024)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.JPG", "photo"), ("a.nef", "photo"), ("a.tif", "photo"), ("a.pdf", "other"), ("a.mp4", "other")],
)
def test_what_may_have_more_pages_than_its_preview_is_looked_into(
    double: Double, dam: ResourceSpaceDam, request: pytest.FixtureRequest, name: str, kind: str
) -> None:
    """A preview shows one page or frame: the file itself is examined, or it is known that only a preview was."""
    data = jpeg()
    ref = str(double.photo(data, name))
    assert dam.look(ref).kind == kind
    picture = dam.picture(ref)
    plugin = "plugin" in request.node.callspec.id
    if plugin and name in {"a.JPG", "a.tif"}:
        assert (picture.data, picture.original_px) == (data, None)
    else:
        assert (picture.data != data, picture.original_px) == (True, 1600)


# ---- names --------------------------------------------------------------------------------------


def test_spellings_of_a_translated_name() -> None:
    """The stored form and every language; a name that merely begins with a tilde has none."""
    assert list_translations("~en:The Queen~sv:Drottningen") == (
        "~en:The Queen~sv:Drottningen",
        "The Queen",
        "Drottningen",
    )
    assert list_translations("~Åsa") == ("~Åsa",)
    assert list_translations("Berg, Anna") == ("Berg, Anna",)
    assert is_known_by("~en:The Queen~sv:Drottningen", "drottningen")
    assert not is_known_by("Åsa Öberg", "asa oberg")


def test_a_translated_node_of_a_person_goes_by_the_persons_name(ledger: Store, clock: ManualClock) -> None:
    """So that the person is one: the ledger knows no other spelling."""
    raw = "~en:The Queen~sv:Drottningen"
    whose = NodeOwners(ledger, "dam.example.org")
    assert whose.labels([(280, raw)]) == {280: raw}
    with ledger.write() as tx:
        tx.execute(
            person.insert().values(id="p", display_name="Drottningen", name_key="drottningen", created_at=clock.now())
        )
    assert whose.labels([(280, raw), (281, "Åsa")]) == {280: "Drottningen", 281: "Åsa"}


def test_inactive_nodes_stay_names(double: Double, dam: ResourceSpaceDam) -> None:
    """They are hidden from pickers and stand on resources all the same."""
    ref = double.photo(jpeg())
    double.library.edit(ref, ["Åsa Öberg", "Bo Ek"])
    double.library.node("Åsa Öberg").active = 0
    assert {named.node for named in dam.look(str(ref)).names} == {"Åsa Öberg", "Bo Ek"}
    dam.write(str(ref), [Write("Bo Ek", False, NODE)], None)
    assert double.library.people(ref) == {"Åsa Öberg"}


def test_a_write_of_nothing_calls_no_write(double: Double, dam: ResourceSpaceDam) -> None:
    """A release statement alone is a matter of files; a name that stands is not written again."""
    ref = double.photo(jpeg())
    double.library.edit(ref, ["Åsa Öberg"])
    rows = len(double.library.log)
    dam.write(str(ref), [], True)
    dam.write(str(ref), [Write("åsa  öberg", True, NODE)], True)
    dam.write(str(ref), [Write("Bo Ek", False, NODE), Write("Åsa Öberg", False, frozenset({"xmp"}))], None)
    assert len(double.library.log) == rows
    assert double.library.people(ref) == {"Åsa Öberg"}


@pytest.mark.parametrize("plugin", [True, False])
def test_all_threads_write_by_one_profile(ledger: Store, plugin: bool) -> None:
    """Also those that ask first, at once: a second profile has a lock of its own, and its writes would cross."""
    waits = threading.Barrier(8)
    with Double(plugin=plugin) as double:
        account = double.library.add_user("FaceLease", ADMIN)
        with on(double, account).dam(ledger) as dam, ThreadPoolExecutor(8) as crew:

            def ask() -> int:
                waits.wait()
                return id(dam.profile())

            found = [crew.submit(ask) for _ in range(8)]
            assert len({one.result() for one in found}) == 1


def test_an_account_that_may_not_edit_is_told_so(double: Double, ledger: Store) -> None:
    """A write that is turned down without a reason is no success."""
    account = double.library.add_user("reader", ADMIN)
    account.permissions.discard("e0")
    ref = double.photo(jpeg())
    with on(double, account).dam(ledger) as dam, pytest.raises(DamError, match="may edit"):
        dam.write(str(ref), [Write("Åsa Öberg", True, NODE)], None)
    assert double.library.people(ref) == set()


def test_a_confidential_resource_is_not_taken_for_gone(double: Double, ledger: Store) -> None:
    """False is the answer to both; without the plugin the access level tells them apart."""
    if "facelease_status" in dir(double._api):
        double.switch_plugin(False)
    ref = double.photo(jpeg())
    double.library.photos[ref].access = 2
    with on(double).dam(ledger) as dam, pytest.raises(DamError, match="not shown to the account") as error:
        dam.look(str(ref))
    assert type(error.value) is DamError


def test_a_name_that_nobody_carries_can_be_forgotten(double: Double, dam: ResourceSpaceDam) -> None:
    """With the plugin; without it the list keeps the name, and that is said."""
    ref = double.photo(jpeg())
    double.library.edit(ref, ["Åsa Öberg", "Bo Ek"])
    assert not dam.forget("Åsa Öberg")
    dam.write(str(ref), [Write("Åsa Öberg", False, NODE)], None)
    plugin = "facelease_status" in dir(double._api)
    assert dam.forget("åsa öberg") is plugin
    assert ({"Åsa Öberg", "Bo Ek"} - {node.name for node in double.library.nodes.values()} == {"Åsa Öberg"}) is plugin
    assert dam.forget("Nobody")


# ---- collections --------------------------------------------------------------------------------


def test_collections_of_others(double: Double, server: Server, dam: ResourceSpaceDam) -> None:
    """With the plugin all are seen, with what was decided; without it we say that we cannot know."""
    ref = double.photo(jpeg())
    double.library.collect("ours", 2, [ref])
    ruling = {"mode": "never", "basis": "", "set_by": "admin", "set_at": "2026-03-01 10:00:00"}
    hidden = double.library.collect("theirs", 1, [ref], ruling=ruling)
    found = dam.look(str(ref))
    plugin = "facelease_status" in dir(double._api)
    assert found.complete is plugin
    assert len(found.collections) == (2 if plugin else 1)
    assert [(r.ref, r.mode) for r in found.rulings] == ([(str(hidden.ref), "never")] if plugin else [])
    assert {c.title: c.resources for c in dam.collections()} == ({"ours": 1, "theirs": 1} if plugin else {"ours": 1})


def test_public_and_nested_collections_are_listed(double: Double, dam: ResourceSpaceDam) -> None:
    """Featured collections lie within one another."""
    double.library.collect("public", 1, kind=4)
    top = double.library.collect("top", 1, kind=3)
    double.library.collect("below", 1, [double.photo(jpeg())], kind=3, parent=top.ref)
    assert {(c.title, c.resources) for c in dam.collections()} == {("public", 0), ("top", 0), ("below", 1)}


def test_a_search_is_read_to_its_end(double: Double, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Page by page with an overlap: what is deleted meanwhile hides nothing else."""
    monkeypatch.setattr(listing, "_PAGE", 10)
    monkeypatch.setattr(listing, "_OVERLAP", 3)
    refs = [double.library.create(1).ref for _ in range(45)]
    gone = iter(refs[:3])

    def before(function: str) -> None:
        if function == "do_search" and (ref := next(gone, None)):
            del double.library.photos[ref]

    double.before = before
    found = set(listing.search_resources(server.client(), "", (0,)))
    assert set(refs[3:]) <= found <= set(refs)


def test_the_bin_is_no_part_of_the_library_but_of_a_name(double: Double, dam: ResourceSpaceDam) -> None:
    """An erasure has to reach what can be brought back."""
    kept, binned = double.photo(jpeg()), double.photo(jpeg())
    for ref in (kept, binned):
        double.library.edit(ref, ["Åsa Öberg"])
    double.library.delete(binned, 1)
    assert set(dam.refs()) == {str(kept)}
    assert set(dam.holders("ÅSA ÖBERG")) == {str(kept), str(binned)}
    assert list(dam.refs("no number")) == []


def test_what_a_private_collection_holds_is_told_by_the_plugin_alone(ledger: Store) -> None:
    """Somebody else's private collection cannot be searched by an account without permission a."""
    for plugin in (True, False):
        with Double(plugin=plugin) as double:
            refs = [double.photo(jpeg()) for _ in range(3)]
            shelf = double.library.collect("theirs", 1, refs[:2])
            account = double.library.add_user("FaceLease", ADMIN)
            with on(double, account).dam(ledger) as dam:
                if plugin:
                    assert set(dam.refs(str(shelf.ref))) == {str(ref) for ref in refs[:2]}
                else:
                    with pytest.raises(DamError):
                        list(dam.refs(str(shelf.ref)))


# ---- the log ------------------------------------------------------------------------------------


def test_the_end_of_a_log_is_found_without_reading_it(double: Double, server: Server) -> None:
    """Some forty calls, however long it is."""
    for _ in range(777):
        double.library.note(1, "e", 1)
    double.calls.clear()
    assert ResourceLog(server.client()).head() == 777
    assert double.calls["resource_log_last_rows"] < 40
    double.calls.clear()
    assert ResourceLog(server.client()).head(777) == 777
    assert double.calls["resource_log_last_rows"] == 2  # the row that was known is there, and none after it


def test_the_past_is_a_scans_and_the_rest_is_told_once(
    double: Double, server: Server, dam: ResourceSpaceDam, ledger: Store
) -> None:
    """Also by another process, and after a restart."""
    double.photo(jpeg())
    assert told(dam) == {}
    ref = double.photo(jpeg())
    assert told(dam) == {str(ref): ChangeKind.NEW}
    assert told(dam) == {}
    with server.dam(ledger) as again:
        assert told(again) == {}


def test_a_row_that_shows_up_late_is_told(double: Double, dam: ResourceSpaceDam) -> None:
    """Its number is lower than one that was told already: its transaction took longer."""
    first, second = double.photo(jpeg()), double.photo(jpeg())
    told(dam)
    double.library.edit(first, ["Åsa Öberg"])
    late = double.library.log.pop()
    double.library.edit(second, ["Bo Ek"])
    assert told(dam) == {str(second): ChangeKind.METADATA}
    double.library.log.insert(-1, late)
    assert told(dam) == {str(first): ChangeKind.METADATA}
    assert told(dam) == {}


def test_what_is_acknowledged_in_part_is_told_in_part(double: Double, dam: ResourceSpaceDam) -> None:
    """Nothing is lost by not acknowledging."""
    told(dam)
    refs = [str(double.photo(jpeg())) for _ in range(3)]
    changes = sorted(dam.changes(), key=lambda change: int(change.ref))
    dam.acknowledge(changes[:1])
    assert {change.ref for change in dam.changes()} == set(refs[1:])
    changes = sorted(dam.changes(), key=lambda change: int(change.ref))
    dam.acknowledge(changes[1:])
    assert refs[1] in {change.ref for change in dam.changes()}
    dam.acknowledge(dam.changes())
    assert dam.changes() == []


def test_only_what_concerns_us_is_told(double: Double, dam: ResourceSpaceDam) -> None:
    """Downloads, other fields and our own names are not; other accounts' names, states and files are."""
    ref = double.photo(jpeg())
    told(dam)
    for kind, field in (("d", 0), ("e", 8), ("a", 0), ("y", 0), ("", 0), ("X", 0)):
        double.library.note(ref, kind, 1, field)
    double.library.edit(ref, ["Åsa Öberg"], user=2)
    assert told(dam) == {}
    double.library.edit(ref, ["Bo Ek"], user=1)
    assert told(dam) == {str(ref): ChangeKind.METADATA}
    double.library.upload(ref, jpeg(shade=9), "b.jpg", 1, replace=True)
    assert told(dam) == {str(ref): ChangeKind.REPLACED}


def test_a_long_absence_is_read_page_by_page(double: Double, dam: ResourceSpaceDam) -> None:
    """Three thousand rows, none left out."""
    told(dam)
    for number in range(3000):
        double.library.note(number + 1, "s", 1)
    assert len(told(dam)) == 3000
    assert told(dam) == {}


def test_without_permission_for_the_log_we_say_so(double: Double, ledger: Store) -> None:
    """The server answers an empty list, as if nothing happened."""
    account = double.library.add_user("blind", ADMIN)
    account.permissions.discard("v")
    with on(double, account).dam(ledger) as dam:
        with pytest.raises(DamError, match="permission v"):
            dam.changes()
        assert any("permission v" in line for line in dam.limits)


def test_without_permission_for_the_people_field_we_say_so(double: Double, ledger: Store) -> None:
    """A group of its own has no field unless it is given: f and the field's number is enough."""
    account = double.library.add_user("blind", SUPER)
    account.permissions.discard("f*")
    ref = str(double.photo(jpeg()))
    with on(double, account).dam(ledger) as dam:
        with pytest.raises(Refused, match="permission f29"):
            dam.write(ref, [Write("Åsa Ek", True, frozenset({"node"}))], None)
        assert any("permission f29" in line for line in dam.limits)
    account.permissions.add("f29")
    with on(double, account).dam(ledger) as dam:
        assert dam.write(ref, [Write("Åsa Ek", True, frozenset({"node"}))], None).names
        assert not any("permission f29" in line for line in dam.limits)


# ---- the plugin comes and goes ------------------------------------------------------------------


def test_a_plugin_that_goes_is_noticed_and_one_that_comes_too(ledger: Store) -> None:
    """The call that fails says so and is repeated by its job; a plugin is looked for every ten minutes."""
    now = [0.0]
    with Double(plugin=True) as double:
        server = on(double)
        config = configuration(server.url, server.user)
        dam = ResourceSpaceDam(ledger, config, server.client(), lambda: now[0])
        ref = str(double.photo(jpeg()))
        assert dam.look(ref).complete
        double.switch_plugin(False)
        with pytest.raises(NoSuchFunction):
            dam.look(ref)
        assert not dam.look(ref).complete
        double.switch_plugin(True)
        now[0] += 500
        assert not dam.look(ref).complete
        now[0] += 200
        assert dam.look(ref).complete
        dam.close()


def test_a_plugin_that_must_be_there_is_missed(ledger: Store) -> None:
    """Where the configuration demands it, nothing is done without it."""
    with (
        Double(plugin=False) as double,
        on(double, profile="plugin").dam(ledger) as dam,
        pytest.raises(DamError, match="not active"),
    ):
        dam.look("1")


def test_two_people_fields_are_a_mistake(ledger: Store) -> None:
    """The plugin would write into another field than we read."""
    with (
        Double() as double,
        on(double).dam(ledger, people_field=30) as dam,
        pytest.raises(DamError, match="let both be the same"),
    ):
        dam.look("1")


# ---- cleared until ------------------------------------------------------------------------------


def test_the_fields_of_the_channels_are_made_once_and_written(
    double: Double, server: Server, dam: ResourceSpaceDam
) -> None:
    """A date each; empty is unknown."""
    channels = ["website", "social media"]
    assert fields.make_fields(server.client(), channels) == {"website": True, "social media": True}
    assert fields.make_fields(server.client(), channels) == {"website": False, "social media": False}
    number = {f["name"]: ref for ref, f in double.library.fields.items()}["cleareduntilwebsite"]
    ref = double.photo(jpeg())
    assert dam.state_many({str(ref): {"website": date(2026, 6, 1)}}) == {str(ref): None}
    assert double.library.photos[ref].texts[number] == "2026-06-01"
    assert dam.state_many({str(ref): {"website": None}}) == {str(ref): None}
    assert double.library.photos[ref].texts[number] == ""
    before = dict(double.library.photos[ref].texts)
    assert dam.state_many({str(ref): {"print": date(2026, 6, 1)}}) == {str(ref): None}
    assert double.library.photos[ref].texts == before, "a channel without a field shows nothing"


def test_channels_that_would_share_a_field_are_refused() -> None:
    """The server makes short names of the first letters and digits alone."""
    with pytest.raises(ConfigError, match="rename one"):
        fields.build_short_names(["tv 1", "TV-1"])


def test_a_field_of_another_kind_is_not_taken(double: Double, server: Server) -> None:
    """Somebody's own text field by that name is left alone."""
    double.library.fields[99] = {"name": "cleareduntilprint", "title": "x", "type": 0, "required": 0}
    with pytest.raises(DamError, match="no date field"):
        fields.make_fields(server.client(), ["print"])
