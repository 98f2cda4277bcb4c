"""Pictures of a server's resources: the original to examine, if it is available, and previews to show."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

from plugin.config import Config
from plugin.hooks.dam import Picture
from plugin.hooks.picture import Sight
from plugin.hooks.resourcespace.api.client import Client
from plugin.hooks.resourcespace.api.numbers import is_number, refuse_no_number
from plugin.hooks.resourcespace.plugin_answers import FoundAnswer, SeenAnswer, read_as
from plugin.hooks.resourcespace.previews import fetch_preview
from plugin.hooks.resourcespace.profile import PictureSource, Profile

T = TypeVar("T")
_SIGHT = {0: Sight.WHOLE, 1: Sight.SMALL}  # by what the server calls access


class Pictured(ABC):
    """The part of the Dam protocol about pictures."""

    _config: Config
    _client: Client

    @abstractmethod
    def _with(self, act: Callable[[Profile], T]) -> T:
        """Call by the profile in use."""

    def read_anew(self, ref: str) -> None:
        """The plugin reads the original again; without it only the server's metadata counts."""
        refuse_no_number(ref)
        self._with(lambda profile: profile.read_anew(ref))

    def picture(self, ref: str) -> Picture:
        """The original if the plugin hands it out, else the smallest sufficient preview.

        Raises DamError while there is no preview: it comes later.
        """
        refuse_no_number(ref)
        source = self._with(lambda profile: profile.source(ref, closely=True))
        if 0 < source.bytes <= self._limit:
            version, data = self._with(lambda profile: profile.original(ref, self._limit))
            return Picture(version, data=data, turned=source.turned)
        return self._fetch(source)

    def preview(self, ref: str) -> Picture:
        """The smallest sufficient preview. Raises DamError while there is none: it comes later."""
        refuse_no_number(ref)
        return self._fetch(self._with(lambda profile: profile.source(ref)))

    def seen_by(self, user: str, refs: Sequence[str]) -> Mapping[str, Sight]:
        """As the server decides for that account. Without the plugin it cannot be asked: DamError."""
        asked = json.dumps([int(ref) for ref in refs if is_number(ref)])
        with self._client.patience.shortly():
            found = self._client.ask("facelease_seen", read_as(SeenAnswer), username=user, refs=asked)
        return {ref: _SIGHT.get(access, Sight.HIDDEN) for ref, access in found.seen.items()}

    def find_files(self, user: str | None, name: str, most: int) -> Sequence[str]:
        """As the plugin finds them in the field for file names, whatever their case and accents."""
        with self._client.patience.shortly():
            reads = read_as(FoundAnswer)
            found = self._client.ask("facelease_find", reads, username=user or "", name=name, most=most)
        return [str(ref) for ref in found.refs]

    def ref_of(self, address: str) -> str | None:
        """By the parameters that its own pages take."""
        try:
            asked, served = urlsplit(address), urlsplit(self._config.resourcespace.url)
            same = (asked.hostname, asked.port) == (served.hostname, served.port)
        except ValueError:
            return None
        given = parse_qs(asked.query)
        refs = [ref for key in ("ref", "r") for ref in given.get(key, ())]
        inside = asked.path.startswith(served.path.rstrip("/") + "/") and not asked.username
        return refs[0] if same and inside and refs and is_number(refs[0]) else None

    def _fetch(self, source: PictureSource) -> Picture:
        data = fetch_preview(self._client, source.url, source.extension, self._limit)
        return Picture(source.file_version, data=data, original_px=source.original_px)

    @property
    def _limit(self) -> int:
        """The most bytes of a picture."""
        return self._config.recognizer.max_megabytes << 20
