"""A house for strangers to attack: one served by a real process on a core of its own, with visits that are open."""

import http.client
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from uuid import uuid4

from flask.json.tag import TaggedJSONSerializer
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import ColumnElement, func, select

from plugin.clock import SystemClock
from plugin.flows.access import visits
from plugin.flows.access.programs import api_tokens
from plugin.flows.access.programs.api_tokens import TokenScope
from plugin.flows.collections import modes
from plugin.flows.common.services import Services
from plugin.flows.mail import form_store
from plugin.flows.signing import invitations
from plugin.flows.signing.invitations import InvitationRequest
from plugin.hooks.webhooks import signature
from plugin.ledger import tables as t
from plugin.ledger.store.store import Store
from plugin.quitclaim.clearance.scope import Basis, BasisEvidence, Mode
from sidecar.commands.demo import samples
from sidecar.running import bootstrap
from sidecar.sign import sessions
from tests import sender, support, visiting
from tests.hostile_senders import multipart
from tests.processes import Processes, free_port
from tests.sender import SECRET
from tests.signers import tree

COOKIE = "facelease_sign"
_LEAST = 21  # requests: of each of the seven three
_CSRF = "0" * 40
_JSON = TaggedJSONSerializer()
_MEMORY = _JSON.dumps({"csrf_token": _CSRF}).encode()
_HELD = select(t.quitclaim.c.person_id).join(t.grant).where(t.grant.c.ended_at.is_(None))
_numbers = count(1)


def _network() -> str:
    """One that was not used before."""
    number = next(_numbers)
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


@dataclass(frozen=True)
class Asked:
    """A request of somebody honest: what it is called, and what it is."""

    name: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Answered:
    """How it went. `status` 0: not at all."""

    name: str
    status: int
    ms: float


class Served(Processes):
    """A folder as the DAM, a shoot whose link `many` visitors opened, and a program with a token; `serve` alone."""

    def __init__(self, root: Path, many: int, host: str = "127.0.0.1", guests: int = 0, leavers: int = 0) -> None:
        """`guests`: visits by which somebody honest signs; `leavers`: people who will withdraw, each by a link."""
        (root / "photos" / "shoot").mkdir(parents=True)
        self.uploads = root / "tmp"
        self.uploads.mkdir()
        secret = sender.secret_file(root / "dam.secret", SECRET)
        port = free_port()
        super().__init__(
            root,
            port,
            f'data = "{root}/data"\n[folder]\npath = "{root}/photos"\n[dam]\npoll_seconds = 86400\n'
            f'[server]\nhost = "{host}"\nport = {port}\n'
            f"proxies = 1\n[api]\nper_minute = 100000\n"
            f'[webhooks]\nevents_secret_file = "{secret}"\npanel_secret_file = "{secret}"\n',
        )
        self._environment |= {"TMPDIR": str(self.uploads)}
        with bootstrap.open_house(self.config) as services:
            self.visits, self.token = self._opened(services, many), self._program(services)
            self.guests = self._opened_again(services, guests)
            self.leavers = self._leaving(services, leavers)
        key = sessions.load_session_key(self.config)
        self.csrf = str(URLSafeTimedSerializer(key, salt="wtf-csrf-token").dumps(_CSRF))
        self._opened_store: Store | None = None
        self.process = self.start("serve")
        os.sched_setaffinity(self.process.pid, {min(os.sched_getaffinity(0))})
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.until_up()

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"http://{self.address}"

    def _opened(self, services: Services, many: int) -> list[str]:
        ruling = modes.Ruling(Mode.SUGGEST, Basis.SHOOT, BasisEvidence("shoot", "photographer"))
        modes.decide(services, "shoot", ruling, "test")
        form = form_store.add(services, tree(), "test")
        self._link = invitations.invite(
            services, InvitationRequest(collection_ref="shoot", form=form.form.name), "test"
        ).id
        return self._opened_again(services, many)

    def _opened_again(self, services: Services, many: int) -> list[str]:
        return [f"{COOKIE}={visits.begin(services, self._link, _MEMORY).token}" for _ in range(many)]

    def _leaving(self, services: Services, many: int) -> list[tuple[str, str]]:
        """For each the token of a link to their page, and the cookie of a visit there."""
        cast, found = support.Cast(services), []
        for number in range(many):
            person_id = cast.add(f"Leaver {number}", email=f"leaver{number}@example.org")
            cast.sign(person_id, recognition=False)
            made = visiting.link_of(services, person_id)
            found.append((made.token, f"{COOKIE}={visits.begin(services, made.id, _MEMORY).token}"))
        return found

    def _program(self, services: Services) -> str:
        return api_tokens.create(
            services, "test", [TokenScope.PEOPLE_READ.value], "test", api_tokens.DEFAULT_LIFETIME
        ).secret

    def about(self, picture: Path) -> Path:
        """What `hostile_senders` is told."""
        path = self.root / "about.json"
        known = {
            "visits": self.visits[1:],
            "token": self.token,
            "csrf": self.csrf,
            "picture": str(picture),
            "portrait": str(samples.portrait(samples.A_FRONT)),
        }
        path.write_text(json.dumps(known))
        return path

    def honest(self) -> Iterator[Asked]:
        """One request on each surface, each from a network of its own, without end."""
        while True:
            for asked in self._round():
                yield replace(asked, headers=asked.headers | {"X-Forwarded-For": _network()})

    def _round(self) -> Sequence[Asked]:
        now = SystemClock().now()
        question = json.dumps({"ref": 1, "user": "ann", "can_edit": False}).encode()
        gate = json.dumps({"refs": [1], "channels": ["website"]}).encode()
        event = sender.event("resource.ignored", 1, now)

        def signed(body: bytes) -> dict[str, str]:
            return signature.sign_request(SECRET, f"msg_{uuid4().hex}", now, body)

        return (
            Asked("own", "GET", "/health", {}),
            Asked("public", "GET", "/s/form", {"Cookie": self.visits[0]}),
            Asked("events", "POST", "/hooks/resourcespace", signed(event), event),
            Asked("panel", "POST", "/panel/resourcespace", signed(question), question),
            Asked("gate", "POST", "/gate/resourcespace", signed(gate), gate),
            Asked("programs", "GET", "/api/v1/people", {"Authorization": f"Bearer {self.token}"}),
            Asked("staff", "GET", "/console/", {}),
        )

    def withdrawals(self) -> Iterator[Asked]:
        """Everybody who will withdraw opens their link, and then ends all of it."""
        for token, cookie in self.leavers:
            yield Asked("link", "GET", f"/s/{token}", {"X-Forwarded-For": _network()})
            headers = {"Cookie": cookie, "X-CSRFToken": self.csrf, "X-Forwarded-For": _network()}
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            yield Asked("withdrawal", "POST", "/s/me/stop/all", headers, b"how=withdraw")

    def signings(self) -> Iterator[Asked]:
        """Everybody who signs has a photograph looked at, and then signs with it."""
        portrait = samples.portrait(samples.A_FRONT).read_bytes()
        for cookie in self.guests:
            name, network = f"Guest {next(_numbers)}", _network()
            fields = {
                "csrf_token": self.csrf,
                "nonce": uuid4().hex,
                "choice": "communication:website",
                "recognition": "yes",
                "name": name,
                "of_age": "yes",
                "typed": name,
            }
            for what, path, given, field in (
                ("photograph", "/s/photo", {}, "photograph"),
                ("signing", "/s/form", fields, "photographs"),
            ):
                body, kind = multipart(given, field, [portrait])
                headers = {"Cookie": cookie, "X-CSRFToken": self.csrf, "X-Forwarded-For": network}
                yield Asked(what, "POST", path, headers | {"Content-Type": kind}, body)

    def left(self) -> int:
        """How many of those who were to withdraw have no grant any more."""
        return self._named("Leaver", t.person.c.id.not_in(_HELD))

    def signed(self, name: str) -> int:
        """How many people whose names begin so have a grant."""
        return self._named(name, t.person.c.id.in_(_HELD))

    def _named(self, name: str, which: ColumnElement[bool]) -> int:
        mine = t.person.c.display_name.startswith(name) & which
        with self._store().read() as conn:
            return conn.scalar(select(func.count()).select_from(t.person).where(mine)) or 0

    def _store(self) -> Store:
        if self._opened_store is None:
            self._opened_store = Store.open(self.config.store_url, SystemClock())
        return self._opened_store

    def ask(self, asked: Asked, seconds: float = 10) -> Answered:
        """Ask by a connection of its own."""
        began = time.perf_counter()
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        try:
            line.request(asked.method, asked.path, asked.body or None, asked.headers)
            answer = line.getresponse()
            answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            line.close()
        return Answered(asked.name, status, (time.perf_counter() - began) * 1000)

    def measure(self, seconds: float, meanwhile: Callable[[], None], acts: Iterator[Asked]) -> list[Answered]:
        """Ask for so long, and at least some rounds, one after the other; after each third the next of `acts`.

        `meanwhile` is called after each.
        """
        ends, done = time.monotonic() + seconds, []
        for number, asked in enumerate(self.honest(), 1):
            done.append(self.ask(asked))
            act = next(acts, None) if number % 3 == 0 else None
            if act is not None:
                done.append(self.ask(act))
            meanwhile()
            if time.monotonic() >= ends and number >= _LEAST:
                break
        return done

    def peak_mb(self) -> float:
        """The most that `serve` had in memory so far, in MB."""
        return self._memory("VmHWM:")

    def memory_mb(self) -> float:
        """What it has now."""
        return self._memory("VmRSS:")

    def _memory(self, name: str) -> float:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))

    def written(self) -> list[str]:
        """Files outside the store that `serve` has open, or that lie where temporary files are made."""
        found = [str(path) for path in self.uploads.rglob("*")]
        for link in Path(f"/proc/{self.process.pid}/fd").iterdir():
            try:
                where = str(link.readlink())
            except OSError:
                continue
            if where.startswith(str(self.uploads)) or ("(deleted)" in where and not where.startswith("/dev")):
                found.append(where)
        return found
