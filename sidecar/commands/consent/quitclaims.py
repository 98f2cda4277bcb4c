"""`facelease quitclaim`: add, list, withdraw, restrict."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal
from uuid import uuid4

import click
import segno

from plugin.errors import ConfigError, ConsentError
from plugin.flows.access import links
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.consent import consequences, recording, withdrawal
from plugin.flows.mail.papers import paper_forms
from plugin.flows.review import already_done
from plugin.flows.signing import key_links
from plugin.quitclaim.consent.lifecycle import Signing, StopMode
from plugin.quitclaim.consent.model import Grant, GrantKind, Quitclaim
from plugin.words.plurals import pluralize
from sidecar.commands import confirmation
from sidecar.commands.common import Shell, actor, as_json, describe_act, find_person, finish_jobs, say_finished
from sidecar.commands.consent import forms, imports
from sidecar.output import say

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_EVIDENCE = "The signed form: a scan, a PDF. May be repeated. Kept sealed."
_SLIP = "Write the person's key as a QR code, to be printed and handed over."


@click.group()
def quitclaim() -> None:
    """What people agreed to."""


@quitclaim.command()
@click.argument("who")
@click.option("--recognition", is_flag=True, help="The person agrees to be recognised (GDPR Art. 9).")
@click.option("--publication", multiple=True, metavar="PURPOSE:CHANNEL", help="May be repeated; * is every one.")
@click.option("--from", "from_", metavar="DAY", help="First day; default: the signature.")
@click.option("--until", metavar="DAY", help="Last day; default: until withdrawn.")
@click.option("--signed", metavar="DAY", help="When it was signed; default: now.")
@click.option("--evidence", multiple=True, required=True, type=_FILE, help=_EVIDENCE)
@click.option("--form", "form_", metavar="NAME", help="The form that was signed, printed on paper.")
@click.option("--text-version", help="Which version of the text was signed, where it was no form of ours.")
@click.option("--text", type=_FILE, help="That text; its hash is kept.")
@click.option("--language", default="en", show_default=True, help="In which it was signed.")
@click.option("--method", default="paper", show_default=True, help="How it was signed.")
@click.option("--guardian", multiple=True, metavar="ID", help="Signed by this guardian instead of the person.")
@click.option("--slip", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.svg", help=_SLIP)
@confirmation.yes_and_json
def add(
    shell: Shell, who: str, recognition: bool, publication: tuple[str, ...], from_: str | None, until: str | None,
    signed: str | None, evidence: tuple[Path, ...], form_: str | None, text_version: str | None, text: Path | None,
    language: str, method: str, guardian: tuple[str, ...], slip: Path | None, yes: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Record a signed quitclaim as the person's next version; prints the key that the person is given."""
    if (form_ is None) == (text_version is None):
        raise click.UsageError("say which text was signed: --form NAME, or --text-version")
    with shell.house() as services:
        signed_at = shell.moment(signed) or services.clock.now()
        start, end = shell.moment(from_) or signed_at, shell.moment(until, end=True)
        lines: list[tuple[str, str] | None] = [None] if recognition else []
        lines += _parse_publications(services, publication)
        paper = paper_forms.read_form(services, form_, language, signed_at, lines) if form_ else None
        if paper is not None and end is None:
            end = shell.moment(paper.last_day.isoformat(), end=True)
        grants = _make_grants(lines, start, end)
        hashed = sha256(text.read_bytes()).hexdigest() if text else None
        signed_text = (paper.text_version, paper.text_sha256) if paper else (str(text_version), hashed)
        signing = Signing(*signed_text, language, method, not guardian, guardian, signed_at, grants)
        person_id = find_person(services, who)
        confirmation.confirm_ending(consequences.preview_version(services, person_id, signing), yes)
        proof = [recording.SignatureEvidence(path.name, path.read_bytes()) for path in evidence]
        origin = paper.origin(grants) if paper else recording.NO_FORM
        claim = recording.record(services, person_id, signing, proof, actor(), origin)
        key = _make_key(services, claim, slip)
        left = finish_jobs(services)
    said = [f"quitclaim {claim.id}, version {claim.version}, {pluralize(len(claim.grants), 'grant')}"]
    said += [f"the key of whoever signed, for them alone: {key}"] if key else []
    grant_ids = [grant.id for grant in claim.grants]
    data = {"id": claim.id, "version": claim.version, "grants": grant_ids, "key": key or None}
    say_finished(as_json, data, said, left)


def _make_grants(lines: Sequence[tuple[str, str] | None], start: datetime, end: datetime | None) -> tuple[Grant, ...]:
    """A grant a line: of a purpose on a channel, or (None) of recognition."""
    return tuple(
        Grant(uuid4().hex, GrantKind.PUBLICATION, *line, start, end)
        if line
        else Grant(uuid4().hex, GrantKind.RECOGNITION, None, None, start, end)
        for line in lines
    )


def _make_key(services: Services, claim: Quitclaim, file: Path | None) -> str:
    """The key to what was signed on paper, also as a QR code in `file`; "" without `server.public_url`."""
    if not services.config.server.public_url:
        if file is not None:
            raise ConfigError("server.public_url: give the address under which people reach FaceLease, for the slip")
        return ""
    with services.store.write() as tx:
        made = key_links.make_key_for_staff(services, tx, claim.person_id, claim.id, actor())
    address = links.url(services, made.token)
    if file is not None:
        segno.make(address, error="m").save(str(file), kind="svg", scale=4, border=4)
    return address


def _parse_publications(services: Services, wanted: tuple[str, ...]) -> list[tuple[str, str]]:
    cleared = services.config.clearance
    found: dict[tuple[str, str], None] = {}
    for text in wanted:
        purpose, _, channel = text.partition(":")
        purposes = cleared.purposes if purpose == "*" else (purpose,)
        channels = cleared.channels if channel in {"*", ""} else (channel,)
        if not set(purposes) <= set(cleared.purposes) or not set(channels) <= set(cleared.channels):
            known = f"purposes {', '.join(cleared.purposes)} and channels {', '.join(cleared.channels)}"
            raise ConsentError(f"{text!r} is not configured: PURPOSE:CHANNEL with {known}")
        found |= {(one, other): None for one in purposes for other in channels}
    return list(found)


@quitclaim.command("list")
@click.argument("who")
@as_json
def list_(shell: Shell, who: str, as_json: bool) -> None:
    """Every grant of a person, with when it really is in force."""
    with shell.house() as services, services.store.read() as conn:
        standing = roster.load(services, conn, find_person(services, who))
        real = {grant.id: (start, end) for grant, start, end in standing.windows()}
        now = services.clock.now()
    rows = []
    for claim, grant in [(one, grant) for one in standing.quitclaims for grant in one.grants]:
        start, end = real.get(grant.id, (None, None))
        about = {"grant": grant.id, "version": claim.version, "kind": grant.kind.value}
        use = {"purpose": grant.purpose, "channel": grant.channel, "from": start, "until": end}
        rows.append(about | use | {"state": _describe_state(grant, start, end, now)})
    heads = ["grant", "version", "kind", "purpose", "channel", "from", "until", "state"]
    say(as_json, rows, shell.table(heads, rows))


def _describe_state(grant: Grant, start: object, end: object, now: object) -> str:
    if start is None:
        return "never in force"
    if start > now:  # type: ignore[operator]
        return "to come"
    if end is None or end > now:  # type: ignore[operator]
        return "in force"
    return grant.ended_kind.value if grant.ended_kind else "over"


@quitclaim.command()
@click.argument("who")
@click.option("--grant", multiple=True, metavar="ID", help="This grant alone; may be repeated. Default: everything.")
@confirmation.yes_and_json
def withdraw(shell: Shell, who: str, grant: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """End grants at once: no match, no clearance, tags taken out, template destroyed."""
    _end_grants(shell, who, grant, "withdrawn", yes, as_json)


@quitclaim.command()
@click.argument("who")
@click.option("--grant", multiple=True, metavar="ID", help="This grant alone; may be repeated. Default: everything.")
@confirmation.yes_and_json
def restrict(shell: Shell, who: str, grant: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Stop matching and clearance, keep the evidence (GDPR Art. 18)."""
    _end_grants(shell, who, grant, "restricted", yes, as_json)


def _end_grants(shell: Shell, who: str, grant: tuple[str, ...], kind: str, yes: bool, as_json: bool) -> None:
    verb: Literal["withdraw", "restrict"] = "withdraw" if kind == "withdrawn" else "restrict"
    meant = set(grant) or None
    with shell.person(who) as (services, person_id):
        confirmation.confirm_ending(consequences.preview_ending(services, person_id, meant, verb), yes)
        ended = withdrawal.stop(services, person_id, StopMode(verb), meant, actor())
        before = None if ended else already_done.find_ended_at(services, person_id, meant, verb)
        left = finish_jobs(services)
        said = f"{pluralize(ended, 'grant')} {kind}"
        lines = [describe_act(services, said, before, "nothing to end: it had ended")]
        if before is None and 0 < ended < len(set(grant)):
            lines.append(f"{len(set(grant)) - ended} had ended already")
    say_finished(as_json, {"id": person_id, kind: ended, "ended_before": before}, lines, left)


for command in (forms.invite, forms.invited, forms.uninvite, imports.import_):
    quitclaim.add_command(command)
