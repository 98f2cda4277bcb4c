"""How many calls a server must answer for a withdrawal and for a scan, counted on the double of one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from bench.figures import Figure, Workshop
from plugin.clock import ManualClock
from plugin.flows.collections import modes
from plugin.flows.common.services import Services
from plugin.flows.consent import recording, withdrawal
from plugin.flows.matching import gallery
from plugin.flows.people import register
from plugin.flows.schedule import calendar
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from plugin.quitclaim.consent.lifecycle import Signing
from plugin.quitclaim.consent.model import Grant, GrantKind
from sidecar.commands.demo import samples
from sidecar.running import bootstrap
from sidecar.running.runner import Runner
from tests import on_double
from tests.doubles.resourcespace import Double

_NAME = "Sample person"
_START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_REVOKED, _SCANNED = 1000, 60


def run(workshop: Workshop) -> Iterator[Figure]:
    """A withdrawal over 1,000 resources, and a scan of new photographs; every call counts, those for lists too."""
    for plugin, name, count in (
        (True, "revoke_1000_calls", _REVOKED),
        (False, "revoke_calls_per_photo", _REVOKED // 5),
    ):
        with _open_house(workshop.scratch / name, plugin) as (services, double):
            calls, left = _count_revocation(services, double, count)
        remarks = (
            f"{count} resources {_describe_mode(plugin)}: {calls} calls, dates and read-back included; "
            f"tags left {left[0]}, dates left {left[1]}"
        )
        yield Figure(name, calls if plugin else round(calls / count, 3), remarks=remarks)
    for plugin, name in ((True, "scan_calls_per_photo"), (False, "scan_calls_per_photo_without")):
        with _open_house(workshop.scratch / name, plugin) as (services, double):
            calls, images, tagged = _count_scan(services, double, _SCANNED)
        way, each = _describe_mode(plugin), images / _SCANNED
        remarks = f"{_SCANNED} photographs {way}, {tagged} tagged; and {each:g} images each"
        yield Figure(name, round(calls / _SCANNED, 3), remarks=remarks)


def _describe_mode(plugin: bool) -> str:
    return "with the plugin" if plugin else "without it"


@contextmanager
def _open_house(root: Path, plugin: bool) -> Iterator[tuple[Services, Double]]:
    """A house whose DAM is the double, its log followed and its date fields made."""
    clock = ManualClock(_START)
    with Double(plugin=plugin) as double:
        config = bootstrap.resolve_models(on_double.configuration(root, double, clearance={"needs_confirmed": True}))
        on_double.with_dates(config, double)
        bootstrap.init(config, clock)
        with bootstrap.open_house(config, clock) as services:
            calendar.start_process(services)
            calendar.poll_dam(services)
            yield services, double


def _add_person(services: Services, recognition: bool) -> str:
    person = register.add(services, register.Newcomer(_NAME, of_age=True), "bench")
    now = services.clock.now()
    until = now + timedelta(days=365)
    grants = [Grant(uuid4().hex, GrantKind.PUBLICATION, "communication", "website", now, until)]
    if recognition:
        grants.append(Grant(uuid4().hex, GrantKind.RECOGNITION, None, None, now, until))
    signing = Signing("bench", None, "en", "sample", True, (), now, tuple(grants))
    recording.record(services, person, signing, [recording.SignatureEvidence("sample", b"sample")], "bench")
    return person


def _count_revocation(services: Services, double: Double, count: int) -> tuple[int, tuple[int, int]]:
    """The calls of a withdrawal, whole; and what is left of tags and dates."""
    library, runner = double.library, Runner(services)
    refs = [library.create(1).ref for _ in range(count)]
    calendar.poll_dam(services)
    runner.drain()
    person = _add_person(services, recognition=False)
    runner.drain()
    on_double.tag(services, person, _NAME)
    runner.drain()
    tagged = sum(_NAME in library.people(ref) for ref in refs)
    if (tagged, on_double.dates(library, refs)) != (count, count):
        raise SystemExit(f"{tagged} of {count} resources are tagged: there is nothing to count")
    double.calls.clear()
    withdrawal.withdraw(services, person, None, "bench")
    runner.drain()
    left = sum(_NAME in library.people(ref) for ref in refs), on_double.dates(library, refs)
    return sum(double.calls.values()), left


def _count_scan(services: Services, double: Double, count: int) -> tuple[int, int, int]:
    """The calls from the log's news to the tags, the images, and how many photographs were tagged."""
    runner, person = Runner(services), _add_person(services, recognition=True)
    pictures = [samples.portrait(sha).read_bytes() for sha in (samples.A_FRONT, samples.A_SPEECH)]
    gallery.enrol(services, person, pictures, "bench")
    data = samples.portrait(samples.A_STANDING).read_bytes()
    refs = [double.photo(data) for _ in range(count)]
    shoot = double.library.collect("shoot", double.library.users["facelease"].ref, refs)
    evidence = BasisEvidence("bench", "bench", services.today(), None)
    modes.decide(services, str(shoot.ref), modes.Ruling(Mode.AUTO, Basis.ALL_ASKED, evidence), "bench")
    runner.drain()
    double.calls.clear()
    calendar.poll_dam(services)
    runner.drain()
    images = sum(double.calls.pop(name, 0) for name in ("download.php", "facelease_original"))
    tagged = sum(_NAME in double.library.people(ref) for ref in refs)
    return sum(double.calls.values()), images, tagged
