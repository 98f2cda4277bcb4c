"""What every test shares: options, photographs, and a clock that stands still."""

import compileall
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import structlog
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from limits.storage import memory as limits_memory

from bench import words
from plugin.clock import ManualClock
from plugin.config import Config
from plugin.flows.common.services import Services
from plugin.recognizer.process.examiner import Examiner
from sidecar.running import bootstrap, metrics
from tests import mailbox, staff, support
from tests.doubles.resourcespace import Double
from tests.mailbox import Mailbox

if TYPE_CHECKING:
    from tests.stores import Stores

pytest_plugins = ["tests.stores"]

BOTH_STORES = (
    "flows",
    "api",
    "test_engine_change.py",
    "test_erased.py",
    "test_intents.py",
    "test_strangers.py",
    "test_withdrawal.py",
    "test_withdrawal_on_a_server.py",
    "test_worker.py",
)
"""Folders and files whose stories run on SQLite and on PostgreSQL; what is about the SQLite file itself is marked
`embedded`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="the large counts of ./run promises --full")
    parser.addoption("--faces", default=os.environ.get("FACELEASE_FACES", ""), help="photographs to measure on")


def pytest_configure(config: pytest.Config) -> None:
    _set_engine_files_aside()
    _compile(config)


def _set_engine_files_aside() -> None:
    """Publishers' files are there for the tests that ask for them (`support.find_engine_files`); to all others they are
    not, or the product would take a better engine than they speak of."""
    given = os.environ.pop("FACELEASE_ENGINE_FILES", "")
    if given:
        os.environ[support.ENGINE_FILES] = str(Path(given).absolute())


def _compile(config: pytest.Config) -> None:
    """Compile our modules once: hundreds of processes import them, of which those that are confined may not write. And
    the catalogues of messages, which are read no sooner."""
    if not hasattr(config, "workerinput"):
        words.compile_changed()
        for folder in ("plugin", "sidecar"):
            compileall.compile_dir(config.rootpath / folder, quiet=2)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for reports in list(terminalreporter.stats.values()):
        for report in reports:
            for name, line in getattr(report, "user_properties", ()):
                if name == "promise" and getattr(report, "when", "") == "call":
                    terminalreporter.write_line(line)


@pytest.fixture
def promise(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`promise("K1", "flips refused 8 of 8")` puts a PROMISE line at the end of the run."""

    def record(name: str, figure: str) -> None:
        request.node.user_properties.append(("promise", f"PROMISE {name} {figure}"))

    return record


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the large counts are asked for."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="session")
def faces(request: pytest.FixtureRequest) -> Path | None:
    """The folder of photographs for measurements, if one was given."""
    given = str(request.config.getoption("--faces"))
    return Path(given).resolve() if given else None


@pytest.fixture(scope="session", autouse=True)
def logs_apart() -> None:
    """As the command line has it: what is logged is not in what a command prints."""
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


@pytest.fixture(scope="session", autouse=True)
def no_write_is_long() -> None:
    """A stalled disk is no test's failure: what compares all that a command printed would find a warning in it."""
    metrics.SLOW_WRITE_SECONDS = math.inf


@pytest.fixture(scope="session", autouse=True)
def worked_out_once() -> Iterator[None]:
    """What every app works out anew and is the same in each: the schemas of the API's models, compiled templates."""
    from flask_openapi3 import utils

    schema = cache(utils.get_model_schema)
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory(prefix="facelease-templates-") as folder:
        patch.setattr(utils, "get_model_schema", lambda *asked, **how: deepcopy(schema(*asked, **how)))
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": FileSystemBytecodeCache(folder)})
        yield


@pytest.fixture
def clock() -> ManualClock:
    """Noon on a Monday."""
    return ManualClock(datetime(2026, 3, 2, 12, 0, tzinfo=UTC))


@pytest.fixture(scope="session")
def examiner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Examiner]:
    """The real default engine, in one child for the whole run."""
    models = os.environ.get("FACELEASE_MODELS") or str(tmp_path_factory.mktemp("models"))
    os.environ["FACELEASE_MODELS"] = models
    with Examiner.from_config(bootstrap.resolve_models(support.default_engine(Config()))) as shared:
        yield shared


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Stories that open a house run once for each kind of store."""
    path = metafunc.definition.path
    story = "examiner" in metafunc.fixturenames and bool({path.parent.name, path.name} & set(BOTH_STORES))
    chosen = "stores" in metafunc.fixturenames  # the test names its stores itself
    if story and not chosen and metafunc.definition.get_closest_marker("embedded") is None:
        metafunc.parametrize("house_store", ("sqlite", "postgresql"), indirect=True)


@pytest.fixture(autouse=True)
def house_store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The kind of store that `support.configuration` names, for each folder one."""
    kind = str(getattr(request, "param", "sqlite"))
    if kind == "sqlite":
        yield kind
    else:
        made: Stores = request.getfixturevalue("stores")
        urls: dict[Path, str] = {}

        def url(root: Path) -> str:
            if root not in urls:
                urls[root] = made.migrated("postgresql")
            return urls[root]

        monkeypatch.setattr(support, "store_of", url)
        yield kind
        for one in urls.values():
            made.drop(one)


@pytest.fixture
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock by which requests are counted stands: no minute ends in the middle of a count."""
    now = time.time()
    monkeypatch.setattr(limits_memory, "time", SimpleNamespace(time=lambda: now))


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """An open house on an empty folder with one collection, `shoot`."""
    config = support.configuration(tmp_path)
    (tmp_path / "photos" / support.SHOOT).mkdir(parents=True)
    with support.opened(config, clock, examiner) as open_:
        yield open_


@pytest.fixture
def cast(services: Services) -> support.Cast:
    """The people of the house."""
    return support.Cast(services)


@pytest.fixture
def photos(services: Services) -> Path:
    """The folder that is the DAM."""
    return services.config.path(services.config.folder.path)


@pytest.fixture
def app(services: Services) -> Flask:
    """What browsers of the staff talk to."""
    return staff.app(services)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Mailbox]:
    """A mail server that is up."""
    with mailbox.running(tmp_path / "mail") as running:
        yield running


@pytest.fixture
def double() -> Iterator[Double]:
    """A server with our plugin."""
    with Double() as made:
        yield made
