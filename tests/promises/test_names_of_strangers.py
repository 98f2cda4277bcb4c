"""U2 through the whole house, on both stores: a name in a field of another program's blocks, whoever asks and however.

Of who never agreed, of who is entered for it later, of who withdrew, and of who was erased.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from plugin.clock import ManualClock
from plugin.errors import NameTaken
from plugin.flows.clearance import photo_answers
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.people import register
from plugin.flows.rights import erasure, erasure_register
from plugin.flows.schedule import calendar
from plugin.quitclaim.clearance.scope import Mode
from plugin.recognizer.process.examiner import Examiner
from sidecar.cli import cli
from sidecar.commands.common import Shell
from tests import name_places, staff, support
from tests.program import Api
from tests.stores import Stores

AN, BO = "An Sample", "Bo Sample"
HOW = ("keyword", "tree", "sidecar", "list")
USE = {"purpose": "communication", "channel": "website"}


def _named(photos: Path, name: str) -> list[str]:
    """A photograph without a face for each way in which the name stands on it."""
    folder = photos / support.SHOOT / name[:2]
    made = [name_places.blank(folder, f"{how}.JPG") for how in HOW]
    name_places.iptc(made[0], name.encode(), marked=False)
    name_places.embed(made[1], name_places.packet(name).encode())
    (folder / "sidecar.xmp").write_text(name_places.packet(name))
    listed = f"[Contacts2]\nc8fc9ad3fc3f4a73={name};;\n[list.JPG]\nkeywords={name}\n"
    (folder / ".picasa.ini").write_text(listed)
    for path in folder.iterdir():
        support.settle(path)
    return [path.relative_to(photos).as_posix() for path in made]


@pytest.fixture
def house(
    tmp_path: Path, clock: ManualClock, examiner: Examiner, stores: Stores, store_kind: str
) -> Iterator[Services]:
    config = support.configuration(tmp_path, store={"url": stores.migrated(store_kind)})
    with support.opened(config, clock, examiner) as services:
        yield services


def _work(services: Services, night: bool = False) -> None:
    calendar.poll_dam(services)
    support.Cast(services).work()
    if night:
        calendar.begin_comparison(services)
        support.Cast(services).work()


def _ways(services: Services, api: Api, refs: list[str]) -> dict[str, set[str]]:
    """What each way of asking says of them; the list, the exit codes and the gate in their own words."""
    shell = Shell(services.config, services.clock)
    codes = {CliRunner().invoke(cli.commands["clearance"], [ref], obj=shell).exit_code for ref in refs}
    gate = {api.post("/gate", {"resource": ref, **USE, "tool": {"kind": "cms"}})["decision"] for ref in refs}
    batch = api.post("/clearance:batch", {"refs": refs, "uses": [USE]})["items"]
    listed = {one["ref"] for one in api.get("/clearance?purpose=communication&channel=website")["items"]}
    return {
        "flow": {
            photo_answers.answer_photo(services, ref, USE["purpose"], USE["channel"]).status.value for ref in refs
        },
        "command": {str(code) for code in codes},
        "gate": gate,
        "API": {answer["status"] for one in batch for answer in one["answers"]},
        "listed": listed & set(refs),
    }


BLOCKED = {"flow": {"blocked"}, "command": {"3"}, "gate": {"refuse"}, "API": {"blocked"}, "listed": set()}


@pytest.mark.promise
def test_a_name_blocks_whoever_asks(
    house: Services, tmp_path: Path, clock: ManualClock, promise: Callable[[str, str], None], store_kind: str
) -> None:
    cast, photos = support.Cast(house), house.config.path(house.config.folder.path)
    api = Api(house, staff.app(house).test_client())
    (photos / support.SHOOT).mkdir(parents=True)
    cast.open_collection(support.SHOOT, Mode.DETECT)
    _work(house)
    an = cast.add(AN)
    hers, his = _named(photos, AN), _named(photos, BO)
    persons = his[1:3]  # the others are words that are a name's only while somebody bears it
    _work(house)
    said = {"never agreed": _ways(house, api, hers)}
    with pytest.raises(NameTaken, match="stands on 4 photographs"):
        cast.add(BO)
    bo = register.add(house, register.Newcomer(BO, of_age=True), "test", adopt=True)
    _work(house)
    said["entered for them"] = _ways(house, api, his)
    for person in (an, bo):
        cast.sign(person)
    _work(house)
    assert _ways(house, api, [*hers, *his])["flow"] == {"cleared"}
    withdrawal.withdraw(house, an, None, "test")
    _work(house)
    said["withdrew"] = _ways(house, api, hers)
    made = erasure.erase(house, bo, "test")
    before = _ways(house, api, his)
    cast.work()
    text = "\n".join(erasure_register.read_certificate(house, made.number, "test").not_reached)
    assert all(name in text for name in ("keyword.JPG", "tree.JPG", "sidecar.xmp", ".picasa.ini"))
    after = _ways(house, api, his)
    clock.advance(timedelta(days=1))
    _work(house, night=True)
    said["erased, a night later"] = _ways(house, api, persons)
    for found in (before, after):
        assert found["listed"] == set()
        assert found["gate"] <= {"refuse", "unknown"}
        assert found["flow"].isdisjoint({"cleared", "no_person_found"})
    wrong = [what for what, found in said.items() if found != BLOCKED]
    figure = f"not blocked {len(wrong)} of {len(said)}"
    promise("U2", f"named in fields of other programs, asked 5 ways on {store_kind}: {figure}")
    assert wrong == [], said
