"""The gate: what a CMS and an AI tool are given, what nobody is given, and what is logged of it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from plugin.clock import ManualClock
from plugin.config import parse
from plugin.errors import ConfigError
from plugin.flows.access.programs import api_tokens
from plugin.flows.common.services import Services
from plugin.flows.review import tool_gate
from plugin.ledger import tables as t
from plugin.ledger.store.audit import Action
from sidecar.app import create_app
from tests import support
from tests.api.conftest import Photograph
from tests.program import Api

REF = "shoot/a.jpg"


def _ask(api: Api, kind: str = "cms", ref: str = REF, channel: str = "website", **tool: Any) -> dict[str, Any]:
    body = {"resource": ref, "purpose": "communication", "channel": channel, "tool": {"kind": kind, **tool}}
    found: dict[str, Any] = api.post("/gate", body)
    return found


def _logged(services: Services) -> list[tuple[str, dict[str, Any]]]:
    wanted = (Action.USE_REFUSE.value, Action.EMOTION_REFUSE.value)
    with services.store.read() as conn:
        rows = conn.execute(select(t.audit).where(t.audit.c.action.in_(wanted)).order_by(t.audit.c.seq)).all()
    return [(row.action, json.loads(row.details)) for row in rows]


@pytest.fixture
def with_ai(services: Services) -> Iterator[Api]:
    """The API of a house where people are asked for AI tools on the channel `press`."""
    config = services.config.model_copy(
        update={"gate": services.config.gate.model_copy(update={"ai_channel": "press"})}
    )
    services = replace(services, config=config)
    with create_app(config, services).test_client() as client:
        yield Api(services, client)


def test_a_cms_gets_what_is_cleared_and_until_when(
    api: Api, cast: support.Cast, photograph: Photograph, clock: ManualClock
) -> None:
    """Allowed with its end; after that end, and on a channel nobody agreed to, refused and logged."""
    asa = cast.add("Åsa")
    cast.sign(asa, recognition=False, lasts=timedelta(days=10))
    photograph(REF, asa)
    told = _ask(api)
    assert (told["decision"], told["why"]) == ("allow", "cleared")
    assert told["until"].startswith("2026-03-12T12:00")
    assert _logged(api.services) == []
    assert _ask(api, channel="press")["decision"] == "refuse"
    clock.advance(timedelta(days=10))
    told = _ask(api)
    assert (told["decision"], told["until"]) == ("refuse", None)
    assert told["reasons"][0]["code"] == "agreement_ended"
    assert [action for action, _ in _logged(api.services)] == [Action.USE_REFUSE.value] * 2


def test_unknown_is_never_yes(api: Api, photograph: Photograph) -> None:
    """A photograph we never heard of, and one without anybody, are not allowed; with the switch the latter is."""
    photograph("shoot/empty.jpg")
    assert _ask(api, ref="shoot/never.jpg")["decision"] == "unknown"
    told = _ask(api, ref="shoot/empty.jpg")
    assert (told["decision"], told["why"]) == ("unknown", "no_person")
    config = api.services.config.model_copy(
        update={"gate": api.services.config.gate.model_copy(update={"allow_no_person": True})}
    )
    with create_app(config, replace(api.services, config=config)).test_client() as client:
        other = Api(replace(api.services, config=config), client)
        assert _ask(other, ref="shoot/empty.jpg")["decision"] == "allow"
        assert _ask(other, ref="shoot/never.jpg")["decision"] == "unknown"


@pytest.mark.parametrize("kind", ["ai", "AI", "captioning", "cms "])
def test_without_a_channel_for_it_no_ai_tool_gets_anybody(
    api: Api, cast: support.Cast, photograph: Photograph, kind: str
) -> None:
    """Whatever calls itself none of the plain kinds is taken for an AI tool; cleared or not, it gets nobody."""
    asa = cast.add("Åsa")
    cast.sign(asa, recognition=False, channels=("website", "press"))
    photograph(REF, asa)
    told = _ask(api, kind=kind)
    assert (told["decision"], told["why"]) == ("refuse", "ai_not_allowed")
    assert _logged(api.services)[0][1]["plain"] is False


def test_an_ai_tool_gets_only_photographs_whose_people_allow_it(
    with_ai: Api, cast: support.Cast, photograph: Photograph, clock: ManualClock
) -> None:
    """Everybody in it agreed to AI tools and to the use, and both still hold: the earlier end counts."""
    asa, bo = cast.add("Åsa"), cast.add("Bo")
    cast.sign(asa, recognition=False, channels=("website", "press"), lasts=timedelta(days=20))
    cast.sign(bo, recognition=False, channels=("website",))
    photograph("shoot/asa.jpg", asa)
    photograph("shoot/both.jpg", asa, bo)
    assert _ask(with_ai, "ai", "shoot/asa.jpg")["until"].startswith("2026-03-22")
    assert _ask(with_ai, "cms", "shoot/both.jpg")["decision"] == "allow"
    told = _ask(with_ai, "ai", "shoot/both.jpg")
    assert (told["decision"], told["why"]) == ("refuse", "ai_not_allowed")
    assert told["reasons"][0]["text"].startswith("somebody has not agreed")  # who, is not for a tool
    assert bo not in str(told)
    clock.advance(timedelta(days=20))
    assert _ask(with_ai, "ai", "shoot/asa.jpg")["decision"] == "refuse"


EMOTION = [
    {"kind": "emotion"},
    {"kind": "cms", "name": "EmotionAI"},
    {"kind": "cms", "inference": ["emotion"]},
    {"kind": "ai", "inference": ["age", "Affect"]},
    {"kind": "affect-recognition"},
    {"kind": "affective computing"},
    {"kind": "cms", "name": "Emotieherkenning"},
    {"kind": "sentiment of faces"},
    {"kind": "stemmingsherkenning"},
    {"kind": "cms", "inference": ["gezichtsuitdrukking"]},
    {"kind": "cms", "inference": ["gelaatsuitdrukkingen"]},
    {"kind": "cms", "name": "AffectScore"},
    {"kind": "cms", "name": "gemoedstoestand"},
    {"kind": "cms", "name": "facial_expressions"},
    {"kind": "cms", "inference": ["\u00e9motion"]},
    {"kind": "cms", "inference": ["EMOTIES"]},
    {"kind": "cms", "name": "mood-meter"},
    {"kind": "ai", "name": "gevoelens"},
    {"kind": "cms", "inference": ["happiness", "age"]},
    {"kind": "cms", "inference": ["isAngry"]},
    {"kind": "ai", "inference": ["smile"]},
    {"kind": "cms", "inference": ["verdriet"]},
    {"kind": "cms", "inference": ["leeftijd", "Ontevredenheid"]},
]


@pytest.mark.parametrize("tool", EMOTION, ids=str)
def test_emotion_inference_is_refused_and_logged_whoever_asks(
    with_ai: Api, cast: support.Cast, photograph: Photograph, tool: dict[str, Any]
) -> None:
    """In English and Dutch, in the tool's kind, its name or what it would infer: though everybody agreed to all."""
    asa = cast.add("Åsa")
    cast.sign(asa, recognition=False, channels=("website", "press"))
    photograph(REF, asa)
    told = _ask(with_ai, **tool)
    assert (told["decision"], told["why"], told["until"]) == ("refuse", "emotion_inference", None)
    ((action, details),) = _logged(with_ai.services)
    assert action == Action.EMOTION_REFUSE.value
    assert str(tool.get("name", "nothing")) not in str(details)


def test_a_use_named_so_is_emotion_inference_too(api: Api) -> None:
    """The purpose or the channel says it; even of a photograph that nobody knows."""
    for use in ({"purpose": "emotion analysis", "channel": "website"}, {"purpose": "x", "channel": "sentiment"}):
        body = {"resource": "none.jpg", "tool": {"kind": "cms"}, **use}
        assert api.post("/gate", body)["why"] == "emotion_inference"
    assert len(_logged(api.services)) == 2


def test_innocent_words_are_not_emotion(api: Api) -> None:
    """A moodboard, those affected by a flood, a promotion: no emotion is inferred there."""
    for words in ("moodboard", "affected people", "promotion", "commotion", "bestemming", "afstemming"):
        assert not tool_gate.infers_emotion([words]), words
    for words in ("age", "leeftijd", "belangrijk", "saddle", "danger", "strangers", "joystick", "Bangladesh"):
        assert not tool_gate.names_feeling([words]), words


def test_a_channel_for_ai_must_be_one_that_people_are_asked_for() -> None:
    """Else nobody could ever agree to it; and no kind called ai is a plain tool."""
    with pytest.raises(ConfigError, match="ai_channel"):
        parse({"gate": {"ai_channel": "ai tools"}})
    with pytest.raises(ConfigError, match="plain tool"):
        parse({"gate": {"plain_tools": ["cms", "ai"]}})
    assert parse({"gate": {"ai_channel": "ai"}, "clearance": {"channels": ["website", "ai"]}}).gate.ai_channel


# ---- what a caller says of itself ------------------------------------------------------------


def _claims(services: Services) -> list[tuple[Any, ...]]:
    return [(one["claimed"], one["believed"], one["plain"]) for _, one in _logged(services)]


@pytest.mark.promise
def test_a_caller_is_what_its_token_says_and_no_more(
    api: Api, cast: support.Cast, photograph: Photograph, promise: Callable[[str, str], None]
) -> None:
    """A token without the claim is an AI tool, whatever it says; one with it is a CMS only while it says just that.

    The log says what was claimed, and that it was not believed; never in the caller's own words.
    """
    asa = cast.add("Åsa")
    cast.sign(asa, recognition=False, channels=("website", "press"))
    photograph(REF, asa)
    unbound = api.made(["gate:use"], tools=[])
    bound = api.made(["gate:use"])
    tries = [
        (unbound, {"kind": "cms"}),
        (unbound, {"kind": "cms", "inference": ["age estimate"]}),
        (unbound, {"kind": "ai"}),
        (unbound, {"kind": "dam"}),
        (unbound, {"kind": "cms", "name": "our website"}),
        (bound, {"kind": "cms", "inference": ["age estimate"]}),
        (bound, {"kind": "ai"}),
        (bound, {"kind": "CMS"}),
        (bound, {"kind": "cms", "inference": ["number of people"]}),
    ]
    use = {"resource": REF, "purpose": "communication", "channel": "website"}
    found = [api.post("/gate", use | {"tool": tool}, token=token)["why"] for token, tool in tries]
    believed = sum(why != "ai_not_allowed" for why in found)
    promise("V1", f"claims at the gate that the token does not bear: believed {believed} of {len(tries)}")
    assert believed == 0
    assert _ask(api)["decision"] == "allow"
    assert _claims(api.services) == [
        ("cms", False, False),
        ("cms", False, False),
        ("ai", True, False),
        ("other", False, False),
        ("cms", False, False),
        ("cms", False, False),
        ("ai", True, False),
        ("other", False, False),
        ("cms", False, False),
    ]
    assert "estimate" not in str(_logged(api.services))


def test_a_kind_that_is_no_plain_one_any_more_is_not_believed(
    api: Api, cast: support.Cast, photograph: Photograph
) -> None:
    """The token was made when it was configured; what is configured now counts."""
    asa = cast.add("Åsa")
    cast.sign(asa, recognition=False)
    photograph(REF, asa)
    gate_ = api.services.config.gate.model_copy(update={"plain_tools": ("intranet",)})
    services = replace(api.services, config=api.services.config.model_copy(update={"gate": gate_}))
    with create_app(services.config, services).test_client() as client:
        assert _ask(api.beside(client))["why"] == "ai_not_allowed"


@pytest.mark.parametrize(
    ("scopes", "tools", "said"),
    [
        (["gate:use"], ["ai"], "'ai' is none of gate.plain_tools"),
        (["gate:use"], ["cms", "captioning"], "'captioning' is none"),
        (["gate:use"], ["CMS"], "'CMS' is none"),
        (["people:read"], ["cms"], "add the scope gate:use"),
    ],
)
def test_no_token_may_claim_what_nobody_configured(
    services: Services, scopes: list[str], tools: list[str], said: str
) -> None:
    """Refused when it is made, with how to mend it."""
    with pytest.raises(ConfigError, match=said):
        api_tokens.create(services, "x", scopes, "test", tools=tools)
    assert api_tokens.list_all(services) == []
