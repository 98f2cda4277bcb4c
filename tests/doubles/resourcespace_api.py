"""The functions of the double: each answers as the recorded server did, oddities and all."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image
from werkzeug.wrappers import Response

from plugin.hooks.files import file_kinds
from plugin.ledger.tables.photos import fold_file_name
from tests.doubles import resourcespace_mentions as mentions
from tests.doubles.resourcespace_consents import ConsentApi
from tests.doubles.resourcespace_state import GROUPS, PEOPLE, RESTRICTED, Library, Photo, Shelf, User

Params = Mapping[str, str]
Function = Callable[["Api", User, Params], Any]
_LOG_CODES = {"a", "c", "d", "e", "f", "m", "r", "s", "t", "u", "x", "xx", "N", "X", "Y", "y", "up"}


class PhpError(Exception):
    """PHP died of a type error: status 500, empty body."""


class Status(Exception):
    """An answer with a status of its own."""

    def __init__(self, status: int, body: Any) -> None:
        self.status = status
        self.body = body
        super().__init__(status)


AT_ONCE = 1000
OPENED = frozenset(ending.lstrip(".") for ending in file_kinds.PHOTO_ENDINGS)
WARNING = {"error": True, "error_note": "Sorry, an error has occurred. "}


def integer(params: Params, name: str) -> int:
    """A parameter typed int: PHP takes numeric strings only."""
    value = params.get(name, "")
    if not re.fullmatch(r"-?\d+", value):
        raise PhpError(name)
    return int(value)


def loose(value: str | None) -> int:
    """An untyped parameter that is used as a number."""
    found = re.match(r"-?\d+", value or "")
    return int(found[0]) if found else 0


def array(params: Params, name: str) -> Any:
    try:
        value = json.loads(params.get(name, ""))
    except ValueError:
        value = None
    if not isinstance(value, list | dict):
        raise Status(200, f"Argument '{name}' must be of type array (json encoded), Unknown given")
    return value


def measured(photo: Photo) -> tuple[int, int]:
    """Width and height of the file, 0 where it cannot be told."""
    try:
        with Image.open(io.BytesIO(photo.original)) as picture:
            return picture.size
    except OSError:
        return 0, 0


class Api(ConsentApi):
    """The classic functions; `url` makes addresses of files."""

    def __init__(self, library: Library, url: Callable[[int, str, str, User], str]) -> None:
        self.library = library
        self.url = url

    def photo(self, params: Params, name: str = "resource") -> Photo | None:
        return self.library.photos.get(loose(params.get(name)))

    def editable(self, user: User, photo: Photo | None) -> bool:
        return photo is not None and (user.may("e0") if photo.archive in {0, 3} else user.may("e-1"))

    # ---- resources ---------------------------------------------------------------------------

    def checkperm(self, user: User, p: Params) -> Any:
        return user.may(p.get("perm", ""))

    def get_users(self, user: User, p: Params) -> Any:
        wanted = p.get("find", "").casefold()
        return [
            {"ref": str(u.ref), "username": u.name, "fullname": u.name.title(), "usergroup": str(u.group)}
            for u in self.library.users.values()
            if wanted in u.name.casefold()
        ]

    def get_resource_data(self, user: User, p: Params) -> Any:
        photo = self.photo(p)
        return False if photo is None or photo.access == 2 else self._data(photo)

    def _data(self, photo: Photo) -> dict[str, Any]:
        return {
            "ref": photo.ref,
            "title": None,
            "resource_type": photo.resource_type,
            "has_image": photo.has_image,
            "is_transcoding": 0,
            "file_extension": photo.extension or None,
            "archive": photo.archive,
            "access": photo.access,
            "created_by": photo.created_by,
            "file_modified": photo.modified or None,
            "file_checksum": photo.checksum,
            "preview_tweaks": photo.tweaks,
            "file_size": len(photo.original),
            "modified": photo.modified,
            "lock_user": None,
            "no_file": 0,
            "field12": "",
            "field8": "",
        }

    def get_resource_access(self, user: User, p: Params) -> Any:
        photo = self.photo(p)
        return 99 if photo is None else max(photo.access, 1 if user.group == RESTRICTED else 0)

    def get_edit_access(self, user: User, p: Params) -> Any:
        return self.editable(user, self.photo(p))

    def get_resource_field_data(self, user: User, p: Params) -> Any:
        photo = self.photo(p) or Photo(0)  # no error for one that is not there: a list with nothing in it
        found = []
        for ref, kind in self.library.fields.items():
            nodes = [n for n in photo.nodes if self.library.nodes[n].field == ref]
            value = ", ".join(self.library.nodes[n].translated for n in nodes) or photo.texts.get(ref, "")
            told = "" if not nodes else nodes[0] if len(nodes) == 1 else ",".join(map(str, nodes))
            found.append({"ref": ref, "resource_type_field": ref, **kind, "value": value, "nodes": told})
        return found

    def get_resource_all_image_sizes(self, user: User, p: Params) -> Any:
        photo = self.photo(p)
        if photo is None or not photo.original:
            return []
        width, height = measured(photo)
        found = [
            {
                "size_code": "original",
                "extension": photo.extension,
                "width": width,
                "height": height,
                "url": self.url(photo.ref, "", photo.extension, user),
                "filesize": "75&nbsp;KB",
            }
        ]
        for name, (width, height, _) in sorted(photo.previews.items(), key=lambda item: -item[1][0]):
            found.append(
                {
                    "size_code": name,
                    "extension": "jpg",
                    "width": width,
                    "height": height,
                    "url": self.url(photo.ref, name, "jpg", user),
                    "filesize": "43&nbsp;KB",
                }
            )
        return found

    def add_alternative_file(self, user: User, p: Params) -> Any:
        photo = self.photo(p)
        if photo is None or not self.editable(user, photo):
            return False
        photo.alternatives.append(p.get("name", ""))
        return len(photo.alternatives)

    def get_alternative_files(self, user: User, p: Params) -> Any:
        photo = self.photo(p)
        return (
            []
            if photo is None
            else [
                {
                    "ref": number,
                    "name": name,
                    "description": "",
                    "file_name": name,
                    "file_extension": "jpg",
                    "file_size": 1,
                    "creation_date": photo.modified,
                    "alt_type": "",
                }
                for number, name in enumerate(photo.alternatives, 1)
            ]
        )

    def get_resource_path(self, user: User, p: Params) -> Any:
        photo = self.photo(p, "ref")
        return "" if photo is None else self.url(photo.ref, p.get("size", ""), p.get("extension", "jpg"), user)

    def create_resource(self, user: User, p: Params) -> Any:
        if loose(p.get("resource_type")) not in {1, 2, 3, 4} or not user.may("e-2"):
            return False
        return self.library.create(user.ref, loose(p.get("archive", "-2"))).ref

    def delete_resource(self, user: User, p: Params) -> Any:
        photo = self.photo(p)
        if photo is None or not self.editable(user, photo):
            return False
        self.library.delete(photo.ref, user.ref)
        return True

    def copy_resource(self, user: User, p: Params) -> Any:
        source = self.library.photos.get(loose(p.get("from")))
        if source is None:
            return False
        copy = Photo(
            **{**vars(source), "ref": self.library.number("photo"), "nodes": list(source.nodes), "alternatives": []}
        )
        self.library.photos[copy.ref] = copy
        names = "\n".join(f"+ {self.library.nodes[n].name}" for n in copy.nodes)
        self.library.note(copy.ref, "e", user.ref, PEOPLE, diff=names)
        self.library.note(copy.ref, "c", user.ref, notes="Created from API")
        return copy.ref

    def put_resource_data(self, user: User, p: Params) -> Any:
        photo, data = self.photo(p), array(p, "data")
        if photo is None or not self.editable(user, photo):
            return False
        if "archive" not in data or data["archive"] == photo.archive:
            return False  # nothing changed: false, too
        photo.archive = int(data["archive"])
        self.library.note(photo.ref, "s", user.ref, diff="Active -> Archived")
        return True

    # ---- searches and the log ----------------------------------------------------------------

    def do_search(self, user: User, p: Params) -> Any:
        if self._not_shown(user, p.get("search", "")) and p.get("fetchrows"):
            return WARNING  # seen live: the search itself breaks, it does not just find nothing
        states = {loose(one) for one in (p.get("archive") or "0").split(",")}
        found = [f for f in self._found(p.get("search", "")) if f.archive in states and f.access != 2]
        found.sort(key=lambda f: f.ref, reverse=p.get("sort", "desc") != "asc")
        wide = re.fullmatch(r"(\d+),(\d+)", p.get("fetchrows", ""))
        if wide:
            start, count = int(wide[1]), int(wide[2])
            return {"total": len(found), "data": [self._found_row(f) for f in found[start : start + count]]}
        return [self._found_row(f) for f in found]

    def _not_shown(self, user: User, words: str) -> bool:
        """Whether the search is of somebody else's private collection, which only permission a opens."""
        found = re.fullmatch(r"!collection(\d+)", words)
        shelf = self.library.shelves.get(int(found[1])) if found else None
        own = shelf is None or shelf.user == user.ref or user.ref in shelf.shared_with
        return shelf is not None and shelf.kind == 0 and not own and not user.may("a")

    def _found(self, words: str) -> list[Photo]:
        everything = list(self.library.photos.values())
        if node := re.fullmatch(r"@@(\d+)", words):
            return [f for f in everything if int(node[1]) in f.nodes]
        if shelf := re.fullmatch(r"!collection(\d+)", words):
            held = self.library.shelves.get(int(shelf[1]), Shelf(0, "", 0)).resources
            return [f for f in everything if f.ref in held]
        return everything  # an unknown special finds all

    def _found_row(self, photo: Photo) -> dict[str, Any]:
        return {"score": "0", **self._data(photo), "resultant_access": 0}

    def resource_log_last_rows(self, user: User, p: Params) -> Any:
        if not user.may("v"):
            return []
        start, count = loose(p.get("minref")), loose(p.get("maxrecords"))
        codes = [c for c in p.get("log_code", "").split(",") if c in _LOG_CODES]  # unknown ones: no filter
        fields = [loose(f) for f in p.get("field", "").split(",") if f]
        found = [
            row
            for row in self.library.log
            if row["ref"] >= start and (not codes or row["type"] in codes) and (not fields or row["field"] in fields)
        ]
        return found[:count] if count else found

    def get_resource_log(self, user: User, p: Params) -> Any:
        """One resource's rows, the newest first, with the name of the account; nothing without permission v."""
        names = {one.ref: one.name for one in self.library.users.values()}
        ref = loose(p.get("resource"))
        mine = [row for row in reversed(self.library.log) if row["resource"] == ref and user.may("v")]
        return [
            {**row, "username": names.get(row["user"]), "fullname": None, "title": None, "previous_value": ""}
            for row in mine
        ]

    # ---- nodes and fields --------------------------------------------------------------------

    def get_nodes(self, user: User, p: Params) -> Any:
        ref = loose(p.get("ref"))
        if ref not in self.library.fields or not (user.may("f*") or user.may(f"f{ref}")):
            return False
        return [
            {
                "ref": n.ref,
                "resource_type_field": ref,
                "name": n.name,
                "parent": None,
                "order_by": 0,
                "active": n.active,
                "translated_name": n.translated,
            }
            for n in self.library.nodes.values()
            if n.field == ref
        ]

    def get_node_id(self, user: User, p: Params) -> Any:
        field, name = loose(p.get("resource_type_field")), p.get("value", "")
        found = [n.ref for n in self.library.nodes.values() if (n.field, n.name) == (field, name)]
        return found[0] if found else False

    def set_node(self, user: User, p: Params) -> Any:
        field, name = loose(p.get("resource_type_field")), p.get("name", "")
        if field not in self.library.fields:
            return WARNING
        if self.library.fields[field]["type"] != 9:
            return False
        if (given := p.get("ref", "NULL")) != "NULL":
            self.library.nodes[int(given)].name = name  # no row in any resource's log
            return given
        return self.library.node(name, field).ref

    def toggle_active_state_for_nodes(self, user: User, p: Params) -> Any:
        refs = array(p, "refs")
        if not user.may("k"):
            raise Status(403, [])
        for ref in refs:
            self.library.nodes[ref].active ^= 1
        return {str(ref): self.library.nodes[ref].active for ref in refs}

    def add_resource_nodes(self, user: User, p: Params) -> Any:
        ref = integer(p, "resource")
        nodes = [loose(n) for n in p.get("nodestring", "").split(",")]
        if not user.may("a") or ref not in self.library.photos or not set(nodes) <= set(self.library.nodes):
            return False
        self.library.add_nodes(ref, nodes, user.ref)
        return True

    def update_field(self, user: User, p: Params) -> Any:
        photo = self.photo(p)
        asked = p.get("field", "")
        number = next((r for r, f in self.library.fields.items() if asked in {str(r), f["name"]}), None)
        if photo is None or number is None or not self.editable(user, photo):
            return False
        value = p.get("value", "")
        if self.library.fields[number]["type"] == 9:
            self.library.put(photo.ref, self._valued(value, number), user.ref)
            return True
        if not value and self.library.fields[number]["required"]:
            return False
        if photo.texts.get(number, "") != value:
            photo.texts[number] = value
            self.library.note(photo.ref, "e", user.ref, number, diff=f"+ {value}")
        return True

    def _valued(self, value: str, field: int) -> list[int]:
        """The nodes that a value names, made where there are none: exactly so, else in any case or language."""
        if "@@|@@" in value:
            names = value.split("@@|@@")
        else:
            names = next(csv.reader([value.replace("'", '"') if value.startswith("'") else value]), [])
        found = [self._matched(name.strip(), field) for name in names if name.strip()]
        return list(dict.fromkeys(found))

    def _matched(self, name: str, field: int) -> int:
        mine = [n for n in self.library.nodes.values() if n.field == field]
        for fits in (lambda n: n.name == name, lambda n: name.lower() in {n.name.lower(), n.translated.lower()}):
            if found := [n.ref for n in mine if fits(n)]:
                return found[0]
        return self.library.node(name, field).ref

    def get_resource_type_fields(self, user: User, p: Params) -> Any:
        if not user.may("a"):
            raise Status(403, [])
        wanted = p.get("find", "").lower()
        return [
            {"ref": ref, **kind}
            for ref, kind in self.library.fields.items()
            if wanted in kind["title"].lower() or wanted in kind["name"]
        ]

    def create_resource_type_field(self, user: User, p: Params) -> Any:
        if not user.may("a"):
            raise Status(403, [])
        ref, title = self.library.number("field"), p["name"]
        short = re.sub("[^a-z0-9]", "", title.lower())[:20]
        self.library.fields[ref] = {"name": short, "title": title, "type": loose(p.get("type")), "required": 0}
        return {"status": "success", "data": {"ref": ref}}

    # ---- collections -------------------------------------------------------------------------

    def _shelf(self, shelf: Shelf, **more: Any) -> dict[str, Any]:
        return {"ref": shelf.ref, "name": shelf.name, "user": shelf.user, "type": shelf.kind, **more}

    def get_user_collections(self, user: User, p: Params) -> Any:
        return [self._shelf(s, count=len(s.resources)) for s in self.library.seen_by(user)]

    def search_public_collections(self, user: User, p: Params) -> Any:
        return [self._shelf(s) for s in self.library.shelves.values() if s.kind == 4]

    def get_featured_collections(self, user: User, p: Params) -> Any:
        parent = integer(p, "parent")
        featured = [s for s in self.library.shelves.values() if s.kind == 3]
        parents = {s.parent for s in featured}
        return [
            self._shelf(
                s, parent=s.parent or None, has_resources=int(bool(s.resources)), has_children=int(s.ref in parents)
            )
            for s in featured
            if s.parent == parent
        ]

    def get_collection(self, user: User, p: Params) -> Any:
        shelf = self.library.shelves.get(integer(p, "ref"))
        return self._shelf(shelf) if shelf and user.may("a") else False

    def get_collections_resource_count(self, user: User, p: Params) -> Any:
        """Of somebody else's private collection it tells nothing: seen live."""
        shown = [*self.library.seen_by(user), *(s for s in self.library.shelves.values() if s.kind in {3, 4})]
        refs = {loose(r) for r in p.get("refs", "").split(",")}
        return {str(s.ref): len(s.resources) for s in shown if s.ref in refs} or []

    def get_resource_collections(self, user: User, p: Params) -> Any:
        ref = loose(p.get("ref"))
        return [
            {"ref": s.ref, "name": s.name, "description": ""} for s in self.library.seen_by(user) if ref in s.resources
        ]

    def create_collection(self, user: User, p: Params) -> Any:
        return self.library.collect(p.get("name", ""), user.ref).ref

    def add_resource_to_collection(self, user: User, p: Params) -> Any:
        shelf = self.library.shelves.get(loose(p.get("collection")))
        if shelf is None or shelf.user != user.ref:
            return "You can't modify this collection."
        if self.photo(p) is None:
            return "You can't modify this collection. Resource not found."
        shelf.resources.append(loose(p.get("resource")))
        return True

    def delete_collection(self, user: User, p: Params) -> Any:
        shelf = self.library.shelves.get(loose(p.get("collection")))
        if shelf is None or shelf.user != user.ref:
            return False
        del self.library.shelves[shelf.ref]
        return None

    def get_system_status(self, user: User, p: Params) -> Any:
        on = ", ".join(["consentmanager", *self.library.plugins])
        return {"status": "OK", "results": {"plugins": {"status": "OK", "info": on}}}


class PluginApi(Api):
    """The same with our plugin switched on."""

    problems: tuple[str, ...] = ()
    sight: Mapping[str, Any] = {}
    gate: Mapping[str, Any] = {}

    def facelease_status(self, user: User, p: Params) -> Any:
        mark = "Cleared until "
        fields = {
            one["title"].removeprefix(mark): one["name"]
            for one in self.library.fields.values()
            if one["title"].startswith(mark)
        }
        return {
            "version": "0.1.0",
            "people_field": PEOPLE,
            "fields": fields or [],
            "problems": list(self.problems),
            "sight": {"shares": [], "groups": [], "neighbour": {"on": False, "kept": 0, "named": 0}, **self.sight},
            "gate": {
                "on": True,
                "canary": "stopped",
                "canary_age": 60,
                "canary_seen": "",
                "lacks": [],
                "tried": True,
                "host": "SVN Trunk",
                "open": [],
                "waiting": 0,
                "waiting_age": 0,
                **self.gate,
            },
        }

    def facelease_photo(self, user: User, p: Params) -> Any:
        ref = integer(p, "ref")
        photo = self.library.photos.get(ref)
        if photo is None:
            return {"ref": ref, "gone": True}
        width, height = measured(photo)
        away = ref in self.library.away
        handed_out = len(photo.original) if photo.extension in OPENED and not away else 0
        return {
            "ref": ref,
            "file_version": self._version(photo, p.get("afresh") == "1"),
            "has_image": photo.has_image,
            "archive": photo.archive,
            "extension": photo.extension,
            "collections": [
                self._kept(s) for s in self.library.shelves.values() if ref in self._below(s) and self._counts(s, photo)
            ],
            "complete": True,
            "people": self._people(photo),
            "turned": int(photo.tweaks.split("|")[0]),
            "original": None if away or not photo.original else {"width": width, "height": height, "bytes": handed_out},
            "previews": [
                {"size_code": name, "url": self.url(ref, name, "jpg", user), "width": width, "height": height}
                for name, (width, height, _) in photo.previews.items()
                if photo.has_image
            ],
        }

    def facelease_original(self, user: User, p: Params) -> Any:
        """The file itself, which no download is counted for."""
        photo = self.library.photos.get(integer(p, "ref"))
        if photo is None or not photo.original or photo.ref in self.library.away or photo.extension not in OPENED:
            raise Status(404, {"error": "There is no such file to hand out."})
        headers = {"X-Facelease-Version": self._version(photo), "X-Facelease-Bytes": str(len(photo.original))}
        return Response(photo.original, headers=headers, content_type="application/octet-stream")

    def _below(self, shelf: Shelf) -> list[int]:
        """What a collection holds, and what those below it hold where it is a featured category."""
        found = set(shelf.resources)
        for other in self.library.shelves.values():
            if shelf.kind == other.kind == 3 and other.parent == shelf.ref:
                found |= set(self._below(other))
        return sorted(found)

    def _counts(self, shelf: Shelf, photo: Photo) -> bool:
        """What was chosen counts where the account that chose it may edit; "never" also by its group of then."""
        name = shelf.ruling.get("set_by", "")
        if not name:
            return True
        setter = self.library.users.get(name.casefold())
        there = setter is not None and setter.name == name and setter.active
        if there and setter and self.editable(setter, photo):
            return True
        if shelf.ruling["mode"] != "never":
            return False
        group = shelf.ruling.get("set_by_group")
        if group is None:
            return not there
        return self.editable(User(0, "", "", group, set(GROUPS[group])), photo)

    def _version(self, photo: Photo, afresh: bool = False) -> str:
        """By the content, read where the file system tells of a change; as the server has it at first."""
        parts = f"{photo.modified}|{len(photo.original)}|{photo.tweaks}|{photo.checksum}"
        told = hashlib.sha256(parts.encode()).hexdigest()[:32]
        known = self.library.files.get(photo.ref)
        if not photo.original or photo.ref in self.library.away or photo.extension not in OPENED:
            return known[0] if known is not None and known[4] == told else told
        shown = photo.tweaks.split("|")[0]
        content = hashlib.sha256(photo.original).hexdigest()
        if known is not None and not afresh and known[1] == photo.changed:
            content = known[2]
        fresh = hashlib.sha256(f"{content}|{shown}".encode()).hexdigest()[:32]
        version = told if known is None else known[0] if known[2:4] == (content, shown) else fresh
        self.library.files[photo.ref] = (version, photo.changed, content, shown, told)
        return version

    def _kept(self, shelf: Shelf) -> dict[str, Any]:
        nothing = {
            "mode": "off",
            "basis": None,
            "reference": "",
            "by": "",
            "decided": None,
            "review": None,
            "set_by": "",
            "set_at": "",
        }
        told = {name: value for name, value in shelf.ruling.items() if name != "set_by_group"}
        return {"ref": shelf.ref, "title": shelf.name, **nothing, **told}

    def _people(self, photo: Photo) -> list[dict[str, Any]]:
        return [{"node": n, "name": self.library.nodes[n].name} for n in photo.nodes]

    def facelease_named(self, user: User, p: Params) -> Any:
        refs = array(p, "refs")
        if len(refs) > AT_ONCE:
            raise Status(400, {"error": "refs is a JSON list of at most 1000 numbers."})
        return [self._beside(ref) for ref in refs]

    def _beside(self, ref: int) -> dict[str, Any]:
        photo = self.library.photos.get(ref)
        if photo is None:
            return {"ref": ref, "gone": True, "people": [], "alternatives": 0}
        return {"ref": ref, "gone": False, "people": self._people(photo), "alternatives": len(photo.alternatives)}

    def facelease_apply(self, user: User, p: Params) -> Any:
        items = array(p, "items")
        if len(items) > AT_ONCE:
            raise Status(400, {"error": "items is a JSON list of at most 1000 objects."})
        answers = []
        for item in items:
            fate = self.library.item_fault(int(item["ref"]))
            if fate == "break":
                raise PhpError("one in the middle: what came before it is done")
            if fate == "refuse":
                answers.append({"ref": item["ref"], "ok": False, "error": "the database refused", "people": []})
                continue
            answers.append(self._apply(user, item))
        return answers

    def _apply(self, user: User, item: dict[str, Any]) -> dict[str, Any]:
        photo = self.library.photos.get(int(item["ref"]))
        if photo is None or not self.editable(user, photo):
            return {"ref": item["ref"], "ok": False, "error": "no access", "people": []}
        on = [self.library.node(name).ref for name in item.get("add", [])]
        off = set(item.get("remove", []))
        self.library.put(
            photo.ref, [n for n in photo.nodes if n not in off] + [n for n in on if n not in photo.nodes], user.ref
        )
        for name, value in item.get("cleared_until", {}).items():
            number = next((r for r, f in self.library.fields.items() if f["name"] == name), None)
            if number is None:
                return {"ref": photo.ref, "ok": False, "error": "no such field", "people": self._people(photo)}
            photo.texts[number] = value
            self.library.date_sizes[name] = item["max_px"][name]
        return {"ref": photo.ref, "ok": True, "error": "", "people": self._people(photo)}

    def facelease_holders(self, user: User, p: Params) -> Any:
        node, start, count = integer(p, "node"), loose(p.get("offset")), loose(p.get("limit"))
        refs = sorted(f.ref for f in self.library.photos.values() if node in f.nodes)
        return {"total": len(refs), "refs": refs[start : start + count]}

    def facelease_members(self, user: User, p: Params) -> Any:
        collection, start, count = integer(p, "collection"), loose(p.get("offset")), loose(p.get("limit"))
        shelf = self.library.shelves.get(collection)
        refs = [ref for ref in self._below(shelf) if ref in self.library.photos] if shelf else []
        some = refs[start : start + count]
        counting = [ref for ref in some if shelf and self._counts(shelf, self.library.photos[ref])]
        return {"total": len(refs), "refs": counting, "next": start + len(some)}

    def facelease_modes(self, user: User, p: Params) -> Any:
        return [self._kept(s) | {"resources": len(self._below(s))} for s in self.library.shelves.values() if s.ruling]

    def facelease_account(self, user: User, p: Params) -> Any:
        found = self.library.users.get(p.get("username", "").casefold())
        if found is None or found.name != p.get("username"):
            return {"found": False, "active": False, "groups": []}
        return {"found": True, "active": found.active, "groups": [found.group]}

    def facelease_seen(self, user: User, p: Params) -> Any:
        who = self.library.users.get(p.get("username", "").casefold())
        if who is None or who.name != p.get("username") or not who.active:
            return {"seen": {}}
        seen = {str(ref): self.get_resource_access(who, {"resource": str(ref)}) for ref in array(p, "refs")}
        return {"seen": {ref: access for ref, access in seen.items() if access in {0, 1}}}

    def facelease_find(self, user: User, p: Params) -> Any:
        begin, who = fold_file_name(p.get("name", "")), p.get("username", "")
        called = {ref: fold_file_name(photo.texts.get(51, "")) for ref, photo in self.library.photos.items()}
        found = sorted((name, ref) for ref, name in called.items() if begin and name.startswith(begin))
        refs = [ref for _, ref in found][: integer(p, "most")]
        asked = {"username": who, "refs": json.dumps(refs)}
        return {"refs": [int(ref) for ref in self.facelease_seen(user, asked)["seen"]] if who else refs}

    def facelease_tables(self, user: User, p: Params) -> Any:
        return {table: list(columns) for table, columns in mentions.COLUMNS.items()}

    def facelease_mentions(self, user: User, p: Params) -> Any:
        patterns = array(p, "patterns")
        if not patterns or len(patterns) > mentions.MOST or not all(word.strip() for one in patterns for word in one):
            raise Status(400, {"error": "patterns is a JSON list of at most 100 lists of words."})
        return mentions.found(self.library, p.get("table", ""), p.get("column", ""), patterns, loose(p.get("offset")))

    def facelease_delete_node(self, user: User, p: Params) -> Any:
        node = integer(p, "node")
        used = any(node in photo.nodes for photo in self.library.photos.values())
        return {"deleted": not used and self.library.nodes.pop(node, None) is not None}
