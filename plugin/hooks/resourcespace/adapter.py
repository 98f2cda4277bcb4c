"""A ResourceSpace server as a DAM: its resources, collections and nodes; uses our plugin if it is there."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from typing import TypeVar

from plugin.config import Config
from plugin.errors import ConfigError, DamError
from plugin.hooks.collection import Collection, CollectionRuling
from plugin.hooks.concern import Concern
from plugin.hooks.dam import Dates, Names, Resource, Task, Write, node_key
from plugin.hooks.mention import CertificateLine
from plugin.hooks.resourcespace import fields
from plugin.hooks.resourcespace.api import listing
from plugin.hooks.resourcespace.api.answers import NoSuchFunction, expect_bool, expect_int, expect_objects
from plugin.hooks.resourcespace.api.client import Client
from plugin.hooks.resourcespace.api.consents import Consents
from plugin.hooks.resourcespace.api.numbered import Numbered
from plugin.hooks.resourcespace.api.numbers import build_no_number_error, is_number, refuse_no_number
from plugin.hooks.resourcespace.concerns import list_log_concerns
from plugin.hooks.resourcespace.mentions import Mentioning
from plugin.hooks.resourcespace.names.change_log import Logged
from plugin.hooks.resourcespace.names.cursor import Cursor
from plugin.hooks.resourcespace.names.log import ChangeFeed, ResourceLog
from plugin.hooks.resourcespace.names.node_owners import NodeOwners
from plugin.hooks.resourcespace.names.nodes import Nodes
from plugin.hooks.resourcespace.pictures import Pictured
from plugin.hooks.resourcespace.plugin_answers import StatusAnswer, read_as
from plugin.hooks.resourcespace.profile import PLACE, Profile, split_writes
from plugin.hooks.resourcespace.with_plugin import PluginProfile
from plugin.hooks.resourcespace.without_plugin import PlainProfile
from plugin.ledger.keys import private_files
from plugin.ledger.store.store import Store

T = TypeVar("T")

_LOOK_FOR_PLUGIN = 600.0  # seconds after which a plugin that was not there is looked for again


class ResourceSpaceDam(Logged, Numbered, Mentioning, Pictured):
    """The Dam protocol for one server and one account. Thread-safe."""

    places = frozenset({PLACE})
    keeps: tuple[CertificateLine, ...] = (CertificateLine("dam_log"),)
    title = "ResourceSpace"

    def __init__(self, store: Store, config: Config, client: Client, now: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._server = config.resourcespace
        self._client = client
        self._now = now
        self._chosen: Profile | None = None
        self._chosen_at = 0.0
        self._choosing = threading.Lock()
        self._permissions: dict[str, bool] = {}
        self._account: int | None = None
        log = ResourceLog(client)
        self._cursor = Cursor(store, client.base.name)
        self._whose = NodeOwners(store, client.base.name)
        self._nodes = Nodes(client, self._server.people_field, now, self._whose.also)
        feed = ChangeFeed(log, self._cursor, self.account, lambda: self._server.people_field)
        super().__init__(feed, log, self._cursor, self._nodes, self._server, self.may)

    @classmethod
    def from_config(cls, store: Store, config: Config) -> "ResourceSpaceDam":
        """The configured server. Raises ConfigError where its key file is missing, or readable by others."""
        path = config.path(config.resourcespace.key_file)
        try:
            private_files.refuse_open_to_others(path, ConfigError)
            key = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"resourcespace.key_file: {path} cannot be read: put the API key in it") from error
        return cls(store, config, Client(config.server_of_dam, key))

    def close(self) -> None:
        self._client.close()

    @property
    def limits(self) -> tuple[str, ...]:
        """What cannot be done on this server, one line each. Raises DamError."""
        lines = [*self.profile().limits]
        if not self.may("v"):
            lines.append("the account lacks permission v: changes are not noticed; give it to the account's group")
        if not (self.may("f*") or self.may(f"f{self._server.people_field}")):
            lines.append(
                f"the account lacks permission f{self._server.people_field}: names are neither read nor written; "
                "give it to the account's group"
            )
        if self.account() is None:
            lines.append("the account's number is not known: our own writes are looked at as if others made them")
        return tuple(lines)

    def profile(self) -> Profile:
        """The profile in use: detected once, and again after the plugin appeared or disappeared."""
        known = self._chosen
        stale = isinstance(known, PlainProfile) and self._now() - self._chosen_at > _LOOK_FOR_PLUGIN
        if known is not None and not (stale and self._server.profile == "auto"):
            return known
        found = self._choose()  # without the lock: others do not wait while the server is asked
        with self._choosing:  # a profile that another thread found first stays: its lock orders our writes
            chosen = self._chosen if self._chosen is not None and type(self._chosen) is type(found) else found
            self._chosen, self._chosen_at = chosen, self._now()
        return chosen

    def _choose(self) -> Profile:
        if self._server.profile != "classic":
            try:
                return self._bound()
            except NoSuchFunction as error:
                if self._server.profile == "plugin":
                    raise DamError(
                        "the plugin facelease is not active in the DAM: switch it on there, or set "
                        "resourcespace.profile to auto"
                    ) from error
        server, side = self._server, self._config.recognizer.detect_px
        asked = self._client, self._whose, self._nodes, self._log, server.people_field, server.states
        own, px = (self.account, self.may, self._position), self._config.clearance.recognisable_px
        return PlainProfile(*asked, side, *own, px)

    def _bound(self) -> Profile:
        status = self._client.ask("facelease_status", read_as(StatusAnswer))
        if status.people_field not in {0, self._server.people_field}:
            raise DamError(
                f"the plugin names people in field {status.people_field}, resourcespace.people_field says "
                f"{self._server.people_field}: let both be the same"
            )
        clearance, side = self._config.clearance, self._config.recognizer.detect_px
        asked = self._client, self._whose, self._nodes
        return PluginProfile(*asked, clearance.max_px, side, clearance.recognisable_px)

    def may(self, permission: str) -> bool:
        """Whether the account's group has a permission; cached."""
        if permission not in self._permissions:
            self._permissions[permission] = self._client.ask("checkperm", expect_bool, perm=permission)
        return self._permissions[permission]

    def account(self) -> int | None:
        """The number of our account, which identifies our writes in the log; None if unknown."""
        if self._account is None:
            found, name = (
                self._client.ask("get_users", expect_objects, find=self._server.user),
                self._server.user.casefold(),
            )
            mine = [expect_int(one.get("ref")) for one in found if str(one.get("username")).casefold() == name]
            self._account = mine[0] if len(mine) == 1 else None
        return self._account

    def collections(self) -> Sequence[Collection]:
        """The collections visible to the account, and those with a mode in the DAM."""
        return listing.list_collections(self._client, self._with(lambda profile: profile.told()))

    def rulings(self) -> Sequence[CollectionRuling]:
        """The modes set on the server, with their basis."""
        return self._with(lambda profile: profile.rulings())

    def reach(self) -> None:
        """One small call."""
        self._client.ask("checkperm", expect_bool, perm="s")

    def one_walk(self) -> AbstractContextManager[None]:
        """Does nothing: the server answers each call."""
        return nullcontext()

    def refs(self, *collections: str) -> Iterator[str]:
        """Every resource in the configured workflow states, or those of these collections."""
        if not collections:
            return map(str, listing.search_resources(self._client, "", self._server.states))
        members = (self._members(int(one)) for one in collections if is_number(one))
        return iter(dict.fromkeys(chain.from_iterable(members)))

    def _members(self, collection: int) -> Iterator[str]:
        return map(str, self._with(lambda profile: list(profile.members(collection))))

    def look(self, ref: str) -> Resource:
        """The resource now; a deleted one is in no collection."""
        refuse_no_number(ref)
        return self._with(lambda profile: profile.look(ref))

    def write(self, ref: str, writes: Sequence[Write], released: bool | None) -> Resource:
        """Apply `writes` by node and read back.

        `released` has no effect: releases are stated in files, which we do not change here.
        """
        refuse_no_number(ref)
        add, remove = split_writes(Task(ref, tuple(writes)))
        try:
            return self._with(lambda profile: profile.write(ref, add, remove))
        finally:
            if remove:
                self._note_end()

    @property
    def at_once(self) -> int:
        """1,000 with the plugin, else 1. Raises DamError while the server does not answer."""
        return self.profile().at_once

    def write_many(self, tasks: Sequence[Task]) -> dict[str, Names | DamError]:
        by_ref = {task.ref: task for task in tasks}
        try:
            return self._of_many(by_ref, lambda p, refs: p.write_many([by_ref[ref] for ref in refs]))
        finally:
            if any(split_writes(task)[1] for task in tasks):
                self._note_end()

    def names_on(self, refs: Sequence[str]) -> dict[str, Names | DamError]:
        return self._of_many(refs, lambda p, some: p.names_on(some))

    def leftovers(self, refs: Sequence[str]) -> dict[str, int | DamError]:
        """Its alternative files, including the old version of a replaced file."""
        return self._of_many(refs, lambda p, some: p.leftovers(some))

    def _of_many(
        self, refs: Iterable[str], act: Callable[[Profile, list[str]], Mapping[str, T | DamError]]
    ) -> dict[str, T | DamError]:
        """A ref that is no number is of another DAM; if the call fails, it fails for each."""
        every = list(refs)
        mine = [ref for ref in every if is_number(ref)]
        answers: dict[str, T | DamError] = {ref: build_no_number_error() for ref in every if not is_number(ref)}
        try:
            return answers | dict(self._with(lambda profile: act(profile, mine)) if mine else {})
        except DamError as error:
            return answers | dict.fromkeys(mine, error)

    def holders(self, node: str) -> Iterator[str]:
        """Every resource with the name, in any spelling of it."""
        return map(str, self._with(lambda profile: list(profile.holders(node))))

    def standing(self, nodes: Iterable[str]) -> dict[str, int]:
        """On how many resources each name is, by key; only listed names are queried."""
        asked = {node_key(node): node for node in nodes}
        listed = self._nodes.keys() if asked else frozenset()
        counts = {key: sum(1 for _ in self.holders(asked[key])) for key in asked.keys() & listed}
        return {key: count for key, count in counts.items() if count}

    def state_many(self, until: Mapping[str, Dates]) -> dict[str, DamError | None]:
        """Write the last day of clearance for each channel; None is unknown.

        Raises ConfigError where two channels would share a field.
        """
        fields.build_short_names(self._config.clearance.channels)
        return self._of_many(until, lambda p, refs: p.state_many({ref: until[ref] for ref in refs}))

    def make_fields(self) -> dict[str, bool]:
        """The date fields, one a channel. The account must be in the group Super Admin for as long as it takes."""
        made = fields.make_fields(self._client, self._config.clearance.channels)
        return {fields.build_title(channel): new for channel, new in made.items()}

    def consents(self) -> Consents:
        """Those of its plugin consentmanager."""
        return Consents(self._client)

    def page_of(self, ref: str) -> str:
        return f"{self._server.url}/?r={ref}"

    def forget(self, node: str) -> bool:
        """Delete the name itself if no resource has it; False where it stays in the list."""
        return self._with(lambda profile: profile.forget(node))

    def concerns(self) -> list[Concern]:
        """The built-in faces plugin, who sees our fields, what is left to mend, a log that was set back."""
        told = list_log_concerns(self._config.site.zone, *self._cursor.times())
        return [*self._with(lambda profile: profile.concerns()), *told]

    def groups(self, user: str) -> tuple[int, ...] | None:
        """The current groups of an account; None if it does not exist, or may not sign in.

        Raises DamError, within seconds, where that is unknown: unknown is not "may".
        """
        with self._client.patience.shortly():
            return self._with(lambda profile: profile.groups(user))

    def renamed(self) -> list[tuple[str, str]]:
        """People with a renamed node, and its new name: a node keeps its number."""
        return self._whose.renamed(self._nodes.every())

    def _with(self, act: Callable[[Profile], T]) -> T:
        """Call by the profile; if the plugin has gone, the next call looks for it again."""
        profile = self.profile()
        try:
            return act(profile)
        except NoSuchFunction:
            if isinstance(profile, PluginProfile) and self._chosen is profile:
                self._chosen = None
            raise
