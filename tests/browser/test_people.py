"""People in a browser: the list, a person, the first page; phone and desktop, light and dark, English and Dutch."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import insert

from plugin.clock import ManualClock
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.recognizer.process.examiner import Examiner
from tests import signers, staff, support
from tests.browser.conftest import Opened, serious, shot
from tests.browser.test_console import asa, come_in  # noqa: F401


@pytest.fixture
def services(tmp_path: Path, clock: ManualClock, examiner: Examiner, port: int) -> Iterator[Services]:
    """A house that is served on that port."""
    tables = {"server": {"public_url": f"http://127.0.0.1:{port}"}, "site": {"name": "Sample museum"}}
    with support.opened(staff.configuration(tmp_path, **tables), clock, examiner) as open_:
        yield open_


@pytest.mark.parametrize(
    ("size", "language", "scheme", "script"),
    [("desktop", "en", "light", True), ("phone", "nl", "dark", True), ("desktop", "nl", "dark", False)],
)
def test_people_for_everybody(
    services: Services,
    cast: support.Cast,
    clock: ManualClock,
    asa: str,  # noqa: F811
    on: Opened,
    size: str,
    language: str,
    scheme: str,
    script: bool,
) -> None:
    """axe finds nothing, nothing is wider than the screen, no console error; without JavaScript too."""
    desk, eva = signers.Desk(services), cast.add("Eva Jansen-van der Meer")
    desk.invite(eva)
    with services.store.write() as tx:
        tx.execute(insert(t.awaited_answer).values(person_id=eva, photographs=412, counted_at=tx.now))
    page = on(size, language, color_scheme=scheme, java_script_enabled=script)
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text))
    come_in(page, services, clock, "administrator", language)
    for name, path in {"home": "", "list": "people", "asked": "people?filter=asked", "person": f"people/{asa}"}.items():
        page.goto(f"/console/{path}")
        page.wait_for_load_state("networkidle")
        shot(page, f"people-{name}-{size}-{language}-{scheme}")
        if script:
            assert serious(page) == [], name
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    expect(page.locator("h1")).to_have_text("Åsa Öberg")
    assert refused == []
