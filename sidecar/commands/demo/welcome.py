"""What the demonstration gives to try: a link to sign by, the key of what was signed, an editor's account."""

from dataclasses import dataclass

from plugin.flows.access import links
from plugin.flows.common import roster
from plugin.flows.common.services import Services
from plugin.flows.mail import form_store
from plugin.flows.photos import scan_queue
from plugin.flows.signing import invitations, key_links
from plugin.words.catalogues import Words
from sidecar.commands.demo import sample_editor

_ACTOR = "demo"


@dataclass(frozen=True)
class SampleLinks:
    """Two addresses, each of which opens without anything else, and the password of the sample editor."""

    sign: str
    key: str
    password: str


def prepare(services: Services, newcomer: str, known: str) -> SampleLinks:
    """Ask `newcomer` by the sample form, and give `known` the key to what they signed on paper.

    Queues all photographs to be examined again. Both are names of people in the ledger. Raises NotFound.
    """
    with services.store.read() as conn:
        asked, shown = roster.find(conn, newcomer), roster.find(conn, known)
    form = form_store.add(services, _make_form(services), _ACTOR)
    invite = invitations.InvitationRequest(person_id=asked, form=form.form.name)
    sign = invitations.invite(services, invite, _ACTOR)
    with services.store.write() as tx:
        signed = roster.load(services, tx.connection, shown).quitclaims[-1]
        key = key_links.make_key_for_staff(services, tx, shown, signed.id, _ACTOR)
    scan_queue.enqueue(services, sorted(services.dam.refs()))
    password = sample_editor.add(services)
    return SampleLinks(links.url(services, sign.token), links.url(services, key.token), password)


def _make_form(services: Services) -> dict[str, object]:
    """The sample form, marked as one, for the uses of this house."""
    tree = form_store.parse_toml(form_store.read_sample())
    listed = services.config.clearance
    tree["name"] = "Sample"
    tree["uses"] = [{"purpose": purpose, "channels": list(listed.channels)} for purpose in listed.purposes]
    for language, text in tree["texts"].items():
        text["title"] = Words("demo", language)["sample"].format(title=text["title"])
    return tree
