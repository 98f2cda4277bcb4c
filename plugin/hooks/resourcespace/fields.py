"""The date fields that show, in the DAM itself, until when a photograph is cleared for a channel."""

from collections.abc import Sequence

from plugin.errors import ConfigError, DamError
from plugin.hooks.resourcespace.api.answers import row, rows, whole
from plugin.hooks.resourcespace.api.client import Client

_DATE = 10
_EVERYWHERE = "0"
_LONGEST = 20


def title(channel: str) -> str:
    """What the field is called."""
    return f"Cleared until {channel}"


def short_name(channel: str) -> str:
    """The field's short name, as the server makes it: the title's letters and digits, small, the first 20."""
    return "".join(sign for sign in title(channel).lower() if sign.isascii() and sign.isalnum())[:_LONGEST]


def short_names(channels: Sequence[str]) -> dict[str, str]:
    """The short name of each channel's field. Raises ConfigError where two channels would share one."""
    names = {channel: short_name(channel) for channel in channels}
    if len(set(names.values())) < len(names):
        raise ConfigError(
            "clearance.channels: two channels begin alike: rename one, so that their fields can be told apart"
        )
    return names


def prepare(client: Client, channels: Sequence[str]) -> dict[str, bool]:
    """Make the fields that are not there yet; returns each channel and whether its field was made now.

    The account must be one of the group Super Admin, for as long as this takes. Raises DamError.
    """
    made = {}
    for channel, name in short_names(channels).items():
        if made_already := _there(client, name):
            if whole(made_already.get("type")) != _DATE:
                raise DamError(f"the DAM has a field {name} that is no date field: rename it there")
            made[channel] = False
            continue
        client.ask(
            "create_resource_type_field", row, again=False,
            name=title(channel), resource_types=_EVERYWHERE, type=_DATE,
        )  # fmt: skip
        if _there(client, name) is None:
            raise DamError(f"the DAM made a field for {channel}, but not by the name {name}: rename it there")
        made[channel] = True
    return made


def _there(client: Client, name: str) -> dict[str, object] | None:
    found = client.ask("get_resource_type_fields", rows)
    return next((one for one in found if one.get("name") == name), None)
