"""V3 (texts): what somebody typed stands nowhere in the clear, whichever way it came in."""

import base64
import getpass
import json
import logging
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import JSON, LargeBinary, Text, cast, insert, select

from plugin.clock import ManualClock
from plugin.config import Config
from plugin.flows.collections import modes, ruling_history
from plugin.flows.common.services import Services
from plugin.flows.names import resources
from plugin.flows.rights import erasure_requests
from plugin.flows.schedule import calendar, text_sealing
from plugin.ledger import tables as t
from plugin.ledger.backups import backup
from plugin.ledger.log.head_book import HeadBook
from plugin.ledger.store.store import inserted_id
from plugin.ledger.tables import column_contents
from plugin.ledger.tables.column_contents import Holds
from plugin.ledger.tables.columns import stored_type
from plugin.recognizer.process.examiner import Examiner
from sidecar.cli import cli
from sidecar.commands.common import Shell
from sidecar.commands.demo import samples
from sidecar.running import logs
from tests import on_double, sender, staff, support
from tests.doubles.resourcespace import Double
from tests.program import Api
from tests.sender import Sender
from tests.stores import KINDS, Stores

KEY = {"Idempotency-Key": "once"}


@dataclass
class Doors:
    """A house with every way in, and what was typed at which of them."""

    services: Services
    app: Flask
    clock: ManualClock
    root: Path
    typed: dict[str, str] = field(default_factory=dict)

    def type(self, door: str) -> str:
        """A text that stands nowhere else, with a name in it as somebody would type one."""
        self.typed[door] = f"Sperwer{len(self.typed):02d}x Ann Sample ({door})"
        return self.typed[door]

    def face(self) -> int:
        """A face that waits, on a photograph of its own."""
        ref = support.put(self.root / "photos", f"shoot/{len(self.typed):02d}.jpg", samples.A_SPEECH, (60, 80))
        number = resources.enter(self.services, ref).resource_id
        with self.services.store.write() as tx:
            made = insert(t.face).values(
                resource_id=number,
                file_version="v",
                left=0.1,
                top=0.1,
                width=0.2,
                height=0.2,
                width_px=90,
                state="unmatched",
                created_at=tx.now,
            )
            return inserted_id(tx.execute(made))

    def run(self, *arguments: str) -> str:
        """One command, which succeeds; what it said is searched with the rest."""
        group, *rest = arguments
        shell = Shell(self.services.config, self.clock)
        done = CliRunner().invoke(cli.commands[group], rest, obj=shell)
        assert done.exit_code == 0, done.output + done.stderr
        return done.output

    def asked(self, name: str) -> str:
        """Somebody who asked to be forgotten; the number of the request."""
        person = support.Cast(self.services).add(name)
        with self.services.store.write() as tx:
            return erasure_requests.request_in(
                self.services, tx, person, "person", erasure_requests.read_filed(self.services, person)
            ).id


def _configuration(root: Path, url: str) -> Config:
    (root / "photos" / support.SHOOT).mkdir(parents=True)
    secrets = {
        f"{name}_secret_file": sender.secret_file(root / f"{name}.secret", secret)
        for name, secret in (("signin", staff.SECRET), ("panel", sender.SECRET))
    }
    mine = {"server": {"log_file": "{data}/logs/facelease.log", "log_level": "debug", "public_url": staff.AUDIENCE}}
    return support.configuration(root, store={"url": url}, webhooks=secrets, access=staff.ACCESS, **mine)


@pytest.fixture(params=KINDS)
def doors(
    tmp_path: Path,
    clock: ManualClock,
    examiner: Examiner,
    stores: Stores,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Doors]:
    """The house; its log and its temporary files lie where they are searched.

    No start seals afterwards what was written plain: commands start often, and would hide it.
    """
    monkeypatch.setattr(text_sealing, "seal_plain_texts", lambda _services: 0)
    config = _configuration(tmp_path, stores.migrated(request.param))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    handlers = logging.getLogger().handlers
    logs.configure(config)
    with support.opened(config, clock, examiner) as services:
        services = staff.with_accounts(services)
        yield Doors(services, staff.app(services), clock, tmp_path)
    for handler in logging.getLogger().handlers:
        handler.close()
    logging.getLogger().handlers = handlers


def _recognitions(doors: Doors) -> None:
    """First: only an account that is alone gives a reason. The console's and the command's are one."""
    me, cast = getpass.getuser(), support.Cast(doors.services)
    asa = cast.add("Åsa Sample", by=f"cli:{me}", email="asa@example.org")
    said = ["person", "recognised", asa, "--how", "met", "--reason", doors.type("command recognised")]
    doors.run(*said)
    bo = cast.add("Bo Sample", by=f"cli:{me}", email="bo@example.org")
    browser = doors.app.test_client()
    staff.Dam(doors.clock).sign_in(browser, user=me, groups=[3], address=staff.address())
    reason = doors.type("console recognised")
    answer = staff.post(browser, f"/console/people/{bo}/recognised", how="met", reason=reason)
    assert answer.status_code == 303, answer.text
    officer = staff.signed_in(doors.app, doors.clock, "officer")
    page = officer.get("/console/").text + officer.get("/console/officer").text
    assert all(one in page for one in doors.typed.values())


def _dismissals(doors: Doors) -> None:
    panel = Sender(doors.app.test_client(), doors.clock, path=sender.PANEL)
    face = doors.face()
    ref = f"shoot/{len(doors.typed):02d}.jpg"
    typed: dict[str, Any] = {"ref": ref, "user": "jo", "can_edit": True, "action": "dismiss", "face": face}
    told = panel.ask(**typed, reason="the sister of Bo Sample")
    assert told.status_code == 409, "the panel takes a reason of the list, and no text"
    assert panel.ask(**typed, reason="other").status_code == 200
    editor = staff.signed_in(doors.app, doors.clock, "editor")
    face = doors.face()
    other = doors.type("console dismiss")
    assert staff.decide(editor, "dismiss", face, dismissal="other", note=other).status_code == 303
    api = Api(doors.services, doors.app.test_client())
    face = doors.face()
    body = {"dismissal": "bystander", "note": doors.type("API dismiss")}
    for _ in range(2):
        api.post(f"/faces/{face}/dismiss", body, headers=KEY)
    face = doors.face()
    doors.run("review", "dismiss", str(face), "--as", "objects", "--note", doors.type("command dismiss"))
    listed = [one["reason"] for one in api.get("/faces?state=dismissed")["items"] if one["reason"]]
    assert listed == [said for door, said in doors.typed.items() if door.endswith("dismiss")]
    assert all(said in doors.run("review", "list", "--state", "dismissed") for said in listed)


def _rulings(doors: Doors) -> None:
    api = Api(doors.services, doors.app.test_client())
    body = {
        "mode": "suggest",
        "basis": "all-asked",
        "reference": doors.type("API reference"),
        "decided_by": doors.type("API decided by"),
        "decided": "2026-02-01",
    }
    first, again = (api.ask("PUT", "/collections/shoot", body, headers=KEY).json for _ in range(2))
    assert first == again
    assert first["reference"] == body["reference"]
    doors.run(
        "collection",
        "set",
        "shoot",
        "auto",
        "--basis",
        "all-asked",
        "--date",
        "2026-02-02",
        "--reference",
        doors.type("command reference"),
        "--by",
        doors.type("command by"),
    )
    administrator = staff.signed_in(doors.app, doors.clock, "administrator")
    fields = {"mode": "detect", "basis": "all-asked", "decided": "2026-02-03"}
    fields |= {"reference": doors.type("console reference"), "by": doors.type("console by")}
    answer = staff.post(administrator, "/console/collections/one", ref="shoot", **fields)
    assert answer.status_code == 303, answer.text
    page = administrator.get("/console/collections/one?ref=shoot").text
    said = doors.run("collection", "history", "shoot", "--json")
    kept = json.dumps(api.get("/collections/shoot/history"))
    typed = [one for door, one in doors.typed.items() if "reference" in door or door.endswith("by")]
    assert all(one in page and one in said and one in kept for one in typed)


def _refusals(doors: Doors) -> None:
    officer = staff.signed_in(doors.app, doors.clock, "officer")
    number = doors.asked("Clara Sample")
    reason = doors.type("console refuse")
    assert staff.post(officer, f"/console/requests/{number}/refuse", reason=reason).status_code == 303
    api = Api(doors.services, doors.app.test_client())
    number = doors.asked("Dag Sample")
    api.post(f"/erasures/{number}/decision", {"forget": False, "reason": doors.type("API refuse")}, headers=KEY)
    number = doors.asked("Eva Sample")
    doors.run("person", "requests", "decide", number, "--refuse", "--reason", doors.type("command refuse"))
    for name, door in (("Clara", "console refuse"), ("Dag", "API refuse"), ("Eva", "command refuse")):
        assert doors.typed[door] in doors.run("person", "export", f"{name} Sample")


def _labels(doors: Doors) -> None:
    doors.run("token", "add", doors.type("label of a token"), "--scope", "faces:read")
    assert doors.typed["label of a token"] in doors.run("token", "list")


def _imports(doors: Doors) -> None:
    """Of a table the proof is sealed, its name too, and a guardian's name; a column of remarks is refused whole."""
    folder = doors.root / "given"
    folder.mkdir()
    proof = f"{doors.type('name of a proof')}.txt"
    (folder / proof).write_text(doors.type("text of a proof"))
    table, report = folder / "table.csv", str(folder / "report.csv")
    columns = "name,birth_date,guardian,email,signed,purpose,channels,text_version,evidence"
    row = f'Finn Sample,2015-02-01,"{doors.type("guardian in a table")}",,2026-02-01,communication,website,3,"{proof}"'
    table.write_text(f"{columns}\n{row}\n")
    said = doors.run("quitclaim", "import", "table", str(table), "--apply", "--report", report, "--json")
    assert "imported" in said, said
    table.write_text(f"{columns},remarks\n{row},{doors.type('remark in a table')}\n")
    shell = Shell(doors.services.config, doors.clock)
    refused = CliRunner().invoke(cli.commands["quitclaim"], ["import", "table", str(table), "--apply"], obj=shell)
    assert refused.exit_code


def _needles(text: str) -> set[bytes]:
    """The text as it may stand somewhere: also escaped, folded, in hex, and in base64 however it lies."""
    plain = text.encode()
    lying = {base64.b64encode(b"x" * shift + plain)[4:-4] for shift in range(3)}
    return {
        plain,
        json.dumps(text)[1:-1].encode(),
        text.casefold().encode(),
        plain.hex().encode(),
        text.encode("utf-16-le"),
        *lying,
    }


def _everything(doors: Doors) -> dict[str, bytes]:
    """Every file of the house but what was handed in, every column of the store, and what goes to others."""
    services = doors.services
    api = Api(services, doors.app.test_client())
    book = HeadBook.from_config(services.config)
    made = backup.write_backup(services.store, services.master, doors.root / "backups", services.clock, book, 7)
    assert made.store.is_file()
    found = {
        str(path.relative_to(doors.root)): path.read_bytes()
        for path in doors.root.rglob("*")
        if path.is_file() and "given" not in path.parts
    }
    if services.store.is_sqlite:
        file = Path(services.store.url.removeprefix("sqlite:///"))
        found |= {path.name: path.read_bytes() for path in file.parent.glob(f"{file.name}*")}
    found["metrics"] = doors.app.test_client().get("/metrics").data
    question = {"resource": "shoot/03.jpg", "purpose": "communication", "channel": "website"}
    tool = {"kind": "cms", "name": "site", "inference": []}
    found["gate"] = api.ask("POST", "/gate", question | {"tool": tool}).data
    found["audit export"] = doors.run("audit", "export").encode()
    return found | _columns(services)


def _columns(services: Services) -> dict[str, bytes]:
    found = {}
    with services.store.read() as conn:
        for table in t.metadata.sorted_tables:
            for column in table.columns:
                if isinstance(column.type, LargeBinary):
                    rows = [bytes(row) for row in conn.scalars(select(column)) if row is not None]
                elif isinstance(stored_type(column), Text | JSON):
                    rows = [str(row).encode() for row in conn.scalars(select(cast(column, Text)))]
                else:
                    continue
                found[f"{table.name}.{column.name}"] = b"\n".join(rows)
    return found


@pytest.mark.promise
def test_what_was_typed_stands_nowhere_in_the_clear(doors: Doors, promise: Callable[[str, str], None]) -> None:
    """At every door; read back where it was always shown; then every byte is searched."""
    for door in (_recognitions, _labels, _dismissals, _rulings, _refusals, _imports):
        door(doors)
    calendar.run_housekeeping(doors.services)
    places = _everything(doors)
    clear = [
        f"{door} in {place}"
        for place, body in places.items()
        for door, text in doors.typed.items()
        if any(needle in body for needle in _needles(text))
    ]
    columns = {f"{table.name}.{column.name}" for table, column in column_contents.list_columns(Holds.TEXT)}
    columns -= {"session.renewal", "staff.totp"}  # secrets that nobody types: test_openid and test_own_doors hold them
    kept = {name for name in columns if "sealed:" in places[name].decode()}
    promise(
        "V3",
        f"(texts) typed at {len(doors.typed)} doors, in the clear {len(clear)} of {len(places)} places "
        f"({doors.services.store.kind})",
    )
    assert kept == columns, "a column of typed text that no door of this test fills"
    assert not clear, clear


def test_what_the_plugin_of_the_dam_sends_is_sealed(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> None:
    """The form of a collection, as it stands in ResourceSpace's own table: heard again and again it is one row."""
    typed = ("Sperwer list of Ann Sample", "Sperwer Bo Sample")
    with Double() as double, on_double.house(tmp_path, double, clock, examiner) as services:
        shelf = double.library.collect("Shoot")
        shelf.ruling = {
            "mode": "suggest",
            "basis": "all-asked",
            "reference": typed[0],
            "by": typed[1],
            "decided": "2026-02-01",
            "set_by": "jo",
            "set_at": "2026-02-01 12:00:00",
        }
        for _ in range(3):
            modes.import_from_dam(services)
        with services.store.read() as conn:
            (row,) = ruling_history.list_rulings(services, conn, str(shelf.ref))
        assert (row.reference, row.by) == typed
        assert not [name for name, body in _columns(services).items() if b"Sperwer" in body]
        services.store.close()
        assert b"Sperwer" not in b"".join(path.read_bytes() for path in (tmp_path / "data").glob("ledger.db*"))
