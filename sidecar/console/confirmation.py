"""Confirmation before an act that cannot be undone: a page says what ends, and sends the form again."""

from collections.abc import Sequence
from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue

from plugin.flows.consent.consequences import Consequences
from plugin.words.catalogues import Words
from sidecar.console import page_base
from sidecar.words import ending_words


def confirm(said: Sequence[str], back: str, **args: Any) -> ResponseReturnValue | None:
    """The page that asks for confirmation; None where it was given (`sure`), or where nothing ends.

    `back` is the endpoint, with `args`, of the link that cancels.
    """
    if not said or request.form.get("sure") == "yes":
        return None
    fields = [pair for pair in request.form.items(multi=True) if pair[0] not in {"csrf_token", "sure", "proof"}]
    return page_base.render_page("sure", ends=said, fields=fields, back=url_for(f"console.{back}", **args))


def describe(key: str, *what: object) -> str:
    """One thing that ends, in the language of who is asked."""
    return Words("console", page_base.staff().language)[f"ends_{key}"] % what


def count(key: str, number: int) -> str:
    """So many things that end."""
    return ending_words.count(key, number, page_base.staff().language)


def describe_ending(ending: Consequences) -> list[str]:
    """What ends of somebody, in numbers; nothing where nothing would."""
    return ending_words.told(ending, page_base.staff().language)
