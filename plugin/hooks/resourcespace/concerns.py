"""What the server's administrator should know: its own faces plugin, who sees our fields, the log."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo

from plugin.clock import format_local
from plugin.errors import DamError
from plugin.hooks.concern import Concern
from plugin.hooks.resourcespace.api.answers import UnexpectedAnswer, expect_int, expect_object, expect_objects
from plugin.hooks.resourcespace.api.client import Client
from plugin.hooks.resourcespace.gate_concerns import list_gate_concerns
from plugin.hooks.resourcespace.plugin_answers import FacesPlugin, FieldVisibility, StatusAnswer

_PLUGIN = "the plugin in the DAM"
_FACES = "the DAM's own plugin for faces"
_SIGHT = "who sees names and dates"
_LOG = "the DAM's log"
_MARK = "Cleared until "


def list_plugin_concerns(status: StatusAnswer) -> Iterator[Concern]:
    """From our plugin's status."""
    yield from list_gate_concerns(status.gate)
    sight = status.sight
    if sight is None:
        said = f"version {status.version} does not say who sees names and dates"
        yield Concern(_PLUGIN, False, said, "copy the plugin of this version into the DAM")
        return
    yield from _list_faces_concerns(sight.neighbour)
    yield from _list_visibility_concerns(sight)
    if status.problems:
        said = f"{len(status.problems)} left to mend: {' '.join(status.problems)}"
        yield Concern(_PLUGIN, False, said, "the plugin's set-up page in the DAM shows them")


def list_server_concerns(client: Client, field: int, may: Callable[[str], bool]) -> Iterator[Concern]:
    """From the API: the active plugins and, for a super administrator, the fields."""
    yield from _list_faces_concerns(FacesPlugin(on="faces" in _list_plugins(client), kept=None))
    if not may("a"):
        said = "not told without the plugin: shares may show the people field and the dates"
        mend = "look at the fields' setting “External user access” in Admin > System > Metadata fields"
        yield Concern(_SIGHT, True, said, mend)
        return
    shown = [
        str(one.get("title"))
        for one in client.ask("get_resource_type_fields", expect_objects)
        if (expect_int(one.get("ref") or 0) == field or str(one.get("title")).startswith(_MARK))
        and expect_int(one.get("external_user_access", 1) or 0)
    ]
    yield from _list_visibility_concerns(FieldVisibility(shares=tuple(shown)))


def list_log_concerns(zone: tzinfo, at: datetime | None, heard: datetime | None) -> Iterator[Concern]:
    """Whether the log was set back."""
    if at is None:
        return
    when = f"was set back (a database put back from a dump), noticed on {format_local(at, zone)}"
    if heard is None:
        mend = "start `facelease work`, or run `facelease reconcile`"
        yield Concern(_LOG, False, f"{when}; nothing was compared since", mend)
    else:
        yield Concern(_LOG, True, f"{when}; everything was compared anew from {format_local(heard, zone)} on")


def _list_faces_concerns(found: FacesPlugin) -> Iterator[Concern]:
    kept = "" if found.kept is None else f" ({found.kept} now, {found.named} of them with a name)"
    empty = "have its table resource_face emptied"
    if found.on:
        said = (
            "“faces” is on: it compares every face, also where recognition is off here, keeps a description of each in "
            f"the clear, of people who never agreed too{kept}, and names people again who have withdrawn"
        )
        mend = f"switch it off in Admin > System > Plugins, and {empty}"
        yield Concern(_FACES, False, said, mend, first=True)
    elif found.kept:
        said = f"“faces” is off, and its descriptions of faces are still there in the clear{kept}"
        yield Concern(_FACES, False, said, empty, first=True)


def _list_visibility_concerns(sight: FieldVisibility) -> Iterator[Concern]:
    if sight.shares:
        said = f"shares show to whoever has their address, without signing in: {', '.join(sight.shares)}"
        mend = "“Hide them from shares” on the plugin's set-up page; without the plugin, the fields' setting “External "
        yield Concern(_SIGHT, False, said, f"{mend}user access”")
    if sight.groups:
        said = f"accounts of these groups: {', '.join(sight.groups)}"
        yield Concern(_SIGHT, True, said, "the plugin's set-up page hides them from those that should not")


def _list_plugins(client: Client) -> Sequence[str]:
    status = client.ask("get_system_status", expect_object)
    try:
        listed = expect_object(expect_object(status.get("results")).get("plugins")).get("info")
    except UnexpectedAnswer:
        raise DamError("the server does not say which plugins are on") from None
    return [name.strip() for name in str(listed or "").split(",")]
