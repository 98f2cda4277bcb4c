"""Which faces wait for somebody's decision, as conditions: suggestions, and faces without a name that count."""

from sqlalchemy import ColumnElement, Connection, and_

from plugin.flows.common import face_rows, narrowed_modes
from plugin.flows.common.services import Services
from plugin.flows.review import download_gate
from plugin.ledger import tables as t


def select_each(services: Services, conn: Connection) -> list[ColumnElement[bool]]:
    """One condition for each kind of face that waits, on `face` joined with `resource`; those of suggestions first."""
    counted = download_gate.is_counted(services.policy_for("", None))  # at the file's own size, where most count
    shown = [~face_rows.is_cut(), t.resource.c.deleted_at.is_(None)]
    waits = [and_(t.face.c.state == "suggested", *narrowed_modes.may_be_shown(conn), *shown)]
    return waits + [and_(t.face.c.state == state, counted, *shown) for state in face_rows.UNDECIDED]
