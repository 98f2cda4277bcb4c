"""A house with things that are over, and what each command is asked to do on nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
from sqlalchemy import insert

from plugin.flows.access import links
from plugin.flows.access.links import Link, LinkKind
from plugin.flows.access.own_accounts import register as own_accounts
from plugin.flows.access.programs import api_tokens
from plugin.flows.access.staff import Role
from plugin.flows.common.services import Services
from plugin.flows.consent import withdrawal
from plugin.flows.mail import form_store
from plugin.flows.people import register
from plugin.flows.signing import invitations
from plugin.ledger import tables as t
from plugin.quitclaim.consent.lifecycle import StopMode
from tests import support


@dataclass(frozen=True)
class Ask:
    """A command line on nothing, its exit code (None: any but 0), and a part of what is said."""

    words: str
    code: int | None
    says: str
    only: str = ""  # on this kind of DAM alone


@dataclass(frozen=True)
class Told:
    """What each command says when there is nothing. `runs`: why there is always something for it to do."""

    asks: tuple[Ask, ...] = ()
    runs: str = ""


def no(words: str, says: str, only: str = "") -> Ask:
    """Nothing there: exit code 1."""
    return Ask(words, 1, says, only)


def so(words: str, says: str) -> Ask:
    """So already: exit code 0, and told."""
    return Ask(words, 0, says)


def _look(*asks: Ask) -> Told:
    return Told(asks, runs="a look: an empty list is its answer")


COMMANDS: Mapping[str, Told] = {
    "init": Told((so("init", "already"),)),
    "migrate": Told((so("migrate", "already"),)),
    "serve": Told(runs="listens"),
    "work": Told(runs="works until it is told to stop"),
    "demo": Told(runs="makes what it shows"),
    "scan": Told((
        no("scan", "switched on"), no("scan nosuch", "no collection"), no("scan --late-consent", "nobody is enrolled"),
        no("scan shoot", "no photograph", only="folder"),
    )),
    "sweep": Told((so("sweep", "0 grants ended"),)),
    "doctor": Told((no("doctor", "none has ever swept"),)),
    "reopen": Told((so("reopen", "is open"), no("reopen --without-ended-log x", "the house is open"))),
    "clearance": _look(no("clearance nosuch.jpg", "no photograph")),
    "reconcile": Told((no("reconcile", "nothing was compared"),)),
    "backup": Told(runs="there is always a store"),
    "restore": Told((Ask("restore {empty}", None, ""),)),
    "person add": Told((no("person add Bo", "somebody else's display name"),)),
    "person age": Told((so("person age Bo --of-age", "known already"), no("person age Nobody --of-age", ""))),
    "person list": _look(),
    "person show": _look(no("person show Nobody", "Nobody")),
    "person enrol": Told((no("person enrol Nobody {form}", ""), no("person enrol Bo {form}", "recognition grant"))),
    "person objects": Told((so("person objects Dag", "already"), no("person objects Nobody", ""))),
    "person erase": Told((no("person erase Nobody --yes", ""),)),
    "person certificate": _look(no("person certificate nosuch", "")),
    "person export": _look(no("person export Nobody", "")),
    "person guardian": Told((no("person guardian Nobody --guardian Sample", ""),)),
    "person distinct": Told((no("person distinct Bo", "no mark"), no("person distinct Nobody", ""))),
    "person page": Told((no("person page Bo --mail", "no mail"),)),
    "person lock": Told((no("person lock Bo", "no link"), so("person lock Cee", "already"))),
    "person siblings": Told((no("person siblings Bo x Cee y", "no such guardian"),)),
    "person requests list": _look(),
    "person requests decide": Told((no("person requests decide nosuch --grant --yes", "no such request"),)),
    "person address": Told((
        no("person address Bo ''", "no address is on file"), so("person address Cee cee@example.org", "already"),
    )),
    "person recognised": Told((
        so("person recognised Bo --how met", "no address is on file"), no("person recognised Nobody --how met", ""),
    )),
    "person vouch": Told((no("person vouch Bo --how met", "wait for anybody"),)),
    "person refuse": Told((no("person refuse Bo --yes", "wait for anybody"),)),
    "person declared": _look(),
    "quitclaim add": Told((
        no("quitclaim add Bo --text-version 1 --evidence {form}", "nothing was agreed"),
        no("quitclaim add Nobody --recognition --text-version 1 --evidence {form}", ""),
    )),
    "quitclaim list": _look(no("quitclaim list Nobody", "")),
    "quitclaim withdraw": Told((
        no("quitclaim withdraw Bo", "nothing to end"), no("quitclaim withdraw Nobody", ""),
        so("quitclaim withdraw Cee", "had ended already on"), no("quitclaim withdraw Cee --grant nosuch", "no grant"),
        so("quitclaim withdraw Cee --grant {grant}", "had ended already on"),
    )),
    "quitclaim restrict": Told((
        no("quitclaim restrict Bo", "nothing to end"), no("quitclaim restrict Cee", "cannot be restricted"),
        so("quitclaim restrict Dag", "had ended already on"), no("quitclaim restrict Nobody", ""),
    )),
    "quitclaim invite": Told((no("quitclaim invite Nobody", ""), no("quitclaim invite --shoot nosuch", ""))),
    "quitclaim invited": _look(no("quitclaim invited --shoot nosuch", "no sign-up shoot")),
    "quitclaim uninvite": Told((no("quitclaim uninvite nosuch", "no such link"),
                                so("quitclaim uninvite {link}", "already"))),
    "quitclaim import table": Told((
        no("quitclaim import table {nothing}", "empty"), no("quitclaim import table {heading}", "nothing was imported"),
        no("quitclaim import table {heading} --apply", "nothing was imported"),
        no("quitclaim import table {refused}", "nothing was imported"),
        no("quitclaim import table {refused} --apply", "nothing was imported"),
    )),
    "quitclaim import pdf": Told((no("quitclaim import pdf {empty}", "nothing was imported"),)),
    "quitclaim import consentmanager": Told((
        Ask("quitclaim import consentmanager --confirm {heading}", None, ""),
        Ask("quitclaim import consentmanager --plan {empty}/plan.csv", 1, "", only="folder"),
    )),
    "form add": Told((no("form add {heading}", "not TOML"),)),
    "form list": _look(),
    "form show": _look(no("form show nosuch", "nosuch")),
    "form retire": Told((no("form retire nosuch", "nosuch"), so("form retire {name}", "already"))),
    "form sample": Told(runs="prints one"),
    "collection list": _look(),
    "collection set": Told((no("collection set nosuch off", "no collection"),)),
    "collection history": _look(no("collection history nosuch", "nothing was ever decided")),
    "collection lost": _look(),
    "collection held": _look(no("collection held nosuch", "no collection")),
    "collection gone": Told((no("collection gone nosuch", "is lost"),)),
    "review list": _look(),
    "review again": _look(),
    "review confirm": Told((no("review confirm 999", "no face"),)),
    "review reject": Told((no("review reject 999", "no face"),)),
    "review dismiss": Told((
        no("review dismiss 999 --as no_person", "no face"),
        Ask("review dismiss 999 --as crowd", None, "'no_person', 'too_small', 'bystander', 'objects', 'other'"),
    )),
    "review dismiss-small": Told((no("review dismiss-small nosuch", "no photograph"),)),
    "review undo": Told((no("review undo 999", "no face"),)),
    "tags list": _look(no("tags list --person Nobody", "")),
    "tags keep": Told((no("tags keep 999", "no name by hand"), no("tags keep --person Bo", "no name by hand"))),
    "tags remove": Told((no("tags remove 999", "no name by hand"), no("tags remove --person Bo", "no name by hand"))),
    "mail test": Told((no("mail test a@example.org", "mail.host"),)),
    "mail list": _look(),
    "mail due": Told((no("mail due", "no mail is sent"),)),
    "token add": Told((no("token add x --scope gate:use --tool nosuch", "none of gate.plain_tools"),)),
    "token list": _look(),
    "token revoke": Told((no("token revoke nosuch", "no such token"), so("token revoke {token}", "already"))),
    "jobs list": _look(),
    "jobs retry": Told((
        no("jobs retry 999999", "no job"), no("jobs retry --all", "nothing was given up"),
        no("jobs retry --kind erase", "nothing was given up"),
    )),
    "session list": _look(),
    "staff add": Told((no("staff add fay --role editor", "has an account"),)),
    "staff list": _look(),
    "staff role": Told((
        so("staff role fay --role editor", "already"), no("staff role nosuch --role editor", "no account nosuch"),
    )),
    "staff reset": Told((no("staff reset nosuch", "no account nosuch"),)),
    "staff remove": Told((no("staff remove nosuch", "no account nosuch"),)),
    "engine list": _look(),
    "engine install": Told((no("engine install classic --yes", "nothing is to be got"),)),
    "engine use": Told((
        so("engine use retinaface-dlib", "used already"), no("engine use retail-0095", "the configuration names"),
    )),
    "engine pause": Told((no("engine pause", "no engine is being changed"),)),
    "engine resume": Told((no("engine resume", "no engine is being changed"),)),
    "engine status": _look(),
    "engine remove": Told((no("engine remove retail-0095", "no file"),)),
    "session end": Told((
        no("session end nosuch", "no session"), no("session end --all", "nobody is signed in"),
        no("session end --user nosuch", "no session"), so("session end {session}", "already"),
    )),
    "audit verify": Told(runs="there is always a log"),
    "audit export": _look(),
    "audit heads": Told(runs="there is always a head"),
    "audit begin": Told(runs="heads can always be begun anew"),
    "audit verifier": Told(runs="prints one"),
    "keys heads": _look(no("keys heads --lost x", "is there")),
    "keys rotate": Told(runs="makes a new version of the master key, whoever has keys"),
    "report accuracy": Told((
        no("report accuracy --people {empty} --strangers {empty}", "needs a folder a person"),
        no("report accuracy --people /nosuch --strangers /nosuch", "no folder"),
    )),
}  # fmt: skip


def leaves(group: click.Group, before: str = "") -> Iterator[str]:
    """Every command of the tree, by the words that call it."""
    for name, command in group.commands.items():
        words = f"{before} {name}".strip()
        if isinstance(command, click.Group):
            yield from leaves(command, words)
        else:
            yield words


def untold(group: click.Group) -> set[str]:
    """Commands of which the table does not say what they say when there is nothing."""
    return set(leaves(group)) - COMMANDS.keys()


@dataclass
class Over:
    """Bo agreed to nothing; Cee withdrew; Dag was restricted and objected; and other things that are over."""

    services: Services
    root: Path
    names: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)

    def prepare(self) -> "Over":
        """All of it, by the flows that make and end it."""
        cast, services = support.Cast(self.services), self.services
        self.people = {name: cast.add(name) for name in ("Bo", "Cee", "Dag")}
        cee = self.people["Cee"]
        self.names["grant"] = cast.sign(cee, recognition=False)["website"]
        withdrawal.withdraw(services, cee, None, "test")
        cast.sign(self.people["Dag"])
        withdrawal.stop(services, self.people["Dag"], StopMode.RESTRICT, None, "test")
        withdrawal.object_to_recognition(services, self.people["Dag"], "test")
        self._accesses(cee)
        self._files()
        cast.work()
        return self

    def _accesses(self, person_id: str) -> None:
        services = self.services
        register.change_address(services, person_id, "cee@example.org", "test")
        token = api_tokens.create(services, "test", [api_tokens.TokenScope.GATE_USE], "test").id
        api_tokens.revoke(services, token, "test")
        own_accounts.add(services, "fay", Role.EDITOR, "test")
        form = form_store.add(services, _suited(services), "test")
        with services.store.write() as tx:
            links.make(services, tx, Link(LinkKind.PAGE, "en", person_id), "test")
            links.revoke_page_links(services, tx, person_id, "test")
            link = links.make(services, tx, Link(LinkKind.SIGN, "en", person_id, form_id=form.id), "test").id
            session = uuid4().hex
            ended = {"created_at": tx.now, "seen_at": tx.now, "ended_at": tx.now}
            ended |= {"expires_at": tx.now + timedelta(hours=1)}
            tx.execute(insert(t.session).values(id_sha256=session, user="jan", role="officer", language="en", **ended))
        invitations.revoke_invitation(services, link, "test")
        form_store.retire(services, form.form.name, "test")
        self.names |= {"token": token, "link": link, "session": session[:16], "name": form.form.name}

    def _files(self) -> None:
        for name, text in (("nothing", ""), ("heading", "name,channels,signed\n"), ("form", "signed: sample"),
                           ("refused", "name,channels,signed\nEve,tv,2026-01-15\n")):  # fmt: skip
            path = self.root / f"{name}.csv"
            path.write_text(text)
            self.names[name] = str(path)
        empty = self.root / "empty"
        empty.mkdir()
        self.names["empty"] = str(empty)


def _suited(services: Services) -> dict[str, Any]:
    """The sample form for the uses of this house."""
    tree, listed = form_store.parse_toml(form_store.read_sample()), services.config.clearance
    tree["uses"] = [{"purpose": one, "channels": list(listed.channels)} for one in listed.purposes]
    return tree
