"""What the protocol asks of a DAM that keeps a log, answered by one that keeps none."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from plugin.errors import DamError
from plugin.hooks.concern import Concern
from plugin.hooks.dam import CollectionRuling


class Unlogged:
    """Of a folder there is nothing to tell beside its files; `places` is where names go in them."""

    places: frozenset[str]
    tells_holders = False

    def holders(self, node: str) -> Iterator[str]:
        """Only its files know: raises DamError, since nobody should ask."""
        raise DamError("a folder does not know who is named in its files: the index of what was read does")

    def standing(self, nodes: Iterable[str]) -> dict[str, int]:
        """The same answer."""
        raise DamError("a folder does not know who is named in its files: the index of what was read does")

    def position(self) -> int | None:
        """None: a folder has no log."""
        return None

    def leftovers(self, refs: Sequence[str]) -> dict[str, int | DamError]:
        """A folder keeps nothing beside a file: what it holds are photographs of their own."""
        return dict.fromkeys(refs, 0)

    def lost(self, ref: str, node: str, put_at: datetime) -> bool:
        """It cannot be told."""
        return False

    def set_back(self) -> bool:
        """There is no log."""
        return False

    def set_back_heard(self) -> None:
        """Nothing to note."""

    def concerns(self) -> list[Concern]:
        """None: what is wrong with a folder is found elsewhere."""
        return []

    def refusal(self, node: str) -> str | None:
        """Files hold every name that a person can have; EXIF alone parts its keywords by ;."""
        if ";" in node and "xmp" not in self.places:
            return (
                "without exiftool names go into EXIF alone, where ; parts one name from the next: choose another "
                "display name, or install exiftool"
            )
        return None

    def forget(self, node: str) -> bool:
        """A folder keeps no list of names."""
        return True

    def renamed(self) -> list[tuple[str, str]]:
        """A name that is changed in a file is another name."""
        return []

    def rulings(self) -> Sequence[CollectionRuling]:
        """None: modes are set in FaceLease itself."""
        return ()
