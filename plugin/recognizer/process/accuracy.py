"""Measures the configured engine on your own photographs, in a confined child.

Strangers' vectors never leave the child, which keeps them until the report and then ends.
"""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from plugin.config import Config
from plugin.errors import ConfigError, ExaminationFailed
from plugin.recognizer.evaluation import identification
from plugin.recognizer.evaluation.accuracy_report import FullReport
from plugin.recognizer.evaluation.group_labels import (
    GroupLabels,
    Label,
    LabelTargets,
    assign_groups,
    list_folder_labels,
)
from plugin.recognizer.process.worker import Worker

_COUNT_SECONDS = 3600  # comparing thousands with thousands, many times over
_Photograph = tuple[str | None, Path, bool]
"""Of whom (None: a stranger), its file, and whether it enrols."""
Watch = Callable[[Sequence[_Photograph]], Iterable[_Photograph]]
"""Hands its photographs on one by one, and shows how far that is."""


def measure_accuracy(
    people: Path,
    strangers: Path,
    config: Config,
    groups: Path | list[Label] | None = None,
    curve: bool = False,
    watch: Watch = iter,
) -> FullReport:
    """Accuracy, with 95 % intervals.

    `people`: a folder a person, four photographs or more each, one main face on each. `strangers`: photographs (in
    sub-folders too) of other people. `groups`: labels from a file, or a folder whose sub-folders are groups. Raises
    ConfigError for an unsuitable folder, label or unreadable photograph; EngineError.
    """
    known, others = identification.list_people(people), identification.list_strangers(strangers)
    labels = None if groups is None else _read_groups(groups, LabelTargets((people, known), (strangers, others)))
    enrolling = identification.ENROLLED_FROM
    work: list[_Photograph] = [(name, file, n < enrolling) for name, files in known for n, file in enumerate(files)]
    recognizer = config.recognizer.model_copy(update={"recycle_after": sys.maxsize})
    worker = Worker(recognizer, config.matching, config.path(recognizer.cache))
    try:
        for who, file, enrols in watch([*work, *((None, file, False) for file in others)]):
            _note(worker, who, file, enrols, recognizer.seconds)
        told = json.dumps(None if labels is None else asdict(labels)).encode()
        counted: Any = worker.ask({"order": "count", "curve": curve}, [told], _COUNT_SECONDS)[0]
        report: FullReport = counted["report"]
        return report
    finally:
        worker.stop()


def _read_groups(groups: Path | list[Label], targets: LabelTargets) -> GroupLabels:
    return assign_groups(list_folder_labels(groups, targets) if isinstance(groups, Path) else groups, targets)


def _note(worker: Worker, who: str | None, file: Path, mirrored: bool, seconds: float) -> None:
    """Have the child read one photograph and keep its vector."""
    order = {"order": "note", "who": who, "mirrored": mirrored, "sources": [None]}
    try:
        answer, _ = worker.ask(order, [file.read_bytes()], seconds)
        why = answer.get("message")
    except OSError as error:
        why = f"it cannot be read ({error.strerror})"
    except ExaminationFailed as error:
        why = str(error)
    if why is not None:
        raise ConfigError(f"{file}: {why}; take it out of the folder")
