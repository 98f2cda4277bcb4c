"""Measures the configured engine on your own photographs, in a confined child.

Strangers' vectors never leave the child, which keeps them until the report and then ends.
"""

import sys
from pathlib import Path
from typing import Any

from plugin.config import Config
from plugin.errors import ConfigError, ExaminationFailed
from plugin.recognizer.evaluation import identification
from plugin.recognizer.evaluation.identification import AccuracyReport
from plugin.recognizer.process.worker import Worker


def measure_accuracy(people: Path, strangers: Path, config: Config) -> AccuracyReport:
    """Accuracy, with 95 % intervals.

    `people`: a folder a person, four photographs or more each, one main face on each. `strangers`: photographs (in
    sub-folders too) of other people. Raises ConfigError for an unsuitable folder or unreadable photograph; EngineError.
    """
    known, others = identification.list_people(people), identification.list_strangers(strangers)
    recognizer = config.recognizer.model_copy(update={"recycle_after": sys.maxsize})
    worker = Worker(recognizer, config.matching, config.path(recognizer.cache))
    try:
        for name, files in known:
            for number, file in enumerate(files):
                _note(worker, name, file, number < identification.ENROLLED_FROM, recognizer.seconds)
        for file in others:
            _note(worker, None, file, False, recognizer.seconds)
        counted: Any = worker.ask({"order": "count"}, [], recognizer.seconds)[0]["report"]
        report: AccuracyReport = counted
        return report
    finally:
        worker.stop()


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
