"""`facelease form`: add, list, show, retire, sample; and `facelease quitclaim invite`."""

from pathlib import Path
from typing import Any

import click
import segno

from plugin.clock import format_local_day
from plugin.errors import ConfigError, NotFound
from plugin.flows.access import links
from plugin.flows.access.links import MadeLink
from plugin.flows.common.services import Services
from plugin.flows.consent import consequences
from plugin.flows.mail import form_store
from plugin.flows.mail.form_store import StoredForm
from plugin.flows.signing import invitations
from plugin.flows.signing.invitations import InvitationRequest
from plugin.ledger.queue.jobs import UnfinishedJob
from plugin.quitclaim.forms.sheets import make_sheet
from plugin.words.catalogues import LANGUAGES
from sidecar.commands import confirmation
from sidecar.commands.common import NUMBER, Shell, actor, as_json, describe_act, find_person, say_finished, send_letters
from sidecar.output import say

_SENT, _NOT_SENT = "the mail server took the letter with the link", "the letter with the link is not sent yet"


@click.group()
def form() -> None:
    """Forms (quitclaim templates): what people are asked."""


@form.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
def add(shell: Shell, file: Path, as_json: bool) -> None:
    """Keep the form in FILE (TOML) as the next version of its name; `form sample` shows one."""
    tree = form_store.parse_toml(file.read_text(encoding="utf-8"))
    with shell.house() as services:
        known = {one.id for one in form_store.list_versions(services)}
        stored = form_store.add(services, tree, actor())
    form_ = stored.form
    data = {"id": stored.id, "name": form_.name, "version": form_.version, "sha256": stored.sha256}
    again = ": this very form was in use already" if stored.id in known else ""
    say(as_json, data, [f"{stored.form.text_version} ({stored.id}){again}"])


@form.command("list")
@as_json
def list_(shell: Shell, as_json: bool) -> None:
    """Every version of every form."""
    with shell.house() as services:
        rows, zone = [], shell.config.site.zone
        for one in form_store.list_versions(services):
            about = {"id": one.id, "name": one.form.name, "version": one.form.version}
            languages, since = " ".join(sorted(one.form.texts)), format_local_day(one.created_at, zone)
            in_use = "no" if one.retired_at else "yes"
            rows.append(about | {"languages": languages, "since": since, "in use": in_use})
    say(as_json, rows, shell.table(["name", "version", "languages", "since", "in use"], rows))


@form.command()
@click.argument("name")
@click.option("--version", type=NUMBER, help="Default: the one in use.")
@click.option("--language", help="Default: the site's.")
@as_json
def show(shell: Shell, name: str, version: int | None, language: str | None, as_json: bool) -> None:
    """What people see who are asked NAME."""
    with shell.house() as services:
        stored = _find_version(services, name, version) if version else form_store.find_in_use(services, name)
        spoken = language or services.config.site.language
        if spoken not in stored.form.texts:
            raise NotFound(f"the form has no text in {spoken!r}, only in {', '.join(sorted(stored.form.texts))}")
        shown = make_sheet(stored.form, spoken, services.today())
    text = {"text": shown.text(), "text_sha256": shown.sha256()}
    data = {"id": stored.id, "sha256": stored.sha256, "form": stored.form.body()} | text
    say(as_json, data, [f"{stored.form.text_version}, {spoken}", "", *shown.text().splitlines()])


def _find_version(services: Services, name: str, version: int) -> StoredForm:
    for one in form_store.list_versions(services, name):
        if one.form.version == version:
            return one
    raise NotFound(f"no version {version} of {name!r}: facelease form list shows them")


@form.command()
@click.argument("name")
@confirmation.yes_and_json
def retire(shell: Shell, name: str, yes: bool, as_json: bool) -> None:
    """Ask NAME in no new invitation; links that are out keep asking it."""
    with shell.house() as services:
        used = [one for one in form_store.list_versions(services, name) if one.retired_at is None]
        confirmation.confirm([f"new invitations that ask {one.form.text_version}" for one in used], yes)
        before = form_store.retire(services, name, actor())
        said = describe_act(services, "retired", before, "it had been retired")
    say(as_json, {"name": name, "retired": True, "ended_before": before}, [f"{name}: {said}"])


@form.command()
def sample() -> None:
    """Print a sample form, English and Dutch, to be made one's own."""
    click.echo(form_store.read_sample(), nl=False)


@click.command()
@click.argument("who", required=False)
@click.option("--shoot", metavar="COLLECTION", help="One code for everybody at the shoot of this collection.")
@click.option("--form", metavar="NAME", help="Which form; default: the only one in use.")
@click.option("--mail", "by_mail", is_flag=True, help="Mail the link, to a minor's guardian if one can be written to.")
@click.option("--link", is_flag=True, help="Print the link (the default).")
@click.option("--qr", type=click.Path(dir_okay=False, path_type=Path), help="Write the link as a QR code (SVG).")
@click.option("--language", type=click.Choice(LANGUAGES), help="Default: the person's, for a shoot the site's.")
@as_json
def invite(
    shell: Shell, who: str | None, shoot: str | None, link: bool, qr: Path | None, as_json: bool, **how: Any
) -> None:
    """Ask WHO, or everybody at a shoot, to sign."""
    if (who is None) == (shoot is None):
        raise click.UsageError("say WHO is asked, or --shoot COLLECTION")
    with shell.house() as services:
        if not services.config.server.public_url:
            raise ConfigError("server.public_url: give the address under which people reach FaceLease")
        person_id = find_person(services, who) if who is not None else None
        asked = InvitationRequest(person_id, shoot, **how)
        made = invitations.invite(services, asked, actor())
        address = links.url(services, made.token)
        left = send_letters(services)
    _hand_over(made, address, qr, asked.by_mail and not link, left, as_json)


@click.command()
@click.argument("who", required=False)
@click.option("--shoot", metavar="COLLECTION", help="The codes of this collection's shoot.")
@as_json
def invited(shell: Shell, who: str | None, shoot: str | None, as_json: bool) -> None:
    """The links to sign by that are out, of WHO or of a shoot."""
    if (who is None) == (shoot is None):
        raise click.UsageError("say WHO was asked, or --shoot COLLECTION")
    with shell.house() as services, services.store.read() as conn:
        if shoot:
            invitations.refuse_no_shoot(conn, shoot)
            out = invitations.list_shoot_codes(conn, shoot)
        else:
            out = invitations.list_unanswered(conn, find_person(services, who or ""))
    say(as_json, out, shell.table(["id", "kind", "since", "until"], out))


@click.command()
@click.argument("link_id", metavar="ID")
@confirmation.yes_and_json
def uninvite(shell: Shell, link_id: str, yes: bool, as_json: bool) -> None:
    """Take a link back: it opens nothing any more. `quitclaim invited` shows the ids."""
    with shell.house() as services:
        confirmation.confirm_ending(consequences.preview_link(services, link_id), yes)
        before = invitations.revoke_invitation(services, link_id, actor())
        said = describe_act(services, "taken back: it opens nothing any more", before, "it had been taken back")
    say(as_json, {"id": link_id, "ended_before": before}, [said])


def _hand_over(
    made: MadeLink, address: str, qr: Path | None, mailed: bool, left: list[UnfinishedJob], as_json: bool
) -> None:
    """The link is shown once: it is not kept, and whoever has it can sign."""
    said = [_NOT_SENT if left else _SENT] if mailed else []
    if qr is not None:
        segno.make_qr(address, error="m").save(str(qr), kind="svg", scale=8, border=4)
        said.append(f"QR code: {qr}")
    data = {"id": made.id, "mailed": mailed, "qr": str(qr) if qr else None}
    say_finished(as_json, data | ({} if mailed else {"link": address}), said or [address], left)
