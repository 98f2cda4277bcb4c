"""All pages of the staff, on one blueprint: importing a page's module puts it there."""

from sidecar.console import clearance, collections, forms, home, jobs, log, officer, sessions
from sidecar.console.desk import console
from sidecar.console.people import addresses, inviting, names, people, person, references, requests, review

__all__ = [
    "addresses", "clearance", "collections", "console", "forms", "home", "inviting", "jobs", "log", "names", "officer",
    "people", "person", "references", "requests", "review", "sessions",
]  # fmt: skip
