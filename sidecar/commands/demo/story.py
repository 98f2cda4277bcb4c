"""The demonstration: real portraits, two sample people, one lease that ends."""

import os
import shutil
import time
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path, PurePath
from uuid import uuid4

import click
from PIL import Image

from plugin.clock import ManualClock
from plugin.config import Config, load
from plugin.errors import FaceLeaseError
from plugin.flows.clearance import photo_answers
from plugin.flows.collections import modes
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.consent import recording
from plugin.flows.matching import gallery
from plugin.flows.people import register
from plugin.flows.photos import scan_queue
from plugin.flows.schedule import calendar
from plugin.flows.views import audit_view, health
from plugin.flows.views.photos import photo_panel
from plugin.hooks.dam import node_key
from plugin.ledger.keys import shredding
from plugin.ledger.log.proof import ProofVerdict
from plugin.quitclaim.clearance.answers import Answer, ClearanceStatus
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.quitclaim.consent.lifecycle import Signing
from plugin.quitclaim.consent.model import Grant, GrantKind
from plugin.words.plurals import pluralize
from sidecar.commands.demo import samples
from sidecar.commands.demo.tally import Tally, heading, say
from sidecar.output import table
from sidecar.running import bootstrap
from sidecar.running.runner import Runner

A, B = "Sample person A", "Sample person B"
LEASE = timedelta(days=30)
_A_MOMENT = timedelta(seconds=1)
SHOOT = "shoot"
FORM = (
    "SAMPLE, NOT SIGNED BY THE PERSON SHOWN.\n\n"
    "I agree that my face is compared with the photographs of this collection, and that photographs in which "
    "I am tagged are used for communication on the website and internally, for thirty days.\n"
)
_ACTOR = "demo"
CONFIG = "facelease.toml"


_CONFIG = """\
# The demonstration's own: the embedded default, small enough to look through.
data = "."
[site]
name = "FaceLease demonstration (sample people)"
[server]
port = {port}
public_url = "http://127.0.0.1:{port}"
[clearance]
purposes = ["communication"]
channels = ["internal", "website", "press"]
# So that a photograph can be seen cleared without an editor; the default is true.
needs_confirmed = false
"""


def write_config(folder: Path, port: int) -> Config:
    """The configuration of the demonstration, written to its folder so that other commands may use it."""
    path = folder / CONFIG
    path.write_text(_CONFIG.format(port=port), encoding="utf-8")
    return load(path)


def run(folder: str, port: int) -> Tally:
    """Run every step; returns what was counted, and which checks did not hold."""
    path = Path(folder).absolute()
    if path.exists() and not (path / ".facelease-demo").exists():
        raise FaceLeaseError(f"{path} is not a demonstration of ours, so it is left alone: give another --folder")
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700, parents=True)
    (path / ".facelease-demo").touch()
    config = write_config(path, port)
    make_photographs(path / "photos" / SHOOT)
    clock, tally = ManualClock(datetime.now(UTC) - LEASE - _A_MOMENT), Tally()  # so that the lease ends now
    bootstrap.init(config, clock)
    with bootstrap.open_house(config, clock) as services:
        calendar.start_process(services)
        person_id = _prepare(services, tally)
        _tag(services, tally)
        _end(services, clock, person_id, tally)
        _prove(services, tally)
    return tally


def make_photographs(folder: Path) -> None:
    """A small library of the sample portraits: alone, cut off, small, and both people on one picture."""
    folder.mkdir(parents=True)
    for number, prefix in enumerate((samples.A_STANDING, samples.B_STANDING, samples.A_FRONT_CUT_RIGHT), 1):
        # Saved again without metadata: the captions in these files name the people.
        with Image.open(samples.portrait(prefix)) as picture:
            picture.convert("RGB").save(folder / f"portrait-{number}.jpg", quality=92)
    with Image.open(samples.portrait(samples.A_SPEECH)) as speech:
        speech.convert("RGB").resize((470, 900)).save(folder / "speech.jpg", quality=88)
    standing = samples.portrait(samples.A_STANDING), samples.portrait(samples.B_STANDING)
    with Image.open(standing[0]) as left, Image.open(standing[1]) as right:
        height = 1200
        pair = [one.convert("RGB").resize((one.width * height // one.height, height)) for one in (left, right)]
        both = Image.new("RGB", (sum(one.width for one in pair), height))
        both.paste(pair[0], (0, 0))
        both.paste(pair[1], (pair[0].width, 0))
        both.save(folder / "together.jpg", quality=90)
    Image.effect_mandelbrot((800, 600), (-2, -1.5, 1, 1.5), 60).convert("RGB").save(folder / "nobody.jpg")
    settled = time.time() - 60  # a file that was just written may still be growing: it would wait for the next poll
    for path in folder.iterdir():
        os.utime(path, (settled, settled))


def _prepare(services: Services, tally: Tally) -> str:
    heading(f"1. {LEASE.days} days ago: A signed (a sample), B was asked and did not answer")
    person_id = register.add(services, register.Newcomer(A, of_age=True), _ACTOR)
    register.add(services, register.Newcomer(B, of_age=True), _ACTOR)
    sign_and_enrol(services, person_id)
    tally.check("A may be recognised, by 2 photographs that A gave", True)
    _check_refusal(services, tally)
    basis = BasisEvidence("sample list of who was asked", "demonstration", services.today(), None)
    modes.decide(services, SHOOT, modes.Ruling(Mode.AUTO, Basis.ALL_ASKED, basis), _ACTOR)
    tally.check("recognition is on for these photographs: everybody on them was asked", True)
    return person_id


def sign_and_enrol(services: Services, person_id: str) -> None:
    """Record what A signed (a sample) for the length of the lease, and two photographs of A."""
    now = services.clock.now()
    until = now + LEASE
    uses = [("communication", "internal"), ("communication", "website")]
    recognition = Grant(uuid4().hex, GrantKind.RECOGNITION, None, None, now, until)
    grants = (recognition, *(Grant(uuid4().hex, GrantKind.PUBLICATION, *use, now, until) for use in uses))
    signing = Signing("sample-1", None, "en", "sample", True, (), now, grants)
    form = recording.SignatureEvidence("sample-form.txt", FORM.encode())
    recording.record(services, person_id, signing, [form], _ACTOR)
    references = [_jpeg(samples.portrait(prefix)) for prefix in (samples.A_FRONT, samples.A_SPEECH_RGBA)]
    gallery.enrol(services, person_id, references, _ACTOR)


def _check_refusal(services: Services, tally: Tally) -> None:
    """B has no recognition grant: no template may be made of B."""
    with services.store.read() as conn:
        b = roster.find(conn, B)
    refused = False
    try:
        gallery.enrol(services, b, [_jpeg(samples.portrait(samples.B_STANDING))], _ACTOR)
    except FaceLeaseError:
        refused = True
    tally.check("B may not: no photograph of B is taken in", refused)


def _jpeg(path: Path) -> bytes:
    with Image.open(path) as picture:
        out = BytesIO()
        picture.convert("RGB").save(out, "JPEG", quality=92)
    return out.getvalue()


def _tag(services: Services, tally: Tally) -> None:
    heading("2. The photographs arrive")
    calendar.poll_dam(services)
    Runner(services).drain(threads=2)
    refs = sorted(services.dam.refs())
    tally.check(f"{pluralize(len(refs), 'photograph')} examined", scan_queue.count_waiting(services) == 0)
    heads = ["photograph", "people", "unnamed", "internal", "website", "press"]
    for line in table(heads, [_format_row(services, ref) for ref in refs]):
        click.echo("     " + line)
    tally.tagged = sum(A in _read_names(services, ref) for ref in refs)
    tally.unnamed = health.count(services).faces.get("unmatched", 0)
    tally.check("A is tagged, in the files themselves", tally.tagged >= 3)
    tally.check("B is tagged nowhere", not any(B in _read_names(services, ref) for ref in refs))
    tally.check("B's face is a frame without a name", tally.unnamed >= 2)
    ask = photo_answers.answer_photo(services, f"{SHOOT}/portrait-1.jpg", "communication", "website")
    tally.check("a photograph of A alone is cleared for the website", ask.status is ClearanceStatus.CLEARED)
    ask = photo_answers.answer_photo(services, f"{SHOOT}/portrait-1.jpg", "communication", "press")
    tally.check("and blocked for the press, to which A did not agree", ask.status is ClearanceStatus.BLOCKED)


def _read_names(services: Services, ref: str) -> set[str]:
    """The people whose names stand in the file and its sidecar, read from there."""
    return {named.node for named in services.dam.look(ref).names}


def _format_row(services: Services, ref: str) -> list[object]:
    seen = photo_panel.load_panel(services, ref)
    answers = photo_answers.answer_channels(services, ref, "communication")
    names = ", ".join(sorted(_read_names(services, ref))) or "-"
    unnamed = sum(face.state == "unmatched" for face in seen.faces) if seen else 0
    return [PurePath(ref).name, names, unnamed or "-", *map(_format_answer, answers.values())]


def _format_answer(answer: Answer) -> str:
    return {ClearanceStatus.NO_PERSON_FOUND: "nobody"}.get(answer.status, answer.status.value)


def _end(services: Services, clock: ManualClock, person_id: str, tally: Tally) -> None:
    heading(f"3. Today, {LEASE.days} days later: what A signed ends")
    clock.advance(LEASE + _A_MOMENT)
    ended = calendar.sweep_endings(services)
    tally.check(f"{pluralize(ended, 'consent')} ended by the calendar", ended == 3)
    before = tally.tagged
    Runner(services).drain()
    refs = sorted(services.dam.refs())
    tally.left = sum(1 for ref in refs if any(node_key(name) == node_key(A) for name in _read_names(services, ref)))
    tally.revoked = before - tally.left
    gone = pluralize(tally.revoked, "photograph")
    tally.check(f"the name is gone from {gone}, and left in {tally.left}", tally.left == 0 and before > 0)
    answers = [photo_answers.answer_photo(services, ref, "communication", "website").status for ref in refs]
    tally.check("no photograph is cleared any more", ClearanceStatus.CLEARED not in answers)
    with services.store.read() as conn:
        kept = [one for kind in ("template", "reference") for one in services.vault.find(conn, person_id, kind)]
        how = shredding.of_person(conn, person_id)
    tally.check("what A was recognised by is gone, photographs and all", not kept)
    tally.check("and the key that opened it is destroyed", bool(how) and None not in how)


def _prove(services: Services, tally: Tally) -> None:
    heading("4. The proof")
    calendar.write_log_head(services)
    checked = audit_view.verify_log(services)
    holds = checked.verdict is ProofVerdict.HOLDS
    tally.audit = "ok" if holds else "broken"
    tally.check("the log of all that was done holds, row after row", holds)
    say("How that is known: ./run facelease audit verify", "      ")
