"""The cast, and what builds quitclaims: session-wide, since every value is frozen."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import strategies as st

from plugin.quitclaim.consent.model import AgeRules, EndKind, Grant, GrantKind, Person, Quitclaim

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
Household = tuple[Person, tuple[Quitclaim, ...]]


def _recognition(grant_id: str = "r", start: datetime = NOW, until: datetime | None = None) -> Grant:
    return Grant(grant_id, GrantKind.RECOGNITION, None, None, start, until)


def _publication(
    grant_id: str = "p",
    start: datetime = NOW,
    until: datetime | None = None,
    purpose: str = "communication",
    channel: str = "press",
) -> Grant:
    return Grant(grant_id, GrantKind.PUBLICATION, purpose, channel, start, until)


def _withdrawn(grant: Grant) -> Grant:
    return replace(grant, ended_at=NOW - DAY, ended_kind=EndKind.WITHDRAWN)


def _quitclaim(
    person: Person,
    *grants: Grant,
    version: int = 1,
    signed_at: datetime = NOW,
    guardians: tuple[str, ...] = (),
    superseded_at: datetime | None = None,
) -> Quitclaim:
    return Quitclaim(
        id=f"{person.id}-{version}",
        person_id=person.id,
        version=version,
        text_version="2026-1",
        text_sha256="0" * 64,
        language="en",
        method="paper",
        signed_by_person=not guardians,
        signed_by_guardians=guardians,
        signed_at=signed_at,
        recorded_at=signed_at,
        recorded_by="editor",
        grants=grants,
        superseded_at=superseded_at,
    )


@pytest.fixture(scope="session")
def recognition() -> Callable[..., Grant]:
    """Builds a recognition grant."""
    return _recognition


@pytest.fixture(scope="session")
def publication() -> Callable[..., Grant]:
    """Builds a publication grant, for communication in the press unless told."""
    return _publication


@pytest.fixture(scope="session")
def quitclaim() -> Callable[..., Quitclaim]:
    """Builds a quitclaim, signed by the person unless guardians are named."""
    return _quitclaim


@pytest.fixture(scope="session")
def rules() -> AgeRules:
    """The defaults: 16, from 6, one guardian, Amsterdam."""
    return AgeRules()


@pytest.fixture(scope="session")
def cast() -> dict[str, Household]:
    """Åsa, valid; Bo, withdrawn; Clara, ten years old, with a guardian; Dag, expired; Eva, never asked."""
    asa, bo, dag = (Person(name.lower(), name) for name in ("Åsa", "Bo", "Dag"))
    clara = Person("clara", "Clara", birth_date=date(2015, 6, 1), guardians=("g1", "g2"))
    past = NOW - 400 * DAY
    gone = (_withdrawn(_recognition("br", past)), _withdrawn(_publication("bp", past)))
    over = (_recognition("dr", past, NOW - DAY), _publication("dp", past, NOW - DAY))
    return {
        "Åsa": (asa, (_quitclaim(asa, _recognition("ar"), _publication("ap")),)),
        "Bo": (bo, (_quitclaim(bo, *gone, signed_at=past),)),
        "Clara": (clara, (_quitclaim(clara, _recognition("cr"), _publication("cp"), guardians=("g1",)),)),
        "Dag": (dag, (_quitclaim(dag, *over, signed_at=past),)),
        "Eva": (Person("eva", "Eva"), ()),
    }


def _moments() -> st.SearchStrategy[datetime]:
    return st.integers(-400, 400).map(lambda days: NOW + days * DAY)


@st.composite
def _grants(draw: st.DrawFn, grant_id: str) -> Grant:
    start = draw(_moments())
    until = draw(st.none() | st.integers(1, 500).map(lambda days: start + days * DAY))
    grant = draw(st.sampled_from([_recognition, _publication]))(grant_id, start, until)
    ended = draw(st.none() | _moments())
    if ended is None:
        return grant
    kinds = st.sampled_from([EndKind.WITHDRAWN, EndKind.RESTRICTED, EndKind.OBJECTED])
    return replace(grant, ended_at=ended, ended_kind=draw(kinds))


@st.composite
def _households(draw: st.DrawFn) -> Household:
    births = st.integers(-500, 500).flatmap(
        lambda days: st.sampled_from([6, 16]).map(lambda years: date(2026 - years, 3, 2) + days * DAY)
    )
    person = Person(
        "p",
        "Åsa",
        birth_date=draw(st.none() | births),
        objected_at=draw(st.none() | _moments()),
        guardians=draw(st.sampled_from([(), ("g1",), ("g1", "g2")])),
    )
    quitclaims = []
    for version in range(1, draw(st.integers(0, 3)) + 1):
        lines = [draw(_grants(f"{version}.{line}")) for line in range(draw(st.integers(1, 3)))]
        guardians = draw(st.sampled_from([(), ("g1",), ("g1", "g1"), ("g2", "g1"), ("g9",)]))
        quitclaim = _quitclaim(
            person,
            *lines,
            version=version,
            signed_at=draw(_moments()),
            guardians=guardians,
            superseded_at=draw(st.none() | _moments()),
        )
        quitclaims.append(replace(quitclaim, signed_by_person=draw(st.booleans())))
    return person, tuple(quitclaims)


@pytest.fixture(scope="session")
def households() -> st.SearchStrategy[Household]:
    """Any person with any quitclaims, also such as `record` would refuse: the rules must stand all."""
    return _households()


@pytest.fixture(scope="session")
def moments() -> st.SearchStrategy[datetime]:
    """Moments around NOW."""
    return _moments()
