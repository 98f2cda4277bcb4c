"""`facelease doctor`: what is wrong, and how to mend it. Each check stands alone and none changes anything."""

import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from plugin.clock import Clock
from plugin.config import Config
from plugin.errors import DamError, FaceLeaseError, MailError
from plugin.flows import anew, footing, health, waiting_list
from plugin.flows.services import Services
from plugin.flows.waiting_list import Kind
from plugin.hooks.mail import MailServer
from plugin.recognizer import engine
from sidecar import house, proof_findings, signed, staff_words
from sidecar.findings import Finding


def examine(config: Config, clock: Clock) -> list[Finding]:
    """Every check, in the order in which a fault in one explains the next."""
    findings = [_configuration(config), _guard("master key", lambda: _master(config))]
    findings += [*_permissions(config), _exiftool()]
    findings += [_guard(f"{name} of the DAM", lambda name=name: _signed(config, name)) for name in _SIGNED]  # type: ignore[misc]
    findings.append(_guard("console", lambda: _console(config)))
    findings.append(_guard("weights", lambda: _weights(config)))
    findings.append(_guard("mail server", lambda: _mail_server(config)))
    try:
        with house.open_house(config, clock) as services:
            findings += [_guard(name, lambda check=check: check(services)) for name, check in _OPEN]  # type: ignore[misc]
            findings += _waiting(services)
            findings = [*_concerns(services, first=True), *findings, *_concerns(services, first=False)]
    except FaceLeaseError as error:
        findings.append(Finding("house", False, str(error), "facelease init makes what is missing"))
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
    keys = house.master_keys(config)
    return Finding("master key", True, f"version {keys.current}, {len(keys.versions)} kept")


def _permissions(config: Config) -> Iterator[Finding]:
    """Nobody but us reads the data folder, the keys, the secrets and the logs; a secret that is open is refused."""
    for path in dict.fromkeys(_private(config)):
        if not path.exists():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        wide = mode & 0o077
        allowed = "u=rwX,go="
        yield Finding(
            f"permissions of {path.name}", not wide, oct(mode), f"chmod {allowed} {path}" if wide else ""
        )


def _private(config: Config) -> Iterator[Path]:
    yield Path(config.data).expanduser()
    named = [
        config.keys.master_file,
        config.keys.ended_log,
        config.keys.names_file,
        config.keys.heads_key_file,
        "{data}/keys/session.key",
    ]
    named += [getattr(config.webhooks, f"{purpose}_secret_file") for purpose in (*_SIGNED, "signin")]
    named += [config.resourcespace.key_file, config.mail.password_file]
    yield from (config.path(name) for name in named if name)


_SIGNED = ("events", "panel")


def _signed(config: Config, purpose: str) -> Finding:
    """An endpoint without a secret is off; with one that cannot be read the server would not start."""
    known = signed.secrets(config, purpose)
    count = 0 if known is None else len(known())
    said = f"on, {count} secrets" if count else f"off: webhooks.{purpose}_secret_file names no secret"
    return Finding(f"{purpose} of the DAM", True, said)


def _console(config: Config) -> Finding:
    """Without an address of ours and a secret the staff's pages are not there; without groups nobody has a role."""
    known = signed.secrets(config, "signin")
    if known is None or not config.server.public_url:
        lacks = (
            "webhooks.signin_secret_file names no secret" if known is None else "server.public_url is empty"
        )
        return Finding("console", True, f"off: {lacks}")
    if config.dam.kind == "folder":
        return Finding(
            "console", True, "off: a folder has no accounts, and so no groups that could be asked for"
        )
    access = config.access
    groups = {*access.administrators, *access.officers, *access.editors, *access.auditors}
    where = f"{config.server.public_url}/console/"
    return Finding(
        "console", bool(groups), f"on at {where}, {len(known())} secrets, {len(groups)} groups",
        "[access]: name the DAM's groups, or nobody has a role",
    )  # fmt: skip


def _exiftool() -> Finding:
    found = shutil.which("exiftool")
    return Finding(
        "exiftool", found is not None,
        found or "not found: names go into EXIF keywords alone, and no XMP is read or written",
        "sudo apt install libimage-exiftool-perl",
    )  # fmt: skip


def _weights(config: Config) -> Finding:
    config = house.with_models(config)
    opened = engine.open_engine(config.recognizer, Path(config.recognizer.cache))
    return Finding("weights", True, opened.id)


def _mail_server(config: Config) -> Finding:
    """Connects, encrypts and signs in; sends nothing."""
    mail, what = config.mail, "mail server"
    if not mail.host:
        return Finding(what, True, "off: mail.host is empty, so links are handed over by hand")
    if not config.server.public_url:
        return Finding(
            what, False, "letters cannot bear a link", "set server.public_url to the address people reach"
        )
    try:
        said = MailServer.from_config(config).check()
    except MailError as error:
        return Finding(what, False, str(error), "correct [mail]; `facelease mail test ADDRESS` tries it")
    return Finding(what, True, said if mail.owner else f"{said}; mail.owner is empty: no alerts to the owner")


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
    found = services.dam.collections()
    count = sum(collection.resources for collection in found)
    limits = "; ".join(getattr(services.dam, "limits", ()))
    return Finding(
        "DAM", True, f"{len(found)} collections, {count} files" + (f"; {limits}" if limits else "")
    )


def _spelling(services: Services) -> Finding:
    """How many, not who: what the doctor says is sent around."""
    renamed = len(services.dam.renamed())
    return Finding(
        "names", True,
        f"{renamed} people are called otherwise in the DAM now; their tags stay theirs, `facelease review list` "
        "shows them" if renamed else "as the DAM has them",
    )  # fmt: skip


def _clock(services: Services) -> Finding:
    behind = getattr(services.clock, "behind", lambda: None)()
    seconds = behind.total_seconds() if behind else 0.0
    return Finding(
        "clock", seconds < 60, "steady" if seconds < 60 else f"{seconds:.0f} s behind what the store has seen",
        "set the machine's clock (timedatectl): until it has caught up, the last moment seen is taken as now",
    )  # fmt: skip


def _sweep(services: Services) -> Finding:
    last = health.last_sweep(services)
    if last is None:
        return Finding("sweep", False, "never ran", "start `facelease work`")
    minutes = (services.clock.now() - last).total_seconds() / 60
    return Finding(
        "sweep", minutes < 3, f"{minutes:.0f} min ago", "start `facelease work`: it sweeps every minute"
    )


def _jobs(services: Services) -> Finding:
    dead = services.queue.dead()
    kinds = ", ".join(sorted({job.kind for job in dead}))
    errors = "; ".join(sorted({job.error for job in dead})[:3])
    return Finding(
        "jobs", not dead, f"{len(dead)} given up ({kinds}): {errors}" if dead else "none given up",
        "mend what the error names; `facelease scan` asks for the photographs again",
    )  # fmt: skip


def _clearances(services: Services) -> Finding:
    """What is stored of clearance under another configuration is unknown until it is computed anew."""
    with services.store.read() as conn:
        shared = footing.shared(services, conn)
    if not shared:
        said = "the store follows another configuration: `clearance --all` and the DAM's dates wait"
        return Finding("clearances", False, said, "restart every process of FaceLease: `serve` and `work`")
    left = anew.left(services)
    said = f"{left} photographs are still unknown: computed anew since the configuration changed"
    return Finding("clearances", True, said if left else "as this configuration has them")


def _terms(services: Services) -> Finding:
    """Keys past their grant, and shreddings that wait: there should be none that is older than a sweep."""
    over, waiting = health.keys_past_their_grant(services)
    return Finding(
        "terms", not over, f"{over} face keys past their grant, {waiting} destroyed keys not yet shredded",
        "facelease sweep",
    )  # fmt: skip


def _templates(services: Services) -> Finding:
    """Templates of another engine are not compared: whom they belong to must enrol again."""
    mine, old = services.faces.engine_id, health.templates_of_other_engines(services)
    return Finding(
        "templates", not old, f"{old} of another engine than {mine}" if old else f"all of {mine}",
        "facelease person enrol makes them anew from reference photographs",
    )  # fmt: skip


def _keys(services: Services) -> Finding:
    """People's keys that the master key at hand cannot open: it is older than the store."""
    shut = health.keys_that_do_not_open(services)
    return Finding(
        "people's keys", not shut, f"{shut} wrapped by a master key that is not here" if shut else "all open",
        "put the newest copy of keys.master_file in its place: what these keys seal opens with nothing else",
    )  # fmt: skip


def _names_key(services: Services) -> Finding:
    """Without the key of names a restored DAM brings back what was taken off, and nobody knows it for ours."""
    lost = health.names_under_another_key(services)
    return Finding(
        "key of names", not lost,
        f"{lost} names that were taken off are remembered under a key that is not here: what comes back of them is "
        "not recognised" if lost else "as it was when names were taken off",
        f"put the file {services.name_hasher.path} back from where the master key is kept",
    )  # fmt: skip


def _concerns(services: Services, first: bool) -> list[Finding]:
    """What the administrator of the DAM should know of it; a DAM that does not answer has its own line."""
    with suppress(DamError):
        found = [one for one in services.dam.concerns() if one.first == first]
        return [Finding(one.what, one.ok, one.said, one.mend) for one in found]
    return []


def _waiting(services: Services) -> list[Finding]:
    """What waits for somebody; given up jobs have a line of their own above, which says why."""
    found = [one for one in waiting_list.entries(services) if one.kind is not Kind.DEAD_JOBS]
    if not found:
        return [Finding("waiting", True, "nothing waits for anybody")]
    said = [(one, staff_words.waiting(one)) for one in found]
    return [
        Finding(w.title, not one.wrong, w.said, w.mend, not one.wrong, one.kind.value, one.count)
        for one, w in said
    ]


_OPEN: tuple[tuple[str, Callable[[Services], Finding]], ...] = (
    ("store", _store), ("people's keys", _keys), ("key of names", _names_key),
    ("DAM", _dam), ("names", _spelling), ("clock", _clock),
    ("sweep", _sweep), ("jobs", _jobs), ("clearances", _clearances), ("terms", _terms), ("templates", _templates),
    ("letters", _letters), ("audit log", proof_findings.log), ("key of heads", proof_findings.head_key),
    ("place of heads", proof_findings.heads_place),
    ("letters", _letters), ("ended.log", proof_findings.ended_log),
)  # fmt: skip
