"""All pages of the staff, on one blueprint: importing a page's module puts it there."""

from sidecar.console import (
    addresses,
    clearance,
    collections,
    forms,
    home,
    inviting,
    jobs,
    log,
    names,
    officer,
    people,
    person,
    references,
    requests,
    review,
    sessions,
)
from sidecar.console.desk import console

__all__ = [
    "addresses", "clearance", "collections", "console", "forms", "home", "inviting", "jobs", "log", "names", "officer",
    "people", "person", "references", "requests", "review", "sessions",
]  # fmt: skip
