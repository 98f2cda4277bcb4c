"""Which engines there are, and who opens each."""

from pathlib import Path

from plugin.config import RecognizerSection
from plugin.errors import EngineError
from plugin.recognizer.engines import engine_files
from plugin.recognizer.engines.card import EngineCard, read_card, shipped_cards
from plugin.recognizer.engines.engine import Detector, Encoder, Engine

CONVERTER = "plugin.recognizer.networks.openvino_ir"


def find_card(config: RecognizerSection) -> EngineCard:
    """The card of the configured engine: a shipped one by name, or a site's own by its path. Raises EngineError."""
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
    card = find_card(config)
    if card.encoder == "classic":
        from plugin.recognizer.engines import classic  # loads a model with a licence of its own

        return classic.open_engine(card)
    return Engine(engine_id(config), _open_detector(config), _open_encoder(config, card, cache), card)


def _open_detector(config: RecognizerSection) -> Detector:
    from plugin.recognizer.engines.retinaface import RetinaFace  # they load networks: a command needs none
    from plugin.recognizer.engines.yunet import YuNet

    return YuNet(Path(config.yunet).expanduser(), config.score) if config.yunet else RetinaFace(config.score)


def _open_encoder(config: RecognizerSection, card: EngineCard, cache: Path) -> Encoder:
    from plugin.recognizer.engines import onnx_encoder, resnet
    from plugin.recognizer.networks import model_cache

    if card.encoder == "dlib":
        return resnet.ResNet(cache)
    files = engine_files.find_files(card, find_folder(config))
    if card.encoder == "openvino-ir":
        return onnx_encoder.OnnxEncoder(card, model_cache.ensure_model(cache, card.name, CONVERTER, files))
    return onnx_encoder.OnnxEncoder(card, files[0])
