"""Labels of a site's own: which group each person and each stranger of a measurement belongs to.

They are read for one report and kept nowhere.
"""

import os
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from plugin.errors import ConfigError
from plugin.words.plurals import pluralize

MOST_GROUPS = 200
_DEEP = 4  # a group, then a folder named as --people or --strangers is, a person or a folder of strangers, a photograph
Target = str | int
"""A person by name, or a stranger by place."""


@dataclass(frozen=True)
class Label:
    """`name`: of a folder or a photograph; `place`: where that was read, for errors."""

    name: str
    group: str
    place: str


@dataclass(frozen=True)
class GroupLabels:
    """The group of each person, by name, and of each stranger, by place in the list; None or no entry: no label.

    `unknown`: labels of what is in neither folder, of which `example` is the place of the first.
    """

    people: dict[str, str]
    strangers: list[str | None]
    unknown: int = 0
    example: str = ""


class LabelTargets:
    """What may be labelled: the folders and photographs of people, those of strangers, by their names there."""

    def __init__(
        self, people: tuple[Path, Sequence[tuple[str, list[Path]]]], strangers: tuple[Path, Sequence[Path]]
    ) -> None:
        """Each folder, and what was listed in it."""
        self._roots = (people[0], strangers[0])
        self.strangers = len(strangers[1])
        self._found: tuple[dict[str, list[Target]], dict[str, list[Target]]] = ({}, {})
        for name, files in people[1]:
            self._add(0, name, name)
            for file in files:
                self._add(0, f"{name}/{file.name}", name)
        for place, file in enumerate(strangers[1]):
            inside = file.relative_to(strangers[0])
            self._add(1, str(inside), place)
            if len(inside.parts) > 1:
                self._add(1, inside.parts[0], place)

    def _add(self, which: int, key: str, target: Target) -> None:
        self._found[which].setdefault(_normalize_path(key), []).append(target)

    def find(self, label: Label) -> list[Target]:
        """Whom a label means: a path, or a name in one of the folders. Raises ConfigError if that is in both."""
        name = _normalize_path(label.name)
        for which, root in enumerate(self._roots):
            for prefix in (str(root), str(root.absolute()), str(root.resolve()), root.resolve().name):
                inside = name.removeprefix(_normalize_path(prefix) + "/")
                if inside != name and inside in self._found[which]:
                    return self._found[which][inside]
        person, stranger = (found.get(name, []) for found in self._found)
        if person and stranger:
            raise ConfigError(f"{label.place}: that name is in both folders; write it with the folder before it")
        return person or stranger


def _normalize_path(name: str) -> str:
    """Without what differs between systems: composed letters, no "./", no space around it."""
    return os.path.normpath(unicodedata.normalize("NFC", name.strip()))


def list_folder_labels(folder: Path, targets: LabelTargets) -> list[Label]:
    """A label for each name in the sub-folders of `folder`, which are the groups. Raises ConfigError.

    Only names are read, so that links and empty files do. A folder that is not known by its name is looked into.
    """
    try:
        with os.scandir(folder) as entries:
            groups = sorted(one.name for one in entries if Path(one).is_dir() and not one.name.startswith("."))
        return [label for group in groups for label in _list_labels(folder, group, "", targets)]
    except OSError as error:
        raise ConfigError(f"{error.filename or folder}: cannot be read ({error.strerror})") from error


def _list_labels(folder: Path, group: str, inside: str, targets: LabelTargets) -> Iterator[Label]:
    with os.scandir(folder / group / inside) as entries:
        shown = [entry for entry in entries if not entry.name.startswith(".")]
        found = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in shown)
    for name, is_folder in found:
        path = f"{inside}/{name}".lstrip("/")
        label = Label(path, group, f"{folder / group / path}")
        if is_folder and path.count("/") < _DEEP - 2 and not targets.find(label):
            yield from _list_labels(folder, group, path, targets)
        else:
            yield label


def assign_groups(labels: Iterable[Label], targets: LabelTargets) -> GroupLabels:
    """The group of each target. Spelling of groups: capitals and spaces make no other group; empty is none.

    Raises ConfigError for labels that contradict each other, for none that fits, and for too many groups.
    """
    spelled: dict[str, str] = {}
    given: dict[Target, Label] = {}
    unknown: list[Label] = []
    for label in labels:
        found = targets.find(label)
        unknown += [] if found else [label]
        name = " ".join(unicodedata.normalize("NFC", label.group).split())
        if name:
            group = spelled.setdefault(name.casefold(), name)
            for target in found:
                before = given.setdefault(target, Label(label.name, group, label.place))
                if before.group != group:
                    raise ConfigError(f"{label.place}: another group than at {before.place}, for the same one")
    if not given:
        raise ConfigError("no label has the name of a person's folder, nor of a stranger's photograph, as it is there")
    groups = {label.group for label in given.values()}
    if len(groups) > MOST_GROUPS:
        raise ConfigError(f"the labels name {pluralize(len(groups), 'group')}: more than {MOST_GROUPS} say nothing")
    people = {target: label.group for target, label in given.items() if isinstance(target, str)}
    strangers = [given[place].group if place in given else None for place in range(targets.strangers)]
    return GroupLabels(people, strangers, len(unknown), unknown[0].place if unknown else "")
