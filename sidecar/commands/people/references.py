"""`facelease person vouch`, `refuse` and `declared`: pictures that came by a link, and who knows the face.

And which face is meant of a photograph with several, for `person enrol`.
"""

import sys
from collections.abc import Callable, Sequence

import click

from plugin.errors import NotFound
from plugin.flows.common.services import Services
from plugin.flows.consent import consequences
from plugin.flows.matching import declared_sets, vouching
from plugin.flows.matching.reference_choice import Chosen, FaceNotChosen
from plugin.recognizer.examination.messages import Enrolment, ReferencePicture
from sidecar.commands import confirmation
from sidecar.commands.common import Shell, actor, as_json, finish_jobs, say_finished
from sidecar.output import safe, say

FACE_HELP = "Which face of a photograph with several is meant, counted from the left; may be repeated."


@click.command()
@click.argument("who")
@click.option("--how", type=click.Choice(vouching.BY_SIGHT), required=True, help="How you know the face.")
@confirmation.yes_and_json
def vouch(shell: Shell, who: str, how: str, yes: bool, as_json: bool) -> None:
    """The pictures that WHO sent by a link show them: you know the face, and not from a photograph under review."""
    with shell.person(who) as (services, person_id):
        set_id = _find_waiting_set(services, person_id)
        confirmation.confirm_ending(consequences.preview_pictures(services, person_id), yes)
        vouching.vouch(services, set_id, how, actor())
        left = finish_jobs(services)
    data = {"id": person_id, "set": set_id, "how": how}
    say_finished(as_json, data, [f"{person_id}: vouched for ({how})"], left)


@click.command()
@click.argument("who")
@confirmation.yes_and_json
def refuse(shell: Shell, who: str, yes: bool, as_json: bool) -> None:
    """The pictures that WHO sent by a link show somebody else: they are destroyed."""
    with shell.person(who) as (services, person_id):
        set_id = _find_waiting_set(services, person_id)
        ending = consequences.preview_pictures(services, person_id, set_id)
        confirmation.confirm([*confirmation.describe_ending(ending), "names that rest on these photographs"], yes)
        vouching.refuse(services, set_id, actor())
        left = finish_jobs(services)
    data = {"id": person_id, "set": set_id, "refused": True}
    say_finished(as_json, data, [f"{person_id}: refused, and destroyed"], left)


@click.command()
@as_json
def declared(shell: Shell, as_json: bool) -> None:
    """Pictures that came by a link and of which nobody has said how they know the face."""
    with shell.house() as services, services.store.read() as conn:
        rows = declared_sets.list_declared(conn)
        proposed = {one.set_id: list(one.refs) for one in declared_sets.list_proposals(conn)}
        own = declared_sets.list_own_vouchings(conn)
    waiting = []
    for row in rows:
        about = {"id": row.person_id, "name": row.name, "set": row.id, "since": row.added_at, "mark": row.mark}
        photographs = proposed.get(row.id, [])
        waiting.append(about | {"resembles": row.near, "shoot": row.shoot, "photographs": photographs})
    lines = [_format_set(row, proposed.get(row.id, [])) for row in rows]
    lines += [f"vouched for by the account that made the link: {one.name}, {one.by} ({one.how})" for one in own]
    mine = [{"id": one.person_id, "name": one.name, "by": one.by, "how": one.how, "at": one.at} for one in own]
    say(as_json, {"waiting": waiting, "own_invitations": mine}, lines or ["none"])


def _format_set(row: declared_sets.DeclaredSet, refs: list[str]) -> str:
    said = f"{row.name}  ({row.person_id})"
    if row.near:
        said += f"; resembles {row.near}, so they are compared with nothing until you have looked"
    if refs:
        said += f"; named before the link was made on {', '.join(refs[:3])}"
    return said


def _find_waiting_set(services: Services, person_id: str) -> str:
    with services.store.read() as conn:
        row = declared_sets.find_waiting(conn, person_id)
    if row is None:
        raise NotFound("no pictures of this person wait for anybody: facelease person declared lists those that do")
    return row.id


def read_faces(given: Sequence[str], files: Sequence[str]) -> dict[int, int]:
    """The choices PHOTO=NUMBER, by the places of the photograph. Raises UsageError."""
    chosen: dict[int, int] = {}
    for one in given:
        file, _, number = one.rpartition("=")
        if file not in files or not (number.isascii() and number.isdigit()):
            raise click.UsageError(safe(f"--face {one}: give PHOTO=NUMBER, with PHOTO as it stands in the command"))
        chosen |= {place: int(number) for place, name in enumerate(files) if name == file}
    return chosen


def enrol_asking(enrol: Callable[..., Enrolment], files: Sequence[str], chosen: Chosen) -> Enrolment:
    """Enrol, and where a photograph shows several faces, ask which one is meant. Raises UsageError where nobody can
    answer."""
    try:
        return enrol(chosen=chosen)
    except FaceNotChosen as asked:
        open_ = {place: asked.pictures[place] for place in asked.open}
        if not sys.stdin.isatty():
            raise click.UsageError(safe(_explain_choice(open_, files))) from asked
        answers = {place: _ask_which(files[place], picture) for place, picture in open_.items()}
        return enrol(chosen={**chosen, **answers})


def _explain_choice(asked: dict[int, ReferencePicture], files: Sequence[str]) -> str:
    said = [f"{files[place]}: {', '.join(_describe_faces(picture))}" for place, picture in asked.items()]
    ways = [f'--face "{files[place]}={picture.offered + 1}"' for place, picture in asked.items()]
    return f"nothing was done. Several faces: {'; '.join(said)}. Nobody can answer here: add {' '.join(ways)}"


def _ask_which(file: str, picture: ReferencePicture) -> int:
    click.echo(safe(f"Several faces on {file}; those that serve, from left to right:"), err=True)
    for line in _describe_faces(picture):
        click.echo(f"  {line}", err=True)
    kind = click.IntRange(1, len(picture.faces))
    number: int = click.prompt("Which one is meant? Nobody else's is kept", picture.offered + 1, type=kind, err=True)
    return number


def _describe_faces(picture: ReferencePicture) -> list[str]:
    lines = []
    for number, face in enumerate(picture.faces, 1):
        across, down = face.box[0] + face.box[2] / 2, face.box[1] + face.box[3] / 2
        largest = ", the largest" if number == picture.offered + 1 else ""
        lines.append(f"{number} ({face.width_px} px wide, {across:.0%} from the left, {down:.0%} down{largest})")
    return lines
