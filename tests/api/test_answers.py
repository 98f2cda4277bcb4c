"""People, quitclaims and clearance over HTTP: the same answers as the flows, in pages and in batches."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from plugin.clock import ManualClock
from plugin.flows.people import data_export, register
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from tests import support
from tests.api.conftest import Photograph
from tests.program import Api

SIGNED = {
    "recognition": False,
    "publications": [{"purpose": "communication", "channel": "website"}],
    "signed_at": "2026-03-02T12:00:00Z",
    "valid_until": "2026-06-01T00:00:00Z",
    "text_version": "v1",
    "language": "en",
    "evidence": [{"name": "form.pdf", "content": base64.b64encode(b"a signed form: sample").decode()}],
}


def test_a_person_is_entered_signs_and_withdraws(api: Api, photograph: Photograph) -> None:
    """The whole story by programs: the answer follows each step at once."""
    asa = api.post("/people", {"name": "Åsa", "language": "nl"})["id"]
    assert api.get(f"/people/{asa}") == {
        "id": asa,
        "name": "Åsa",
        "language": "nl",
        "birth_date": None,
        "age_known": False,
        "recognition": False,
        "publication": False,
        "pictures": "none",
    }
    photograph("shoot/a.jpg", asa)
    made = api.post(f"/people/{asa}/quitclaims", SIGNED)
    assert (made["version"], len(made["grants"])) == (1, 1)
    (told,) = api.get("/resources/shoot/a.jpg/clearance?channel=website")["answers"]
    assert (told["status"], told["until"]) == ("cleared", "2026-06-01T00:00:00Z")
    (version,) = api.get(f"/people/{asa}/quitclaims")["items"]
    assert version["grants"][0]["id"] == made["grants"][0]
    said = api.post(f"/people/{asa}/withdrawal", {"grants": made["grants"]})
    assert said == {"id": asa, "count": 1, "ended_before": None, "finished": False}
    assert api.post(f"/people/{asa}/withdrawal", {"grants": "all"})["count"] == 0
    (told,) = api.get("/resources/shoot/a.jpg/clearance?channel=website")["answers"]
    assert told["status"] == "blocked"
    assert api.get(f"/people/{asa}/quitclaims")["items"][0]["grants"][0]["ended"] == "withdrawn"


def test_a_quitclaim_that_breaks_a_rule_is_refused(api: Api) -> None:
    """A use that is not configured, evidence that is none, a person who is not there."""
    asa = api.post("/people", {"name": "Åsa"})["id"]
    wrong: list[tuple[str, dict[str, Any], int]] = [
        (asa, {"publications": [{"purpose": "communication", "channel": "moon"}]}, 422),
        (asa, {"evidence": []}, 422),
        (asa, {"evidence": [{"name": "x", "content": "AAAAA"}]}, 422),
        (asa, {"publications": [], "recognition": False}, 409),
        ("nobody", {}, 404),
    ]
    for who, change, status in wrong:
        answer = api.ask("POST", f"/people/{who}/quitclaims", SIGNED | change)
        assert answer.status_code == status, answer.get_data(as_text=True)
    assert api.get(f"/people/{asa}/quitclaims")["items"] == []


def test_pages_of_people_hold_everybody_once(api: Api) -> None:
    """By two, to the end; and a look at somebody is a row of the log."""
    made = {api.post("/people", {"name": f"P{n}"})["id"] for n in range(7)}
    found: list[str] = []
    page: dict[str, Any] = {"next": ""}
    for _ in range(4):
        page = api.get(f"/people?limit=2&after={page['next']}")
        found += [one["id"] for one in page["items"]]
    assert page["next"] is None
    assert sorted(found) == sorted(made)
    api.get(f"/people/{found[0]}")
    rows = api.get("/audit?limit=500")["items"]
    assert Action.RECORD_LOOK.value in {row["action"] for row in rows}
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))


def test_a_look_at_what_somebody_agreed_to_is_a_row_of_the_log(api: Api) -> None:
    """Rule 9: by a program as by the staff, with a pseudonym for whom it was about."""
    asa = api.post("/people", {"name": "Åsa"})["id"]
    api.post(f"/people/{asa}/quitclaims", SIGNED)

    def looks() -> list[dict[str, Any]]:
        rows = api.get("/audit?limit=500")["items"]
        return [row for row in rows if row["action"] == Action.RECORD_LOOK.value]

    assert looks() == []
    api.get(f"/people/{asa}/quitclaims")
    (look,) = looks()
    assert look["actor"].startswith("api:")
    assert look["subject"]


def test_an_export_holds_everything_and_is_logged(api: Api, photograph: Photograph) -> None:
    """The e-mail, the quitclaims, the photographs of one person."""
    asa = api.post("/people", {"name": "Åsa", "email": "asa@example.org"})["id"]
    api.post(f"/people/{asa}/quitclaims", SIGNED)
    photograph("shoot/a.jpg", asa)
    text = api.ask("GET", f"/people/{asa}/export").get_data(as_text=True)
    assert text == data_export.to_json(register.export(api.services, asa, "test")), "as everywhere"
    data = json.loads(text)
    assert data["contact"] == {"email": "asa@example.org"}
    assert data["photographs"] == [{"resource": "shoot/a.jpg", "tag": "confirmed", "vouched": True}]
    assert data["quitclaims"][0]["grants"][0]["channel"] == "website"
    assert {"guardians", "invitations", "mails", "requests", "evidence", "faces"} <= set(data)
    assert data["evidence"], "the form that was signed is held too"


def test_a_batch_is_answered_in_its_order_without_a_query_each(
    api: Api, cast: support.Cast, photograph: Photograph
) -> None:
    """A thousand photographs and two uses: as many statements as a chunk of them takes, and the answers of one."""
    people = [cast.add(f"P{n}") for n in range(5)]
    for person in people[:4]:
        cast.sign(person, recognition=False)
    refs = [f"shoot/{n}.jpg" for n in range(60)]
    for n, ref in enumerate(refs[:-1]):
        photograph(ref, people[n % 5], people[(n + 1) % 5])
    uses = [{"purpose": "communication", "channel": channel} for channel in ("website", "press")]
    statements: list[str] = []
    engine = api.services.store._engine
    event.listen(engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    few = api.post("/clearance:batch", {"refs": refs[:2], "uses": uses})
    mark = len(statements)
    many = api.post("/clearance:batch", {"refs": refs, "uses": uses})
    assert len(statements) - mark <= mark
    assert [one["ref"] for one in many["items"]] == refs
    assert many["items"][:2] == few["items"]
    for one in many["items"][:7]:
        assert one == {
            "ref": one["ref"],
            "answers": [
                api.get(f"/resources/{one['ref']}/clearance?channel={use['channel']}")["answers"][0] for use in uses
            ],
        }
    assert {answer["status"] for answer in many["items"][-1]["answers"]} == {"unknown"}
    too_many = {"refs": ["x"] * 1001, "uses": uses}
    assert api.ask("POST", "/clearance:batch", too_many).status_code == 422


def test_everything_cleared_until_a_day_in_pages(
    api: Api, cast: support.Cast, photograph: Photograph, clock: ManualClock
) -> None:
    """Only what is cleared through the whole of the last day, once each, with an exact count; a grant that begins
    later, or ends within the day, does not count."""
    ends = {"before": 10, "within": 29, "after": 30, "long": 300}
    start = clock.now().replace(hour=23, minute=0)  # midnight in Amsterdam; the clocks change on day 27
    for name, days in ends.items():
        person = cast.add(name)
        extra = timedelta(hours=-2) if name == "within" else timedelta(0)
        cast.sign(person, recognition=False, until=start + timedelta(days=days) + extra)
        for n in range(3):
            photograph(f"shoot/{name}{n}.jpg", person)
    late = cast.add("late")
    cast.sign(late, recognition=False, start=clock.now() + timedelta(days=5), lasts=timedelta(days=900))
    photograph("shoot/late.jpg", late)
    forever = cast.add("forever")
    cast.sign(forever, recognition=False, lasts=None)
    photograph("shoot/forever.jpg", forever)
    last = (start + timedelta(days=29)).date().isoformat()
    found: list[str] = []
    page: dict[str, Any] = {"next": ""}
    for _ in range(4):
        page = api.get(f"/clearance?channel=website&last={last}&limit=2&count=true&after={page['next']}")
        found += [one["ref"] for one in page["items"]]
        assert page["count"] == 7
    assert page["next"] is None
    assert len(found) == len(set(found)) == 7
    assert set(found) == {f"shoot/{name}{n}.jpg" for name in ("after", "long") for n in range(3)} | {
        "shoot/forever.jpg"
    }
    assert page["items"][-1] == {"ref": "shoot/forever.jpg", "until": None}
    later = (clock.now() + timedelta(days=6)).date().isoformat()
    assert api.get(f"/clearance?channel=website&first={later}&last={last}&count=true")["count"] == 8
    assert api.get("/clearance?channel=website&count=true")["count"] == 13
    assert api.get("/clearance?channel=press&count=true") == {
        "items": [],
        "next": None,
        "count": 0,
        "max_px": None,
        "closed": None,
    }


def test_an_erasure_by_program_is_final(api: Api) -> None:
    """From that answer on no key of the person opens anything, and they cannot be signed for."""
    asa = api.post("/people", {"name": "Åsa"})["id"]
    answer = api.ask("POST", f"/people/{asa}/erasure", {})
    assert answer.status_code == 202
    with api.services.store.read() as conn:
        assert conn.execute(select(t.person_key).where(t.person_key.c.person_id == asa)).first() is None
    assert api.ask("POST", f"/people/{asa}/quitclaims", SIGNED).status_code == 409


@pytest.mark.parametrize("mode", ["off", "detect"])
def test_a_collection_takes_a_mode_and_auto_needs_its_basis(api: Api, mode: str) -> None:
    """As at the command line: without a basis auto is refused."""
    told = api.ask("PUT", "/collections/shoot", {"mode": mode})
    assert (told.status_code, told.json["mode"]) == (200, mode)
    assert api.ask("PUT", "/collections/shoot", {"mode": "auto"}).status_code == 409
    assert [one["mode"] for one in api.get("/collections")["items"] if one["ref"] == "shoot"] == [mode]


def test_a_collections_history_is_read_and_a_mode_without_effect_says_so(api: Api) -> None:
    """Every decision, oldest first, by whom; and of the last one why it does nothing as things are."""
    for mode in ("detect", "never"):
        told = api.ask("PUT", "/collections/shoot", {"mode": mode})
    assert [one["code"] for one in told.json["no_effect"]] == ["empty"]
    assert "No photograph" in told.json["no_effect"][0]["said"]
    items = api.get("/collections/shoot/history")["items"]
    assert [(one["mode"], one["why"], one["set_by"][:4]) for one in items] == [
        ("detect", "set", "api:"),
        ("never", "set", "api:"),
    ]
    assert api.get("/collections/none/history")["items"] == []
