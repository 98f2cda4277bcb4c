"""Rows that lost a part of what they hold: the strict side of each is what counts."""

import pytest
from sqlalchemy import insert, text, update

from plugin.flows.access import links, visits
from plugin.flows.common import face_rows
from plugin.flows.common.services import Services
from plugin.ledger import tables as t
from plugin.ledger.store.store import inserted_id
from tests import support


def test_a_visit_without_its_memory_is_over(services: Services, cast: support.Cast) -> None:
    """Its cookie opens nothing, and no page fails."""
    asa = cast.add("Åsa")
    with services.store.write() as tx:
        link = links.make(services, tx, links.Link(links.LinkKind.PAGE, "en", asa), "test")
    token = visits.begin(services, link.id, b"{}").token
    with services.store.write() as tx:
        tx.execute(update(t.visit).values(body=None))
    assert visits.find(services, token) is None


@pytest.mark.embedded
@pytest.mark.parametrize("side", ["left", "top", "width", "height"])
def test_a_rejection_whose_box_cannot_be_read_holds_for_the_photograph(
    services: Services, cast: support.Cast, side: str
) -> None:
    """Then the person is never tagged there, at most suggested."""
    asa = cast.add("Åsa")
    with services.store.write() as tx:
        new = insert(t.resource).values(
            ref="one.jpg", file_version="1", kind="photo", examined="no", seen_at=tx.now, matched=False
        )
        number = inserted_id(tx.execute(new))
        face_rows.add_rejection(tx, number, asa, "1", (0.1, 0.2, 0.3, 0.4), "editor")
        assert face_rows.list_rejections(tx.connection, number, "1") == ([((0.1, 0.2, 0.3, 0.4), asa)], set())
        tx.execute(text(f"UPDATE rejection SET \"{side}\" = 'none'"))
        for version in ("1", "2"):
            assert face_rows.list_rejections(tx.connection, number, version) == ([], {asa})
