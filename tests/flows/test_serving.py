"""The server and the worker as processes of their own, on a free port of this machine."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugin.recognizer.process.examiner import Examiner
from tests.processes import free_port

ROOT = Path(__file__).parents[2]
WAIT = 40  # seconds


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`facelease serve --with-worker` in a house of its own; its address and its process."""
    (tmp_path / "photos").mkdir()
    port = free_port()
    config = tmp_path / "facelease.toml"
    config.write_text(f'data = "data"\n[folder]\npath = "{tmp_path}/photos"\n[server]\nport = {port}\n')
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "sidecar", "--config", str(config)]
    subprocess.run([*command, "init"], env=environment, check=True, capture_output=True)
    process = subprocess.Popen(
        [*command, "serve", "--with-worker"], env=environment, cwd=tmp_path, stderr=subprocess.DEVNULL
    )
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.wait(WAIT)


def ask(url: str) -> tuple[int, bytes]:
    """The status and the body; 0 while nobody listens."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def until(url: str, status: int) -> bytes:
    """Wait for this status and give the body."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        got, body = ask(url)
        if got == status:
            return body
        time.sleep(0.2)
    raise AssertionError(f"{url} did not answer {status} in {WAIT} s, but {got}")


def worker_of(parent: int) -> int:
    """The process id of the `work` process that `serve` started."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if b"work" in words and int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == parent:
                    return int(entry.name)
            except (OSError, ValueError):
                continue
    raise AssertionError("serve has no worker")


def test_it_serves_and_its_worker_sweeps(served: tuple[str, subprocess.Popen[bytes]]) -> None:
    """Ready once the worker has swept; nothing but counts is told; ended together by one signal."""
    address, process = served
    assert json.loads(until(f"{address}/health", 200)) == {"status": "ok"}
    looked_at = ["store", "ended.log", "master key", "worker", "DAM"]
    assert json.loads(until(f"{address}/ready", 200)) == {"status": "ready", "looked_at": looked_at}
    assert b"facelease_templates 0.0" in until(f"{address}/metrics", 200)
    assert b"<html" in until(f"{address}/", 200)
    until(f"{address}/static/facelease.css", 200)
    until(f"{address}/no-such-page", 404)
    worker = worker_of(process.pid)
    process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert process.wait(WAIT) == 0
    assert time.monotonic() - began < 10
    assert not Path(f"/proc/{worker}").exists()


@pytest.fixture
def demonstrated(tmp_path: Path, examiner: Examiner) -> Iterator[Path]:
    """`facelease demo` in a process of its own; what it says."""
    said = tmp_path / "said"
    command = [sys.executable, "-u", "-m", "sidecar", "demo", "--folder", str(tmp_path / "shown")]
    with said.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--port", str(free_port())], cwd=ROOT, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            yield said
        finally:
            process.terminate()
            process.wait(WAIT)


def followed(link: str) -> str:
    """The page to which a browser with cookies comes by this link."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with browser.open(link, timeout=WAIT) as answer:
        return str(answer.read().decode())


def test_the_demonstration_can_be_tried_in_a_browser(demonstrated: Path) -> None:
    """After its story it gives one link, to a page with two: one to sign by, one where A withdraws; all are samples."""
    end = time.monotonic() + 3 * WAIT
    while not (found := re.search(r"http://127\.0\.0\.1:\d+/start", demonstrated.read_text())):
        assert time.monotonic() < end, demonstrated.read_text()
        time.sleep(0.2)
    until(found[0].removesuffix("/start") + "/health", 200)
    sign, page = re.findall(r"http://127\.0\.0\.1:\d+/s/[\w-]{43}", followed(found[0]))
    form, key = followed(sign), followed(page)
    assert "SAMPLE FORM: May we use photographs of you?" in form
    assert "Sample person B" in form
    assert "What you signed" in key
    assert "Sample person" not in key
    assert key.count("Stop this") == 3
