"""`/console/staff`: the accounts of our own: made, given another role, reset, removed."""

from flask import request
from flask.typing import ResponseReturnValue

from plugin.errors import ConsentError
from plugin.flows.access.own_accounts import register
from plugin.flows.access.staff import Role
from plugin.words.catalogues import Words
from sidecar.console import confirmation, page_base
from sidecar.console.page_base import ADMINISTRATORS, console
from sidecar.web.staff_sign_in import require


@console.get("/staff")
@require(*ADMINISTRATORS)
def staff() -> ResponseReturnValue:
    """Everybody who has an account of ours."""
    me = page_base.staff()
    found = {"accounts": register.list_all(page_base.house()), "roles": [role.value for role in Role]}
    mine = me.user if me.door == register.DOOR else ""
    return page_base.render_page("door/accounts", found, mine=mine, d=Words("door", me.language))


@console.post("/staff/add")
@require(*ADMINISTRATORS, proves=True)
def staff_add() -> ResponseReturnValue:
    """Make an account; its link is shown once."""
    services, name = page_base.house(), request.form.get("name", "")
    limits = [line.strip() for line in request.form.get("collections", "").splitlines() if line.strip()]
    return _show_link(name, register.add(services, name, _read_role(), page_base.staff().actor, limits))


@console.post("/staff/<name>/<any(role, reset, remove):act>")
@require(*ADMINISTRATORS, proves=True)
def staff_change(name: str, act: str) -> ResponseReturnValue:
    """Another role, a new link, or the end of an account; never of one's own, by which nobody would be left."""
    services, me = page_base.house(), page_base.staff()
    if me.door == register.DOOR and register.spell(name) == me.user:
        raise ConsentError("an account does not do this to itself: another administrator does")
    if act == "role":
        limits = [line.strip() for line in request.form.get("collections", "").splitlines() if line.strip()]
        register.set_role(services, name, _read_role(), me.actor, limits)
        return page_base.redirect_done("done_staff", "staff")
    said = Words("door", me.language)[f"ends_{act}"] % name
    asked = confirmation.confirm([said], "staff")
    if asked is not None:
        return asked
    if act == "reset":
        return _show_link(name, register.reset(services, name, me.actor))
    register.remove(services, name, me.actor)
    return page_base.redirect_done("done_staff", "staff")


def _show_link(name: str, link: str) -> ResponseReturnValue:
    hours = page_base.house().config.access.link_hours
    words = Words("door", page_base.staff().language)
    return page_base.render_page("door/link", name=register.spell(name), link=link, hours=hours, d=words)


def _read_role() -> Role:
    try:
        return Role(request.form.get("role", ""))
    except ValueError:
        raise ConsentError("choose a role") from None
