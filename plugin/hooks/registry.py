"""Which DAM the configuration names: here alone its kind is asked, and nowhere else which DAM one is."""

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from plugin.clock import Clock
from plugin.config import Config
from plugin.errors import ConfigError
from plugin.hooks.folder.folder_dam import FolderDam
from plugin.ledger.store.store import Store

if TYPE_CHECKING:
    from plugin.hooks.resourcespace.adapter import ResourceSpaceDam


@runtime_checkable
class MakesFields(Protocol):
    """Fields that show dates have to be made in it, once."""

    def make_fields(self) -> Mapping[str, bool]:
        """Make the fields of every channel; by title, whether it was made now. Raises ConfigError, DamError."""


def adapter_of(config: Config) -> "type[FolderDam | ResourceSpaceDam]":
    """The class of the DAM, to ask what it can do before one is opened."""
    if config.dam.kind == "folder":
        return FolderDam
    from plugin.hooks.resourcespace.adapter import ResourceSpaceDam  # a folder has no need of HTTP

    return ResourceSpaceDam


def open_dam(
    store: Store, config: Config, clock: Clock, was_used: Callable[[Store], bool]
) -> "FolderDam | ResourceSpaceDam":
    """The DAM, away or not. Raises ConfigError where its key is not there, or where the folder is not and nothing was
    ever taken up from it (`was_used`): then its name is wrong."""
    adapter = adapter_of(config)
    if not issubclass(adapter, FolderDam):
        return adapter.from_config(store, config)
    folder = config.path(config.folder.path)
    if not was_used(store) and not os.path.isdir(folder):  # noqa: PTH112 (one that cannot be asked is none)
        raise ConfigError(f"folder.path: {folder} is no folder: make it, or name the one with the photographs")
    return adapter.from_config(store, config, clock)


def is_empty(config: Config) -> bool:
    """Whether the DAM is a readable folder without a file."""
    closed: list[OSError] = []
    walk = os.walk(config.path(config.folder.path).expanduser(), onerror=closed.append)
    return config.dam.kind == "folder" and not any(files for _, _, files in walk) and not closed
