"""V2 for backups: what was cut, forged, mixed, renamed, shortened or planted is refused; what is genuine is not.

Each forger has half A to write in, and knows the program; some hold a key of heads that was replaced, or another house.
"""

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from plugin.clock import ManualClock
from plugin.errors import FaceLeaseError
from plugin.flows.access import links
from plugin.flows.access.links import Link, LinkKind
from plugin.flows.access.programs import api_tokens
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.rights import key_rotation
from plugin.flows.schedule import log_heads
from plugin.ledger import tables as t
from plugin.ledger.backups import backup, restore
from plugin.ledger.backups.backup_trust import RestoreOptions
from plugin.ledger.keys import rotation
from plugin.ledger.keys.master_keys import MasterKeys
from plugin.ledger.log.head_book import HeadBook
from plugin.ledger.log.head_key import HeadKey
from plugin.ledger.store.audit import canonical_json
from plugin.ledger.store.store import Store, init_store
from plugin.recognizer.process.examiner import Examiner
from tests import support
from tests.stores import Stores

DAYS = 30
Tree = dict[str, Any]


def _copy_half(source: Path, target: Path) -> Path:
    return Path(shutil.copytree(source, target))


def _newest(folder: Path, pattern: str) -> Path:
    return max(folder.glob(pattern))


@dataclass
class House:
    """A house with two backups in `away`, between which somebody withdrew and a token was revoked."""

    services: Services
    cast: support.Cast
    root: Path
    clock: ManualClock

    @property
    def away(self) -> Path:
        return self.root / "away"

    @property
    def book(self) -> HeadBook:
        return HeadBook.from_config(self.services.config)

    def backup(self, folder: Path | None = None) -> backup.WrittenBackup:
        self.clock.advance(timedelta(minutes=7))
        s = self.services
        return backup.write_backup(s.store, s.master, folder or self.away, self.clock, self.book, DAYS)

    def half_b(self, target: Path) -> HeadBook:
        """Half B as it is now, copied to a folder of its own."""
        keys = self.services.config.path(self.services.config.keys.heads_key_file).parent
        return _book(_copy_half(keys, target), self.book)

    def replace_head_key(self) -> HeadKey:
        """Another key takes its place, which the old one announces; returns the old one, as a thief has it."""
        path = self.book.key.path
        stolen = path.with_name("stolen.key")
        shutil.copyfile(path, stolen)
        stolen.chmod(0o600)
        old = HeadKey.load(stolen)
        stolen.unlink()
        log_heads.replace_key(self.services, "test")
        return old


def _book(keys: Path, like: HeadBook) -> HeadBook:
    ended = type(like.ended)(keys / like.ended.path.name)
    return replace(like, key=HeadKey.load(keys / "heads.key"), path=keys / like.path.name, ended=ended)


def _build(services: Services, root: Path, clock: ManualClock) -> House:
    house = House(services, support.Cast(services), root, clock)
    people = {name: house.cast.add(f"{name} Kanarie") for name in ("Anna", "Bo", "Cato")}
    for person_id in people.values():
        house.cast.sign(person_id)
    house.cast.enrol(people["Anna"])
    stolen = api_tokens.create(services, "lost laptop", ["people:read"], "test")
    api_tokens.create(services, "cms", ["gate:use"], "test")
    with services.store.write() as tx:
        links.make(services, tx, Link(LinkKind.PAGE, "en", people["Anna"]), "test")
    house.backup()
    withdrawal.withdraw(services, people["Bo"], None, "test")
    api_tokens.revoke(services, stolen.id, "test")
    house.backup()
    return house


@pytest.fixture
def houses(
    tmp_path: Path, stores: Stores, store_kind: str, clock: ManualClock, examiner: Examiner
) -> Iterator[tuple[House, House]]:
    """Two of them, each on a store of its own."""
    built = []
    roots = [tmp_path / "one", tmp_path / "other"]
    with support.opened(_config(roots[0], stores, store_kind), clock, examiner) as first:
        built.append(_build(first, roots[0], clock))
        with support.opened(_config(roots[1], stores, store_kind), clock, examiner) as second:
            built.append(_build(second, roots[1], clock))
            yield built[0], built[1]


def _config(root: Path, stores: Stores, kind: str) -> Any:
    (root / "photos" / support.SHOOT).mkdir(parents=True)
    return support.configuration(root, store={"url": stores.empty(kind)})


# ---- forgers ------------------------------------------------------------------------------


@dataclass
class Scene:
    """What a forger has: half A to write in, another house, and half B as it lies there for whoever restores."""

    folder: Path
    house: House
    other: House
    keys: Path

    @property
    def store(self) -> Path:
        return _newest(self.folder, "store-*.db")

    @property
    def manifest(self) -> Path:
        return _newest(self.folder, "manifest-*.json")

    @property
    def wrapped(self) -> Path:
        return _newest(self.folder, "keys-*.json")

    def older(self, part: str) -> Path:
        return min(self.folder.glob(f"{part}-*"))

    def change(self, path: Path, change: Callable[[Tree], object]) -> None:
        tree = json.loads(path.read_text())
        change(tree)
        path.write_text(json.dumps(tree))

    def sum_anew(self, sign: HeadKey | None = None, **more: Any) -> None:
        """What the program itself would write, but for the signature, or under a key of the forger's own."""
        tree = json.loads(self.manifest.read_text()) | {"store": _sha256(self.store)} | more
        self.manifest.write_text(json.dumps(_signed(tree, "manifest", sign) if sign else tree))

    def plant(self, *statements: str, sign: HeadKey | None = None) -> None:
        with closing(sqlite3.connect(self.store)) as copy:
            for statement in statements:
                copy.execute(statement)
            copy.commit()
        self.sum_anew(sign)

    def own_key(self) -> HeadKey:
        return HeadKey.create(self.folder.parent / f"{os.urandom(4).hex()}.key")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _signed(tree: Tree, part: str, key: HeadKey, named: str = "") -> Tree:
    body = {name: value for name, value in tree.items() if name != "signature"} | {"key": named or key.public}
    return body | {"signature": key.sign(f"facelease {part}\n".encode() + canonical_json(body))}


_GRANT = (
    "UPDATE grant_line SET ended_at = NULL, ended_kind = NULL, settled_at = NULL",
    """INSERT INTO grant_line (id, quitclaim_id, person_id, kind, purpose, channel, valid_from)
    SELECT 'planted', id, person_id, 'publication', 'communication', 'press', signed_at FROM quitclaim LIMIT 1""",
)
_TOKEN = (
    """INSERT INTO api_token (id, label, secret_sha256, scopes, tools, created_at, created_by)
    SELECT 'planted', label, 'ab', scopes, tools, created_at, created_by FROM api_token LIMIT 1""",
)
_LINK = (
    """INSERT INTO invitation (id, kind, token_sha256, person_id, language, by_mail, created_at, created_by,
    expires_at, uses, reminded, may_replace) SELECT 'planted', kind, 'ab', person_id, language, 0, created_at,
    created_by, expires_at + 1000000000000, 0, 0, 0 FROM invitation LIMIT 1""",
)


def _cut(path: Path, keep: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _swap(s: Scene, part: str) -> None:
    one, other = sorted(s.folder.glob(f"{part}-*"))
    data = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(data)


def _from_other(s: Scene, *parts: str) -> None:
    """The other house's newest parts, under the names that this house's have."""
    for part in parts:
        shutil.copyfile(_newest(s.other.away, f"{part}-*"), _newest(s.folder, f"{part}-*"))


def _other_whole(s: Scene) -> None:
    shutil.rmtree(s.folder)
    _copy_half(s.other.away, s.folder)


def _rename_backup(s: Scene) -> None:
    """The first backup, in which nobody has withdrawn, as the newest."""
    for part, suffix in (("store", ".db"), ("manifest", ".json")):
        s.older(part).rename(s.folder / f"{part}-29990101T000000.000000Z{suffix}")


def _rename_and_say_so(s: Scene) -> None:
    _rename_backup(s)
    s.change(s.manifest, lambda tree: tree.update(name="29990101T000000.000000Z"))


def _older_keys_as_newer(s: Scene) -> None:
    s.older("keys").rename(s.folder / "keys-29990101T000000.000000Z.json")


def _older_keys_say_so(s: Scene) -> None:
    _older_keys_as_newer(s)
    s.change(s.wrapped, lambda tree: tree.update(name="29990101T000000.000000Z"))


def _older_keys_alone(s: Scene) -> None:
    s.wrapped.unlink()


def _older_keys_in_place(s: Scene) -> None:
    shutil.copyfile(s.older("keys"), s.wrapped)


def _format_one(s: Scene) -> None:
    """As the version before wrote it: plain sums, and nothing signed."""
    name = s.manifest.stem.removeprefix("manifest-")
    tree = json.loads(s.manifest.read_text())
    sums = {path.name: _sha256(path) for path in (s.store, s.wrapped)}
    old = {"format": 1, "made": tree["made"], "revision": tree["revision"], "rows": tree["rows"], "sha256": sums}
    (s.folder / f"manifest-{name}.json").write_text(json.dumps(old))


def _keys_of_format_one(s: Scene) -> None:
    keys = json.loads(s.wrapped.read_text())["keys"]
    digest = hashlib.sha256(canonical_json(keys)).hexdigest()
    s.wrapped.write_text(json.dumps({"format": 1, "made": "2026-03-02", "sha256": digest, "keys": keys}))


def _own_signature(s: Scene, part: str) -> None:
    path = s.manifest if part == "manifest" else s.wrapped
    path.write_text(json.dumps(_signed(json.loads(path.read_text()), part, s.own_key())))


def _own_signature_in_our_name(s: Scene) -> None:
    tree = json.loads(s.manifest.read_text())
    s.manifest.write_text(json.dumps(_signed(tree, "manifest", s.own_key(), named=s.house.book.key.public)))


def _keys_for_a_manifest(s: Scene) -> None:
    """A genuine signature, of another kind of file."""
    s.manifest.write_bytes(s.wrapped.read_bytes())


def _unsigned(s: Scene, part: str) -> None:
    s.change(s.manifest if part == "manifest" else s.wrapped, lambda tree: tree.pop("signature"))


def _planted_key(s: Scene) -> None:
    first = json.loads(s.older("keys").read_text())["keys"]
    s.change(s.wrapped, lambda tree: tree.update(keys=first + [["planted", *row[1:]] for row in first[:1]]))


def _fewer_keys(s: Scene) -> None:
    s.change(s.wrapped, lambda tree: tree["keys"].pop())


def _ended(s: Scene, change: Callable[[list[bytes]], list[bytes]]) -> None:
    path = s.keys / "ended.log"
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


def _then_summed(forge: Callable[[Scene], object]) -> Callable[[Scene], None]:
    def do(s: Scene) -> None:
        forge(s)
        s.sum_anew()

    return do


def _without_heads(forge: Callable[[Scene], object]) -> Callable[[Scene], None]:
    """Half B has lost its heads: what is left is the signature."""

    def do(s: Scene) -> None:
        forge(s)
        (s.keys / "audit-heads.log").unlink()

    return do


def _both_of_format_one(s: Scene) -> None:
    _keys_of_format_one(s)
    _format_one(s)


def _remove(s: Scene, part: str) -> None:
    for path in s.folder.glob(f"{part}-*"):
        path.unlink()


FORGERS: dict[str, Callable[[Scene], object]] = {
    "no heads, and a forger's key": _without_heads(lambda s: s.plant(*_GRANT, sign=s.own_key())),
    "no heads, keys under a forger's key": _without_heads(lambda s: _own_signature(s, "keys")),
    "no heads, a planted grant": _without_heads(lambda s: s.plant(*_GRANT)),
    "no heads, a token open": _without_heads(lambda s: s.plant("UPDATE api_token SET revoked_at = NULL")),
    "no heads, a key fewer": _without_heads(_fewer_keys),
    "no heads, renamed": _without_heads(_rename_backup),
    "no heads, older keys under a newer name": _without_heads(_older_keys_as_newer),
    "no heads, no ended.log": _without_heads(lambda s: (s.keys / "ended.log").unlink()),
    "a store cut": lambda s: _cut(s.store, 0.5), "a store cut and summed": _then_summed(lambda s: _cut(s.store, 0.5)),
    "a store emptied": lambda s: s.store.write_bytes(b""), "one byte of the store": lambda s: _flip(s.store),
    "one byte of the manifest": lambda s: _flip(s.manifest), "one byte of the keys": lambda s: _flip(s.wrapped),
    "a manifest cut": lambda s: _cut(s.manifest, 0.7), "keys cut": lambda s: _cut(s.wrapped, 0.7),
    "a manifest without signature": lambda s: _unsigned(s, "manifest"), "keys without": lambda s: _unsigned(s, "keys"),
    "a manifest under a forger's key": lambda s: _own_signature(s, "manifest"),
    "keys under a forger's key": lambda s: _own_signature(s, "keys"),
    "a forger's signature in our name": _own_signature_in_our_name, "keys for a manifest": _keys_for_a_manifest,
    "a manifest of nothing": lambda s: s.manifest.write_text("{}"), "a list": lambda s: s.manifest.write_text("[]"),
    "deep": lambda s: s.manifest.write_text("[" * 100_000),
    "format 1": _format_one, "keys of format 1": _keys_of_format_one,
    "format 1 in both": _both_of_format_one,
    "no store": lambda s: s.store.unlink(), "no keys": lambda s: _remove(s, "keys"),
    "no manifest": lambda s: _remove(s, "manifest"),
    "stores swapped": lambda s: _swap(s, "store"), "manifests swapped": lambda s: _swap(s, "manifest"),
    "keys swapped": lambda s: _swap(s, "keys"),
    "another house's store": lambda s: _from_other(s, "store"), "its keys": lambda s: _from_other(s, "keys"),
    "its store, summed": _then_summed(lambda s: _from_other(s, "store")),
    "its manifest": lambda s: _from_other(s, "manifest"), "its half": lambda s: _from_other(s, "store", "manifest"),
    "another house's backup": _other_whole,
    "an older backup renamed": _rename_backup, "renamed, and it says so": _rename_and_say_so,
    "older keys under a newer name": _older_keys_as_newer, "and they say so": _older_keys_say_so,
    "older keys in the place of the newest": _older_keys_in_place, "older keys alone": _older_keys_alone,
    "a planted key": _planted_key, "a key fewer": _fewer_keys,
    "a planted grant": lambda s: s.plant(*_GRANT), "a planted token": lambda s: s.plant(*_TOKEN),
    "a planted link": lambda s: s.plant(*_LINK),
    "a planted grant under a forger's key": lambda s: s.plant(*_GRANT, sign=s.own_key()),
    "a grant shortened no more": lambda s: s.plant("UPDATE grant_line SET valid_until = NULL"),
    "rows removed": lambda s: s.plant("DELETE FROM rejection", "DELETE FROM clearance", "DELETE FROM audit"),
    "a revoked token open": lambda s: s.plant("UPDATE api_token SET revoked_at = NULL"),
    "an earlier mark": lambda s: s.sum_anew(ended=[0, "0" * 64]),
    "no ended.log": lambda s: (s.keys / "ended.log").unlink(), "an empty one": lambda s: _ended(s, lambda _: []),
    "ended.log cut by a line": lambda s: _ended(s, lambda lines: lines[:-1]),
    "without its first line": lambda s: _ended(s, lambda lines: lines[1:]),
    "in another order": lambda s: _ended(s, lambda lines: lines[::-1]),
    "with a line put before": lambda s: _ended(s, lambda lines: [lines[-1], *lines]),
    "with other lines": lambda s: _ended(s, lambda lines: [b"{}\n" for _ in lines]),
    "the other house's ended.log": lambda s: shutil.copyfile(s.other.book.ended.path, s.keys / "ended.log"),
    "the other house's key of heads": lambda s: shutil.copyfile(s.other.book.key.path, s.keys / "heads.key"),
}  # fmt: skip


def _is_empty(store: Store) -> bool:
    with store.read() as conn:
        tables = (t.person, t.quitclaim, t.grant, t.api_token, t.invitation, t.person_key, t.house_key, t.audit, t.job)
        return not any(conn.scalar(select(func.count()).select_from(table)) for table in tables)


@dataclass
class Trial:
    """Restores into stores of a kind, and says what was believed."""

    stores: Stores
    kind: str
    clock: ManualClock
    work: Path
    count: int = 0

    def begin(self, house: House, other: House) -> Scene:
        self.count += 1
        root = self.work / str(self.count)
        root.mkdir(parents=True)
        house.half_b(root / "keys")
        return Scene(_copy_half(house.away, root / "away"), house, other, root / "keys")

    def fresh(self, kind: str = "") -> Store:
        return init_store(self.stores.migrated(kind or self.kind), self.clock)

    def restore(self, scene: Scene, store: Store, **wish: Any) -> restore.RestoreReport:
        book = _book(scene.keys, scene.house.book)
        master = MasterKeys.load(scene.keys / "master.json")
        return restore.restore_backup(store.url, scene.folder, master, self.clock, book, RestoreOptions(**wish))


@pytest.fixture
def trial(stores: Stores, store_kind: str, clock: ManualClock, tmp_path: Path) -> Trial:
    """Where it is tried."""
    return Trial(stores, store_kind, clock, tmp_path / "trial")


@pytest.mark.promise
def test_a_forged_backup_is_refused(
    houses: tuple[House, House], trial: Trial, store_kind: str, promise: Callable[[str, str], None]
) -> None:
    """By whoever can write half A, or holds a key that was replaced; a refused restore leaves the store empty."""
    house, other = houses
    accepted, refused, store = [], 0, trial.fresh()
    forgers = {**FORGERS, **_by_a_replaced_key(house)}
    for name, forge in forgers.items():
        scene = trial.begin(house, other)
        forge(scene)
        try:
            trial.restore(scene, store)
            accepted.append(name)
        except FaceLeaseError:
            refused += 1
        if not _is_empty(store):
            accepted.append(f"{name}: something stands in the store")
            store.close()
            store = trial.fresh()
    store.close()
    promise("V2", f"backup {store_kind}: forgeries accepted {len(accepted)} of {len(forgers)}")
    assert not accepted
    assert refused == len(forgers)


def _by_a_replaced_key(house: House) -> dict[str, Callable[[Scene], object]]:
    """From here on the house has another key of heads, and a thief the old one."""
    house.clock.advance(timedelta(hours=1))
    old = house.replace_head_key()
    house.clock.advance(timedelta(hours=1))
    now, before = house.clock.now(), house.clock.now() - timedelta(hours=2)

    def forge(s: Scene, made: str) -> None:
        s.plant(*_GRANT)
        s.sum_anew(old, made=made)

    def keys(s: Scene, made: str) -> None:
        tree = json.loads(s.older("keys").read_text()) | {"name": "29990101T000000.000000Z", "made": made}
        path = s.folder / "keys-29990101T000000.000000Z.json"
        path.write_text(json.dumps(_signed(tree, "keys", old)))

    def under_a_new_name(s: Scene) -> None:
        forge(s, before.isoformat())
        s.sum_anew(old, name="29990101T000000.000000Z")
        for part in (s.store, s.manifest):
            part.rename(s.folder / f"{part.name.split('-')[0]}-29990101T000000.000000Z{part.suffix}")

    def with_a_head(s: Scene) -> None:
        """The thief writes into the file of heads as well: a head that knows the forged manifest, dated before."""
        forge(s, before.isoformat())
        lines = (s.keys / "audit-heads.log").read_bytes().splitlines()
        body = json.loads(lines[-1])
        body |= {"number": body["number"] + 1, "at": before.isoformat(), "key": old.public}
        name = s.manifest.stem.removeprefix("manifest-")
        body["note"] = {"kind": "manifest", "name": name, "sha256": _sha256(s.manifest)}
        del body["signature"]
        line = body | {"signature": old.sign(b"facelease head\n" + canonical_json(body))}
        with (s.keys / "audit-heads.log").open("ab") as heads:
            heads.write(json.dumps(line, sort_keys=True).encode() + b"\n")

    def own_lines(s: Scene, change: Callable[[list[bytes]], list[bytes]]) -> None:
        """The thief writes into the file of heads, from before the key was replaced."""
        forge(s, before.isoformat())
        path = s.keys / "audit-heads.log"
        path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))

    def knowing(s: Scene, line: bytes) -> bytes:
        name = s.manifest.stem.removeprefix("manifest-")
        note = {"kind": "manifest", "name": name, "sha256": _sha256(s.manifest)}
        body = {name: value for name, value in json.loads(line).items() if name != "signature"} | {"note": note}
        body |= {"signature": old.sign(b"facelease head\n" + canonical_json(body))}
        return json.dumps(body, sort_keys=True).encode() + b"\n"

    def instead(s: Scene, cut: bool = False) -> None:
        """In the place of the head that knew the backup, of the same number; `cut`: nothing of the present key."""

        def change(lines: list[bytes]) -> list[bytes]:
            name = s.manifest.stem.removeprefix("manifest-")
            ours = [line for line in lines if not cut or json.loads(line)["key"] == old.public]
            notes = [json.loads(line)["note"] for line in ours]
            return [
                knowing(s, line) if (note.get("kind"), note.get("name")) == ("manifest", name) else line
                for line, note in zip(ours, notes, strict=True)
            ]

        own_lines(s, change)

    return {
        "a replaced key, with a head in the place of another": instead,
        "a replaced key, with a head in the place of another, and none after": lambda s: instead(s, cut=True),
        "a replaced key, with a head put between": lambda s: own_lines(s, lambda x: [x[0], knowing(s, x[0]), *x[1:]]),
        "a replaced key, after its end": lambda s: forge(s, now.isoformat()),
        "no heads, a replaced key after its end": _without_heads(lambda s: forge(s, now.isoformat())),
        "a replaced key, dated before": lambda s: forge(s, before.isoformat()),
        "a replaced key, under a new name": under_a_new_name,
        "a replaced key, with a head of its own": with_a_head,
        "keys by a replaced key, after its end": lambda s: keys(s, now.isoformat()),
        "keys by a replaced key, dated before": lambda s: keys(s, before.isoformat()),
    }


@pytest.mark.promise
def test_a_genuine_backup_is_believed(
    houses: tuple[House, House], trial: Trial, store_kind: str, promise: Callable[[str, str], None]
) -> None:
    """The newest and an older one, on either store; after a rotation, a renewal, another key of heads, and moves."""
    house, other = houses
    s = house.services
    other_kind = "postgresql" if store_kind == "sqlite" else "sqlite"
    believed: list[str] = []
    tried = 0

    def attempt(what: str, kind: str = "", scene: Scene | None = None, **wish: Any) -> None:
        nonlocal tried
        tried += 1
        store = trial.fresh(kind)
        done = trial.restore(scene or trial.begin(house, other), store, **wish)
        with store.read() as conn:
            people = conn.scalar(select(func.count()).select_from(t.person))
        store.close()
        assert done.people_left_out == 0
        believed.extend([what] * (people == 3))

    older = _oldest_name(house)
    attempt("the newest")
    attempt("the older, with the newest keys", name=older)
    attempt("on the other store", kind=other_kind)
    scene = trial.begin(house, other)
    scene.wrapped.unlink()
    attempt("older keys, as was asked for", scene=scene, older_keys=True)
    scene = trial.begin(house, other)
    (scene.keys / "audit-heads.log").unlink()
    attempt("without the file of heads", scene=scene)
    scene = trial.begin(house, other)
    (scene.keys / "ended.log").unlink()
    attempt("without ended.log, for a reason", scene=scene, without_ended_log="the disk is lost")
    scene = trial.begin(house, other)
    public = HeadKey.load(scene.keys / "heads.key").public
    (scene.keys / "heads.key").unlink()
    HeadKey.create(scene.keys / "heads.key")
    attempt("with a public key that was written down", scene=scene, head_key=public)
    house.clock.advance(timedelta(minutes=1))
    rotation.rotate(
        s.store, s.master, True, lambda: backup.write_key_file(s.store, house.away, s.clock, house.book, DAYS)
    )
    attempt("after a rotation", name=older)
    house.clock.advance(timedelta(minutes=1))
    house.replace_head_key()
    attempt("after the key of heads was replaced")
    attempt("an older one, after that", name=older)
    house.backup()
    attempt("a backup under the new key")
    attempt("an older one beside it", name=older, kind=other_kind)
    promise("V2", f"backup {store_kind}: genuine ones believed {len(believed)} of {tried}")
    assert len(believed) == tried


def _oldest_name(house: House) -> str:
    return min(house.away.glob("manifest-*")).stem.removeprefix("manifest-")


def test_rotation_and_renewal_leave_heads_of_their_keys(
    services: Services, cast: support.Cast, clock: ManualClock
) -> None:
    """Each file of keys that the calendar writes is known to a head, by name and sum."""
    cast.sign(cast.add("Anna Sample"))
    config = services.config
    folder, book = config.path(config.backup.folder), HeadBook.from_config(config)
    backup.write_backup(services.store, services.master, folder, clock, book, config.backup.key_days)
    clock.advance(timedelta(days=1))
    key_rotation.rotate(services)
    clock.advance(timedelta(days=config.backup.key_days + 2))
    key_rotation.renew_key_file(services)
    lines = [json.loads(line) for line in book.path.read_text().splitlines() if line.startswith("{")]
    told = {note["name"]: note["sha256"] for note in (line["note"] for line in lines) if note.get("kind") == "keys"}
    assert len(told) == 3
    for path in folder.glob("keys-*.json"):
        assert told[path.stem.removeprefix("keys-")] == _sha256(path)
