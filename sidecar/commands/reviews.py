"""`facelease review`: what the machine suggests and editors decide."""

from datetime import datetime
from typing import Any

import click

from plugin.errors import DamError
from plugin.flows.common.face_rows import dismissal_of, reason_of
from plugin.flows.common.services import Services
from plugin.flows.matching import vouching
from plugin.flows.names import dam_names
from plugin.flows.review import already_done, dismissals, face_decisions
from plugin.flows.tags import returned_names
from plugin.flows.views.review import proposals
from plugin.hooks.dam import ListsNames
from plugin.ledger.keys.free_text import TextSealer
from plugin.quitclaim.clearance.dismissal import SETTLING, Dismissal
from plugin.quitclaim.words import dismissal_words
from plugin.words.plurals import pluralize
from sidecar.commands.common import NUMBER, Shell, actor, as_json, describe_act, find_person
from sidecar.output import say, table

_WHY = click.Choice([one.value for one in Dismissal])
_STATES = ["suggested", "unmatched", "matched", "rejected", "dismissed"]
_REOPENED = "Faces left out before the reasons were a list, or as too small, that have to be decided again."
_STAYS = "nobody is asked again, and the photograph stays unknown: this reason settles nothing"


@click.group("review")
def reviews() -> None:
    """What the machine suggests and a person decides."""


@reviews.command("list")
@click.option("--state", type=click.Choice(_STATES), default="suggested", show_default=True, help="Of the faces.")
@click.option("--decide-again", "reopened", is_flag=True, help=_REOPENED)
@click.option("--after", default=0, help="Only faces after this one: the next page.")
@click.option("--limit", default=100, show_default=True, help="So many at most.")
@as_json
def list_(shell: Shell, state: str, reopened: bool, after: int, limit: int, as_json: bool) -> None:
    """Faces that wait; names by hand that belong to nobody; tags that nobody confirmed."""
    with shell.house() as services:
        with services.store.read() as conn:
            texts = services.texts(conn)
            found = dismissals.list_waiting(services, conn, after, limit) if reopened else None
            faces = [_to_json(row, texts) for row in found or face_decisions.list_waiting(conn, state, after, limit)]
            machine = [_to_json(row, texts) for row in proposals.list_unconfirmed(conn, limit)]
            nobodys = dam_names.list_unlinked(conn)
        renamed, unasked = _find_renamed(services)
    unlinked = [{"name": name, "photos": count} for name, count in nobodys]
    lines = shell.table(["face", "photo", "person", "state", "distance", "dismissal", "reason"], faces)
    lines += [f"tagged by the machine, not confirmed: face {r['face']}, {r['person']} on {r['photo']}" for r in machine]
    for name, count in nobodys:
        lines.append(f"named by hand, belongs to nobody: {name} ({pluralize(count, 'photo')}); person add --adopt")
    if unlinked:
        belong = pluralize(len(unlinked), "name by hand belongs", "names by hand belong")
        photos = pluralize(sum(count for _, count in nobodys), "photo")
        lines.append(f"{belong} to nobody, on {photos} in all: an editor set them, or they came with an uploaded file")
    for r in renamed:
        called = f"the DAM calls {r['name']} now {r['in_the_dam']}"
        lines.append(f"{called}: rename it there, or leave it; the tags stay")
    data = {"faces": faces, "unconfirmed": machine, "unlinked": unlinked, "renamed": renamed}
    say(as_json, data, lines + unasked)


@reviews.command("again")
@as_json
def again(shell: Shell, as_json: bool) -> None:
    """Names that we took off and that stand by hand now: somebody put them there, and they stay."""
    with shell.house() as services, services.store.read() as conn:
        found = returned_names.list_by_hand_again(services, conn)
    rows = [{"photo": ref, "name": name} for ref, name in found]
    say(as_json, rows, table(["photo", "name"], found))


def _find_renamed(services: Services) -> tuple[list[dict[str, str]], list[str]]:
    """People whose name an administrator changed in the DAM; if it does not answer, a line that says so."""
    if not isinstance(services.dam, ListsNames):
        return [], []
    try:
        return [{"name": ours, "in_the_dam": theirs} for ours, theirs in services.dam.renamed()], []
    except DamError as error:
        return [], [f"whether the DAM calls somebody otherwise now is not known: {error}"]


def _to_json(row: Any, texts: TextSealer) -> dict[str, Any]:
    distance = "" if row.distance is None else row.distance
    dismissal = dismissal_of(row) or ("before" if row.state == "dismissed" else "")
    face = {"face": row.id, "photo": row.ref, "person": row.display_name or "", "state": row.state}
    face |= {"distance": distance, "dismissal": dismissal, "reason": reason_of(texts, row)}
    box = [row.left, row.top, row.width, row.height]
    return face | {"box": box, "width_px": row.width_px, "file_px": row.file_px}


@reviews.command()
@click.argument("face", type=NUMBER)
@click.option("--person", help="Who it is, if not the one suggested.")
@click.option("--known", type=click.Choice(vouching.BY_SIGHT), help="How you know them by sight, if you do.")
@as_json
def confirm(shell: Shell, face: int, person: str | None, known: str | None, as_json: bool) -> None:
    """Yes, this is the person; the tag is written as confirmed.

    By pictures that nobody has vouched for it clears nothing: --known vouches for them where they found this face.
    """
    with shell.house() as services:
        chosen = find_person(services, person) if person else None
        before = already_done.find_decided_at(services, face, "matched", **({"person_id": chosen} if chosen else {}))
        named = face_decisions.confirm(services, face, actor(), chosen, known)
        clears = face_decisions.is_sound(services, face)
        lines = [_describe_decision(services, face, "confirmed", before)]
    if not clears:
        lines.append(f"it clears nothing yet: facelease person vouch {named} --how met, if you know them by sight")
    data = {"face": face, "person": named, "state": "matched", "vouched": clears, "decided_before": before}
    say(as_json, data, lines)


@reviews.command()
@click.argument("face", type=NUMBER)
@as_json
def reject(shell: Shell, face: int, as_json: bool) -> None:
    """Not this person; never proposed again for this face."""
    with shell.house() as services:
        before = already_done.find_decided_at(services, face, "rejected")
        face_decisions.reject(services, face, actor())
        line = _describe_decision(services, face, "not this person", before)
    say(as_json, {"face": face, "state": "rejected", "decided_before": before}, [line])


@reviews.command()
@click.argument("face", type=NUMBER)
@click.option("--as", "--reason", "why", type=_WHY, required=True, help="The first two alone settle it.")
@click.option("--note", default="", help="Shown with each answer.")
@as_json
def dismiss(shell: Shell, face: int, why: str, note: str, as_json: bool) -> None:
    """This face need not be named: it shows no person, is too small, or is somebody of whom nothing is decided."""
    dismissal = dismissals.parse_dismissal(why)
    with shell.house() as services:
        before = already_done.find_decided_at(services, face, "dismissed", dismissal=why, reason=note.strip())
        dismissals.dismiss(services, face, dismissal, actor(), note)
        said = dismissal_words.dismissal(why, note.strip(), "en")
        line = _describe_decision(services, face, f"left out: {said}", before)
    data = {"face": face, "state": "dismissed", "dismissal": why, "decided_before": before}
    say(as_json, data, [line, *([] if dismissal in SETTLING else [_STAYS])])


@reviews.command("dismiss-small")
@click.argument("photo")
@click.option("--as", "why", type=_WHY, default=Dismissal.TOO_SMALL.value, show_default=True, help="What they are.")
@as_json
def dismiss_small(shell: Shell, photo: str, why: str, as_json: bool) -> None:
    """None of PHOTO's small faces need be named: those on which nobody has decided, in one act."""
    with shell.house() as services:
        done = dismissals.dismiss_small(services, photo, dismissals.parse_dismissal(why), actor())
        left_out = f"{pluralize(len(done.faces), 'small face')} left out"
        said = describe_act(services, left_out, done.before, "all small faces were left out")
    data = {"photo": photo, "dismissed": len(done.faces), "left": done.left, "decided_before": done.before}
    lines = [f"{photo}: {said}; {pluralize(done.left, 'face of it is', 'faces of it are')} left to decide"]
    say(as_json, data, lines + ([] if Dismissal(why) in SETTLING else [_STAYS]))


def _describe_decision(services: Services, face: int, what: str, before: datetime | None) -> str:
    """What was decided, and since when if it had been decided before."""
    return describe_act(services, f"face {face}: {what}", before, f"face {face}: {what}; that was decided")


@reviews.command()
@click.argument("face", type=NUMBER)
@click.option("--together", is_flag=True, help="With all faces that were left out in the same act.")
@as_json
def undo(shell: Shell, face: int, together: bool, as_json: bool) -> None:
    """Take the last decision on this face back; the photograph is examined again."""
    with shell.house() as services:
        count = dismissals.undo_dismissal(services, face, actor()) if together else 1
        if not together:
            face_decisions.undo_decision(services, face, actor())
    others = f", and {pluralize(count - 1, 'other')}" if count > 1 else ""
    data = {"face": face, "state": "unmatched", "count": count}
    say(as_json, data, [f"face {face}{others}: undone; the next scan looks at it again"])
