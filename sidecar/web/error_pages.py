"""What a person reads where a program reads a problem: a page in words, with a way on.

One place turns every problem document into a page for whoever asks as browsers do; /api is for programs alone.
"""

from functools import cache
from pathlib import Path

from flask import Flask, Response, current_app, json, request
from jinja2 import Environment, FileSystemLoader
from werkzeug.datastructures import LanguageAccept, MIMEAccept
from werkzeug.http import parse_accept_header

from plugin.words.catalogues import LANGUAGES, Words
from sidecar.web import problems

_TEMPLATES = Path(__file__).parents[1] / "templates"
_PROGRAMS = ("/api",)
_WAYS = {"/console": ("/console/", "to_console", "console"), "/s/": ("/s/lost", "to_link", "sign")}
"""Where a page of such a path leads on to, in which words, and the blueprint that has it."""
_FRONT = ("/", "to_front")


def prepare(app: Flask) -> None:
    """From now on people get pages; call it before others look at the answers of the app."""
    app.after_request(_show_page)


def is_wanted(path: str, accept: str) -> bool:
    """Whether whoever sends these headers is a browser that shows a page; `*/*` is anybody's."""
    if path.startswith(_PROGRAMS):
        return False
    types = parse_accept_header(accept, MIMEAccept)
    named = any(kind.lower() == "text/html" and quality > 0 for kind, quality in types)
    return named and types["text/html"] >= max(types["application/json"], types[problems.MIMETYPE])


def render(
    status: int, spoken: str, house: str, detail: str = "", root: str = "", way: tuple[str, str] = _FRONT
) -> str:
    """The page of a status in the language of the header `spoken` (Accept-Language), else in the house's.

    `root`: what stands before each path of ours; `way`: the path of the way on, and its words.
    """
    language = parse_accept_header(spoken, LanguageAccept).best_match(LANGUAGES) or house
    w = Words("error page", language)
    kind = str(status) if str(status) in w else "other"
    said = {"title": w[kind], "text": w[f"{kind}_text"], "detail": detail, "onward": w[way[1]]}
    return _environment().get_template("error.html").render(w=w, root=root, way=way[0], **said)


def _show_page(response: Response) -> Response:
    if response.mimetype != problems.MIMETYPE or not is_wanted(request.path, request.headers.get("Accept", "")):
        return response
    told = json.loads(response.get_data())
    house = current_app.extensions["facelease"].config.site.language
    spoken, root = request.headers.get("Accept-Language", ""), request.script_root
    response.set_data(
        render(response.status_code, spoken, house, told.get("detail", ""), root, _find_way(request.path))
    )
    response.content_type = "text/html; charset=utf-8"
    response.vary.update(("Accept", "Accept-Language"))
    return response


def _find_way(path: str) -> tuple[str, str]:
    for under, (way, words, blueprint) in _WAYS.items():
        if f"{path}/".startswith(f"{under.rstrip('/')}/") and blueprint in current_app.blueprints:
            return way, words
    return _FRONT


@cache
def _environment() -> Environment:
    return Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True)
