"""`facelease token`: add, list, revoke: what programs may do that call /api/v1."""

from datetime import datetime, timedelta

import click

from plugin.flows.access.programs import api_tokens
from plugin.flows.access.programs.api_tokens import TokenScope
from sidecar.commands import confirmation
from sidecar.commands.common import Shell, actor, as_json, describe_act
from sidecar.output import say

_SCOPES = click.Choice([scope.value for scope in TokenScope])
_DAYS, _DEFAULT = click.IntRange(1, 3650), api_tokens.DEFAULT_LIFETIME.days


@click.group()
def token() -> None:
    """Tokens for programs that call the API."""


@token.command()
@click.argument("label")
@click.option("--scope", multiple=True, required=True, type=_SCOPES, help="What it may do; may be repeated.")
@click.option("--tool", multiple=True, help="A kind of gate.plain_tools that it may claim to be at the gate.")
@click.option("--days", type=_DAYS, default=_DEFAULT, show_default=True, help="How long it is valid.")
@as_json
def add(shell: Shell, label: str, scope: tuple[str, ...], tool: tuple[str, ...], days: int, as_json: bool) -> None:
    """Make a token and show it, once. LABEL says which program it is for."""
    with shell.house(catch_up=False) as services:
        made = api_tokens.create(services, label, scope, actor(), timedelta(days=days), tool)
    data = {"id": made.id, "token": made.secret, "scopes": sorted(set(scope)), "tools": sorted(set(tool))}
    say(as_json, data, [made.secret, f"id {made.id}; it is shown this once: hand it over now"])


@token.command("list")
@as_json
def list_(shell: Shell, as_json: bool) -> None:
    """Every token, with its scopes and when it was last used."""
    with shell.house(catch_up=False) as services:
        now = services.clock.now()
        rows = []
        for row in api_tokens.list_all(services):
            about = {"id": row.id, "label": row.label, "scopes": list(row.scopes), "tools": list(row.tools)}
            times = {"made": row.created_at, "until": row.expires_at, "used": row.used_at}
            state = _describe_state(row.revoked_at, row.expires_at, now)
            rows.append(about | times | {"state": state})
    say(as_json, rows, shell.table(["id", "label", "scopes", "tools", "state", "until", "used"], rows))


def _describe_state(revoked: datetime | None, until: datetime | None, now: datetime) -> str:
    if revoked is not None:
        return "revoked"
    return "over" if until is not None and until <= now else "valid"


@token.command()
@click.argument("token_id")
@confirmation.yes_and_json
def revoke(shell: Shell, token_id: str, yes: bool, as_json: bool) -> None:
    """The token opens nothing from now on."""
    with shell.house(catch_up=False) as services:
        now = services.clock.now()
        mine = [one for one in api_tokens.list_all(services) if one.id == token_id]
        open_ = [one for one in mine if _describe_state(one.revoked_at, one.expires_at, now) == "valid"]
        confirmation.confirm([f"the token of {one.label} ({', '.join(one.scopes)})" for one in open_], yes)
        before = api_tokens.revoke(services, token_id, actor())
        said = describe_act(services, "revoked", before, "it had been revoked")
    say(as_json, {"id": token_id, "state": "revoked", "ended_before": before}, [f"token {token_id}: {said}"])
