"""The master key: versioned AES-256 keys in a file outside the database, or from a command."""

import base64
import binascii
import json
import secrets
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from plugin.errors import StoreAway, VaultError
from plugin.ledger.keys import private_files

KEY_BYTES = 32
_COMMAND_SECONDS = 30
_SHAPE = '{"current": 1, "keys": {"1": "<32 bytes in base64>"}}'


class MasterKeys:
    """The versions of the master key. An unknown version is reloaded: another process may have rotated.

    Made by `create`, `load` or `from_command`. A command may take half a minute: while `hurried` is true it is not run,
    and `catch_up` asks for missing versions later.
    """

    def __init__(self, path: Path | None, command: Sequence[str], folder: Path | None = None) -> None:
        self.path = path
        self._command = tuple(command)
        self._folder = folder
        self.current = 0
        self._keys: dict[int, bytes] = {}
        self.hurried: Callable[[], bool] = lambda: False
        self._missed: frozenset[int] = frozenset()  # versions to ask for
        self._absent: frozenset[int] = frozenset()  # versions that the command does not have
        self._answered = 0  # the newest version requested in the last reload
        self._tried = 0
        self._reading = threading.Lock()  # an older result must not replace a newer one

    @classmethod
    def create(cls, path: Path) -> "MasterKeys":
        """A first master key in a new file. Raises VaultError where the file exists."""
        try:
            private_files.write_secret(path, _dump(1, {1: secrets.token_bytes(KEY_BYTES)}), fresh=True)
        except FileExistsError as error:
            raise VaultError(f"{path} exists: a new master key would open nothing that is sealed") from error
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> "MasterKeys":
        """The master keys in `path`. Raises VaultError: missing, readable by others, or invalid."""
        keys = cls(path, ())
        keys.reload()
        return keys

    @classmethod
    def from_command(cls, command: Sequence[str], folder: Path | None = None) -> "MasterKeys":
        """The master keys that `command`, run in `folder`, prints in the file's format. Not rotated here."""
        keys = cls(None, command, folder)
        keys.reload()
        return keys

    @property
    def read_only(self) -> bool:
        """Whether the keys come from a command, so that we cannot rotate them."""
        return self.path is None

    @property
    def versions(self) -> tuple[int, ...]:
        """The existing versions, oldest first."""
        return tuple(sorted(self._keys))

    def reload(self) -> int:
        """Read the file, or run the command, again; returns the current version."""
        with self._reading:
            missed = self._missed
            source, text = self._read()
            current, self._keys = _parse(text, source)
            self.current = current
            self._absent = frozenset((self._absent | missed) - self._keys.keys())
            self._missed -= missed
            self._answered = max(self._answered, *missed, 0)
        return current

    def catch_up(self, used: int) -> None:
        """Run the command again where a version was missed, or a version newer than ours is `used`.

        A failure is raised to the caller that needs the missing key, not here.
        """
        if self._is_behind(used) and self._tried != used:
            self._missed |= {used}
        self._tried = used
        missed = self._missed
        if missed:
            try:
                self.reload()
            except VaultError:
                self._absent |= missed
                self._missed -= missed

    def newest(self, used: int = 0) -> int:
        """The current version, reloaded from the file; from a command as last read.

        Raises StoreAway while `hurried` if a newer version is `used`: another process has rotated.
        """
        if not self.read_only:
            return self.reload()
        if self._is_behind(used):
            self._miss(used)
        return self.current

    def key(self, version: int) -> bytes:
        """One version, 32 bytes.

        Raises VaultError where it is gone; StoreAway while `hurried` where that is unknown.
        """
        if version not in self._keys and not (self.hurried() and version in self._absent):
            self._miss(version)
        if version not in self._keys:
            raise VaultError(
                f"master key version {version} is gone: what it wrapped cannot be opened. If it was not "
                "retired on purpose, put the right master key file back"
            )
        return self._keys[version]

    def _is_behind(self, used: int) -> bool:
        return self.read_only and used > max(self.current, self._answered)

    def _miss(self, version: int) -> None:
        self._missed |= {version}
        if self.read_only and self.hurried():
            raise StoreAway("the master key was changed a moment ago: try again")
        self.reload()

    def add(self) -> int:
        """Add a new current version; returns it. Raises VaultError where read-only.

        Call it, as `retire`, in one process at a time: inside a write to the store.
        """
        self.newest()
        version = max(self._keys) + 1
        self._store(version, self._keys | {version: secrets.token_bytes(KEY_BYTES)})
        return version

    def retire(self, kept: int) -> tuple[int, ...]:
        """Destroy every version but `kept`, on disk too; returns those destroyed.

        Raises VaultError where that is not the current one: another process has started a newer rotation.
        """
        if self.reload() != kept:
            raise VaultError(f"the master key is at version {self.current} meanwhile: rotate it once more")
        gone = tuple(version for version in self.versions if version != kept)
        if gone:
            self._store(kept, {kept: self._keys[kept]})
        return gone

    def _store(self, current: int, keys: Mapping[int, bytes]) -> None:
        if self.path is None:
            raise VaultError(
                "the master key comes from keys.master_command and is not ours to rotate: let the command "
                'give a new version beside the old one as "current", run `facelease keys rotate`, and '
                "destroy the old version there when it says that nothing is behind"
            )
        private_files.write_secret(self.path, _dump(current, keys))
        self.reload()

    def _read(self) -> tuple[str, str]:
        if self.path is None:
            return f"the command {self._command[0]}", self._run()
        try:
            private_files.refuse_open_to_others(self.path, VaultError)
            return str(self.path), self.path.read_text(encoding="ascii")
        except FileNotFoundError as error:
            raise VaultError(
                f"there is no master key at {self.path}: `facelease init` makes one; if there was one, "
                "put it back, for nothing sealed opens without it"
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise VaultError(f"the master key at {self.path} cannot be read: {error}") from error

    def _run(self) -> str:
        try:
            done = subprocess.run(  # noqa: S603 - the administrator's own words, no shell
                self._command, capture_output=True, check=True, timeout=_COMMAND_SECONDS, text=True, cwd=self._folder
            )
        except (OSError, subprocess.SubprocessError) as error:
            # Not the error itself: it may quote what the command printed.
            raise VaultError(
                f"keys.master_command {self._command[0]} failed ({type(error).__name__}): run it by hand"
            ) from None
        return done.stdout


def _dump(current: int, keys: Mapping[int, bytes]) -> bytes:
    encoded = {str(version): base64.b64encode(key).decode() for version, key in sorted(keys.items())}
    return json.dumps({"current": current, "keys": encoded}, indent=1).encode() + b"\n"


def _parse(text: str, source: str) -> tuple[int, dict[int, bytes]]:
    try:
        tree = json.loads(text)
        keys = {int(version): base64.b64decode(key, validate=True) for version, key in tree["keys"].items()}
        current = int(tree["current"])
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        raise VaultError(f"{source} holds no master key: it takes {_SHAPE}") from None
    if current not in keys or any(len(key) != KEY_BYTES for key in keys.values()):
        raise VaultError(f"{source} holds no whole master key: it takes {_SHAPE}")
    return current, keys
