"""V2: a file of endings that is not the one which was known closes the house, however it came to be another.

Closed: nothing is compared, tagged or cleared and no date stands in the DAM, while people withdraw and pages answer.
The right file opens it again. What only looks like a forgery (a crash, a longer file, a house of before) is accepted.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import delete, insert, select, update

from plugin.clock import ManualClock
from plugin.errors import ConsentError, HouseClosed, LinkRefused, TokenRefused
from plugin.flows.access import links
from plugin.flows.access.programs import api_tokens
from plugin.flows.clearance import cleared_photos, dam_dates, photo_answers
from plugin.flows.common import closed_house
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.review import download_gate, face_decisions, tool_gate
from plugin.flows.schedule import calendar, house_closing, log_heads
from plugin.flows.views.photos import photo_panel
from plugin.hooks.dam import Picture
from plugin.ledger import tables as t
from plugin.ledger.log import heads, house_state
from plugin.ledger.log.endings import LINK, NOTHING_ENDED, EndedLog, Ending, Mark
from plugin.ledger.log.head_key import HeadKey
from plugin.ledger.store.actions import Action
from plugin.ledger.store.audit import canonical_json
from plugin.quitclaim.clearance.answers import ClearanceStatus, IntendedUse
from plugin.recognizer.process.examiner import Examiner
from sidecar.commands.demo import samples
from sidecar.doctor import checks
from tests import on_double, support, visiting
from tests.doubles.resourcespace import Double
from tests.doubles.resourcespace_house import jpeg
from tests.stores import Stores

BO = "Bo Sample"
USE = IntendedUse("communication", "website")
RULING = {
    "mode": "auto",
    "basis": "all-asked",
    "reference": "a list",
    "by": "the administrator",
    "decided": "2026-03-01",
    "review": "",
    "set_by": "admin",
}
Promise = Callable[[str, str], None]


class Watched:
    """The DAM, with an act before the next picture is handed out."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.before: Callable[[], None] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def picture(self, ref: str) -> Picture:
        if self.before is not None:
            act, self.before = self.before, None
            act()
        picture: Picture = self._inner.picture(ref)
        return picture


def _portrait(height: int) -> bytes:
    """A photograph of Bo, of another size each."""
    out = BytesIO()
    with Image.open(samples.portrait(samples.A_STANDING)) as picture:
        picture.convert("RGB").resize((picture.width * height // picture.height, height)).save(out, "JPEG", quality=90)
    return out.getvalue()


@dataclass
class House:
    """A house on a server with dates: somebody enrolled, named and cleared, and others who ended."""

    services: Services
    double: Double
    clock: ManualClock
    root: Path
    bo: str = ""
    shelf: Any = None
    refs: list[int] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)

    @property
    def cast(self) -> support.Cast:
        return support.Cast(self.services)

    @property
    def path(self) -> Path:
        return self.services.ended.path

    @property
    def right(self) -> Path:
        """Where a copy of the right file lies."""
        return self.root / "right.log"

    def begin(self) -> None:
        on_double.with_dates(self.services.config, self.double)
        self.bo = self.cast.add(BO)
        self.cast.sign(self.bo, channels=("website", "press"))
        self.cast.enrol(self.bo)
        self.shelf = self.double.library.collect("shoot", 2, [], ruling=RULING)
        nobody = self.double.photo(jpeg())  # which may go out while the house is open
        self.shelf.resources.append(nobody)
        self.arrive()
        self.arrive(size=500)
        for number in range(3):
            self.end_somebody(number)
        token = api_tokens.create(self.services, "sample", ["clearance:read"], "test")
        api_tokens.revoke(self.services, token.id, "test")
        self.head()
        self.note()

    def arrive(self, size: int = 640) -> int:
        """A photograph of Bo in the collection, and all that follows."""
        ref = self.double.photo(_portrait(size + len(self.refs)))
        self.shelf.resources.append(ref)
        self.refs.append(ref)
        calendar.poll_dam(self.services)
        with self.services.store.write() as tx:
            self.services.queue.put(tx, "photo", str(ref))
        self.cast.work()
        return ref

    def end_somebody(self, number: int) -> str:
        person = self.cast.add(f"Ended {number} Sample")
        self.cast.sign(person, recognition=False)
        assert withdrawal.withdraw(self.services, person, None, "test") == 1
        return person

    def head(self) -> None:
        keys, config = self.services.config.keys, self.services.config
        mark = self.services.ended.mark()
        heads.write(self.services.store, self.services.head_key, config.path(keys.heads_file), 84, mark)

    def note(self) -> None:
        """Remember the file and the store as they are now."""
        shutil.copy(self.path, self.right)
        with self.services.store.read() as conn:
            self.before = {
                one.name: [dict(row) for row in conn.execute(select(one)).mappings()]
                for one in t.metadata.sorted_tables
            }

    def roll_back(self) -> None:
        """The store as it was when it was noted."""
        with self.services.store.write() as tx:
            for table in reversed(t.metadata.sorted_tables):
                tx.execute(delete(table))
            for table in t.metadata.sorted_tables:
                if self.before[table.name]:
                    tx.execute(insert(table), self.before[table.name])

    def minute(self) -> None:
        """A sweep, and every job that is due."""
        self.clock.advance(timedelta(minutes=2))
        calendar.sweep_endings(self.services)
        self.cast.work()

    def put_back(self) -> None:
        self.path.unlink(missing_ok=True)
        shutil.copy(self.right, self.path)
        self.minute()
        self.clock.advance(timedelta(minutes=2))
        self.cast.work()

    def why(self) -> str | None:
        return closed_house.find_reason(self.services)

    def dates(self) -> int:
        return on_double.dates(self.double.library, self.refs)

    def named(self) -> int:
        return sum(BO in self.double.library.people(ref) for ref in self.refs)

    def compared(self, ref: int) -> bool:
        with self.services.store.read() as conn:
            return bool(conn.scalar(select(t.resource.c.matched).where(t.resource.c.ref == str(ref))))

    def cleared(self) -> int:
        """How many ways of asking say that something may be used."""
        refs, one = [str(ref) for ref in self.refs], str(self.refs[0])
        found = photo_answers.answer_photos(self.services, refs, [USE])
        yes = sum(answer[USE].status in download_gate.OPEN for answer in found.values())
        span = cleared_photos.span_now(self.services, USE.purpose, USE.channel)
        with self.services.store.read() as conn:
            yes += cleared_photos.count(conn, span) + len(cleared_photos.list_page(conn, span).photos)
        yes += download_gate.count_open(self.services, USE.channel)
        yes += sum(
            verdict.open for verdict in download_gate.judge_downloads(self.services, refs, [USE.channel]).values()
        )
        asked = tool_gate.judge_tool_use(
            self.services, tool_gate.GateQuestion(one, USE, "cms", claims=frozenset({"cms"})), "test"
        )
        yes += asked.verdict is tool_gate.GateVerdict.ALLOW
        view = photo_panel.load_panel(self.services, one, USE.purpose)
        assert view is not None
        yes += sum(answer.status is ClearanceStatus.CLEARED for answer in view.channels.values())
        return yes + sum(a.status is ClearanceStatus.CLEARED for who in view.people for a in who.channels.values())

    def confirmed(self) -> int:
        """An editor confirms what stands there."""
        with self.services.store.read() as conn:
            face = conn.scalar(select(t.face.c.id).where(t.face.c.person_id == self.bo))
        with suppress(HouseClosed):
            face_decisions.confirm(self.services, face or 0, "test")
            return 1
        return 0

    def pages(self) -> list[int]:
        """What the person's own page, the front page and the two checks answer."""
        browser = visiting.visit(self.services, self.bo)
        return [browser.get(at).status_code for at in (visiting.PAGE, "/", "/health", "/ready")]


@pytest.fixture(params=["sqlite", "postgresql"])
def house(
    request: pytest.FixtureRequest, tmp_path: Path, stores: Stores, clock: ManualClock, examiner: Examiner
) -> Iterator[House]:
    url = stores.migrated(request.param)
    with Double() as double:
        config = on_double.configuration(tmp_path, double, store={"url": url})
        with support.opened(config, clock, examiner, wrap=Watched) as services:
            calendar.start_process(services)
            calendar.poll_dam(services)
            made = House(services, double, clock, tmp_path)
            made.begin()
            yield made


def _lines(house: House) -> list[bytes]:
    return house.path.read_bytes().splitlines(keepends=True)


def _write(house: House, *lines: bytes) -> None:
    house.path.write_bytes(b"".join(lines))


def _another(house: House, count: int) -> Path:
    """The file of another house."""
    path = house.root / "other" / "ended.log"
    path.unlink(missing_ok=True)
    ended = [Ending("", f"{n:032x}", house.clock.now(), LINK) for n in range(count)]
    EndedLog(path).write(*ended)
    return path


def remove(house: House) -> None:
    house.path.unlink()


def empty(house: House) -> None:
    _write(house)


def shorten(house: House) -> None:
    _write(house, *_lines(house)[:-1])


def take_older(house: House) -> None:
    _write(house, *_lines(house)[:2])


def change_line(house: House) -> None:
    first, *rest = _lines(house)
    _write(house, first.replace(b'"kind"', b'"Kind"').replace(b'"Kind"', b'"kind" '), *rest)


def swap(house: House) -> None:
    first, second, *rest = _lines(house)
    _write(house, second, first, *rest)


def insert_foreign(house: House) -> None:
    first, *rest = _lines(house)
    _write(house, first, _another(house, 1).read_bytes(), *rest)


def insert_unseen(house: House) -> None:
    """A line that ends where a careless reader sees no end of a line."""
    first, *rest = _lines(house)
    _write(
        house, first, b'{"person": "x", "grant": null, "at": "2026-03-02T12:00:00+00:00", "kind": "erased"}\r', *rest
    )


def replace_longer(house: House) -> None:
    _write(house, _another(house, len(_lines(house)) + 3).read_bytes())


def append_unreadable(house: House) -> None:
    _write(house, *_lines(house), b"what was this?\n")


def cut_last_line(house: House) -> None:
    *rest, last = _lines(house)
    _write(house, *rest, last[:-9])


FORGERIES = (
    remove,
    empty,
    shorten,
    take_older,
    change_line,
    swap,
    insert_foreign,
    insert_unseen,
    replace_longer,
    append_unreadable,
    cut_last_line,
)


@pytest.mark.promise
def test_a_file_that_is_not_the_one_which_was_known_closes_the_house(house: House, promise: Promise) -> None:
    """Each forgery in a live house, asked about before any sweep; then a minute passes; then the right file is back."""
    accepted, sums = [], {"compared": 0, "tagged": 0, "cleared": 0, "dates": 0}
    for forge in FORGERIES:
        assert (house.why(), house.cleared() > 0, house.dates() > 0) == (None, True, True)
        named = house.named()
        assert named == len(house.refs)
        forge(house)
        sums["cleared"] += house.cleared()
        ref = house.arrive()
        house.minute()
        sums["compared"] += house.compared(ref)
        sums["tagged"] += house.named() - named + house.confirmed()
        sums["cleared"] += house.cleared()
        sums["dates"] += house.dates()
        accepted += [] if house.why() else [forge.__name__]
        house.head()  # the hourly one, which must not take the file that is there for the right one
        assert house.pages() == [200, 200, 200, 503]
        late = house.end_somebody(hash(forge.__name__))
        house.minute()
        assert house.why(), "a line that was added made no right file of it"
        house.put_back()
        assert house.why() is None
        assert house.compared(ref)
        assert any(line.person_id == late for line in house.services.ended.lines())
        shutil.copy(house.path, house.right)
    assert house.services.queue.dead() == []
    kind = house.services.store.kind
    promise(
        "V2",
        f"ended.log, {kind}: accepted {len(accepted)} of {len(FORGERIES)}; opened again {len(FORGERIES)} of "
        f"{len(FORGERIES)}; while closed: " + ", ".join(f"{what} {n}" for what, n in sums.items()),
    )
    assert (accepted, set(sums.values())) == ([], {0})


@pytest.mark.promise
def test_what_was_put_back_in_time_with_the_file_is_held_against_the_heads(house: House, promise: Promise) -> None:
    """Store and file of a day before, heads of today: closed at the start. The right file is told again, and opens."""
    before = house.path.read_bytes()
    gone = house.end_somebody(7)
    withdrawal.withdraw(house.services, house.bo, None, "test")
    house.cast.work()
    house.head()
    right = house.path.read_bytes()
    house.roll_back()
    house.path.write_bytes(before)
    calendar.start_process(house.services)
    house.minute()
    closed = house.why()
    figures = (house.cleared(), house.dates(), house.named())
    house.right.write_bytes(right)
    house.put_back()
    assert (house.why(), house.cleared(), house.named()) == (None, 1, 0), (
        "who withdrew is told to the store first: what goes out is the photograph that shows nobody"
    )
    assert gone in {line.person_id for line in house.services.ended.lines()}
    promise(
        "V2",
        f"ended.log, {house.services.store.kind}: store and file put back, heads kept: accepted "
        f"{int(closed is None)} of 1; cleared {figures[0]}, dates {figures[1]}",
    )
    assert (closed, figures[:2]) == ("shorter", (0, 0))


@pytest.mark.promise
def test_who_has_the_key_of_before_tells_nothing_of_the_file(house: House, promise: Promise) -> None:
    """The key of heads was replaced because it got out. Whoever has it, and may write the store, the heads and the
    file, neither opens a house on a shorter file, nor closes one, nor has a lie signed by the present key."""
    config = house.services.config
    stolen = house.root / "stolen.key"
    shutil.copy(config.path(config.keys.heads_key_file), stolen)
    log_heads.replace_key(house.services, "test")
    file, right = config.path(config.keys.heads_file), house.services.ended.mark()
    kept = file.read_bytes()
    former, accepted = HeadKey.load(stolen), 0
    for lie in (NOTHING_ENDED, Mark(1000, "a" * 64)):
        last = heads.read(file)[-1]
        bare = replace(last, number=last.number + 1, ended=lie, note={}, key=former.public)
        forged = replace(bare, signature=former.sign(b"facelease head\n" + canonical_json(bare.body())))
        file.write_bytes(kept + forged.line())
        if lie == NOTHING_ENDED:
            house.path.write_bytes(b"")
            with house.services.store.write() as tx:
                house_state.set_mark(tx, lie)
        calendar.start_process(house.services)
        accepted += (house.why() is None) == (lie == NOTHING_ENDED)
        calendar.write_log_head(house.services)
        accepted += heads.read(file)[-1].ended != right
        file.write_bytes(kept)
        shutil.copy(house.right, house.path)
        calendar.start_process(house.services)
        house.minute()
        assert house.why() is None
    promise("V2", f"ended.log, {house.services.store.kind}: heads by a former key believed {accepted} of 4")
    assert accepted == 0


@pytest.mark.promise
def test_a_file_that_goes_while_the_worker_runs(house: House, promise: Promise) -> None:
    """Away as a photograph is in hand, before any sweep: it is neither compared nor named, and its job waits."""
    named, dam = house.named(), house.services.dam
    assert isinstance(dam, Watched)
    dam.before = house.path.unlink
    ref = house.arrive()
    compared, tagged = house.compared(ref), house.named() - named
    assert not house.path.exists()
    assert house.services.queue.dead() == []
    house.put_back()
    assert (house.compared(ref), house.named()) == (True, named + 1)
    promise(
        "V2",
        f"ended.log, {house.services.store.kind}: removed while the worker runs: compared {int(compared)}, "
        f"tagged {tagged}",
    )
    assert (compared, tagged) == (False, 0)


def _crash(house: House) -> None:
    """A line on the disk, and no commit."""
    with house.services.store.read() as conn:
        grant = conn.scalar(select(t.grant.c.id).where(t.grant.c.person_id == house.bo, t.grant.c.channel == "press"))
    house.services.ended.write(Ending(house.bo, grant, house.clock.now(), "withdrawn"))


def _crash_in_the_line(house: House) -> None:
    """A line that is torn, and no commit; the next one ends it."""
    with house.path.open("ab") as file:
        file.write(_lines(house)[0][:40])
    house.end_somebody(11)


def _longer(house: House) -> None:
    """Another process wrote on."""
    EndedLog(house.path).write(Ending("", "f" * 32, house.clock.now(), LINK))


def _store_put_back(house: House) -> None:
    """The store of before, the file of today."""
    house.end_somebody(12)
    house.head()
    house.roll_back()


def _copied(house: House) -> None:
    """The same bytes in another file, dated anew."""
    data = house.path.read_bytes()
    house.path.unlink()
    house.path.write_bytes(data)
    house.path.chmod(0o600)


def _of_before(house: House) -> None:
    """A store that knows no mark, and no head that does."""
    house.services.config.path(house.services.config.keys.heads_file).unlink()
    with house.services.store.write() as tx:
        tx.execute(update(t.state).values(ended_lines=None, ended_hash=None))


def _without_heads(house: House) -> None:
    keys, config = house.services.config.keys, house.services.config
    config.path(keys.heads_file).unlink(missing_ok=True)
    config.path(keys.heads_key_file).unlink()


GENUINE = (_crash, _crash_in_the_line, _longer, _store_put_back, _copied, _of_before, _without_heads)


@pytest.mark.promise
def test_what_only_looks_like_a_forgery_is_accepted(house: House, promise: Promise) -> None:
    """Each at a start and over a minute; the store knows the whole file afterwards."""
    accepted = 0
    for happen in GENUINE:
        happen(house)
        calendar.start_process(house.services)
        house.minute()
        with house.services.store.read() as conn:
            known = house_state.read(conn).mark
        accepted += house.why() is None and known == house.services.ended.mark() and house.cleared() > 0
    promise("V2", f"ended.log, {house.services.store.kind}: genuine accepted {accepted} of {len(GENUINE)}")
    assert accepted == len(GENUINE)


def test_a_line_without_its_commit_is_told_within_a_minute(house: House) -> None:
    """By whoever sweeps, without a start; also where another ending was written after it."""
    _crash(house)
    house.end_somebody(30)
    house.minute()
    use = IntendedUse(USE.purpose, "press")
    found = photo_answers.answer_photos(house.services, [str(house.refs[0])], [USE, use])[str(house.refs[0])]
    assert (found[USE].status, found[use].status) == (ClearanceStatus.CLEARED, ClearanceStatus.BLOCKED)
    assert house.why() is None


def test_in_the_minute_before_it_is_closed_no_date_is_wished_for(house: House) -> None:
    """The file is gone and nobody has swept: what is computed of the dates now is that there are none."""
    with house.services.store.read() as conn:
        ids = list(conn.scalars(select(t.statement.c.resource_id)))
    house.path.unlink()
    dam_dates.plan_many(house.services, ids)
    with house.services.store.read() as conn:
        assert house_state.read(conn).closed_at is None
        wanted = [day for row in conn.scalars(select(t.statement.c.wanted)) for day in row.values()]
    assert ids
    assert set(wanted) == {""}


def test_a_house_without_any_ending_needs_no_file(house: House) -> None:
    """Nothing had ended: a file that is not there is no file that is missing."""
    with house.services.store.write() as tx:
        house_state.set_mark(tx, NOTHING_ENDED)
    house.services.config.path(house.services.config.keys.heads_file).unlink()
    house.path.unlink()
    calendar.start_process(house.services)
    assert house.why() is None


def test_begun_anew_it_holds_what_the_store_knows(house: House) -> None:
    """With a reason, on record; heads of before do not close it again; who had ended stays so in an older copy."""
    _longer(house)  # of a link that the store does not know, so that the new file is not the old one by chance
    house.minute()
    house.note()
    house.path.unlink()
    house.minute()
    assert house.why() == "missing"
    late = house.end_somebody(20)
    for wrong in ("", "  ", "x" * 201, "a\nb\x07"):
        with pytest.raises(ConsentError, match="reason"):
            house_closing.open_without_ended_log(house.services, wrong, "test")
    begun = house_closing.open_without_ended_log(house.services, "the disk of keys died", "cli:sample")
    house.minute()
    assert (house.why(), begun.lines) == (None, 5)
    assert late in {line.person_id for line in house.services.ended.lines()}
    with house.services.store.read() as conn:
        said = list(conn.scalars(select(t.audit.c.details).where(t.audit.c.action == Action.HOUSE_OPEN)))
    assert len(said) == 1
    assert "the disk of keys died" in said[0]
    assert any("begun anew on 2026-03-02" in one.said for one in checks.run_checks(house.services.config, house.clock))
    house.roll_back()  # a store from before the file was begun anew: the head says which file counts
    calendar.start_process(house.services)
    house.minute()
    assert house.why() is None
    with house.services.store.read() as conn:
        assert conn.scalar(select(t.grant.c.id).where(t.grant.c.person_id == late)) is None
    assert house.cleared() > 0


def test_after_a_restore_without_it_no_link_and_no_token_opens(house: House) -> None:
    with house.services.store.write() as tx:
        made = links.make(house.services, tx, links.Link(links.LinkKind.PAGE, "en", house.bo), "test")
    token = api_tokens.create(house.services, "sample", ["clearance:read"], "test")
    house.path.unlink()
    begun = house_closing.open_without_ended_log(house.services, "lost with the machine", "test", restored=True)
    assert (begun.links, begun.tokens) == (1, 1)
    with pytest.raises(LinkRefused):
        links.find_open(house.services, made.token)
    with pytest.raises(TokenRefused):
        api_tokens.authenticate(house.services, token.secret)
    house.minute()
    assert house.why() is None
