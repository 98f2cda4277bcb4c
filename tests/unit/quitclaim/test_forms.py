"""Forms and sheets: how long something holds, what is hashed, what a house must have configured."""

import json
from datetime import date
from typing import Any

import pytest

from plugin.errors import ConsentError
from plugin.quitclaim.forms.sheets import Whom, make_sheet
from plugin.quitclaim.forms.templates import Duration, canonical, digest, find_misfits, parse
from tests.signers import tree

DAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("duration", "signed", "last"),
    [
        ({"days": 365}, date(2026, 3, 2), date(2027, 3, 2)),
        ({"last_day": "2026-12-31"}, date(2026, 3, 2), date(2026, 12, 31)),
        ({"school_year_ends": "07-31"}, date(2026, 3, 2), date(2026, 7, 31)),
        ({"school_year_ends": "07-31"}, date(2026, 7, 31), date(2026, 7, 31)),
        ({"school_year_ends": "07-31"}, date(2026, 8, 1), date(2027, 7, 31)),
    ],
)
def test_how_long_it_holds(duration: dict[str, Any], signed: date, last: date) -> None:
    """So many days, through a fixed day, or through the school year in which it was signed."""
    assert Duration.model_validate(duration).through(signed) == last


def test_what_is_renewed_each_year_ends_within_a_year() -> None:
    """Also by a form with a last day far ahead; what it shows and hashes is the day that it ends on."""
    far, near = ({"last_day": day} for day in ("2030-12-31", "2026-12-31"))
    assert parse(tree(duration=far, renew_yearly=True)).last_day(DAY) == date(2027, 3, 3)
    assert parse(tree(duration=near, renew_yearly=True)).last_day(DAY) == date(2026, 12, 31)
    assert parse(tree(duration=far)).last_day(DAY) == date(2030, 12, 31)
    shown = make_sheet(parse(tree(duration=far, renew_yearly=True)), "en", DAY)
    assert (shown.last_day, "3 March 2027" in shown.text()) == (date(2027, 3, 3), True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"duration": {"days": 9, "last_day": "2026-12-31"}}, "give one of days"),
        ({"duration": {"school_year_ends": "31 July"}}, "such as 07-31"),
        ({"duration": {"days": 400}, "renew_yearly": True}, "366 days at most"),
        ({"guardians": 3}, "guardians"),
        ({"texts": {}}, "texts"),
        ({"texts": {"de": {}}}, "texts.de"),
        ({"policy_url": "our website"}, "policy_url"),
        ({"uses": []}, "uses"),
        ({"uses": [{"purpose": "communication", "channels": ["press"], "basis": "interest"}]}, "basis"),
        ({"alerts": [0]}, "alerts"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], words: str) -> None:
    """With its place in the form."""
    with pytest.raises(ConsentError, match=words):
        parse(tree(**changes))


def test_what_a_house_does_not_have() -> None:
    """Purposes, channels and the site's language."""
    form = parse(tree(texts={"en": tree()["texts"]["en"]}))
    assert find_misfits(form, ["communication"], ["website", "press"], "en") == []
    found = find_misfits(form, ["commercial"], ["website"], "nl")
    assert [line.split(":")[0] for line in found] == ["texts.nl", "uses", "uses"]


def test_a_form_survives_its_store() -> None:
    """What is kept as JSON is the same form, with the same hash, whatever the order of its keys."""
    form = parse(tree())
    body = form.body()
    backwards = json.loads(json.dumps(dict(reversed(body.items()))))
    assert parse(backwards) == form
    assert digest(backwards) == digest(body)
    assert canonical({"b": "é", "a": 1}) == '{"a":1,"b":"é"}'.encode()


def test_the_hash_is_of_what_was_seen() -> None:
    """Another language, day, choice of lines, text or reader: another hash; the same again: the same."""
    form = parse(tree())
    seen = [
        make_sheet(form, "en", DAY),
        make_sheet(form, "nl", DAY),
        make_sheet(form, "en", date(2026, 3, 3)),
        make_sheet(form, "en", DAY, {"communication:press"}),
        make_sheet(form, "en", DAY, None, Whom.CHILD),
        make_sheet(form, "en", DAY, None, Whom.EITHER),
        make_sheet(parse(tree(officer="other@example.org")), "en", DAY),
        make_sheet(parse(tree(recognition=False)), "en", DAY),
    ]
    assert len({one.sha256() for one in seen}) == len(seen)
    assert make_sheet(parse(tree()), "en", DAY).sha256() == seen[0].sha256()
    assert "[ ]" in seen[0].text()
    assert "recognised in photographs" not in seen[3].text()
