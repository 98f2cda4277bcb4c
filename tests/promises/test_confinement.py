"""X1: whoever has taken over a parser by a file reads no key, no environment and no secret, and reaches no network."""

import io
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from plugin.config import Config, MatchingSection, RecognizerSection, load
from plugin.confinement import environment, landlock, seccomp, wire
from plugin.confinement.reader import Reader
from plugin.confinement.sandbox import Confinement
from plugin.errors import ConfigError
from plugin.hooks.files.exiftool import ExifTool
from plugin.hooks.files.exiftool_process import ExifToolProcess
from plugin.hooks.folder.folder_dam import FolderDam
from plugin.recognizer.process.worker import Worker
from sidecar.cli import cli
from tests import attempts

SECRET = "whsec_planted"
ROOT = Path(__file__).resolve().parents[2]
Targets = dict[str, Any]
OF_FILES = ("read ", "list ", "write ", "add to a file", "make a folder", "take a file away")
"""Tries that only open, make or remove a file, which system calls cannot be told from others' by."""

PERL = r"""
use Socket;
my %t;
sub try { my ($name, $did) = @_; $t{$name} = $did ? 1 : 0; }
sub readable { my ($p) = @_; open(my $f, '<', $p) or return 0; my $x = ''; return defined(sysread($f, $x, 1)); }
try("read $_", readable($_)) for (FILES);
sub listable { my ($p) = @_; return opendir(my $d, $p) ? 1 : 0; }
try("list $_", listable($_)) for (FOLDERS);
my $parent = getppid();
try("parent's $_", readable("/proc/$parent/$_")) for ('environ', 'mem', 'cmdline');
try('environment', scalar grep { $_ eq 'SECRET' } values %ENV);
my ($s, $u, $n);
try('TCP', socket($s, AF_INET, SOCK_STREAM, 0) && connect($s, sockaddr_in(TCP, inet_aton('127.0.0.1'))));
try('UDP', socket($u, AF_INET, SOCK_DGRAM, 0) && send($u, 'x', 0, sockaddr_in(UDP, inet_aton('127.0.0.1'))));
try('unix', socket($n, AF_UNIX, SOCK_STREAM, 0) && connect($n, sockaddr_un('UNIX')));
try('signal', kill(0, $parent));
my $pid = fork(); exit 0 if defined $pid && $pid == 0; try('fork', defined $pid);
my $out = `echo shell`; try('shell', defined $out && $out =~ /shell/);
try('new file', open(my $w, '>', "OUTSIDE/perl$$"));
try('add', open(my $a, '>>', 'VICTIM'));
try('chmod', chmod(0666, 'VICTIM'));
try('own folder', open(my $o, '>', "PHOTOS/made$$"));
for my $fd (3..64) { if (open(my $h, '<&=', $fd)) { my @s = stat($h); $t{'inherit'} = 1 if @s && $s[1] == INODE; } }
$t{'inherit'} ||= 0;
print join("\n", map { "$_\t$t{$_}" } sort keys %t), "\n";
$| = 1; print "";
exec '/bin/sh', '-c', 'printf "exec\t1\n"'; print "exec\t0\n";
"""


@pytest.fixture
def house(tmp_path: Path) -> Config:
    """A folder of photographs, and a data folder with every key, made by `init`."""
    (tmp_path / "photos").mkdir()
    file = tmp_path / "facelease.toml"
    file.write_text(f'data = "{tmp_path}/data"\n[dam]\nkind = "folder"\n[folder]\npath = "{tmp_path}/photos"\n')
    done = CliRunner().invoke(cli, ["--config", str(file), "init"])
    assert done.exit_code == 0, done.output
    return load(file)


@pytest.fixture
def targets(house: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Targets]:
    """Keys, log, store, secrets, sockets: all there, and all reachable for this process."""
    monkeypatch.setenv("FACELEASE_EVENTS_SECRET", SECRET)
    data = Path(house.data)
    house.path(house.keys.ended_log).touch()
    files = [str(path) for path in house.private if path.is_file()]
    files += [str(data / "ledger.db"), str(tmp_path / "facelease.toml"), "/etc/shadow", "/etc/passwd"]
    assert {"master.json", "names.key", "heads.key", "ended.log"} <= {Path(file).name for file in files}
    (tmp_path / "victim").write_text("x")
    key = os.open(house.path(house.keys.master_file), os.O_RDONLY)
    os.set_inheritable(key, True)
    with (
        socket.socket() as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as unix,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        addresses: tuple[Any, ...] = (("127.0.0.1", 0), ("127.0.0.1", 0), str(tmp_path / "s"), f"\0{tmp_path}")
        for one, address in zip((tcp, udp, unix, abstract), addresses, strict=True):
            one.bind(address)
        for one in (tcp, unix, abstract):
            one.listen()
        yield {
            "files": files,
            "folders": [str(data), str(tmp_path), "/", "/proc", str(Path.home())],
            "secret": SECRET,
            "inode": os.fstat(key).st_ino,
            "descriptor": key,
            "tcp": tcp.getsockname()[1],
            "udp": udp.getsockname()[1],
            "unix": str(tmp_path / "s"),
            "abstract": f"\0{tmp_path}",
            "outside": str(tmp_path),
            "victim": str(tmp_path / "victim"),
        }
    os.close(key)


@pytest.fixture
def whole() -> None:
    """A kernel that has everything; elsewhere the doctor says what it lacks, and this has nothing to prove."""
    if landlock.find_abi() < 4:
        pytest.skip("this kernel, or the container, has no Landlock of version 4")


def perl(tmp_path: Path, targets: Targets) -> Path:
    """A program in the place of ExifTool."""
    body = PERL
    for word, value in (
        ("FILES", json.dumps(targets["files"])[1:-1]),
        ("FOLDERS", json.dumps(targets["folders"])[1:-1]),
        ("SECRET", SECRET),
        ("TCP,", f"{targets['tcp']},"),
        ("UDP,", f"{targets['udp']},"),
        ("UNIX'", f"{targets['unix']}'"),
        ("OUTSIDE", targets["outside"]),
        ("VICTIM", targets["victim"]),
        ("PHOTOS", f"{tmp_path}/photos"),
        ("INODE", str(targets["inode"])),
    ):
        body = body.replace(word, value)
    script = tmp_path / "program"
    script.write_text(f"#!{os.popen('command -v perl').read().strip()} -w\n{body}")
    script.chmod(0o700)
    return script


def told(output: bytes) -> dict[str, bool]:
    """What the Perl program says."""
    pairs = (line.split("\t") for line in output.decode().splitlines() if "\t" in line)
    return {name: value == "1" for name, value in pairs}


def control(targets: Targets) -> dict[str, bool]:
    """The same tries by a process that gave nothing up."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.attempts", json.dumps(targets)],
        cwd=ROOT,
        capture_output=True,
        check=True,
        pass_fds=[targets["descriptor"]],
    )
    found: dict[str, bool] = json.loads(done.stdout)
    return found


def test_a_parser_that_was_taken_over_reaches_nothing(
    whole: None, targets: Targets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, promise: Callable[[str, str], None]
) -> None:
    """In the recogniser's child, in a reader, and in what runs as ExifTool: each try of each fails, and outside not."""
    reader = Reader("tests.attempts")
    tries: Any = reader.ask({"targets": targets})[0]["tries"]
    in_reader: dict[str, bool] = tries
    reader.stop()
    in_child = _in_the_child(targets, monkeypatch)
    tool = ExifToolProcess(str(perl(tmp_path, targets)), [tmp_path / "photos"])
    in_tool = told(tool._process.communicate(timeout=60)[0])
    assert in_tool.pop("own folder"), "ExifTool writes among the photographs"
    without = {name for name, done in control(targets).items() if not done}
    assert without <= attempts.PRIVILEGED, without
    done = subprocess.run(
        [str(tmp_path / "program")], capture_output=True, check=False, pass_fds=[targets["descriptor"]]
    )
    outside = told(done.stdout)
    assert outside, done
    assert {name for name, done in outside.items() if not done} <= {"parent's mem", "read /etc/shadow", "add", "chmod"}
    assert len(in_reader) == len(in_child) > 30
    assert in_tool.keys() == outside.keys() - {"own folder"}
    got = [name for found in (in_reader, in_child, in_tool) for name, done in found.items() if done]
    count = len(in_reader) + len(in_child) + len(in_tool)
    promise("X1", f"keys, environment, network, other processes, from 3 parsers: {len(got)} of {count} tries")
    assert got == []


@pytest.mark.parametrize(
    ("lacks", "of_files"),
    [("landlock.find_abi = lambda: 2", False), ("landlock.restrict_paths = lambda paths: 0", True)],
)
def test_an_older_kernel_gives_nothing_that_calls_can_refuse(
    lacks: str, of_files: bool, targets: Targets, promise: Callable[[str, str], None]
) -> None:
    """With the Landlock of Debian 12 nothing succeeds either; with none, what is left is to open files."""
    code = (
        "import json, sys; from tests import attempts; from plugin.confinement import landlock, environment;"
        f"from plugin.confinement.sandbox import Bounds, confine; {lacks};"
        "confine(Bounds([*environment.list_library_paths(), *environment.list_package_paths()], 1536));"
        "print(json.dumps(attempts.tries(json.loads(sys.argv[1]))))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, json.dumps(targets)],
        cwd="/",
        env=environment.build_environment(),
        capture_output=True,
        check=True,
    )
    got = {name for name, did in json.loads(done.stdout).items() if did}
    promise("X1", f"with {'no' if of_files else 'an older'} Landlock: {len(got)} tries, to open files")
    assert {name for name in got if not name.startswith(OF_FILES)} == set()
    assert bool(got) == of_files


@pytest.mark.parametrize("allowed", [False, True])
def test_threads_are_started_only_where_a_decoder_needs_them(allowed: bool) -> None:
    """Thousands of them would leave none for the rest of the account."""
    code = (
        "import threading; from plugin.confinement import environment;"
        "from plugin.confinement.sandbox import Bounds, confine;"
        f"confine(Bounds(environment.list_library_paths(), 512, threads={allowed})); "
        f"threading.Thread(target=int).start()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment.build_environment(), capture_output=True, check=False
    )
    assert (done.returncode == 0) == allowed
    assert allowed or b"can't start new thread" in done.stderr


def _in_the_child(targets: Targets, monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    start = subprocess.Popen

    def taken_over(command: list[str], **options: Any) -> Any:
        return start([*command[:-1], "tests.taken_over"], **options)

    monkeypatch.setattr(subprocess, "Popen", taken_over)
    child = Worker(RecognizerSection(), MatchingSection(), Path(".cache/models").resolve())
    try:
        answer, _ = child.ask({"order": "faces", "sources": []}, [json.dumps(targets).encode()], 60)
        assert child.held is not None
        assert child.held.lacking == ()
    finally:
        child.stop()
        monkeypatch.setattr(subprocess, "Popen", start)
    found: dict[str, bool] = json.loads(str(answer["reason"]))
    return found


def test_what_is_not_there_is_told_and_the_rest_holds() -> None:
    """In a container that denies the system calls: no error, the names of what lacks, and limits that hold."""
    code = (
        "import json, resource; from plugin.confinement import seccomp;"
        "from plugin.confinement.sandbox import Bounds, confine;"
        "library = seccomp._load_library(); rules = library.seccomp_init(seccomp._ALLOW);"
        "[seccomp._add_rule(library, rules, name, 38) for name in ('landlock_create_ruleset', 'seccomp')];"
        "assert library.seccomp_load(rules) == 0; held = confine(Bounds([], 512));"
        "print(json.dumps([held.lacking, resource.getrlimit(resource.RLIMIT_DATA)[1]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment.build_environment(), capture_output=True, check=True
    )
    lacking, most = json.loads(done.stdout)
    assert (lacking[0], lacking[-1], most) == ("Landlock", "seccomp", 512 << 20)


def test_a_library_that_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without libseccomp nothing is refused, and that is the answer."""

    def missing() -> Any:
        raise OSError("libseccomp.so.2: cannot open shared object file")

    monkeypatch.setattr(seccomp, "_load_library", missing)
    assert seccomp.refuse_calls(seccomp.ALWAYS_REFUSED) is False
    assert Confinement(3, False).lacking == ("Landlock for TCP (ABI 4)", "seccomp")


def test_a_tool_that_reads_nothing_is_ended(tmp_path: Path) -> None:
    """More than a pipe holds is asked of a program that does not look: the call ends with its time."""
    script = tmp_path / "program"
    script.write_text(f"#!{os.popen('command -v perl').read().strip()}\nsleep 600;\n")
    script.chmod(0o700)
    tool, ends = ExifToolProcess(str(script), [tmp_path]), list[BaseException]()

    def ask() -> None:
        try:
            tool.execute(["x" * 1000] * 1000, 3)
        except (OSError, ValueError, EOFError) as error:
            ends.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(60)
    tool.stop()
    assert len(ends) == 1


@pytest.mark.parametrize("parts", ["[1e999]", "[-1e999]", "[NaN]", '["x"]', "[[]]", "{}", "1"])
def test_no_length_that_is_told_is_believed(parts: str) -> None:
    """What a parser answers has a form, or the pipe is closed."""
    told = f'{{"parts": {parts}}}'.encode()
    with pytest.raises(wire.PipeClosed):
        wire.receive(io.BytesIO(struct.pack(">II", len(told), 5) + told + b"12345"), 100)


def test_where_we_are_installed_among_other_packages_these_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Decoders are loaded when a picture needs them, from beside us; a checkout, which may hold data, stays closed."""
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert tmp_path not in dict(environment.list_package_paths())
    (tmp_path / "facelease-0.1.0.dist-info").mkdir()
    assert tmp_path in dict(environment.list_package_paths())


def test_nothing_of_ours_lies_among_the_photographs(house: Config, tmp_path: Path) -> None:
    """ExifTool reads and writes there: a data folder inside is refused, by a link as well; so are our programs."""
    (tmp_path / "link").symlink_to(tmp_path)
    for path in (tmp_path, tmp_path / "link", tmp_path / "data" / "keys", ROOT, Path(sys.prefix).parent):
        wrong = house.model_copy(update={"folder": house.folder.model_copy(update={"path": str(path)})})
        with pytest.raises(ConfigError, match="move it out"):
            FolderDam.from_config(None, wrong, None)  # type: ignore[arg-type]


def test_exiftool_reads_only_the_photographs(tmp_path: Path) -> None:
    """Also by a link that leads out of them."""
    photos = tmp_path / "photos"
    photos.mkdir()
    (tmp_path / "beside.xmp").write_text("<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    (photos / "link.xmp").symlink_to(tmp_path / "beside.xmp")
    tool = ExifTool.find()
    assert tool is not None
    tool.open_to(photos)
    found = tool.read([tmp_path / "beside.xmp", photos / "link.xmp"], ["-all"])
    tool.close()
    assert all("File:FileType" not in fields for fields in found.values())
