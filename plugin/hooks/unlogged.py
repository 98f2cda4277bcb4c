"""The protocol's questions about a log, answered for a DAM without one."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from plugin.errors import DamError
from plugin.hooks.concern import Concern
from plugin.hooks.dam import CollectionRuling


class Unlogged:
    """A folder knows only its files; `places` are where names are written in them."""

    places: frozenset[str]
    tells_holders = False

    def holders(self, node: str) -> Iterator[str]:
        """Raises DamError: only the name index knows."""
        raise DamError("a folder does not know who is named in its files: the index of what was read does")

    def standing(self, nodes: Iterable[str]) -> dict[str, int]:
        """Raises DamError: only the name index knows."""
        raise DamError("a folder does not know who is named in its files: the index of what was read does")

    def position(self) -> int | None:
        """None: there is no log."""
        return None

    def leftovers(self, refs: Sequence[str]) -> dict[str, int | DamError]:
        """0 for each: other files are photographs of their own."""
        return dict.fromkeys(refs, 0)

    def lost(self, ref: str, node: str, put_at: datetime) -> bool:
        """False: without a log nobody can say."""
        return False

    def set_back(self) -> bool:
        return False

    def set_back_heard(self) -> None:
        """Does nothing."""

    def concerns(self) -> list[Concern]:
        """None: other checks cover a folder."""
        return []

    def refusal(self, node: str) -> str | None:
        """Files can hold every name; EXIF alone separates keywords by ;."""
        if ";" in node and "xmp" not in self.places:
            return (
                "without exiftool names go into EXIF alone, where ; parts one name from the next: choose another "
                "display name, or install exiftool"
            )
        return None

    def forget(self, node: str) -> bool:
        """True: a folder has no list of names."""
        return True

    def renamed(self) -> list[tuple[str, str]]:
        """None: a changed name is another name."""
        return []

    def rulings(self) -> Sequence[CollectionRuling]:
        """None: modes are set in FaceLease itself."""
        return ()
