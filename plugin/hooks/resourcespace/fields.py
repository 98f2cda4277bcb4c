"""The DAM's date fields that show until when a photograph is cleared for a channel."""

from collections.abc import Sequence

from plugin.errors import ConfigError, DamError
from plugin.hooks.resourcespace.api.answers import expect_int, expect_object, expect_objects
from plugin.hooks.resourcespace.api.client import Client

_DATE = 10
_EVERYWHERE = "0"
_LONGEST = 20


def build_title(channel: str) -> str:
    """The field's title."""
    return f"Cleared until {channel}"


def build_short_name(channel: str) -> str:
    """The field's short name, as the server builds it: the title's first 20 letters and digits, lower case."""
    return "".join(sign for sign in build_title(channel).lower() if sign.isascii() and sign.isalnum())[:_LONGEST]


def build_short_names(channels: Sequence[str]) -> dict[str, str]:
    """The short name of each channel's field. Raises ConfigError where two are equal."""
    names = {channel: build_short_name(channel) for channel in channels}
    if len(set(names.values())) < len(names):
        raise ConfigError(
            "clearance.channels: two channels begin alike: rename one, so that their fields can be told apart"
        )
    return names


def make_fields(client: Client, channels: Sequence[str]) -> dict[str, bool]:
    """Create the missing fields; returns for each channel whether its field was created now.

    The account must be in the group Super Admin meanwhile. Raises DamError.
    """
    made = {}
    for channel, name in build_short_names(channels).items():
        if made_already := _find_field(client, name):
            if expect_int(made_already.get("type")) != _DATE:
                raise DamError(f"the DAM has a field {name} that is no date field: rename it there")
            made[channel] = False
            continue
        new: dict[str, str | int] = {"name": build_title(channel), "resource_types": _EVERYWHERE, "type": _DATE}
        client.ask("create_resource_type_field", expect_object, False, **new)
        if _find_field(client, name) is None:
            raise DamError(f"the DAM made a field for {channel}, but not by the name {name}: rename it there")
        made[channel] = True
    return made


def _find_field(client: Client, name: str) -> dict[str, object] | None:
    found = client.ask("get_resource_type_fields", expect_objects)
    return next((one for one in found if one.get("name") == name), None)
