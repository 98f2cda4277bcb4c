"""All pages of the staff, on one blueprint: importing a page's module puts it there."""

from sidecar.console import collections, home, log, people, person, review
from sidecar.console.desk import console

__all__ = ["collections", "console", "home", "log", "people", "person", "review"]
