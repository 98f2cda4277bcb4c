"""`facelease doctor`: what is wrong, and how to mend it. Checks are independent and change nothing."""

from collections.abc import Callable
from functools import partial

from plugin.clock import Clock
from plugin.config import Config
from plugin.errors import DamError, FaceLeaseError, StoreAway
from plugin.flows.clearance import policy_fingerprint
from plugin.flows.common import overdue
from plugin.flows.common.services import Services
from plugin.flows.matching import engine_status, look_alikes
from plugin.flows.photos import recompute_library
from plugin.flows.views import health, waiting_list
from plugin.flows.views.waiting_list import WaitingKind
from plugin.hooks import registry
from plugin.hooks.dam import Accounts, ListsNames
from plugin.words.plurals import pluralize
from sidecar.doctor import log_checks, machine_checks, worker_checks
from sidecar.doctor.finding import Finding as Finding
from sidecar.running import bootstrap
from sidecar.web import signed_requests
from sidecar.words import engine_words, error_words, staff_words


def run_checks(config: Config, clock: Clock) -> list[Finding]:
    """Run every check, in such an order that one that fails explains those after it."""
    findings = [_check_configuration(config), _run("master key", lambda: _check_master_key(config))]
    findings += machine_checks.check_permissions(config)
    findings += [machine_checks.check_exiftool(), machine_checks.check_fonts(), machine_checks.check_confinement()]
    for name in machine_checks.SIGNED_PURPOSES:
        findings.append(_run(f"{name} of the DAM", partial(_check_secret, config, name)))
    findings.append(_run("console", lambda: _check_console(config)))
    findings.append(_run("weights", lambda: machine_checks.check_weights(config)))
    findings.append(_run("mail server", lambda: machine_checks.check_mail_server(config)))
    try:
        with bootstrap.open_house(config, clock) as services:
            findings += [_run(name, lambda check=check: check(services)) for name, check in _HOUSE_CHECKS]  # type: ignore[misc]
            findings += _list_waiting(services)
            first, last = (_list_dam_concerns(services, first=first) for first in (True, False))
            findings = [*first, *findings, *last]
    except FaceLeaseError as error:
        away = isinstance(error, StoreAway)
        mend = "see the sentence above" if away else "facelease init makes what is missing"
        findings.append(Finding("house", False, str(error), mend))
    return findings


def _run(what: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except FaceLeaseError as error:
        return Finding(what, False, str(error), "see the sentence above")


def _check_configuration(config: Config) -> Finding:
    """Names the defaults that should not be kept; a configuration that cannot be read fails before this."""
    anonymous = config.site.name == Config().site.name
    said = f"data in {config.data}"
    return Finding("configuration", True, said + ("; site.name is still the default" if anonymous else ""))


def _check_master_key(config: Config) -> Finding:
    keys = bootstrap.load_master_keys(config)
    return Finding("master key", True, f"version {keys.current}, {len(keys.versions)} kept")


def _check_secret(config: Config, purpose: str) -> Finding:
    """An endpoint without a secret is off; with one that cannot be read the server would not start."""
    known = signed_requests.load_secrets(config, purpose)
    count = 0 if known is None else len(known())
    said = f"on, {pluralize(count, 'secret')}" if count else f"off: webhooks.{purpose}_secret_file names no secret"
    return Finding(f"{purpose} of the DAM", True, said, looked=bool(count))


def _check_console(config: Config) -> Finding:
    """Where the console is, and whether people come in from the DAM; else they need accounts of ours."""
    where = f"{config.server.public_url or 'this machine alone'}/console/"
    own = "accounts of our own (facelease staff list)"
    known = signed_requests.load_secrets(config, "signin")
    if known is None or not config.server.public_url:
        lacks = "server.public_url is empty" if known else "webhooks.signin_secret_file names no secret"
        return Finding("console", True, f"on at {where} for {own}; not from the DAM: {lacks}")
    adapter = registry.adapter_of(config)
    if not issubclass(adapter, Accounts):
        return Finding("console", True, f"on at {where} for {own}; {adapter.title} has no accounts")
    access = config.access
    groups = {*access.administrators, *access.officers, *access.editors, *access.auditors}
    said = f"on at {where} for {own}, {pluralize(len(known()), 'secret')}, {pluralize(len(groups), 'group')} of the DAM"
    return Finding("console", bool(groups), said, "[access]: name the DAM's groups, or nobody there has a role")


def _check_letters(services: Services) -> Finding:
    """Letters that were not delivered in 30 days, and those that have waited for more than two hours."""
    errors, waiting = health.find_undelivered(services)
    said = f"{len(errors)} not delivered in 30 days, {pluralize(waiting, 'waits', 'wait')} for more than two hours"
    reasons = "; ".join(sorted(set(filter(None, errors)))[:3])
    said += f": {reasons}" if reasons else ""
    mend = "facelease mail list shows whose; correct the address and ask anew"
    return Finding("letters", not errors and not waiting, said, mend)


def _check_store(services: Services) -> Finding:
    people = pluralize(health.count_people(services), "person", "people")
    return Finding("store", True, f"{services.store.kind}, {people}")


def _check_dam(services: Services) -> Finding:
    """A folder that is not mounted looks empty, though the ledger knows photographs in it."""
    found = services.dam.collections()
    count, known = sum(collection.resources for collection in found), health.count_known_photographs(services)
    limits = "; ".join(services.dam.limits)
    said = f"it answers: {pluralize(len(found), 'collection')}, {pluralize(count, 'file')}"
    if not count and known:
        said = f"it shows no file, and photographs are known here ({known} or more)"
    mend = "is the folder mounted, or the account's access narrowed? Bring it back before the next reconcile"
    return Finding("DAM", bool(count or not known), said + (f"; {limits}" if limits else ""), mend)


def _check_names(services: Services) -> Finding:
    """How many, not who: what the doctor says is sent around."""
    if not isinstance(services.dam, ListsNames):
        said = f"{services.dam.title} keeps no list of names that somebody could change there"
        return Finding("names", True, said, looked=False)
    renamed = len(services.dam.renamed())
    said = "those that we wrote are called there as we wrote them"
    if renamed:
        said = pluralize(renamed, "person is", "people are")
        said += " called otherwise in the DAM now; their tags stay theirs, "
        said += "`facelease review list` shows them"
    return Finding("names", True, said)


def _check_clock(services: Services) -> Finding:
    behind = getattr(services.clock, "behind", lambda: None)()
    seconds = behind.total_seconds() if behind else 0.0
    said = "steady" if seconds < 60 else f"{seconds:.0f} s behind what the store has seen"
    mend = "set the machine's clock (timedatectl): until it has caught up, the last moment seen is taken as now"
    return Finding("clock", seconds < 60, said, mend)


def _check_jobs(services: Services) -> Finding:
    """Dead jobs: how many, of which kinds, with which errors, and the age of the oldest."""
    dead, counts = services.queue.dead(100), services.queue.counts()
    owes = overdue.measure(services, "dead_jobs")
    kinds = ", ".join(sorted({job.kind for job in dead}))
    errors = "; ".join(sorted({error_words.reason(job.error).line for job in dead})[:3])
    open_ = f"waiting or running: {counts['queued'] + counts['running']}"
    said = "none given up"
    if owes.since is not None:
        age = staff_words.age(services.clock.now() - owes.since)
        said = f"{owes.count} given up ({kinds}), the oldest asked for {age} ago: {errors}"
    mend = "mend what the error names, then `facelease jobs retry --all`; `facelease jobs list` shows each"
    return Finding("jobs", not dead, f"{said}; {open_}", mend)


def _check_clearances(services: Services) -> Finding:
    """Clearances stored under another configuration count as unknown until they are recomputed."""
    with services.store.read() as conn:
        shared = policy_fingerprint.is_shared(services, conn)
    if not shared:
        said = "the store follows another configuration: `clearance --all` and the DAM's dates wait"
        return Finding("clearances", False, said, "restart every process of FaceLease: `serve` and `work`")
    left = recompute_library.count_left(services)
    said = pluralize(left, "photograph is", "photographs are")
    said += " still unknown: computed anew since the configuration changed"
    return Finding("clearances", True, said if left else "as this configuration has them")


def _check_expired_keys(services: Services) -> Finding:
    """Face keys past their grant, and shreddings that wait: after a sweep there should be none."""
    over, waiting, late = health.count_keys_past_grant(services)
    said = f"{pluralize(over, 'face key')} past the grant, {pluralize(waiting, 'destroyed key')} not yet shredded"
    return Finding("terms", not over and not late, said, "facelease sweep")


def _check_templates(services: Services) -> Finding:
    """Whether everybody is recognised by the engine that serves, and how far a change to another one is."""
    status, kept = engine_status.read(services), health.count_templates(services)
    faults, news = engine_words.list_faults(status), engine_words.list_news(status)
    enrolled = f"{pluralize(kept, 'template')} kept" if kept else "nobody is enrolled"
    said = f"{status.serving} serves, {enrolled}"
    words = "; ".join([said, *faults, *news])
    return Finding("templates", not faults, words, "facelease engine status names the people", looked=bool(kept))


def _check_look_alikes(services: Services) -> Finding:
    """How many, not who. That the engine takes many for one another is nothing broken, but somebody has to choose."""
    what, found = "look-alikes", look_alikes.count(services)
    if not found.compared:
        return Finding(what, True, "nobody is compared now", looked=False)
    if found.many:
        told = staff_words.look_alikes(found, services.faces.engine_id)
        return Finding(what, True, told.said, told.mend, waits=True)
    said = pluralize(found.compared, "person is compared", "people are compared")
    said += f"; only suggested, because somebody else looks too much like them: {found.barred}"
    return Finding(what, True, said)


def _check_keys(services: Services) -> Finding:
    """Every version of the master key that wraps something is here, and opens a sample of what it wraps."""
    shut, what = health.count_keys_without_master(services), "people's keys"
    mend = "put the newest copy of keys.master_file in its place: what these keys seal opens with nothing else"
    if shut:
        return Finding(what, False, f"{shut} wrapped by a master key that is not here", mend)
    versions = health.open_sample_keys(services)
    if damaged := health.count_damaged_keys(services):
        said = f"{pluralize(damaged, 'does', 'do')} not open, though the master key is here: what is stored is damaged"
        return Finding(what, False, said, "bring the store back from a backup: `facelease restore`")
    said = f"the key of the house opens, and one of each version of the master key ({versions} in use)"
    return Finding(what, True, said, mend)


def _check_names_key(services: Services) -> Finding:
    """Without this key, names that were taken off are not recognised when a restored DAM brings them back."""
    if not health.has_removed_names(services):
        return Finding("key of names", True, "no name was taken off yet", looked=False)
    lost = health.count_names_under_another_key(services)
    said = "as it was when names were taken off"
    if lost:
        said = pluralize(lost, "name that was taken off is", "names that were taken off are")
        said += " remembered under a key that is not here: "
        said += "what comes back of them is not recognised"
    mend = f"put the file {services.name_hasher.path} back from where the master key is kept"
    return Finding("key of names", not lost, said, mend)


def _list_dam_concerns(services: Services, first: bool) -> list[Finding]:
    """What the adapter says of the DAM itself; if the DAM does not answer, one line that says so."""
    try:
        found = [one for one in services.dam.concerns() if one.first == first]
    except DamError:
        said = "what the DAM itself keeps and shows: it does not answer"
        return [] if first else [Finding("in the DAM", True, said, looked=False)]
    return [Finding(one.what, one.ok, one.said, one.mend) for one in found]


_CHECKED_ABOVE = (WaitingKind.DEAD_JOBS, WaitingKind.OWED_LETTERS)


def _list_waiting(services: Services) -> list[Finding]:
    """The waiting list, but for what has its own check above."""
    found = [one for one in waiting_list.list_counts(services) if one.kind not in _CHECKED_ABOVE]
    if not found:
        return [Finding("waiting", True, f"nothing waits for anybody (kinds that were counted: {len(WaitingKind)})")]
    findings = []
    for one in found:
        w, well = staff_words.waiting(one), not one.wrong
        said = _add_broken(services, one.kind, w.said)
        findings.append(Finding(w.title, well, said, w.mend, well, one.kind.value, one.count))
    return findings


def _add_broken(services: Services, kind: WaitingKind, said: str) -> str:
    return "; ".join([said, *map(error_words.aside, waiting_list.list_set_aside(services, kind))])


_HOUSE_CHECKS: tuple[tuple[str, Callable[[Services], Finding]], ...] = (
    ("store", _check_store), ("people's keys", _check_keys), ("key of names", _check_names_key),
    ("DAM", _check_dam), ("names", _check_names), ("clock", _check_clock),
    ("worker", worker_checks.check_worker), ("comparison", worker_checks.check_comparison),
    ("jobs", _check_jobs), ("clearances", _check_clearances), ("terms", _check_expired_keys),
    ("templates", _check_templates), ("thresholds", worker_checks.check_thresholds),
    ("look-alikes", _check_look_alikes), ("letters", _check_letters),
    ("ended.log", log_checks.check_ended_log), ("audit log", log_checks.check_log),
    ("key of heads", log_checks.check_head_key), ("place of heads", log_checks.check_heads_place),
)  # fmt: skip
