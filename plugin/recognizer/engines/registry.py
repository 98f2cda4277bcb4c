"""Which engines there are, which of them is meant, and who opens each.

A configuration whose engine is `auto` means the best one that is installed; every function here takes it so.
"""

from dataclasses import dataclass
from pathlib import Path

from plugin.config import RecognizerSection
from plugin.errors import EngineError
from plugin.recognizer.engines import engine_files
from plugin.recognizer.engines.card import EngineCard, read_card, shipped_cards
from plugin.recognizer.engines.engine import Detector, Encoder, Engine

CONVERTER = "plugin.recognizer.networks.openvino_ir"


AUTO = "auto"
"""The best engine whose files are here."""


@dataclass(frozen=True)
class EngineSource:
    """An engine, and what opens it.

    `id`: that its templates bear. `card`: a shipped card's name, or the path of a site's own. `yunet`: the path of the
    detector's weights, or "".
    """

    id: str
    card: str
    yunet: str = ""

    def configure(self, config: RecognizerSection) -> RecognizerSection:
        """The configuration that opens it; whether that gives this very id is checked where it is opened."""
        return config.model_copy(update={"engine": self.card, "yunet": self.yunet})


def pin(config: RecognizerSection) -> RecognizerSection:
    """The configuration with a named engine in the place of `auto`."""
    return config if config.engine != AUTO else config.model_copy(update={"engine": _find_best(config).name})


def describe(config: RecognizerSection) -> EngineSource:
    """The configured engine; no weights are loaded. Raises EngineError for a name or a card that is none."""
    config = pin(config)
    return EngineSource(engine_id(config), config.engine, config.yunet if _uses_yunet(config) else "")


def find_card(config: RecognizerSection) -> EngineCard:
    """The card of the configured engine: a shipped one by name, or a site's own by its path. Raises EngineError."""
    config = pin(config)
    if config.engine.endswith(".toml"):
        return read_card(Path(config.engine).expanduser())
    cards = shipped_cards()
    if config.engine not in cards:
        raise EngineError(f"{config.engine!r} is no engine: choose one of {', '.join(cards)}, or name a card's file")
    return cards[config.engine]


def find_folder(config: RecognizerSection) -> Path:
    """Where the files of the configured engine lie: a site's own card has them beside it."""
    own = config.engine.endswith(".toml")
    return Path(config.engine).expanduser().parent if own else Path(config.files).expanduser()


def is_installed(card: EngineCard, folder: Path) -> bool:
    """Whether all files of the card are in the folder, as their publisher has them."""
    return engine_files.describe_files(card, folder) in {"none needed", "here"}


def find_better(config: RecognizerSection) -> EngineCard | None:
    """The best shipped engine that could be installed and would be chosen by `auto`; None if the best is here."""
    best = max(_list_choosable(), key=lambda card: card.rank)
    here = is_installed(best, find_folder(config.model_copy(update={"engine": best.name})))
    return None if here or best.rank <= find_card(config).rank else best


def _list_choosable() -> list[EngineCard]:
    """`classic` is chosen by name alone: a licence and packages of its own."""
    return [card for card in shipped_cards().values() if card.encoder != "classic"]


def _find_best(config: RecognizerSection) -> EngineCard:
    folder = Path(config.files).expanduser()
    return max((card for card in _list_choosable() if is_installed(card, folder)), key=lambda card: card.rank)


def find_maker(config: RecognizerSection, engine: str) -> EngineSource:
    """Who made templates that bear this id: the configured engine or a shipped one, with YuNet or without.

    An EngineSource without a card if it is none of them.
    """
    for name in dict.fromkeys([pin(config).engine, *shipped_cards()]):
        for yunet in dict.fromkeys([config.yunet, ""]):
            found = describe(config.model_copy(update={"engine": name, "yunet": yunet}))
            if found.id == engine:
                return found
    return EngineSource(engine, "")


def _uses_yunet(config: RecognizerSection) -> bool:
    return bool(config.yunet) and find_card(config).encoder != "classic"


def engine_id(config: RecognizerSection) -> str:
    """The id that templates of the configured engine bear; no weights are loaded.

    Detector, encoder and version; where files make the network, also a mark of them and of what it is given: a card
    that is changed under its old name makes another engine.
    """
    card = find_card(config)
    if card.encoder == "classic":
        return f"{card.name}/{card.version}"
    detector = "yunet" if config.yunet else "retinaface"
    named = f"{detector}-{card.name.removeprefix('retinaface-')}/{card.version}"
    return f"{named}-{card.mark}" if card.files else named


def open_engine(config: RecognizerSection, cache: Path) -> Engine:
    """The configured engine, weights loaded; `cache` keeps converted models. Raises EngineError."""
    config = pin(config)
    card = find_card(config)
    if card.encoder == "classic":
        from plugin.recognizer.engines import classic  # loads a model with a licence of its own

        return classic.open_engine(card)
    return Engine(engine_id(config), _open_detector(config, cache), _open_encoder(config, card, cache), card)


def _open_detector(config: RecognizerSection, cache: Path) -> Detector:
    from plugin.recognizer.engines.retinaface import RetinaFace  # they load networks: a command needs none
    from plugin.recognizer.engines.yunet import YuNet

    if config.yunet:
        return YuNet(Path(config.yunet).expanduser(), config.score)
    return RetinaFace(config.score, cache)


def _open_encoder(config: RecognizerSection, card: EngineCard, cache: Path) -> Encoder:
    from plugin.recognizer.engines import onnx_encoder, resnet
    from plugin.recognizer.networks import model_cache

    if card.encoder == "dlib":
        return resnet.ResNet(cache)
    files = engine_files.read_files(card, find_folder(config))
    if card.encoder == "openvino-ir":
        return onnx_encoder.OnnxEncoder(card, model_cache.ensure_model(cache, card.name, CONVERTER, files))
    return onnx_encoder.OnnxEncoder(card, files[0])
