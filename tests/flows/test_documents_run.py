"""README.md and administrators.md, word by word: each command is run from a copy of the example, or listed with why."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from configparser import RawConfigParser
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from plugin.config import parse
from sidecar.cli import cli
from sidecar.commands.demo import samples
from tests import documents, support
from tests.documents import ROOT
from tests.processes import Processes, free_port

README, ADMINISTRATORS = ROOT / "README.md", ROOT / "docs" / "administrators.md"
EXAMPLE = (ROOT / "config.example.toml").read_text(encoding="utf-8")

ELSEWHERE = {
    "./run demo": "makes an environment and shows a story: tests/flows/test_command_line.py runs the story",
    "./run demo --once": "as ./run demo",
    "./run test": "is what runs this",
    "./run test tests/unit": "is what runs this",
    "./run": "a name in a sentence",
    "./run check": "the gates beside the tests",
    "./run promises [--full]": "these very tests, with figures",
    "./run bench [NAME ...]": "measures for minutes",
    "./run bench": "measures for minutes",
    "./run bench upload": "needs a ResourceSpace",
    "./run pins": "asks the package index",
    "./run words [LANGUAGE]": "changes the catalogues of the checkout: tests/unit/test_catalogues.py holds them",
    "./run live": "needs a ResourceSpace",
    "./run facelease ...": "any command: those of the documents are run",
    "./run facelease": "any command: those of the documents are run",
    "./run facelease serve --with-worker": "listens: test_a_copy_of_the_example_serves",
    "FL serve --with-worker": "listens: test_a_copy_of_the_example_serves",
    "facelease serve": "listens: test_a_copy_of_the_example_serves",
    "facelease work": "works until it is ended: test_a_copy_of_the_example_serves runs it beside serve",
    "openssl s_client -tls1_2 -connect lease.example.org:443": "needs that host",
    "systemctl stop facelease": "needs root and systemd: the unit is verified below",
    "systemctl start facelease": "needs root and systemd: the unit is verified below",
    "git pull": "needs the network",
    "mariadb-dump --single-transaction rs": "needs MariaDB",
    "mariadb rs": "needs MariaDB",
    "facelease init resourcespace": "needs a ResourceSpace: tests/unit/resourcespace run it on the double",
    "facelease person page WHO --mail": "needs a mail server: tests/flows/test_letters.py",
    "facelease mail test ADDRESS": "needs a mail server: tests/flows/test_mail_in_service.py",
    "chmod 600": "a name in a sentence",
    "bash -e": "a name in a sentence",
}
NAMED = frozenset(
    {
        "facelease report accuracy",
        "facelease review confirm",
        "facelease restore",
        "facelease tags keep",
        "facelease tags remove",
        "facelease collection set",
        "facelease token add",
        "facelease collection gone",
        "facelease quitclaim restrict",
        "facelease quitclaim withdraw",
        "facelease person erase",
        "facelease engine install",
        "facelease engine use",
    }
)
"""Commands that a sentence names without what they need: typed so, each says how it is used."""


def _drill() -> list[str]:
    text = ADMINISTRATORS.read_text(encoding="utf-8")
    found = re.search(r"\*\*The drill\.\*\*.*?\n\n((?:    .*\n)+)", text, re.DOTALL)
    assert found is not None
    return [line.strip() for line in found[1].splitlines()]  # tests/promises/test_restore_drill.py runs them


@dataclass
class Day:
    """A bare folder with a copy of the example in it; what was typed there."""

    root: Path
    done: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)

    def type(self, command: str, *codes: int, says: str = "", yes: bool = False) -> Result:
        """As it stands in the document, but for what it has to leave to its reader; `yes` is the answer to it."""
        self.done.append(command)
        words = command.removeprefix("./run ").partition(" ")[2]
        words, _, file = words.partition(" > ")
        for known, value in self.values.items():
            words = re.sub(rf"\b{re.escape(known)}\b", value, words)
        words = re.sub(r"\b20\d\d-12-31\b", f"{date.today().year + 1}-12-31", words)  # noqa: DTZ011
        if yes:
            asked = CliRunner().invoke(cli, shlex.split(words))
            assert (asked.exit_code, "add --yes" in asked.stderr) == (2, True), (command, asked.output)
        result = CliRunner().invoke(cli, [*shlex.split(words), *(["--yes"] if yes else [])])
        said = result.output + str(result.exception or "")
        assert result.exit_code in (codes or (0,)), (command, result.exit_code, said)
        assert says in said, (command, said)
        if file:
            (self.root / file).write_text(result.stdout, encoding="utf-8")
        return result

    def shell(self, command: str) -> None:
        """A command that is no FaceLease's, with this folder in the place of the DAM's."""
        self.done.append(command)
        there = command.replace("/var/www/dam", str(self.root / "dam")).replace("plugin/hooks", f"{ROOT}/plugin/hooks")
        there = there.replace("cp config.example.toml", f"cp {ROOT}/config.example.toml")
        subprocess.run(["bash", "-e", "-c", there], cwd=self.root, check=True, timeout=60)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """Everything of the two documents was typed here, in their order."""
    here = Day(tmp_path_factory.mktemp("day"))
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("FACELEASE_PORTRAITS", str(samples.portrait(samples.A_FRONT).parent))
        if "FACELEASE_MODELS" in os.environ:
            changed.setenv("FACELEASE_MODELS", str(Path(os.environ["FACELEASE_MODELS"]).absolute()))
        changed.chdir(here.root)
        _photographs(here.root)
        here.shell("cp config.example.toml facelease.toml")
        _install(here)
        _five_minutes(here)
        _first_day(here)
        _administer(here)
        _lose(here)
        yield here


def _photographs(root: Path) -> None:
    support.put(root / "photos", "shoot-may/0042.jpg", samples.A_STANDING)
    for name, prefix in (("one.jpg", samples.A_FRONT), ("two.jpg", samples.A_SPEECH), ("three.jpg", samples.A_FRONT)):
        shutil.copyfile(samples.portrait(prefix), root / name)
    (root / "form.pdf").write_bytes(b"%PDF sample")
    (root / "dam" / "plugins").mkdir(parents=True)


def _install(day: Day) -> None:
    """The steps of the installation that no other host is needed for; the settings of "A first day" on the copy."""
    day.type("./run facelease init", says="master key")
    for command in documents.code(ADMINISTRATORS).commands:
        if command.startswith(("cp -r", "mv /var", "cd facelease-data", "(umask", "rm -r /var")):
            day.shell(command)
    secrets = day.root / "facelease-data" / "keys"
    assert {path.name for path in secrets.glob("*.secret")} == {"events.secret", "panel.secret"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in secrets.glob("*.secret"))
    copy = EXAMPLE.replace('path = "{data}/photos"', 'path = "photos"')
    copy = copy.replace('public_url = ""', 'public_url = "https://lease.example.org"')
    (day.root / "facelease.toml").write_text(copy)


def _five_minutes(day: Day) -> None:
    """In a house of its own: its configuration, its photographs and its commands as they stand in the README."""
    root = day.root / "own"
    support.put(root / "photographs", "may/anna.jpg", samples.A_STANDING)
    shutil.copyfile(samples.portrait(samples.A_FRONT), root / "anna-1.jpg")
    shutil.copyfile(samples.portrait(samples.A_SPEECH), root / "anna-2.jpg")
    (mine,) = [text for _, text in documents.code(README).files if "/home/me/photographs" in text]
    (root / "facelease.toml").write_text(mine.replace("/home/me/photographs", str(root / "photographs")))
    says = {
        "./run facelease init": "master key",
        "./run facelease staff add me --role editor": "http://127.0.0.1:8731/console/join/",
        "./run facelease scan": "1 photograph in",
        "./run facelease scan --late-consent": "1 photograph in",
        "./run facelease quitclaim withdraw Anna": "2 grants withdrawn",
    }
    commands = documents.code(README).commands
    first, last = (
        commands.index(one)
        for one in ("./run facelease staff add me --role editor", "./run facelease serve --with-worker")
    )
    with pytest.MonkeyPatch.context() as changed:
        changed.chdir(root)
        for command in ("./run facelease init", *commands[first:last]):
            if command.startswith("echo"):
                day.shell(command.replace("anna.txt", str(root / "anna.txt")))
                day.done[-1] = command
            else:
                day.type(command, says=says.get(command, ""))
        (face,) = json.loads(CliRunner().invoke(cli, ["review", "list", "--json"]).stdout)["unconfirmed"]
        assert face["person"] == "Anna"
        day.type("./run facelease quitclaim withdraw Anna", says="2 grants withdrawn", yes=True)


def _first_day(day: Day) -> None:
    day.type("FL init")
    day.type("FL collection list", says="off")
    day.type("FL form sample > form.toml")
    day.type("FL form add form.toml")
    day.type('FL person add "Åsa Sample" --of-age --email asa@example.org --despite-unread')
    day.type('FL quitclaim invite "Åsa Sample" --link', says="https://lease.example.org/s/")
    day.type('FL person vouch "Åsa Sample" --how met', 1, says="wait for anybody")  # she has sent none yet
    day.type('FL person add "Bo Sample" --of-age --despite-unread')
    (add,) = [one for one in documents.code(README).commands if one.startswith('FL quitclaim add "Bo Sample"')]
    day.type(add, says="the key of whoever signed")
    day.type('FL person enrol "Bo Sample" one.jpg two.jpg three.jpg', says="enrolled: a template was made")
    shoot = 'FL collection set shoot-may auto --basis all-asked --reference "list of 2 May" --by "A. Administrator"'
    day.type(shoot)
    day.type("FL scan", says="1 photograph to examine")
    day.type("FL review list", says="Bo Sample")
    (face,) = json.loads(CliRunner().invoke(cli, ["review", "list", "--json"]).stdout)["unconfirmed"]
    day.values["17"] = str(face["face"])
    day.type("FL review confirm 17", says="confirmed")
    day.type("FL clearance shoot-may/0042.jpg --channel website", says="cleared")
    day.type("FL clearance --all --channel website --until 2026-12-31 --count", says="1 photograph is cleared")
    day.type('FL quitclaim withdraw "Bo Sample"', says="2 grants withdrawn", yes=True)
    day.type("FL doctor", 1, says="none has ever swept")
    day.type("facelease reconcile")
    day.type("facelease review again")


def _administer(day: Day) -> None:
    day.values |= {"WHO": "'Bo Sample'", "ID": "nosuch", "NAME": "jan", "REASON": "'the share was lost'"}
    for one in ("4f1d2c3b5a697887", "--user jan", "--user NAME", "--all"):
        day.type(f"facelease session end {one}", 1, says="session")  # nobody is signed in
    for look in (
        "session list",
        "mail list",
        "tags list",
        "token list",
        "audit export",
        "audit verify",
        "collection lost",
        "jobs list",
        "sweep",
        "reconcile --wait",
        "reopen",
        "backup",
    ):
        day.type(f"facelease {look}")
    day.type("facelease staff add ann --role administrator", says="/console/join/")
    day.type("facelease staff add bea --role editor --collection 12", says="/console/join/")
    day.type("facelease staff list", says="bea")
    day.type("facelease staff role bea --role officer")
    day.type("facelease staff reset ann", says="/console/join/")
    day.type("facelease staff remove bea", yes=True)
    day.type("facelease engine status", says="retinaface-dlib/1 serves")
    day.type("facelease jobs retry --all", 1, says="nothing was given up")
    day.type("facelease doctor", 1, says="none has ever swept")
    day.type("facelease scan", says="nothing is left to examine")
    day.type("facelease scan --again", says="1 photograph in")
    day.type("facelease scan --left-out")
    day.type("facelease init", says="already")
    day.values["PHOTO"] = "shoot-may/0042.jpg"
    day.type("facelease clearance PHOTO", 4, says="unknown")
    day.type("facelease clearance --all", says="0 photographs are cleared")
    day.type("facelease person lock WHO", says="taken back", yes=True)
    day.type("facelease token revoke ID", 1, says="no such token")
    day.type("facelease audit begin --reason REASON", yes=True)
    day.type("facelease keys rotate", yes=True)
    day.values["/etc/facelease"] = str(day.root)
    day.values = {re.sub(r"^/etc", "etc", known): value for known, value in day.values.items()}
    for one in ("backup", "migrate"):
        day.type(f"./run facelease --config /etc/facelease/facelease.toml {one}")
    day.type("./run facelease --config /etc/facelease/facelease.toml doctor", 1, says="none has ever swept")
    for one in NAMED:
        day.type(one, 2, says="Usage")


def _lose(day: Day) -> None:
    """A store that is put aside, a file of ends that is lost, a machine that is."""
    day.shell("mv facelease-data/ledger.db facelease-data/ledger.new.db")
    for beside in (day.root / "facelease-data").glob("ledger.db-*"):
        beside.unlink()
    day.type("facelease restore facelease-data/backups", says="came back: 2 people", yes=True)
    day.type("facelease backup")
    shutil.copytree(day.root / "facelease-data" / "backups", day.root / "away")
    (day.root / "facelease-data" / "keys" / "ended.log").unlink()
    begun = 'facelease reopen --without-ended-log "the disk with the keys died on 3 May"'
    day.type(begun, says="the house is open", yes=True)
    shutil.copytree(day.root / "facelease-data" / "keys", day.root / "apart")
    (day.root / "facelease-data").rename(day.root / "lost")
    day.shell("mkdir -m 700 facelease-data facelease-data/keys")
    day.shell("cp -p apart/* facelease-data/keys/")
    day.type("facelease restore away", says="came back: 2 people", yes=True)
    (day.root / "facelease-data" / "ledger.db").unlink()
    (day.root / "facelease-data" / "keys" / "ended.log").unlink()
    lost = 'facelease restore away --without-ended-log "the disk that held it is lost"'
    day.type(lost, says="WITHOUT ended.log", yes=True)


def test_no_command_is_neither_run_nor_listed(day: Day) -> None:
    """And nothing that was typed or is listed stands in no document any more."""
    found = [documents.code(document) for document in (README, ADMINISTRATORS)]
    assert [one.strange for one in found] == [(), ()]
    stands = {command for one in found for command in one.commands}
    stands -= {command for command in stands if command.startswith("export FACELEASE_LIVE_")}  # what ./run live takes
    assert stands - {*day.done, *ELSEWHERE, *_drill()} == set()
    assert {*day.done, *ELSEWHERE} - stands == set()


@pytest.mark.parametrize("document", [README, ADMINISTRATORS], ids=lambda path: path.name)
def test_every_piece_of_a_file_is_one(document: Path, tmp_path: Path) -> None:
    """Of the configuration, with the copy of the example around it; of PHP, nginx, systemd and cron, by their own."""
    checks: Mapping[str, Callable[[str, Path], None]] = {
        "toml": _configuration,
        "php": _php,
        "nginx": _nginx,
        "unit": _unit,
        "cron": _cron,
        "fstab": _fstab,
    }
    pieces = documents.code(document).files
    for kind, text in pieces:
        checks[kind](text, tmp_path)
    assert document == README or {kind for kind, _ in pieces} == set(checks)


def _configuration(text: str, tmp_path: Path) -> None:
    tree = tomllib.loads(EXAMPLE)
    for section, keys in tomllib.loads(text).items():
        tree[section] = tree[section] | keys
    parse(tree | {"resourcespace": tree["resourcespace"] | {"url": "https://dam.example.org", "user": "facelease"}})


def _php(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config.php"
    file.write_text(f"<?php\n{text}\n")
    subprocess.run(["php", "-l", file], check=True, capture_output=True, timeout=30)


def _fstab(text: str, tmp_path: Path) -> None:
    """Six fields; the options among them keep others out of what lies there."""
    device, where, kind, options, dump, check = text.split()
    assert (device, kind, dump, check) == ("tmpfs", "tmpfs", "0", "0")
    assert where.startswith("/")
    assert {"mode=0700", "nosuid", "nodev", "noexec"} <= set(options.split(","))


def _nginx(text: str, tmp_path: Path) -> None:
    """`nginx -t` where it is, with a certificate of our own in the place of the real one; else the braces match."""
    assert text.count("{") == text.count("}")
    if shutil.which("nginx") is None:
        return
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=lease.example.org",
            "-days",
            "1",
            "-keyout",
            key,
            "-out",
            cert,
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    block = re.sub(r"(ssl_certificate +)\S+;", rf"\g<1>{cert};", text)
    block = re.sub(r"(ssl_certificate_key +)\S+;", rf"\g<1>{key};", block)
    block = (
        re.sub(r"\n *client_body_temp_path .*", "", block)
        .replace("/var/log/nginx/", f"{tmp_path}/")
        .replace("listen 443", f"listen 127.0.0.1:{free_port()}")
        .replace("listen [::]:443", f"listen [::1]:{free_port()}")
    )
    file = tmp_path / "nginx.conf"
    paths = "".join(
        f"{one}_temp_path {tmp_path}/{one};\n" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{block}\n}}\n")
    done = subprocess.run(
        ["nginx", "-t", "-c", file, "-e", tmp_path / "error.log"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _unit(text: str, tmp_path: Path) -> None:
    """`systemd-analyze verify` where it is; the command in it is one of ours in any case."""
    unit = RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(text)
    words = shlex.split(unit["Service"]["ExecStart"])
    assert words[3:] == ["serve", "--with-worker"]
    assert CliRunner().invoke(cli, [*words[3:], "--help"]).exit_code == 0
    if shutil.which("systemd-analyze") is None:
        return
    file = tmp_path / "facelease.service"
    own = text.replace("/opt/facelease/.venv/bin/facelease", sys.executable).replace("User=facelease\n", "")
    file.write_text(own.replace("/opt/facelease", str(tmp_path)))
    done = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True, timeout=60, check=False)
    assert "facelease.service" not in done.stderr, done.stderr


def _cron(text: str, tmp_path: Path) -> None:
    assert re.fullmatch(r"(\S+ ){5}www-data php /var/www/dam/batch/cron\.php >/dev/null", text.strip())


def test_a_copy_of_the_example_serves(tmp_path: Path) -> None:
    """Unchanged it is made, examined and scanned from another folder; with a port that is free for it it listens."""
    copy = tmp_path / "house" / "facelease.toml"
    copy.parent.mkdir()
    copy.write_text(EXAMPLE)
    words = ["--config", str(copy)]
    assert CliRunner().invoke(cli, [*words, "init"]).exit_code == 0
    (copy.parent / "facelease-data" / "photos" / "shoot").mkdir(parents=True, exist_ok=True)
    told = json.loads(CliRunner().invoke(cli, [*words, "doctor", "--json"]).stdout)
    assert [one["what"] for one in told if not one["ok"]] == ["worker"]
    assert "switched on" in str(CliRunner().invoke(cli, [*words, "scan"]).exception)
    assert "facelease-data" in {path.name for path in copy.parent.iterdir()}
    port = free_port()
    with Processes(copy.parent, port, EXAMPLE.replace("port = 8731", f"port = {port}")) as served:
        served.start("work")
        served.start("serve")
        served.until_up()  # /health; that one signal ends it: tests/flows/test_serving.py
