"""A face without a name is named by hand: by the name of somebody who is entered."""

from enum import StrEnum

from plugin.errors import NotFound
from plugin.flows.common import face_rows, roster
from plugin.flows.common.services import Services
from plugin.flows.review import face_decisions


class Naming(StrEnum):
    """What came of it; what is no DONE has changed nothing."""

    DONE = "named"
    NOBODY = "no_such_person"
    NOT_ASKED = "nothing_in_force"
    ALREADY = "named_already"


def name_face(services: Services, face_id: int, name: str, actor: str) -> Naming:
    """The face is this person's, says the account. Raises NotFound where the face is gone; HouseClosed."""
    with services.store.write() as tx:
        face = face_decisions.find_face_in(tx, face_id)
        try:
            person_id = roster.find(tx.connection, name.strip())
        except NotFound:
            return Naming.NOBODY
        if not roster.load(services, tx.connection, person_id).in_force(tx.now):
            return Naming.NOT_ASKED
        if face_rows.find_other_match(tx, face.resource_id, person_id, face.id) is not None:
            return Naming.ALREADY
    face_decisions.confirm(services, face_id, actor, person_id)
    return Naming.DONE
