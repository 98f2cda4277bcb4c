"""`facelease person`: add, age, list, show, enrol, objects, erase, export, guardian; the rest in modules beside it."""

from datetime import datetime
from pathlib import Path

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
from plugin.flows.views import people_list
from plugin.words.catalogues import LANGUAGES
from plugin.words.plurals import pluralize
from sidecar import output
from sidecar.commands import confirmation
from sidecar.commands.common import NOT_FINISHED, Shell, actor, as_json, find_person, finish_jobs, say_finished
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
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True)
@click.option("--birth-date", type=click.DateTime(["%Y-%m-%d"]), help="Declared; needed for a minor.")
@click.option("--of-age", is_flag=True, help="Declared to be of age, where the birth date is not known.")
@click.option("--email", default="", help="Kept sealed.")
@click.option("--guardian", multiple=True, help="Name of a guardian; may be repeated. Kept sealed.")
@click.option("--adopt", is_flag=True, help="The name that stands on photographs already is this person's.")
@click.option("--despite-unread", is_flag=True, help=_DESPITE_UNREAD)
@as_json
def add(
    shell: Shell,
    name: str,
    language: str,
    birth_date: datetime | None,
    of_age: bool,
    email: str,
    guardian: tuple[str, ...],
    adopt: bool,
    despite_unread: bool,
    as_json: bool,
) -> None:
    """Enter a person under the NAME that the DAM shows."""
    born = birth_date.date() if birth_date else None
    with shell.house() as services:
        newcomer = register.Newcomer(name, language, born, email, guardian, of_age=of_age)
        person_id = register.add(services, newcomer, actor(), adopt)
        doubt = name_doubts.find_gaps(services, person_id)
        with services.store.read() as conn:
            known = register.guardians_of(services, conn, person_id)
    lines = [person_id, *(f"guardian {one['id']}: {one['name']}" for one in known)]
    if born is None and not of_age:
        lines.append("nobody said how old they are: never named automatically (facelease person age)")
    lines += [name_doubts.explain(doubt)] if doubt else []
    say(
        as_json,
        {"id": person_id, "guardians": list(known), "doubt": name_doubts.explain(doubt) if doubt else None},
        lines,
    )
    if doubt and not despite_unread:
        raise SystemExit(NOT_FINISHED)


@person.command()
@click.argument("who")
@click.option("--birth-date", type=click.DateTime(["%Y-%m-%d"]), help="Declared.")
@click.option("--of-age", is_flag=True, help="Declared to be of age, where the birth date is not known.")
@as_json
def age(shell: Shell, who: str, birth_date: datetime | None, of_age: bool, as_json: bool) -> None:
    """Say how old WHO is, where nobody knows: else they are never named automatically."""
    said = Age(of_age, birth_date.date() if birth_date else None)
    with shell.house() as services:
        person_id = find_person(services, who)
        noted = ages.declare(services, person_id, said, actor())
        left = finish_jobs(services)
    say_finished(
        as_json,
        {"id": person_id, "of_age": said.of_age, "birth_date": said.birth_date, "changed": noted},
        [f"{person_id}: noted" if noted else f"{person_id}: that was known already, nothing is changed"],
        left,
    )


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
    cells = [[r["id"], r["name"], *(_yes_no(r[k]) for k in _SHOWN)] for r in rows]
    heads = ["id", "name", *_SHOWN]
    if as_csv:
        click.echo(output.csv_text(heads, cells), nl=False)
    else:
        say(as_json, rows, table(heads, cells))


def _yes_no(value: object) -> str:
    return "yes" if value else "no"


@person.command()
@click.argument("who")
@as_json
def show(shell: Shell, who: str, as_json: bool) -> None:
    """One person: grants, tags, and where they are still named by hand."""
    with shell.house() as services:
        person_id = find_person(services, who)
        data = register.export(services, person_id, actor())
        data["still_named_by_hand"] = tag_revocation.list_by_hand(services, person_id)
        beside, unasked = _find_other_files(services, person_id)
        with services.store.read() as conn:
            name = register.name_of(services, conn, person_id)
        data["kept_beside"] = [{"resource": ref, "files": count} for ref, count in beside]
    lines = [f"{name}  ({person_id})"]
    lines += [
        f"quitclaim {claim['version']}: {_format_grant(shell, grant)}"
        for claim in data["quitclaims"]
        for grant in claim["grants"]
    ]
    lines += [f"tag ({photo['tag']}): {photo['resource']}" for photo in data["photographs"]]
    lines += [
        f"earlier versions or alternative files that may show this person: {ref} ({count})" for ref, count in beside
    ] + unasked
    say(as_json, data, lines)


def _find_other_files(services: Services, person_id: str) -> tuple[list[tuple[str, int]], list[str]]:
    """Other files beside the person's photographs; if the DAM does not answer, a line that says so."""
    try:
        return dam_leftovers.find_beside(services, dam_leftovers.list_named(services, person_id)), []
    except DamError as error:
        return [], [f"whether the DAM keeps other files beside these photographs is not known now: {error}"]


def _format_grant(shell: Shell, grant: dict[str, object]) -> str:
    what = f"{grant['purpose']} on {grant['channel']}" if grant["purpose"] else "recognition"
    end = (
        f"{grant['ended_kind']} {shell.cell(grant['ended_at'])}"
        if grant["ended_at"]
        else f"until {shell.cell(grant['valid_until']) or 'withdrawn'}"
    )
    return f"{what}, from {shell.cell(grant['valid_from'])}, {end}  [{grant['id']}]"


@person.command()
@click.argument("who")
@click.argument("photos", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@confirmation.yes_option
@as_json
def enrol(shell: Shell, who: str, photos: tuple[Path, ...], yes: bool, as_json: bool) -> None:
    """Make a template of reference PHOTOS, three or more of the person alone."""
    with shell.house() as services:
        person_id = find_person(services, who)
        confirmation.confirm(confirmation.describe_ending(consequences.preview_pictures(services, person_id)), yes)
        bodies, files = [path.read_bytes() for path in photos], [str(path) for path in photos]
        enrolment = gallery.enrol(services, person_id, bodies, actor(), files)
    lines = [f"{file}: note: {note}" for file, note in zip(files, enrolment.notes, strict=True) if note]
    made = f"enrolled: a template was made of {pluralize(len(photos), 'photograph')}"
    lines.append(f"{made}; {person_id} may be matched from now on, where recognition is on")
    say(as_json, {"id": person_id, "photos": len(photos), "notes": list(enrolment.notes)}, lines)


@person.command()
@click.argument("who")
@confirmation.yes_option
@as_json
def objects(shell: Shell, who: str, yes: bool, as_json: bool) -> None:
    """The child's own objection: recognition stops at once."""
    with shell.house() as services:
        person_id = find_person(services, who)
        before = already_done.find_objected_at(services, person_id)
        ending = consequences.preview_ending(services, person_id, None, "object")
        kept = f"the objection of {ending.name} is kept, and no guardian can take it back"
        confirmation.confirm([*confirmation.describe_ending(ending), kept] if before is None else [], yes)
        ended = withdrawal.object_to_recognition(services, person_id, actor())
        left = finish_jobs(services)
        said = "the objection is kept, and no guardian can take it back"
        if before is not None:
            said = f"they had objected already on {already_done.format_day(services, before)}"
        lines = [f"{pluralize(ended, 'recognition grant')} ended" if ended else "no recognition was in force", said]
    say_finished(as_json, {"id": person_id, "ended": ended, "objected_before": before}, lines, left)


@person.command()
@click.argument("who")
@click.option("--certificate", type=click.Path(path_type=Path), help="Also write the certificate to this file.")
@confirmation.yes_option
@as_json
def erase(shell: Shell, who: str, certificate: Path | None, yes: bool, as_json: bool) -> None:
    """Forget a person, here and in the DAM; prints the certificate."""
    with shell.house() as services:
        person_id = find_person(services, who)
        ending = consequences.preview_erasure(services, person_id)
        confirmation.confirm([f"everything that is known of {ending.name}", *confirmation.describe_ending(ending)], yes)
        done = erasure.erase(services, person_id, actor())
        finish_jobs(services)
        done = erasure_register.read_certificate(services, done.number, actor()) if done.finished_at else done
    if certificate:
        certificate.write_text(done.text(), encoding="utf-8")
    lines = done.text().splitlines()
    lines += [f"to print it again: facelease person certificate {done.number}"]
    say(as_json, certificates.to_json(done), lines)
    if done.finished_at is None:
        raise SystemExit(3)


@person.command()
@click.argument("who")
@as_json
def export(shell: Shell, who: str, as_json: bool) -> None:
    """Everything that is held on a person (GDPR Art. 15): JSON, with --json or without."""
    with shell.house() as services:
        person_id = find_person(services, who)
        say(True, register.export(services, person_id, actor()), ())


@person.command()
@click.argument("who")
@click.option("--guardian", required=True, help="The guardian's name.")
@click.option("--email", default="", help="Where the guardian is written to. Kept sealed.")
@as_json
def guardian(shell: Shell, who: str, guardian: str, email: str, as_json: bool) -> None:
    """Make a guardian of a minor known; prints the id with which they sign."""
    with shell.house() as services:
        person_id = find_person(services, who)
        guardian_id = register.add_guardian(services, person_id, guardian, actor(), email)
    say(as_json, {"id": guardian_id}, [guardian_id])


_OWN_PAGES = (own_pages.page, own_pages.lock, own_pages.siblings, own_pages.requests_)
_IDENTITIES = (identities.address, identities.recognised, identities.distinct)
_REFERENCES = (references.vouch, references.refuse, references.declared)
for command in (*_OWN_PAGES, *_IDENTITIES, *_REFERENCES, certificates.certificate):
    person.add_command(command)
