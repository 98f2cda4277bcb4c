"""Every route of an app, to be called one by one."""

import re
from collections.abc import Mapping

from flask import Flask
from werkzeug.routing import Rule


class Routes:
    """Every route of the app, with arguments that exist."""

    def __init__(self, app: Flask, arguments: Mapping[str, str]) -> None:
        self._app = app
        self._arguments = arguments

    def calls(self) -> list[tuple[Rule, str, str]]:
        """(rule, method, path): one for each choice where a rule takes one of several words."""
        return [
            (rule, method, path)
            for rule in self._app.url_map.iter_rules()
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
            for path in self._paths(rule)
        ]

    def _paths(self, rule: Rule) -> list[str]:
        filled = [str(rule)]
        for name in sorted(rule.arguments):
            words = re.search(rf"<any\(([^)]*)\):{name}>", str(rule))
            values = [w.strip() for w in words[1].split(",")] if words else [self._arguments[name]]
            filled = [re.sub(rf"<[^<>]*\b{name}>", value, path) for path in filled for value in values]
        return filled
