"""Cards of small networks that the tests make, in the form of the shipped card of an IR engine."""

import hashlib
import tomllib
from importlib import resources
from pathlib import Path

from plugin.recognizer.engines.card import EngineCard, shipped_cards
from tests.ir_network import IrNetwork

SHIPPED = "retail-0095"


def card_of(net: IrNetwork, side: int, vector: int) -> EngineCard:
    """The shipped card with a small network in the place of the publisher's."""
    files = [
        {"name": f"small.{end}", "sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body)}
        for end, body in (("xml", net.xml), ("bin", net.weights))
    ]
    card = shipped_cards()[SHIPPED].model_dump()
    given = card["input"] | {"side": side}
    return EngineCard.model_validate(card | {"name": "small", "vector": vector, "files": files, "input": given})


def write_card(net: IrNetwork, side: int, vector: int, folder: Path) -> Path:
    """A site's own card, to lie beside its files."""
    shipped, card = shipped_cards()[SHIPPED], card_of(net, side, vector)
    text = (resources.files("plugin.recognizer.engines") / f"cards/{SHIPPED}.toml").read_text("utf-8")
    for old, new in zip(tomllib.loads(text)["files"], card.files, strict=True):
        text = text.replace(old["name"], new.name).replace(old["sha256"], new.sha256)
        text = text.replace(f"bytes = {old['bytes']}", f"bytes = {new.bytes}")
    text = text.replace(f'name = "{SHIPPED}"', 'name = "small"')
    text = text.replace(f"side = {shipped.input.side}", f"side = {side}")
    path = folder / "small.toml"
    path.write_text(text.replace(f"vector = {shipped.vector}", f"vector = {vector}"))
    return path
