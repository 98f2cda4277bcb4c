"""The page without a session: the doors that there are, and the sign-in by a password of ours."""

from urllib.parse import urlsplit

from flask import render_template, request, session

from plugin.flows.access.own_accounts import register
from plugin.flows.common.services import Services
from plugin.words.catalogues import Words
from sidecar.web import openid_sign_in, staff_sign_in
from sidecar.words.language_choice import choose_language

CONSOLE = "/console/"


def render(services: Services, status: int, name: str = "", wrong: str = "", onward: str = "") -> tuple[str, int]:
    """The page; `wrong` is a message of the context "door", `onward` where to go afterwards (default: here)."""
    language = choose_language(services.config.site.language)
    onward = onward or (request.full_path.rstrip("?") if request.method == "GET" else "")
    over = staff_sign_in.SESSION_KEY in session
    session.pop(staff_sign_in.SESSION_KEY, None)
    openid = services.config.openid if openid_sign_in.find_provider() is not None else None
    doors = {"own": register.has_any(services), "openid": openid, "dam": _find_dam(services)}
    said = {"name": name, "wrong": wrong, "onward": check_onward(onward), "over": over}
    words = {"w": Words("console", language), "d": Words("door", language)}
    words["p"] = Words("provider", language)
    return render_template("console/door/doors.html", **words, **doors, **said, site=services.config.site.name), status


def check_onward(path: str) -> str:
    """The path if it is one of the console, as a browser reads it too; else the console's first."""
    parts = urlsplit(path) if path.isascii() and path.isprintable() and "\\" not in path else None
    fits = parts is not None and not parts.scheme and not parts.netloc and parts.path.startswith(CONSOLE)
    return path if fits else CONSOLE


def _find_dam(services: Services) -> str:
    """The address of the DAM from which people come in; "" where there is no such door."""
    return services.config.resourcespace.url if staff_sign_in.comes_from_dam(services) else ""
