"""Whether the house is closed: ended.log is not what was known, so nobody knows who has withdrawn.

Asked wherever a face would be compared, a name written or a photograph cleared. The file is looked at by its size and
times at each question, and whole by `house_closing.look`.
"""

from sqlalchemy import Connection

from plugin.errors import HouseClosed
from plugin.flows.services import Services
from plugin.ledger import house_state
from plugin.quitclaim.answers import Answer, Code, Reason, Status


def why(services: Services, conn: Connection) -> str | None:
    """What ended.log is (missing, shorter, different) that closes the house; None where it is open."""
    now = house_state.read(conn)
    if now.closed_at is not None:
        return now.closed_why
    return services.ended.lacks(now.mark) if now.mark is not None else None


def is_closed(services: Services) -> bool:
    """Whether it is, in a snapshot of its own."""
    with services.store.read() as conn:
        return why(services, conn) is not None


def refuse(services: Services, conn: Connection) -> None:
    """Raises HouseClosed where the house is closed."""
    found = why(services, conn)
    if found is not None:
        raise HouseClosed(sentence(services, found))


def sentence(services: Services, found: str) -> str:
    """Why the house is closed, and how it is opened, for the staff."""
    what = {"missing": "missing", "shorter": "shorter than it was"}.get(found, "not what it was")
    return (
        f"the house is closed: {services.ended.path} is {what}, so nobody knows who has withdrawn; nothing is "
        "compared, tagged or cleared. Put the right file back from where the master key is kept; if there is none: "
        "facelease reopen --without-ended-log REASON"
    )


def answer(found: str) -> Answer:
    """What a closed house says of any photograph."""
    return Answer(Status.UNKNOWN, None, (Reason(Code.HOUSE_CLOSED, (("log", found),)),))
