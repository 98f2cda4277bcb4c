"""`/console/`: what waits for somebody, and whether we work at all. And the way out."""

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from plugin.flows import attention
from plugin.flows.signin import Role
from sidecar import auth
from sidecar.auth import require
from sidecar.console import desk
from sidecar.console.desk import EVERYBODY, console
from sidecar.readiness import unready


@console.get("/")
@require(*EVERYBODY)
def home() -> ResponseReturnValue:
    """What waits, as far as the role may see it."""
    services, role = desk.house(), desk.staff().role
    reads_all = role is not Role.AUDITOR
    return desk.page(
        "home", missing=unready(services), waits=attention.now(services) if reads_all else None,
        mends=role in (Role.ADMINISTRATOR, Role.OFFICER),
    )  # fmt: skip


@console.post("/sign-out")
@require(*EVERYBODY)
def sign_out() -> ResponseReturnValue:
    """End the session; the way on leads back to the DAM."""
    services = desk.house()
    auth.sign_out(services)
    dam = services.config.resourcespace.url
    return redirect(dam or url_for("front"), 303)
