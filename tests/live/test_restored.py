"""R4 on a real server: a table dump put back, and a change reverted, after a withdrawal."""

import json
from collections.abc import Callable, Iterator

import pytest

from sidecar.commands.demo import samples
from tests.live.given import Given, answer, bin_all, forget, names_in, until
from tests.live.office import CAN_RESTORE, Office, dump, restore
from tests.live.story import ASA, Story

EDNA = "Edna Sample"
COUNT = 5


@pytest.fixture
def tagged(story: Story) -> Iterator[Story]:
    """Her name on each of five photographs, and an editor's name beside it on the first."""
    story.asa_signs("website")
    collection = story.collection()
    story.pages.choose(collection, "auto")
    for number in range(COUNT):
        story.put(collection, story.portrait(samples.A_STANDING, f"{number}.jpg"))
    for ref in story.refs:
        story.until_named(ref)
    by_hand(story, story.refs[0], ASA, EDNA)
    yield story
    forget(story.server, EDNA)


def by_hand(story: Story, ref: str, *names: str) -> None:
    """The names of a resource as an editor leaves them."""
    value = "@@|@@".join(names) if len(names) != 1 else f'"{names[0]}"'
    assert answer(story.server, "update_field", resource=ref, field=29, value=value) is True


def named(story: Story, name: str = ASA) -> set[str]:
    return {ref for ref in story.refs if name in names_in(story.server, ref)}


def reconcile(story: Story) -> None:
    """By hand; what the worker has taken up meanwhile makes the command say that it is not done yet."""

    def done() -> bool:
        try:
            return bool(story.sidecar.run("reconcile"))
        except AssertionError as error:
            print(error)
            return False

    until(done, pause=3)


def withdraw(story: Story) -> None:
    story.sidecar.run("quitclaim", "withdraw", "--yes", ASA, handed_on=True)
    until(lambda: not named(story))


@pytest.mark.promise
@pytest.mark.skipif(not CAN_RESTORE, reason="FACELEASE_LIVE_DUMP and FACELEASE_LIVE_RESTORE name no commands")
@pytest.mark.parametrize("grown", [False, True], ids=["at once", "grown beyond"])
def test_a_table_dump_that_is_put_back_brings_nobody_back(
    tagged: Story, grown: bool, promise: Callable[[str, str], None]
) -> None:
    """Noticed within a poll and put right by itself; a name typed after the restore stays, an editor's too."""
    story = tagged
    tables = dump()
    withdraw(story)
    restore(tables)
    came = named(story)
    assert came == set(story.refs)
    typed = story.refs[1]
    for _ in range(60 if grown else 1):
        by_hand(story, typed)
        by_hand(story, typed, ASA)
    until(lambda: named(story) <= {typed})
    reconcile(story)
    left, touched = named(story) - {typed}, {typed} - named(story) | {story.refs[0]} - named(story, EDNA)
    promise(
        "R4",
        f"real server, tables put back {'and grown beyond' if grown else 'at once'}: our names left after one "
        f"reconcile {len(left)} of {len(came)}, names by hand touched {len(touched)} of 2",
    )
    assert (left, touched) == (set(), set())


def test_a_reverted_removal_is_taken_off_again(tagged: Story, given: Given) -> None:
    """By the page of the server's own plugin for versions; a name typed afterwards stays."""
    story, office = tagged, Office(given)
    withdraw(story)
    ref = story.refs[2]
    log = answer(story.server, "get_resource_log", resource=ref)
    (row,) = [one for one in log if one["field"] == 29 and f"- ,{ASA}" in one["diff"].replace("- ", "- ,", 1)][:1]
    office.revert(row["ref"])
    assert any(
        "+" in one["diff"] and ASA in one["diff"] and "revert" in one["notes"]
        for one in answer(story.server, "get_resource_log", resource=ref)
    )
    until(lambda: ref not in named(story))
    by_hand(story, ref, ASA)
    reconcile(story)
    assert ref in named(story)


def test_a_copy_of_a_resource_is_told_by_its_log(story: Story) -> None:
    """What we rely on: names come with a copy, in a row before the one that says that it was made."""
    ref = story.server.photo()
    story.refs.append(ref)
    by_hand(story, ref, EDNA)
    copy = str(answer(story.server, "copy_resource", **{"from": ref}))
    story.refs.append(copy)
    rows = sorted(answer(story.server, "get_resource_log", resource=copy), key=lambda one: one["ref"])
    added = [one["ref"] for one in rows if one["field"] == 29]
    made = [one["ref"] for one in rows if one["type"] == "c"]
    assert added, json.dumps(rows)
    assert max(added) < min(made)
    bin_all(story.server, [copy])
    story.refs.remove(copy)
    by_hand(story, ref)
    forget(story.server, EDNA)
