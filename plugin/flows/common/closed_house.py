"""Whether the house is closed: ended.log is not what it was, so nobody knows who has withdrawn.

Checked wherever a face would be compared, a name written or a photograph cleared. Each check looks at the file's size
and times; `house_closing.look` reads it whole.
"""

from sqlalchemy import Connection

from plugin.errors import HouseClosed
from plugin.flows.common.services import Services
from plugin.ledger.log import house_state
from plugin.ledger.log.endings import DIFFERENT, MISSING, SHORTER
from plugin.quitclaim.clearance.answers import Answer, ClearanceStatus, Reason, ReasonCode


def find_reason_in(services: Services, conn: Connection) -> str | None:
    """What ended.log is (missing, shorter, different) that closes the house; None where it is open."""
    now = house_state.read(conn)
    if now.closed_at is not None:
        return now.closed_why if now.closed_why in _WHAT else DIFFERENT
    return services.ended.lacks(now.mark) if now.mark is not None else None


def find_reason(services: Services) -> str | None:
    """The same in a snapshot of its own."""
    with services.store.read() as conn:
        return find_reason_in(services, conn)


def refuse_in(services: Services, conn: Connection) -> None:
    """Raises HouseClosed where the house is closed."""
    found = find_reason_in(services, conn)
    if found is not None:
        raise HouseClosed(
            f"the house is closed, for ended.log is {_WHAT[found]} and nobody knows who has withdrawn: {MEND}"
        )


def refuse(services: Services) -> None:
    """The same in a snapshot of its own."""
    with services.store.read() as conn:
        refuse_in(services, conn)


def explain(found: str, file: object = "ended.log") -> str:
    """That the house is closed, and why, for the staff."""
    return (
        f"the house is closed: {file} is {_WHAT[found]}, so nobody knows who has withdrawn; nothing is "
        "compared, tagged or cleared"
    )


_WHAT = {MISSING: "missing", SHORTER: "shorter than it was", DIFFERENT: "not what it was"}
MEND = (
    "put the right file back from where the master key is kept, and the house opens by itself within a minute; if "
    "there is none: facelease reopen --without-ended-log REASON"
)


def make_answer(found: str) -> Answer:
    """What a closed house says of any photograph."""
    return Answer(ClearanceStatus.UNKNOWN, None, (Reason(ReasonCode.HOUSE_CLOSED, (("log", found),)),))
