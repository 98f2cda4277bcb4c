"""What somebody agreed to, a line a use, as it stands at one moment."""

from datetime import UTC, datetime, timedelta

from plugin.quitclaim.consent.model import AgeRules, EndKind, Grant, GrantKind, Person, Quitclaim
from plugin.quitclaim.forms.statements import UseState, list_lines

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ASA = Person("asa", "Åsa")


def claim(version: int, *grants: Grant, superseded: datetime | None = None) -> Quitclaim:
    return Quitclaim(
        id=f"q{version}",
        person_id="asa",
        version=version,
        text_version="1",
        text_sha256=None,
        language="en",
        method="paper",
        signed_by_person=True,
        signed_by_guardians=(),
        signed_at=NOW - 100 * DAY,
        recorded_at=NOW - 100 * DAY,
        recorded_by="test",
        grants=grants,
        superseded_at=superseded,
    )


def use(name: str, start: int, end: int | None, ended: int | None = None, kind: EndKind | None = None) -> Grant:
    return Grant(
        name,
        GrantKind.PUBLICATION,
        "communication",
        name,
        NOW + start * DAY,
        None if end is None else NOW + end * DAY,
        None if ended is None else NOW + ended * DAY,
        kind,
    )


def test_every_use_has_the_state_that_it_is_in_now() -> None:
    """In force, to come, lapsed, withdrawn, restricted, superseded: each with the days as they really are."""
    recognition = Grant("face", GrantKind.RECOGNITION, None, None, NOW - 10 * DAY)
    old = claim(1, use("old", -50, None), superseded=NOW - 20 * DAY)
    new = claim(
        2,
        use("website", -20, 10),
        use("press", 5, 10),
        use("print", -20, -1),
        recognition,
        use("internal", -20, 10, -3, EndKind.WITHDRAWN),
        use("video", -20, 10, -2, EndKind.RESTRICTED),
    )
    found = list_lines(ASA, (old, new), AgeRules(), NOW)
    assert [(line.grant_id, line.state) for line in found] == [
        ("face", UseState.IN_FORCE),
        ("press", UseState.TO_COME),
        ("website", UseState.IN_FORCE),
        ("print", UseState.LAPSED),
        ("video", UseState.RESTRICTED),
        ("internal", UseState.WITHDRAWN),
        ("old", UseState.SUPERSEDED),
    ]
    assert [line.end for line in found[3:]] == [NOW - n * DAY for n in (1, 2, 3, 20)]
    assert [line.open for line in found] == [True] * 3 + [False] * 4


def test_an_end_at_this_very_moment_is_an_end() -> None:
    """Half-open: the last moment does not belong to it."""
    (line,) = list_lines(ASA, (claim(1, use("website", -20, 0)),), AgeRules(), NOW)
    assert line.state is UseState.LAPSED
