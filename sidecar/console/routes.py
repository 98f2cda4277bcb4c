"""All pages of the staff, on one blueprint: importing a page's module puts it there."""

from sidecar.console import clearance, collections, home, jobs, log, officer  # noqa: F401
from sidecar.console.asked_forms import editor, versions  # noqa: F401
from sidecar.console.door import account, accounts, joining, proof, sessions, sign_in  # noqa: F401
from sidecar.console.invitations import asking, sending, sent  # noqa: F401
from sidecar.console.page_base import console as console
from sidecar.console.people import addresses, changes, names, people, person, portraits, requests  # noqa: F401
from sidecar.console.photos import photo, pictures, search  # noqa: F401
from sidecar.console.review import acts, references, review  # noqa: F401
