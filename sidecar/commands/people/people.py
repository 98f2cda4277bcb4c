"""`facelease person`: add, age, list, show, enrol, objects, erase, export, guardian; the rest in modules beside it."""

from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import click

from plugin.errors import DamError
from plugin.flows.common.services import Services
from plugin.flows.consent import consequences, tag_revocation, withdrawal
from plugin.flows.matching import gallery
from plugin.flows.names import name_doubts
from plugin.flows.people import ages, register
from plugin.flows.people.ages import Age
from plugin.flows.review import already_done
from plugin.flows.rights import dam_leftovers, erasure, erasure_register
from plugin.flows.views.people import people_list
from plugin.words.catalogues import LANGUAGES
from plugin.words.plurals import pluralize
from sidecar import output
from sidecar.commands import confirmation
from sidecar.commands.common import DAY, NOT_FINISHED, Shell, actor, as_json, describe_act, finish_jobs, say_finished
from sidecar.commands.people import certificates, identities, own_pages, references
from sidecar.output import say, table

_DESPITE_UNREAD = (
    "Finished, exit code 0, also where photographs were not read that may bear the name: until they are, no name "
    "there is theirs by its spelling."
)
_SHOWN = ("recognition", "publication", "enrolled", "namesake", "age_known")


@click.group()
def person() -> None:
    """People who may be tagged."""


@person.command()
@click.argument("name")
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Of letters and pages.")
@click.option("--birth-date", type=DAY, help="Declared; needed for a minor.")
@click.option("--of-age", is_flag=True, help="Declared to be of age, where the birth date is not known.")
@click.option("--email", default="", help="Kept sealed.")
@click.option("--guardian", "guardians", multiple=True, help="Name of a guardian; may be repeated. Kept sealed.")
@click.option("--adopt", is_flag=True, help="The name that stands on photographs already is this person's.")
@click.option("--despite-unread", is_flag=True, help=_DESPITE_UNREAD)
@as_json
def add(shell: Shell, name: str, adopt: bool, despite_unread: bool, as_json: bool, **about: Any) -> None:
    """Enter a person under the NAME that the DAM shows."""
    newcomer = register.Newcomer(name, **about)
    with shell.house() as services:
        person_id = register.add(services, newcomer, actor(), adopt)
        gaps = name_doubts.find_gaps(services, person_id)
        with services.store.read() as conn:
            known = register.guardians_of(services, conn, person_id)
    lines = [person_id, *(f"guardian {one['id']}: {one['name']}" for one in known)]
    if newcomer.birth_date is None and not newcomer.of_age:
        lines.append("nobody said how old they are: never named automatically (facelease person age)")
    doubt = name_doubts.explain(gaps) if gaps else None
    lines += [doubt] if doubt else []
    say(as_json, {"id": person_id, "guardians": list(known), "doubt": doubt}, lines)
    if doubt and not despite_unread:
        raise SystemExit(NOT_FINISHED)


@person.command()
@click.argument("who")
@click.option("--birth-date", type=DAY, help="Declared.")
@click.option("--of-age", is_flag=True, help="Declared to be of age, where the birth date is not known.")
@as_json
def age(shell: Shell, who: str, birth_date: date | None, of_age: bool, as_json: bool) -> None:
    """Say how old WHO is, where nobody knows: else they are never named automatically."""
    said = Age(of_age, birth_date)
    with shell.person(who) as (services, person_id):
        noted = ages.declare(services, person_id, said, actor())
        left = finish_jobs(services)
    data = {"id": person_id, "of_age": said.of_age, "birth_date": said.birth_date, "changed": noted}
    line = "noted" if noted else "that was known already, nothing is changed"
    say_finished(as_json, data, [f"{person_id}: {line}"], left)


@person.command("list")
@click.option("--csv", "as_csv", is_flag=True, help="Print a table for a spreadsheet.")
@click.option("--age-unknown", is_flag=True, help="Only those of whom nobody said how old they are.")
@as_json
def list_(shell: Shell, as_csv: bool, age_unknown: bool, as_json: bool) -> None:
    """Everybody, with what is in force now."""
    with shell.house() as services:
        rows = [
            {"id": one.person.id, "name": one.person.display_name} | {what: getattr(one, what) for what in _SHOWN}
            for one in people_list.search(services)
            if not age_unknown or not one.age_known
        ]
    cells = [[r["id"], r["name"], *("yes" if r[k] else "no" for k in _SHOWN)] for r in rows]
    heads = ["id", "name", *_SHOWN]
    if as_csv:
        click.echo(output.csv_text(heads, cells), nl=False)
    else:
        say(as_json, rows, table(heads, cells))


@person.command()
@click.argument("who")
@as_json
def show(shell: Shell, who: str, as_json: bool) -> None:
    """One person: grants, tags, and where they are still named by hand."""
    with shell.person(who) as (services, person_id):
        data = register.export(services, person_id, actor())
        data["still_named_by_hand"] = tag_revocation.list_by_hand(services, person_id)
        beside, unasked = _find_other_files(services, person_id)
        with services.store.read() as conn:
            name = register.name_of(services, conn, person_id)
        data["kept_beside"] = [{"resource": ref, "files": count} for ref, count in beside]
    lines = [f"{name}  ({person_id})"]
    for claim in data["quitclaims"]:
        lines += [f"quitclaim {claim['version']}: {_format_grant(shell, grant)}" for grant in claim["grants"]]
    lines += [f"tag ({photo['tag']}): {photo['resource']}" for photo in data["photographs"]]
    others = "earlier versions or alternative files that may show this person"
    lines += [f"{others}: {ref} ({count})" for ref, count in beside]
    say(as_json, data, lines + unasked)


def _find_other_files(services: Services, person_id: str) -> tuple[list[tuple[str, int]], list[str]]:
    """Other files beside the person's photographs; if the DAM does not answer, a line that says so."""
    try:
        return dam_leftovers.find_beside(services, dam_leftovers.list_named(services, person_id)), []
    except DamError as error:
        return [], [f"whether the DAM keeps other files beside these photographs is not known now: {error}"]


def _format_grant(shell: Shell, grant: dict[str, object]) -> str:
    what = f"{grant['purpose']} on {grant['channel']}" if grant["purpose"] else "recognition"
    end = f"until {shell.cell(grant['valid_until']) or 'withdrawn'}"
    if grant["ended_at"]:
        end = f"{grant['ended_kind']} {shell.cell(grant['ended_at'])}"
    return f"{what}, from {shell.cell(grant['valid_from'])}, {end}  [{grant['id']}]"


@person.command()
@click.argument("who")
@click.argument("photos", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--face", "faces", multiple=True, metavar="PHOTO=NUMBER", help=references.FACE_HELP)
@confirmation.yes_and_json
def enrol(shell: Shell, who: str, photos: tuple[Path, ...], faces: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Make a template of reference PHOTOS, three or more. Where others are on one, it asks which face is WHO's."""
    files = [str(path) for path in photos]
    chosen = references.read_faces(faces, files)
    with shell.person(who) as (services, person_id):
        confirmation.confirm_ending(consequences.preview_pictures(services, person_id), yes)
        bodies = [path.read_bytes() for path in photos]
        enrol_with = partial(gallery.enrol, services, person_id, bodies, actor(), files)
        enrolment = references.enrol_asking(enrol_with, files, chosen)
    lines = [f"{file}: note: {note}" for file, note in zip(files, enrolment.notes, strict=True) if note]
    made = f"enrolled: a template was made of {pluralize(len(photos), 'photograph')}"
    lines.append(f"{made}; {person_id} may be matched from now on, where recognition is on")
    say(as_json, {"id": person_id, "photos": len(photos), "notes": list(enrolment.notes)}, lines)


@person.command()
@click.argument("who")
@confirmation.yes_and_json
def objects(shell: Shell, who: str, yes: bool, as_json: bool) -> None:
    """The child's own objection: recognition stops at once."""
    with shell.person(who) as (services, person_id):
        before = already_done.find_objected_at(services, person_id)
        ending = consequences.preview_ending(services, person_id, None, "object")
        kept = f"the objection of {ending.name} is kept, and no guardian can take it back"
        confirmation.confirm([*confirmation.describe_ending(ending), kept] if before is None else [], yes)
        ended = withdrawal.object_to_recognition(services, person_id, actor())
        left = finish_jobs(services)
        noted = "the objection is kept, and no guardian can take it back"
        said = describe_act(services, noted, before, "they had objected")
        lines = [f"{pluralize(ended, 'recognition grant')} ended" if ended else "no recognition was in force", said]
    say_finished(as_json, {"id": person_id, "ended": ended, "objected_before": before}, lines, left)


@person.command()
@click.argument("who")
@click.option("--certificate", type=click.Path(path_type=Path), help="Also write the certificate to this file.")
@confirmation.yes_and_json
def erase(shell: Shell, who: str, certificate: Path | None, yes: bool, as_json: bool) -> None:
    """Forget a person, here and in the DAM; prints the certificate."""
    with shell.person(who) as (services, person_id):
        confirmation.confirm_erasure(consequences.preview_erasure(services, person_id), yes)
        done = erasure.erase(services, person_id, actor())
        finish_jobs(services)
        done = erasure_register.read_certificate(services, done.number, actor()) if done.finished_at else done
    if certificate:
        certificate.write_text(done.text(), encoding="utf-8")
    lines = done.text().splitlines()
    lines += [f"to print it again: facelease person certificate {done.number}"]
    say(as_json, certificates.to_json(done), lines)
    if done.finished_at is None:
        raise SystemExit(NOT_FINISHED)


@person.command()
@click.argument("who")
@as_json
def export(shell: Shell, who: str, as_json: bool) -> None:
    """Everything that is held on a person (GDPR Art. 15): JSON, with --json or without."""
    with shell.person(who) as (services, person_id):
        say(True, register.export(services, person_id, actor()), ())


@person.command()
@click.argument("who")
@click.option("--guardian", required=True, help="The guardian's name.")
@click.option("--email", default="", help="Where the guardian is written to. Kept sealed.")
@as_json
def guardian(shell: Shell, who: str, guardian: str, email: str, as_json: bool) -> None:
    """Make a guardian of a minor known; prints the id with which they sign."""
    with shell.person(who) as (services, person_id):
        guardian_id = register.add_guardian(services, person_id, guardian, actor(), email)
    say(as_json, {"id": guardian_id}, [guardian_id])


_OWN_PAGES = (own_pages.page, own_pages.lock, own_pages.siblings, own_pages.requests_)
_IDENTITIES = (identities.address, identities.recognised, identities.distinct)
_REFERENCES = (references.vouch, references.refuse, references.declared)
for command in (*_OWN_PAGES, *_IDENTITIES, *_REFERENCES, certificates.certificate):
    person.add_command(command)
