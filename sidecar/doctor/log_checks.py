"""Checks of the audit log, its heads and their key, and of ended.log."""

import os
from pathlib import Path

from plugin.clock import format_local_day
from plugin.errors import VaultError
from plugin.flows.common import closed_house
from plugin.flows.common.services import Services
from plugin.flows.schedule import house_closing
from plugin.flows.views import audit_view
from plugin.ledger.log import heads
from plugin.ledger.log.proof import ProofVerdict
from plugin.ledger.store import engine
from plugin.words.plurals import pluralize
from sidecar.doctor.finding import Finding
from sidecar.words import log_words

_MOVE_HEADS = (
    "let keys.heads_file name a file on another machine or share, where whoever administers the store cannot "
    "write, and move the file there"
)


def check_log(services: Services) -> Finding:
    """Whether the log holds: the same words as `facelease audit verify`."""
    checked = audit_view.verify_log(services)
    said = f"{log_words.heading(checked)}: {log_words.sentences(checked, services.config.site.zone)[0]}"
    mend = "facelease audit verify says all of it; officers.md says what to do"
    return Finding("audit log", checked.verdict is ProofVerdict.HOLDS, said, mend)


def check_head_key(services: Services) -> Finding:
    """Without this key no head is written and no backup is signed; it is never replaced automatically."""
    try:
        key = services.head_key
        last = heads.find_last_number(services.config.path(services.config.keys.heads_file))
    except VaultError as error:
        return Finding("key of heads", False, str(error), "put the file back from where the master key is kept")
    return Finding("key of heads", True, f"public half {key.public}, {pluralize(last + 1, 'head')}")


def check_heads_place(services: Services) -> Finding:
    """Whoever can write the store should not be able to write the heads."""
    path = services.config.path(services.config.keys.heads_file)
    near = _describe_nearness(services, path)
    if not near:
        return Finding("place of heads", True, str(path), _MOVE_HEADS)
    said = f"{path} lies {near}: who can change the log can change what holds it"
    return Finding("place of heads", True, said, _MOVE_HEADS, waits=True, code="heads_place", count=1)


def _describe_nearness(services: Services, path: Path) -> str:
    data = Path(services.config.data).expanduser().resolve()
    if path.resolve().is_relative_to(data):
        return "inside the data folder"
    store = engine.sqlite_path(engine.parse_url(services.config.store_url))
    if store is not None and path.resolve().is_relative_to(store.resolve().parent):
        return "beside the store"
    return ""


def check_ended_log(services: Services) -> Finding:
    """Whether ended.log is complete, and since when it is a file that replaced a lost one."""
    what = "ended.log"
    with services.store.read() as conn:
        found = closed_house.find_reason_in(services, conn)
        anew = house_closing.find_new_log_start(conn)
    if found is not None:
        said = closed_house.explain(found, services.ended.path)
        return Finding(what, False, said, f"{closed_house.MEND}; administrators.md says how")
    path, lines = services.ended.path, services.ended.mark().lines
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        return Finding(what, False, f"{path} cannot be written, so nobody can withdraw", "let this account write it")
    if anew is None:
        return Finding(what, True, f"{pluralize(lines, 'ending')}, as known")
    day = format_local_day(anew, services.config.site.zone)
    before = "what ended before then stands in it only as far as the store knew it"
    return Finding(what, True, f"{pluralize(lines, 'ending')}, in a file that was begun anew on {day}: {before}")
