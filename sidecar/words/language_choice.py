"""The language of a request."""

from flask import request

from plugin.words.catalogues import LANGUAGES


def choose_language(house: str, said: str = "") -> str:
    """The one that was said (`nl`, `nl-BE`), else the browser's, else the house's."""
    language = said.replace("_", "-").split("-")[0].lower()
    return language if language in LANGUAGES else request.accept_languages.best_match(LANGUAGES) or house
