"""Which backup may be restored: by its signing key, by the heads, and by how far ended.log goes."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from plugin.errors import StoreError
from plugin.ledger.backups import backup, signed_parts
from plugin.ledger.backups.signed_parts import KEYS, MANIFEST, Manifest, SignedPart, WrappedKey
from plugin.ledger.log import heads
from plugin.ledger.log.head_book import HeadBook
from plugin.ledger.log.heads import ENDED_RESTARTED, SignedHead
from plugin.ledger.store import migrations
from plugin.words.plurals import pluralize

NEWEST = "newest"


@dataclass(frozen=True)
class RestoreOptions:
    """Which backup to restore, and the risks that the operator accepts.

    `head_key`: a public key that was written down, trusted until now; `older_keys`: accept a key file that is not the
    newest; `without_ended_log`: why there is no complete ended.log.
    """

    name: str = NEWEST
    head_key: str = ""
    older_keys: bool = False
    without_ended_log: str = ""


@dataclass(frozen=True)
class TrustedBackup:
    """The verified parts of a backup. `older`: the keys are not the newest that heads record."""

    name: str
    copy: Path
    manifest: Manifest
    sha256: str
    keys_name: str
    keys: list[WrappedKey]
    older: bool


def choose_backup(source: Path, book: HeadBook, wish: RestoreOptions) -> TrustedBackup:
    """The backup in `source` that `wish` names. Raises StoreError, which says what to do."""
    trust = _Trust(book, wish.head_key)
    name = trust.newest(source, MANIFEST) if wish.name == NEWEST else wish.name
    signed = trust.signed(source, MANIFEST, name)
    manifest = signed_parts.parse_manifest(signed)
    copy = _find_copy(source, name, manifest)
    keys_name = trust.newest(source, KEYS)
    keys = trust.signed(source, KEYS, keys_name)
    older = trust.is_older(keys)
    if older and not wish.older_keys:
        raise StoreError(
            f"{keys.path} is older than keys-{older}.json, which the heads know: it may open what was destroyed since. "
            f"Put keys-{older}.json into {source}; `--older-keys` takes the older file, if that one is lost"
        )
    if not wish.without_ended_log:
        _refuse_another_end(book, signed, manifest, trust.heads)
    digest, wrapped = backup.hash_file(signed.path), signed_parts.parse_wrapped_keys(keys)
    return TrustedBackup(name, copy, manifest, digest, keys_name, wrapped, bool(older))


class _Trust:
    def __init__(self, book: HeadBook, head_key: str) -> None:
        given = [head_key] if head_key and head_key not in book.key.known else []
        self._ages = [*given, *(one.public for one in book.key.former), book.key.public]
        self._until = {one.public: datetime.fromisoformat(one.until) for one in book.key.former}
        self._present = book.key.public
        self._signs = (*given, self._present)[0]
        self._has_heads = book.path.exists()
        self.heads = self._select_ours(heads.read(book.path))

    def signed(self, source: Path, part: str, name: str) -> SignedPart:
        """A part with a valid signature of ours. Raises StoreError."""
        signed = signed_parts.read_part(source, part, name)
        if signed.key not in self._ages:
            raise StoreError(
                f"{signed.path} is signed by a key that is not known here ({signed.key}): it is another house's, or "
                "keys.heads_key_file is not the right one. Put that file back from half B; if it is lost and this is "
                "the public key that you wrote down at `facelease init`, give it with `--head-key`"
            )
        told = self._told(part, name)
        if signed.key in self._until and signed.made >= self._until[signed.key]:
            raise StoreError(
                f"{signed.path} is signed by a key that was replaced before that: do not use it, for somebody else has "
                "the old key"
            )
        if signed.key != self._present and self._has_heads and not told:
            raise StoreError(
                f"{signed.path} is signed by an earlier key, and no head knows it: put the newest keys.heads_file in "
                "its place; if that does not know it either, do not use this file"
            )
        if told and backup.hash_file(signed.path) not in told:
            raise StoreError(f"{signed.path} is not the file that the heads know: use another")
        return signed

    def is_older(self, keys: SignedPart) -> str:
        """The newest key file that heads record, if this one is older; else ""."""
        told = self._list_known_names(KEYS)
        if not told or keys.name == told[-1] or (keys.name not in told and keys.name > told[-1]):
            return ""
        return told[-1]

    def newest(self, source: Path, part: str) -> str:
        """The newest part in the folder, in the order of the heads: with a wrong clock names may go back.

        A part that no head records is placed by its name.
        """
        names, told = _list_names(source, part), self._list_known_names(part)
        later = [name for name in names if name not in told and name > (told[-1] if told else "")]
        known = [name for name in told if name in names]
        return (later or known or names)[-1]

    def _list_known_names(self, part: str) -> list[str]:
        """The parts that heads record, oldest first."""
        return [str(head.note.get("name")) for head in self.heads if head.note.get("kind") == part]

    def _told(self, part: str, name: str) -> set[str]:
        """The hashes that heads record for this part."""
        notes = [head.note for head in self.heads if head.note.get("kind") == part]
        return {str(note.get("sha256")) for note in notes if note.get("name") == name}

    def _select_ours(self, lines: list[SignedHead]) -> list[SignedHead]:
        """The heads signed by a key of ours while it was current.

        None after its successor was announced or has signed, and none of a former key that the first head of the next
        one does not bind.
        """
        age, ours = 0, list[SignedHead]()
        for at, head in enumerate(lines):
            until = self._until.get(head.key)
            known = head.key in self._ages and self._ages.index(head.key) >= age
            if not known or not head.is_genuine or (until is not None and head.at > until):
                continue
            age = self._ages.index(head.key)
            following = head.note.get("public")
            if head.note.get("kind") == "key" and following in self._ages:
                age = self._ages.index(following)
            if ours and ours[-1].key != head.key and head.note.get("before") != heads.hash_heads(lines[:at]):
                ours.clear()
            ours.append(head)
        return ours if ours and ours[-1].key == self._signs else []


def _list_names(source: Path, part: str) -> list[str]:
    names = sorted(path.stem for path in source.glob(f"{part}-*.json"))
    if not names:
        raise StoreError(f"{source} holds no {part}-*.json: give the folder that `facelease backup` wrote to")
    return [name.removeprefix(f"{part}-") for name in names]


def _find_copy(source: Path, name: str, manifest: Manifest) -> Path:
    if manifest.revision != migrations.head():
        raise StoreError(
            f"the backup {name} is of schema {manifest.revision}, this version needs {migrations.head()}: restore it "
            "with the version of FaceLease that made it, and migrate afterwards"
        )
    copy = source / f"store-{name}.db"
    if not copy.exists():
        raise StoreError(f"the backup {name} is not whole: {copy} is missing")
    if backup.hash_file(copy) != manifest.store:
        raise StoreError(
            f"{copy} is not what its manifest describes: it was changed, damaged or mixed with another backup; "
            "use another backup"
        )
    return copy


def _refuse_another_end(book: HeadBook, signed: SignedPart, manifest: Manifest, known: list[SignedHead]) -> None:
    """ended.log must contain the lines that the manifest and the newest head record.

    If the file was restarted since, only the heads count.
    """
    marks = list(book.ended.marks())
    anew = any(head.note.get("kind") == ENDED_RESTARTED and head.at > signed.made for head in known)
    wanted = [*(() if anew else (manifest.ended,)), *(head.ended for head in known[-1:])]
    missing = [mark for mark in wanted if mark not in marks or not book.ended.path.exists()]
    if not missing:
        list(book.ended.lines())  # raises StoreError where a line cannot be read
        return
    lines, there = max(mark.lines for mark in missing), marks[-1].lines
    if not book.ended.path.exists():
        how = "is missing"
    elif there < lines:
        how = f"is too short: {pluralize(there, 'line')} of at least {lines}"
    else:
        how = "holds other lines than were known"
    raise StoreError(
        f"{book.ended.path} {how}, so what has ended since the backup is not known and would come back. Nothing was "
        "restored. Put the newest copy of ended.log there; `--without-ended-log REASON` restores without it, and then "
        "no link and no API token opens anything"
    )
