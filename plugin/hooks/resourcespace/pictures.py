"""Pictures of a server's resources: the original to examine, if it is available, and previews to show."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from plugin.config import Config
from plugin.hooks.dam import Picture
from plugin.hooks.resourcespace.api.client import Client
from plugin.hooks.resourcespace.api.numbers import refuse_no_number
from plugin.hooks.resourcespace.previews import fetch_preview
from plugin.hooks.resourcespace.profile import PictureSource, Profile

T = TypeVar("T")


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

    def _fetch(self, source: PictureSource) -> Picture:
        data = fetch_preview(self._client, source.url, source.extension, self._limit)
        return Picture(source.file_version, data=data, original_px=source.original_px)

    @property
    def _limit(self) -> int:
        """The most bytes of a picture."""
        return self._config.recognizer.max_megabytes << 20
