"""A face counts by its size where the photograph is used: channels with a largest size, the gate, downloads, dates."""

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from plugin.clock import NO_END, ManualClock
from plugin.flows.clearance import cleared_photos, photo_answers
from plugin.flows.common import valid_clearances
from plugin.flows.common.services import Services
from plugin.flows.names import resources
from plugin.flows.review import download_gate, tool_gate
from plugin.flows.schedule import calendar
from plugin.hooks.dam import Resource, ShowsDates
from plugin.ledger import tables as t
from plugin.quitclaim.clearance.answers import Answer, ClearanceStatus, IntendedUse, ReasonCode
from plugin.recognizer.process.examiner import Examiner
from sidecar.app import create_app
from tests import on_double, staff, support
from tests.doubles.resourcespace import Double
from tests.flows.test_anew import changed
from tests.flows.test_statements import Dated, shown
from tests.program import Api, photograph

CHANNELS = ("website", "press", "social media", "AI tools")
SIZES = {"website": 1200, "social media": 4000, "AI tools": 1200}
OPEN = {ClearanceStatus.CLEARED, ClearanceStatus.NO_PERSON_FOUND}
REF = "shoot/crowd.jpg"


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner) -> Iterator[Services]:
    """Åsa before a crowd: faces of 90 px, that nobody named, in a file of 6,000 px."""
    rules = {"channels": CHANNELS, "max_px": SIZES}
    config = support.configuration(tmp_path, clearance=rules, gate={"ai_channel": "AI tools"})
    with support.opened(config, clock, examiner, wrap=Dated) as house:
        calendar.start_process(house)
        cast = support.Cast(house)
        asa = cast.add("Åsa")
        cast.sign(asa, channels=CHANNELS)
        crowd(house, photograph(house, REF, asa))
        cast.work()
        yield house


def crowd(
    services: Services, number: int, widths: tuple[int | None, ...] = (90, 90), longest: int | None = 6000
) -> None:
    """Faces that nobody named, of these widths in the file, in the place of those that were there."""
    with services.store.write() as tx:
        tx.execute(delete(t.face).where(t.face.c.resource_id == number, t.face.c.state == "unmatched"))
        tx.execute(update(t.resource).where(t.resource.c.id == number).values(longest_px=longest))
        box = {"left": 0.5, "top": 0.5, "width": 0.01, "height": 0.01, "width_px": 15, "created_at": tx.now}
        for width in widths:
            one = {"resource_id": number, "file_version": "v", "state": "unmatched", "file_px": width}
            tx.execute(insert(t.face).values(**box, **one))
        photo_answers.recompute(services, tx, [number])


def crowded(services: Services) -> int:
    with services.store.read() as conn:
        return int(conn.execute(select(t.resource.c.id).where(t.resource.c.ref == REF)).scalar_one())


def statuses(services: Services, **sizes: int | None) -> dict[str, ClearanceStatus]:
    uses = [IntendedUse("communication", channel) for channel in CHANNELS]
    return {
        use.channel: one.status
        for use, one in photo_answers.answer_photos(services, [REF], uses, None, sizes)[REF].items()
    }


def said(answer: Answer) -> list[str]:
    """The sizes that it says it was judged for."""
    return [dict(reason.values)["px"] for reason in answer.reasons if reason.code is ReasonCode.SHOWN_AT]


def test_each_channel_is_judged_at_its_size_and_says_so(services: Services) -> None:
    """At 1,200 px the crowd cannot be recognised; at 4,000 neither (60 px); in the file itself everybody can."""
    answers = photo_answers.answer_channels(services, REF, "communication")
    yes = [channel for channel, one in answers.items() if one.status is ClearanceStatus.CLEARED]
    assert yes == ["website", "social media", "AI tools"]
    assert {channel: said(one) for channel, one in answers.items()} == {
        channel: [str(SIZES[channel])] if channel in SIZES else [] for channel in CHANNELS
    }
    assert [dict(r.values)["count"] for r in answers["website"].reasons if r.code is ReasonCode.SMALL_FIGURES] == ["2"]


def test_what_is_stored_and_what_is_asked_agree_on_every_channel(services: Services) -> None:
    """Widths, sizes of the original, and either not known: lists, dates in the DAM, and answers say the same."""
    number = crowded(services)
    seen: set[tuple[ClearanceStatus, ...]] = set()
    widths = (None, 20, 64, 90, 100, 115, 200, 400, 700)
    for width, longest in product(widths, (None, 0, 900, 4000, 6000, 12_000)):
        crowd(services, number, (width,), longest)
        support.Cast(services).work()
        told = statuses(services)
        with services.store.read() as conn:
            rows = conn.execute(select(t.clearance).where(t.clearance.c.resource_id == number))
            stored = {row.channel for row in rows if row.valid_until <= NO_END}
            listed = {
                c for c in CHANNELS if cleared_photos.count(conn, cleared_photos.span_now(services, "communication", c))
            }
        yes = {channel for channel, status in told.items() if status is ClearanceStatus.CLEARED}
        assert stored == listed == yes
        assert {channel for channel, day in shown(services)[REF].items() if day} == yes
        seen.add(tuple(told.values()))
    assert len(seen) == 4  # none, the small channels, those and the middle one, all of them


def test_the_count_of_downloads_judges_as_the_answers(services: Services) -> None:
    """Photographs of nobody: what SQL counts is what each says, at every size, known or not."""
    dice = random.Random(3)
    refs = []
    for n in range(60):
        refs.append(f"shoot/nobody-{n}.jpg")
        widths = tuple(dice.choice([None, 1, 19, 20, 63, 64, 115, 116, 400]) for _ in range(dice.randint(0, 2)))
        number = photograph(services, refs[-1])
        crowd(services, number, widths, dice.choice([None, 0, 900, 1024, 2048, 6000, 60_000]))
        if n % 9 == 0:
            with services.store.write() as tx:
                tx.execute(update(t.resource).where(t.resource.c.id == number).values(unread="broken"))
    counted = []
    for house in (services, changed(services, "clearance", small_figures_block=True)):
        calendar.start_process(house)
        support.Cast(house).work()
        for channel in CHANNELS:
            told = photo_answers.answer_photos(house, [*refs, REF], [IntendedUse("communication", channel)])
            right = sum(answer.status in OPEN for one in told.values() for answer in one.values())
            counted.append((download_gate.count_open(house, channel), right))
    assert all(sql == asked for sql, asked in counted), counted
    assert len({sql for sql, _ in counted}) > 2


def test_who_takes_a_larger_file_is_judged_by_what_they_get(services: Services) -> None:
    """At the gate and at downloads; less than the channel shows is judged as the channel."""
    assert statuses(services, **{REF: 800}) == statuses(services)
    larger = statuses(services, **{REF: 4300})  # 64.5 px
    assert set(larger.values()) == {ClearanceStatus.UNKNOWN}
    assert set(statuses(services, **{REF: None}).values()) == {ClearanceStatus.UNKNOWN}

    def goes(channel: str, *px: int) -> bool:
        return download_gate.judge_downloads(services, [REF], [channel], {REF: px[0]} if px else {})[REF].open

    assert [goes("website", *px) for px in ((1100,), (1200,), (4000,), (4300,), ())] == [True, True, True, False, False]
    assert [goes("press", *px) for px in ((1100,), ())] == [False, False]


@pytest.mark.parametrize(
    ("kind", "channel", "px", "allowed", "most"),
    [
        ("cms", "website", None, True, 1200),
        ("cms", "website", 1100, True, 1200),
        ("cms", "website", 4000, True, 4000),
        ("cms", "website", 6000, False, 6000),
        ("cms", "press", None, False, None),
        ("cms", "press", 600, False, None),
        ("ai", "website", None, True, 1200),
        ("ai", "website", 6000, False, 6000),
        ("ai", "social media", None, True, 4000),  # 60 px: nobody is recognised in what the tool gets
    ],
)
def test_the_gate_says_up_to_which_size(
    services: Services, kind: str, channel: str, px: int | None, allowed: bool, most: int | None
) -> None:
    """Not said: the channel's own, and the answer tells it; a larger one is judged at that."""
    asked = tool_gate.GateQuestion(
        REF, IntendedUse("communication", channel), kind, claims=frozenset({"cms"}), longest_px=px
    )
    told = tool_gate.judge_tool_use(services, asked, "api:x")
    assert (told.verdict is tool_gate.GateVerdict.ALLOW, told.max_px) == (allowed, most)


def test_a_small_size_of_the_channel_for_ai_lets_no_larger_file_through(services: Services) -> None:
    """What the tool gets decides, not what the channel of its permit would show."""
    house = changed(services, "clearance", max_px={"AI tools": 600})
    ask = tool_gate.GateQuestion(REF, IntendedUse("communication", "press"), "ai", longest_px=None)
    assert tool_gate.judge_tool_use(house, ask, "api:x").verdict is tool_gate.GateVerdict.UNKNOWN
    crowd(services, crowded(services), ())
    assert tool_gate.judge_tool_use(house, ask, "api:x").verdict is tool_gate.GateVerdict.ALLOW
    both = changed(services, "clearance", max_px={"website": 4300, "AI tools": 600})
    crowd(services, crowded(services), (89,))  # 63.8 px: recognised at 4,300
    sized = replace(ask, use=IntendedUse("communication", "website"))
    assert tool_gate.judge_tool_use(both, sized, "api:x").verdict is tool_gate.GateVerdict.UNKNOWN
    assert (
        tool_gate.judge_tool_use(both, replace(sized, use=IntendedUse("communication", "AI tools")), "api:x").max_px
        == 600
    )


def test_the_api_refuses_a_size_that_is_none(services: Services) -> None:
    """0, less, absurd, no whole number; and each answer tells the size that it holds for."""
    app = create_app(services.config, services)
    app.validate_response = True  # type: ignore[attr-defined]
    with app.test_client() as client:
        api = Api(services, client)
        body: dict[str, Any] = {
            "resource": REF,
            "purpose": "communication",
            "channel": "website",
            "tool": {"kind": "cms"},
        }
        for px in (0, -1, 1_000_001, 10**30, 1200.5, "1200", True, [1200]):
            assert api.ask("POST", "/gate", body | {"longest_px": px}).status_code == 422, px
        told = api.post("/gate", body)
        assert (told["decision"], told["max_px"]) == ("allow", 1200)
        assert any("at most 1,200 px" in one["text"] for one in told["reasons"])
        assert api.post("/gate", body | {"longest_px": 6000})["decision"] == "unknown"
        answers = api.get(f"/resources/{REF}/clearance")["answers"]
        assert {one["channel"]: one["max_px"] for one in answers} == {c: SIZES.get(c) for c in CHANNELS}
        listed = {c: api.get(f"/clearance?channel={c}&count=true") for c in CHANNELS}
        assert {c: (one["max_px"], one["count"]) for c, one in listed.items()} == {
            c: (SIZES.get(c), int(c in SIZES)) for c in CHANNELS
        }


def test_another_size_in_the_configuration_cuts_what_rested_on_the_old_one(services: Services) -> None:
    """Larger: nothing is listed before its turn, and the dates in the DAM go; smaller again: they come back."""

    def dated() -> list[str]:
        return [channel for channel, day in shown(services)[REF].items() if day]

    assert dated() == ["website", "social media", "AI tools"]
    for settings, channels in (
        ({"max_px": {"website": 5000}}, []),
        ({"max_px": {"website": 700}}, ["website"]),
        ({"max_px": {"website": 700}, "recognisable_px": 100}, list(CHANNELS)),
        ({"max_px": {"website": 700}, "channels": ("website", "press")}, ["website"]),
        ({"max_px": {}}, []),
    ):
        house = changed(services, "clearance", **settings)
        calendar.start_process(house)
        with house.store.read() as conn:
            assert conn.scalar(select(t.clearance.c.resource_id).where(valid_clearances.is_valid(conn))) is None
        support.Cast(house).work()
        assert dated() == channels


def test_a_file_that_was_replaced_has_no_size_any_more(services: Services) -> None:
    """An original that is enlarged later: what is known of the old one's size says nothing."""
    assert statuses(services)["website"] is ClearanceStatus.CLEARED
    resources.register(services, Resource(REF, "another", (), ()), frozenset())
    assert set(statuses(services).values()) == {ClearanceStatus.UNKNOWN}
    with services.store.read() as conn:
        assert conn.scalar(select(t.resource.c.longest_px).where(t.resource.c.ref == REF)) is None


def test_a_day_goes_to_the_dam_with_the_size_that_it_holds_for(
    tmp_path: Path, clock: ManualClock, examiner: Examiner
) -> None:
    """In one call, so that the plugin never has a day of which it does not know the size; 0 is any size."""
    with Double() as double:
        config = on_double.configuration(tmp_path, double, clearance={"max_px": {"website": 1200}})
        on_double.with_dates(config, double)
        ref = double.library.create(1).ref
        with support.opened(config, clock, examiner) as house:
            day = house.today()
            assert isinstance(house.dam, ShowsDates)
            assert house.dam.state_many({str(ref): {"website": day, "press": None}}) == {str(ref): None}
        assert double.library.date_sizes == {"cleareduntilwebsite": 1200, "cleareduntilpress": 0}
        assert on_double.dates(double.library, [ref]) == 1


@pytest.mark.parametrize(("language", "size"), [("en", "at most 1,200 px"), ("nl", "hoogstens 1.200 px")])
def test_the_console_says_the_size_of_a_channel(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, language: str, size: str
) -> None:
    """On the page of what is cleared; a channel without one says nothing of sizes."""
    config = staff.configuration(tmp_path, clearance={"max_px": {"website": 1200}})
    with support.opened(config, clock, examiner) as house:
        reader = staff.signed_in(staff.app(house), clock, "officer", language)
        assert size in reader.get("/console/clearance?channel=website").text
        assert " px" not in reader.get("/console/clearance?channel=press").text
