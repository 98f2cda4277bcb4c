import json
import os
import stat
import sys
from pathlib import Path

import pytest

from plugin.errors import StoreError, VaultError
from plugin.ledger.keys import private_files
from plugin.ledger.keys.master_keys import MasterKeys


def test_a_new_master_key_is_for_its_owner_only(tmp_path: Path) -> None:
    """The file is 0600 in a folder of 0700, and holds one version of 32 bytes."""
    master = MasterKeys.create(tmp_path / "keys" / "master.json")
    assert stat.S_IMODE((tmp_path / "keys" / "master.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert (master.current, master.versions, len(master.key(1))) == (1, (1,), 32)


def test_a_master_key_is_never_overwritten(tmp_path: Path) -> None:
    """Where one stands, `create` refuses and leaves it as it was."""
    path = tmp_path / "master.json"
    MasterKeys.create(path)
    before = path.read_bytes()
    with pytest.raises(VaultError, match="would open nothing"):
        MasterKeys.create(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o620])
def test_a_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    """The sentence holds the command that mends it, and the command does."""
    path = tmp_path / "master.json"
    MasterKeys.create(path)
    path.chmod(mode)
    with pytest.raises(VaultError, match=f"chmod 600 {path}"):
        MasterKeys.load(path)
    path.chmod(0o600)
    assert MasterKeys.load(path).current == 1


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    """Nothing is made in passing: a new key would hide that the old one is lost."""
    with pytest.raises(VaultError, match="facelease init"):
        MasterKeys.load(tmp_path / "master.json")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"current": 1, "keys": {}}',
        '{"current": 1, "keys": {"1": "c2hvcnQ="}}',
        '{"current": 2, "keys": {"1": "' + "A" * 43 + '="}}',
        '{"current": 1, "keys": {"1": "%%%"}}',
        '{"current": 1, "keys": {"one": "' + "A" * 43 + '="}}',
        '{"current": 1, "keys": {"1": 7}}',
    ],
)
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, text: str) -> None:
    """And the message shows the form, but never what the file holds."""
    path = tmp_path / "master.json"
    private_files.write_secret(path, text.encode())
    with pytest.raises(VaultError, match="it takes") as caught:
        MasterKeys.load(path)
    assert "c2hvcnQ" not in str(caught.value)


def test_another_process_sees_a_rotation(tmp_path: Path) -> None:
    """A version that is not known is looked for in the file again; a retired one is gone for all."""
    ours, theirs = MasterKeys.create(tmp_path / "m.json"), MasterKeys.load(tmp_path / "m.json")
    old = ours.key(1)
    assert ours.add() == 2
    assert theirs.key(2) == ours.key(2) != old
    assert ours.retire(2) == (1,)
    theirs.reload()
    with pytest.raises(VaultError, match="version 1 is gone"):
        theirs.key(1)


def test_a_retired_key_is_overwritten_on_the_disk(tmp_path: Path) -> None:
    """The bytes of the old file are zeros before its name is gone: a handle on it reads nothing."""
    path = tmp_path / "m.json"
    master = MasterKeys.create(path)
    with path.open("rb") as first:
        master.add()
        assert set(first.read()) == {0}
    with path.open("rb") as second:
        master.retire(master.current)
        assert set(second.read()) == {0}
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.json"]


def test_what_a_crash_left_beside_the_key_is_destroyed(tmp_path: Path) -> None:
    """A half-written or half-retired file goes with the next write; a second name of the living one too."""
    path = tmp_path / "m.json"
    master = MasterKeys.create(path)
    half, old = tmp_path / ".m.json.new", tmp_path / ".m.json.old"
    half.write_bytes(b"half a key")
    os.link(path, old)
    kept = old.open("rb")
    master.add()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["m.json"]
    assert set(kept.read()) == {0}
    assert MasterKeys.load(path).versions == (1, 2)
    kept.close()


def test_a_key_from_a_command_is_read_and_never_rotated_here(tmp_path: Path) -> None:
    """It serves like a file; `add` says what the administrator has to do instead."""
    path = tmp_path / "m.json"
    from_file = MasterKeys.create(path)
    script = "import sys, pathlib; print(pathlib.Path(sys.argv[1]).read_text())"
    command = MasterKeys.from_command([sys.executable, "-c", script, str(path)])
    assert command.key(1) == from_file.key(1)
    with pytest.raises(VaultError, match=r"keys\.master_command .* not ours to rotate"):
        command.add()


def test_a_command_that_fails_never_shows_what_it_printed(tmp_path: Path) -> None:
    """The message names the program only."""
    script = "import sys; print('secret-word'); print('secret-word', file=sys.stderr); sys.exit(3)"
    with pytest.raises(VaultError, match="run it by hand") as caught:
        MasterKeys.from_command([sys.executable, "-c", script])
    assert "secret-word" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it or nothing: a full disk costs no key."""
    path = tmp_path / "m.json"
    master = MasterKeys.create(path)
    before = path.read_bytes()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            master.add()
    assert path.read_bytes() == before
    assert MasterKeys.load(path).versions == (1,)
    assert json.loads(before)["current"] == 1


def test_the_mode_is_checked_for_other_files_too(tmp_path: Path) -> None:
    """The error is of the kind that the caller names."""
    path = tmp_path / "f"
    path.write_text("x")
    path.chmod(0o644)
    with pytest.raises(StoreError, match="chmod 600"):
        private_files.refuse_open_to_others(path, StoreError)
