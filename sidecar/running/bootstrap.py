"""Composition root: creates and opens the store, the keys, the DAM and the recogniser that the configuration names."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from random import SystemRandom
from threading import Event

from plugin.clock import Clock, MonotonicClock, SystemClock
from plugin.config import Config
from plugin.errors import ConfigError, StoreAway
from plugin.flows.common.recogniser import Recogniser
from plugin.flows.common.services import Services
from plugin.flows.matching import serving_engine
from plugin.flows.names import name_index
from plugin.flows.schedule import house_closing
from plugin.flows.views import health
from plugin.hooks import registry
from plugin.hooks.dam import Dam
from plugin.hooks.registry import MakesFields
from plugin.ledger.keys import house_key
from plugin.ledger.keys.master_keys import MasterKeys
from plugin.ledger.keys.name_hashes import NameHasher
from plugin.ledger.keys.vault import Vault
from plugin.ledger.log import heads as log_heads
from plugin.ledger.log.endings import EndedLog
from plugin.ledger.log.head_key import HeadKey
from plugin.ledger.queue.jobs import Queue
from plugin.ledger.store import migrations
from plugin.ledger.store.store import Store, init_store, read_revision
from plugin.recognizer.engines.registry import EngineSource
from sidecar.running import loops, metrics


def init(config: Config, clock: Clock | None = None) -> list[str]:
    """Create the data folder, the keys, the store and the first head of its log, where missing (idempotent).

    Returns a line for each that was made.
    """
    made = _data_folder(config)
    master = config.path(config.keys.master_file)
    if not config.keys.master_command and not master.exists():
        master.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        MasterKeys.create(master)
        made.append(f"master key {master}: keep a copy apart from the backups")
    names = NameHasher(config.path(config.keys.names_file))
    if names.make():
        made.append(f"key of names {names.path}: keep a copy beside that of the master key")
    before = read_revision(config.store_url)
    with closing(init_store(config.store_url, clock or SystemClock())) as store:
        keys, empty = load_master_keys(config), registry.is_empty(config)
        with store.write() as tx:
            house_key.make(tx, keys)
            if empty:
                name_index.note_empty_library(tx)
        if before is None:
            made.append(f"store {_hide_password(config.store_url)}")
        return made + _init_heads(config, store)


def _init_heads(config: Config, store: Store) -> list[str]:
    """The key of heads and the first head of the log. Raises VaultError where there are heads, and not their key."""
    path = config.path(config.keys.heads_key_file)
    ended = EndedLog(config.path(config.keys.ended_log)).mark()
    file, months = config.path(config.keys.heads_file), config.retention.audit_months
    with store.write() as tx:
        made = log_heads.create_first_head(tx, path, file, months, ended)
    if made is None:
        HeadKey.load(path)
        return []
    said = "keep a copy beside that of the master key, and write its public half down, away from this machine: "
    return [f"key of heads {path}: {said}{made.public}"]


def init_empty_store(config: Config, clock: Clock) -> None:
    """Create the data folder and the store, where missing, and no key: a restored backup has its own."""
    _data_folder(config)
    init_store(config.store_url, clock).close()


def check_dam(config: Config, clock: Clock) -> None:
    """Raises ConfigError or DamError where the DAM cannot be opened."""
    with closing(Store.open(config.store_url, clock)) as store:
        open_dam(store, config, clock).close()


def _data_folder(config: Config) -> list[str]:
    data = Path(config.data).expanduser()
    if data.exists():
        return []
    data.mkdir(mode=0o700, parents=True)
    return [f"data folder {data}"]


def init_fields(config: Config) -> list[str]:
    """Make the DAM's date fields, one a channel; says which were made. Raises ConfigError, DamError."""
    with open_house(config) as services:
        if not isinstance(services.dam, MakesFields):
            raise ConfigError(f"dam.kind: fields are made in a DAM that has them; {services.dam.title} has none")
        made = services.dam.make_fields()
    return [f"field {title!r}: {'made' if new else 'was there'}" for title, new in made.items()]


def _hide_password(url: str) -> str:
    """The URL without a password."""
    return url if "@" not in url else url.split("://", 1)[0] + "://...@" + url.rsplit("@", 1)[1]


@contextmanager
def open_house(config: Config, clock: Clock | None = None) -> Iterator[Services]:
    """The services that flows need; closed at the end, child processes included.

    Raises ConfigError, StoreError or VaultError where something is not there: `facelease doctor` says more.
    """
    with ExitStack() as stack:
        steady = MonotonicClock(clock or SystemClock())
        store = Store.open(config.store_url, steady)
        stack.callback(store.close)
        store.watch = metrics.observe_write
        steady.not_before(store.last_seen())
        master = load_master_keys(config)
        house_key.load_keys_before_writes(store, master)
        dam = open_dam(store, config, steady)
        stack.callback(dam.close)
        own = resolve_models(config)
        faces = Recogniser.from_config(own, partial(_read_serving, store))
        stack.callback(faces.close)
        ended, hasher = (EndedLog(config.path(config.keys.ended_log)), NameHasher(config.path(config.keys.names_file)))
        queue = Queue(store, config.jobs, SystemRandom())
        services = Services(
            config=config,
            clock=steady,
            store=store,
            master=master,
            vault=Vault(master),
            ended=ended,
            queue=queue,
            dam=dam,
            faces=faces,
            name_hasher=hasher,
        )
        stack.callback(services.timed_calls.close)
        house_closing.check_ended_log(services)
        yield services


def has_store(config: Config) -> bool:
    """Whether there is a store that this version can open."""
    return read_revision(config.store_url) == migrations.head()


def find_serving(config: Config) -> EngineSource | None:
    """The engine that serves, without opening the house; None where no store knows one yet."""
    if not has_store(config):
        return None
    with closing(Store.open(config.store_url, SystemClock())) as store:
        return _read_serving(store)


def _read_serving(store: Store) -> EngineSource | None:
    with store.read() as conn:
        serving = serving_engine.find(conn, "serving")
    return None if serving is None else serving.source


@contextmanager
def wait_for_house(
    config: Config, clock: Clock, stop: Event, tried: Callable[[], object] = lambda: None
) -> Iterator[Services | None]:
    """As `open_house`, retried until the store answers; None if `stop` is set first. `tried` is called at each try."""
    with ExitStack() as stack:
        opened: list[Services] = []

        def open_it() -> None:
            tried()
            opened.append(stack.enter_context(open_house(config, clock)))

        loops.retry("house", open_it, stop, lambda error: isinstance(error, StoreAway))
        yield opened[0] if opened else None


def open_dam(store: Store, config: Config, clock: Clock) -> Dam:
    """The DAM that the configuration names, away or not. Raises ConfigError."""
    return registry.open_dam(store, config, clock, health.has_been_used)


def load_master_keys(config: Config) -> MasterKeys:
    """The master key, from its file or from a command."""
    if config.keys.master_command:
        return MasterKeys.from_command(config.keys.master_command, config.folder_of_file)
    return MasterKeys.load(config.path(config.keys.master_file))


def resolve_models(config: Config) -> Config:
    """The configuration with the folders of weights resolved.

    FACELEASE_MODELS overrides that of converted ones, FACELEASE_ENGINE_FILES that of publishers' files.
    """
    own = config.recognizer
    cache = os.environ.get("FACELEASE_MODELS") or str(config.path(own.cache))
    yunet = str(config.path(own.yunet)) if own.yunet else ""
    found = {
        "cache": cache,
        "yunet": yunet,
        "files": os.environ.get("FACELEASE_ENGINE_FILES") or str(config.path(own.files)),
    }
    return config.model_copy(update={"recognizer": own.model_copy(update=found)})
