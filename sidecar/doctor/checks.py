"""`facelease doctor`: what is wrong, and how to mend it. Each check stands alone and none changes anything."""

from collections.abc import Callable
from functools import partial

from plugin.clock import Clock
from plugin.config import Config
from plugin.errors import DamError, FaceLeaseError, StoreAway
from plugin.flows.clearance import policy_fingerprint
from plugin.flows.common import overdue
from plugin.flows.common.services import Services
from plugin.flows.photos import recompute_library
from plugin.flows.views import health, waiting_list
from plugin.flows.views.waiting_list import Kind
from plugin.hooks import registry
from plugin.hooks.dam import Accounts, ListsNames
from sidecar.doctor import machine_findings, owed_findings, proof_findings
from sidecar.doctor.finding import Finding as Finding
from sidecar.running import bootstrap
from sidecar.web import signed_requests
from sidecar.words import error_words, staff_words


def examine(config: Config, clock: Clock) -> list[Finding]:
    """Every check, in the order in which a fault in one explains the next."""
    findings = [_configuration(config), _guard("master key", lambda: _master(config))]
    findings += [
        *machine_findings.permissions(config),
        machine_findings.exiftool(),
        machine_findings.confinement(),
    ]
    findings += [
        _guard(f"{name} of the DAM", partial(_signed, config, name)) for name in machine_findings.SIGNED
    ]
    findings.append(_guard("console", lambda: _console(config)))
    findings.append(_guard("weights", lambda: machine_findings.weights(config)))
    findings.append(_guard("mail server", lambda: machine_findings.mail_server(config)))
    try:
        with bootstrap.open_house(config, clock) as services:
            findings += [_guard(name, lambda check=check: check(services)) for name, check in _OPEN]  # type: ignore[misc]
            findings += _waiting(services)
            findings = [*_concerns(services, first=True), *findings, *_concerns(services, first=False)]
    except FaceLeaseError as error:
        mend = (
            "see the sentence above"
            if isinstance(error, StoreAway)
            else "facelease init makes what is missing"
        )
        findings.append(Finding("house", False, str(error), mend))
    return findings


def _guard(what: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except FaceLeaseError as error:
        return Finding(what, False, str(error), "see the sentence above")


def _configuration(config: Config) -> Finding:
    """It was read, or we would not be here; what is left to say is which defaults one should not keep."""
    anonymous = config.site.name == Config().site.name
    said = f"data in {config.data}"
    return Finding("configuration", True, said + ("; site.name is still the default" if anonymous else ""))


def _master(config: Config) -> Finding:
    keys = bootstrap.master_keys(config)
    return Finding("master key", True, f"version {keys.current}, {len(keys.versions)} kept")


def _signed(config: Config, purpose: str) -> Finding:
    """An endpoint without a secret is off; with one that cannot be read the server would not start."""
    known = signed_requests.secrets(config, purpose)
    count = 0 if known is None else len(known())
    said = f"on, {count} secrets" if count else f"off: webhooks.{purpose}_secret_file names no secret"
    return Finding(f"{purpose} of the DAM", True, said, looked=bool(count))


def _console(config: Config) -> Finding:
    """Without an address of ours and a secret the staff's pages are not there; without groups nobody has a role."""
    known = signed_requests.secrets(config, "signin")
    if known is None or not config.server.public_url:
        lacks = (
            "webhooks.signin_secret_file names no secret" if known is None else "server.public_url is empty"
        )
        return Finding("console", True, f"off: {lacks}", looked=False)
    adapter = registry.adapter_of(config)
    if not issubclass(adapter, Accounts):
        said = f"off: {adapter.title} has no accounts, and so no groups that could be asked for"
        return Finding("console", True, said, looked=False)
    access = config.access
    groups = {*access.administrators, *access.officers, *access.editors, *access.auditors}
    where = f"{config.server.public_url}/console/"
    return Finding(
        "console", bool(groups), f"on at {where}, {len(known())} secrets, {len(groups)} groups",
        "[access]: name the DAM's groups, or nobody has a role",
    )  # fmt: skip


def _letters(services: Services) -> Finding:
    """What was not delivered in the last month, and what waits for longer than a mail server should take."""
    errors, waiting = health.undelivered(services)
    said = f"{len(errors)} not delivered in 30 days, {waiting} wait for more than two hours"
    reasons = "; ".join(sorted(set(filter(None, errors)))[:3])
    return Finding(
        "letters", not errors and not waiting, said + (f": {reasons}" if reasons else ""),
        "facelease mail list shows whose; correct the address and ask anew",
    )  # fmt: skip


def _store(services: Services) -> Finding:
    return Finding("store", True, f"{services.store.kind}, {health.people(services)} people")


def _dam(services: Services) -> Finding:
    """A folder that is not mounted is there and empty: what we know of is not in it."""
    found = services.dam.collections()
    count, known = sum(collection.resources for collection in found), health.photographs_known(services)
    limits = "; ".join(services.dam.limits)
    said = f"it answers: {len(found)} collections, {count} files"
    if not count and known:
        said = f"it shows no file, and photographs are known here ({known} or more)"
    mend = "is the folder mounted, or the account's access narrowed? Bring it back before the next reconcile"
    return Finding("DAM", bool(count or not known), said + (f"; {limits}" if limits else ""), mend)


def _spelling(services: Services) -> Finding:
    """How many, not who: what the doctor says is sent around."""
    if not isinstance(services.dam, ListsNames):
        said = f"{services.dam.title} keeps no list of names that somebody could change there"
        return Finding("names", True, said, looked=False)
    renamed = len(services.dam.renamed())
    return Finding(
        "names", True,
        f"{renamed} people are called otherwise in the DAM now; their tags stay theirs, `facelease review list` "
        "shows them" if renamed else "those that we wrote are called there as we wrote them",
    )  # fmt: skip


def _clock(services: Services) -> Finding:
    behind = getattr(services.clock, "behind", lambda: None)()
    seconds = behind.total_seconds() if behind else 0.0
    return Finding(
        "clock", seconds < 60, "steady" if seconds < 60 else f"{seconds:.0f} s behind what the store has seen",
        "set the machine's clock (timedatectl): until it has caught up, the last moment seen is taken as now",
    )  # fmt: skip


def _jobs(services: Services) -> Finding:
    """How many were given up, of which kinds and why the newest, and for how long the oldest is owed."""
    dead, owes, counts = (
        services.queue.dead(100),
        overdue.figure(services, "dead_jobs"),
        services.queue.counts(),
    )
    kinds = ", ".join(sorted({job.kind for job in dead}))
    errors = "; ".join(sorted({error_words.reason(job.error).line for job in dead})[:3])
    open_ = f"{counts['queued'] + counts['running']} wait or run"
    said = "none given up"
    if owes.since is not None:
        age = staff_words.age(services.clock.now() - owes.since)
        said = f"{owes.count} given up ({kinds}), the oldest asked for {age} ago: {errors}"
    mend = "mend what the error names, then `facelease jobs retry --all`; `facelease jobs list` shows each"
    return Finding("jobs", not dead, f"{said}; {open_}", mend)


def _clearances(services: Services) -> Finding:
    """What is stored of clearance under another configuration is unknown until it is computed anew."""
    with services.store.read() as conn:
        shared = policy_fingerprint.shared(services, conn)
    if not shared:
        said = "the store follows another configuration: `clearance --all` and the DAM's dates wait"
        return Finding("clearances", False, said, "restart every process of FaceLease: `serve` and `work`")
    left = recompute_library.left(services)
    said = f"{left} photographs are still unknown: computed anew since the configuration changed"
    return Finding("clearances", True, said if left else "as this configuration has them")


def _terms(services: Services) -> Finding:
    """Keys past their grant, and shreddings that wait: there should be none that is older than a sweep."""
    over, waiting, late = health.keys_past_their_grant(services)
    said = f"{over} face keys past their grant, {waiting} destroyed keys not yet shredded"
    return Finding("terms", not over and not late, said, "facelease sweep")


def _templates(services: Services) -> Finding:
    """Templates of another engine are not compared: whom they belong to must enrol again."""
    mine, old = services.faces.engine_id, health.templates_of_other_engines(services)
    kept = health.templates(services)
    if not kept:
        return Finding("templates", True, "none is kept: nobody is enrolled", looked=False)
    return Finding(
        "templates", not old, f"{old} of {kept} of another engine than {mine}" if old else f"all {kept} of {mine}",
        "facelease person enrol makes them anew from reference photographs",
    )  # fmt: skip


def _keys(services: Services) -> Finding:
    """By the version that wrapped each; of every version one is opened, and the key of the house."""
    shut, what = health.keys_that_do_not_open(services), "people's keys"
    mend = (
        "put the newest copy of keys.master_file in its place: what these keys seal opens with nothing else"
    )
    if shut:
        return Finding(what, False, f"{shut} wrapped by a master key that is not here", mend)
    versions = health.open_one_of_each(services)
    if damaged := health.damaged_keys(services):
        said = f"{damaged} do not open, though their master key is here: those rows are damaged"
        return Finding(what, False, said, "bring the store back from a backup: `facelease restore`")
    said = f"the key of the house opens, and one of each version of the master key ({versions} in use)"
    return Finding(what, True, said, mend)


def _names_key(services: Services) -> Finding:
    """Without the key of names a restored DAM brings back what was taken off, and nobody knows it for ours."""
    if not health.names_taken_off(services):
        return Finding("key of names", True, "no name was taken off yet", looked=False)
    lost = health.names_under_another_key(services)
    return Finding(
        "key of names", not lost,
        f"{lost} names that were taken off are remembered under a key that is not here: what comes back of them is "
        "not recognised" if lost else "as it was when names were taken off",
        f"put the file {services.name_hasher.path} back from where the master key is kept",
    )  # fmt: skip


def _concerns(services: Services, first: bool) -> list[Finding]:
    """What the administrator of the DAM should know of it; a DAM that does not answer has its own line."""
    try:
        found = [one for one in services.dam.concerns() if one.first == first]
    except DamError:
        said = "what the DAM itself keeps and shows: it does not answer"
        return [] if first else [Finding("in the DAM", True, said, looked=False)]
    return [Finding(one.what, one.ok, one.said, one.mend) for one in found]


_OWN_LINE = (Kind.DEAD_JOBS, Kind.OWED_LETTERS)


def _waiting(services: Services) -> list[Finding]:
    """What waits for somebody; given up jobs have a line of their own above, which says why."""
    found = [one for one in waiting_list.entries(services) if one.kind not in _OWN_LINE]
    if not found:
        return [Finding("waiting", True, f"nothing waits for anybody: {len(Kind)} kinds were counted")]
    said = [(one, staff_words.waiting(one)) for one in found]
    return [
        Finding(
            w.title,
            not one.wrong,
            _with_broken(services, one.kind, w.said),
            w.mend,
            not one.wrong,
            one.kind.value,
            one.count,
        )
        for one, w in said
    ]


def _with_broken(services: Services, kind: Kind, said: str) -> str:
    return "; ".join([said, *map(error_words.aside, waiting_list.broken(services, kind))])


_OPEN: tuple[tuple[str, Callable[[Services], Finding]], ...] = (
    ("store", _store), ("people's keys", _keys), ("key of names", _names_key),
    ("DAM", _dam), ("names", _spelling), ("clock", _clock),
    ("worker", owed_findings.worker), ("comparison", owed_findings.compared),
    ("jobs", _jobs), ("clearances", _clearances), ("terms", _terms),
    ("templates", _templates), ("letters", _letters),
    ("ended.log", proof_findings.ended_log), ("audit log", proof_findings.log),
    ("key of heads", proof_findings.head_key), ("place of heads", proof_findings.heads_place),
)  # fmt: skip
