"""`facelease person vouch`, `refuse` and `declared`: pictures that came by a link, and who knows the face."""

import click

from plugin.errors import NotFound
from plugin.flows.common.services import Services
from plugin.flows.consent import consequences
from plugin.flows.matching import declared_sets, vouching
from sidecar.commands import confirmation
from sidecar.commands.common import Shell, actor, as_json, finish_jobs, say_finished
from sidecar.output import say


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
