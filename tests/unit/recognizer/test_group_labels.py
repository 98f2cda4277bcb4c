"""Labels of groups: whom each means, in whatever way it is written, and what is refused."""

from pathlib import Path

import pytest

from plugin.errors import ConfigError
from plugin.recognizer.evaluation.group_labels import (
    MOST_GROUPS,
    GroupLabels,
    Label,
    LabelTargets,
    assign_groups,
    list_folder_labels,
)

PEOPLE = ("bo", "Zoë", 'a, "b"\nc')
STRANGERS = ("1.jpg", "2.jpg", "flat/1.jpg", "flat/3.jpg")


@pytest.fixture
def targets(tmp_path: Path) -> LabelTargets:
    """Three people and four strangers, two of these in a folder."""
    known, others = tmp_path / "people", tmp_path / "strangers"
    listed = [(name, [known / name / f"{n}.jpg" for n in range(4)]) for name in PEOPLE]
    return LabelTargets((known, listed), (others, [others / name for name in STRANGERS]))


def assign(targets: LabelTargets, *rows: tuple[str, str]) -> GroupLabels:
    """The groups of these lines."""
    return assign_groups([Label(name, group, f"line {n}") for n, (name, group) in enumerate(rows, 1)], targets)


@pytest.mark.parametrize(
    "name", ["bo", "people/bo", "./bo/", "bo/2.jpg", "people/bo/0.jpg", " bo ", "{root}/people/bo"]
)
def test_a_person_is_meant_by_a_folder_or_a_photograph(targets: LabelTargets, tmp_path: Path, name: str) -> None:
    """By name, by path from either side, by any photograph, by the whole path."""
    assert assign(targets, (name.format(root=tmp_path), "x")) == GroupLabels({"bo": "x"}, [None] * 4)


@pytest.mark.parametrize(
    ("name", "whom"),
    [
        ("1.jpg", [0]),
        ("strangers/1.jpg", [0]),
        ("flat/1.jpg", [2]),
        ("flat", [2, 3]),
        ("{root}/strangers/flat", [2, 3]),
    ],
)
def test_strangers_are_meant_by_photographs_or_folders(
    targets: LabelTargets, tmp_path: Path, name: str, whom: list[int]
) -> None:
    """One, or all of a folder; the same name in a folder is another photograph."""
    told = assign(targets, (name.format(root=tmp_path), "x"))
    assert [place for place, group in enumerate(told.strangers) if group] == whom
    assert not told.people


def test_names_are_the_same_in_either_unicode_form(targets: LabelTargets) -> None:
    """As macOS writes it; commas, quotation marks and line breaks are part of a name."""
    told = assign(targets, ("Zoe\u0308", "x"), ('a, "b"\nc', "y"))
    assert told.people == {"Zoë": "x", 'a, "b"\nc': "y"}


def test_groups_are_the_same_in_capitals_and_with_spaces(targets: LabelTargets) -> None:
    """Spelled as first seen; an empty group is no label."""
    told = assign(targets, ("bo", "Older  women"), ("1.jpg", " older women "), ("2.jpg", " "))
    assert told == GroupLabels({"bo": "Older women"}, ["Older women", None, None, None])


def test_what_is_not_here_is_counted(targets: LabelTargets) -> None:
    """Another spelling of a name is another name."""
    told = assign(targets, ("Bo", "x"), ("bo", "x"), ("people/../../etc", "x"), ("people/bo/9.jpg", "x"), ("", "x"))
    assert (told.people, told.unknown, told.example) == ({"bo": "x"}, 4, "line 1")


def test_contradictions_are_refused(targets: LabelTargets) -> None:
    """With the two places and without names; the same label twice is none."""
    assert assign(targets, ("bo", "x"), ("bo/1.jpg", "X")).people == {"bo": "x"}
    with pytest.raises(ConfigError, match="line 2: another group than at line 1") as said:
        assign(targets, ("bo", "x"), ("people/bo", "y"))
    assert "bo" not in str(said.value)


def test_nothing_that_fits_is_refused(targets: LabelTargets) -> None:
    """No line, no name of anybody here, only empty groups."""
    for rows in ([], [("nobody", "x")], [("bo", "")]):
        with pytest.raises(ConfigError, match="no label has the name"):
            assign(targets, *rows)


def test_a_name_in_both_folders_needs_its_folder(tmp_path: Path) -> None:
    """A person and a folder of strangers with one name."""
    known, others = tmp_path / "people", tmp_path / "others"
    targets = LabelTargets((known, [("bo", [known / "bo" / "1.jpg"])]), (others, [others / "bo" / "1.jpg"]))
    with pytest.raises(ConfigError, match="in both folders"):
        assign(targets, ("bo", "x"))
    assert assign(targets, ("people/bo", "x"), ("others/bo", "y")) == GroupLabels({"bo": "x"}, ["y"])


def test_as_many_groups_as_people_are_refused(tmp_path: Path) -> None:
    """The second column is not the group, most likely."""
    others = [tmp_path / f"{n}.jpg" for n in range(MOST_GROUPS + 1)]
    targets = LabelTargets((tmp_path / "people", []), (tmp_path, others))
    with pytest.raises(ConfigError, match="201 groups"):
        assign(targets, *((file.name, file.stem) for file in others))


def test_a_hundred_thousand_lines(tmp_path: Path) -> None:
    """All found, by the longest way of writing them."""
    others = [tmp_path / "all" / f"{n}.jpg" for n in range(100_000)]
    targets = LabelTargets((tmp_path / "people", []), (tmp_path / "all", others))
    told = assign(targets, *((str(file), "ab"[n % 2]) for n, file in enumerate(others)))
    assert told.unknown == 0
    assert told.strangers == ["a", "b"] * 50_000


def test_a_folder_of_groups(targets: LabelTargets, tmp_path: Path) -> None:
    """Folders, empty files and links, with or without the folders above them; only names are read."""
    groups = tmp_path / "groups"
    for name in ("x/bo", "y/people/Zoë", "y/strangers/flat"):
        (groups / name).mkdir(parents=True)
    (groups / "x" / "bo" / "another.jpg").touch()
    (groups / "y" / ".DS_Store").touch()
    (groups / "x" / "1.jpg").symlink_to(tmp_path / "nowhere")
    (groups / "y" / "2.jpg").symlink_to("2.jpg")
    (groups / "y" / "round").symlink_to(groups)
    (groups / "stray.txt").touch()
    told = assign_groups(list_folder_labels(groups, targets), targets)
    assert told.people == {"bo": "x", "Zoë": "y"}
    assert told.strangers == ["x", "y", "y", "y"]
    assert (told.unknown, told.example) == (1, str(groups / "y" / "round"))
