"""Several processes on one store: what one does at the same moment, or has not heard of yet, harms nobody."""

from dataclasses import replace

from plugin.flows import codes, keeping, links
from plugin.flows.links import Kind, Link
from plugin.flows.services import Services
from plugin.ledger.keys import MasterKeys
from plugin.ledger.vault import Vault
from tests import signers, support


def beside(services: Services) -> Services:
    """Another process of the same house, which has read the master key by itself."""
    master = MasterKeys.load(services.config.path(services.config.keys.master_file))
    return replace(services, master=master, vault=Vault(master))


def test_a_mailed_code_is_good_whatever_key_is_changed_meanwhile(
    services: Services, cast: support.Cast
) -> None:
    """An erasure changes the master key while somebody has a code in hand, and another process is asked about it."""
    desk, other = signers.Desk(services), beside(services)
    asa, sent = cast.add("Åsa"), list[str]()
    with services.store.write() as tx:
        link = links.make(services, tx, Link(Kind.SIGN, "en", asa, desk.form.id), "test").id
    codes.send(services, link, "asa@example.org", lambda _id, _to, code: sent.append(code))
    keeping.rotate(services)
    for process in (other, services):
        assert codes.accepted(process, link, "ASA@example.org", sent[0]) is not None
        assert codes.accepted(process, link, "bo@example.org", sent[0]) is None
