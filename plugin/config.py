"""The configuration: one frozen, typed tree, read from a TOML file; an unknown key is an error."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from plugin.errors import ConfigError

Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A table of the configuration: frozen, and closed to keys that nobody reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Site(Section):
    """Whose installation this is."""

    name: str = "Our organisation"
    language: Literal["en", "nl"] = "en"
    timezone: str = "Europe/Amsterdam"

    @field_validator("timezone")
    @classmethod
    def known(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is no time zone of the IANA database, such as Europe/Amsterdam")
        return value

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class Store(Section):
    """Where the ledger is kept."""

    url: str = "sqlite:///{data}/ledger.db"


class Keys(Section):
    """Where the master key and the record of endings are kept: never beside the store's backups."""

    master_file: str = "{data}/keys/master.json"
    master_command: tuple[str, ...] = ()
    ended_log: str = "{data}/keys/ended.log"
    heads_file: str = "{data}/keys/audit-heads.log"


class Backup(Section):
    """Where backups lie, and what they keep."""

    folder: str = "{data}/backups"
    key_days: Count = 30


class DamSection(Section):
    """Which DAM holds the photographs."""

    kind: Literal["folder", "resourcespace"] = "folder"
    poll_seconds: Count = 30


class Folder(Section):
    """A folder of photographs as a DAM."""

    path: str = "{data}/photos"
    sidecar_name: Literal["full", "stem"] = "full"
    ignore: tuple[str, ...] = (".*", "@eaDir", "Thumbs.db", "*.xmp", "*.tmp")


class ResourceSpaceSection(Section):
    """A ResourceSpace server as the DAM."""

    url: str = ""
    user: str = ""
    key_file: str = "{data}/keys/dam.key"
    plain_http: bool = False
    ca_file: str = ""
    profile: Literal["auto", "plugin", "classic"] = "auto"
    people_field: Count = 29
    states: tuple[int, ...] = (-2, -1, 0, 1, 2)
    calls_per_second: Annotated[float, Field(gt=0, le=1000)] = 20.0
    seconds: Annotated[float, Field(gt=0, le=300)] = 20.0
    tries: Annotated[int, Field(ge=1, le=10)] = 3

    @field_validator("url")
    @classmethod
    def plain(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+(/[A-Za-z0-9._~/\-]*)?", value):
            raise ValueError("give the address of its start page, such as https://dam.example.org")
        return value.rstrip("/")

    @model_validator(mode="after")
    def sealed(self) -> Self:
        if self.url.startswith("http://") and not self.plain_http and not _on_this_machine(self.url):
            raise ValueError("url: use https, or set plain_http where the network is closed to others")
        return self


def _on_this_machine(url: str) -> bool:
    return urlsplit(url).hostname in {"127.0.0.1", "::1", "localhost"}


class Recognizer(Section):
    """How faces are found and encoded."""

    engine: Literal["retinaface-dlib", "classic"] = "retinaface-dlib"
    yunet: str = ""
    cache: str = "{data}/models"
    detect_px: Annotated[int, Field(ge=320, le=2048)] = 1024
    score: Share = 0.7
    max_megapixels: Count = 120
    max_megabytes: Count = 200
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    memory_mb: Annotated[int, Field(ge=512)] = 1536
    seconds: Count = 60
    recycle_after: Count = 5000


class Matching(Section):
    """When a face is given a name, and when a name is only suggested."""

    fpir_auto: Share = 0.002
    fpir_suggest: Share = 0.01
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.03
    count_px: Count = 20
    encode_px: Count = 28
    auto_px: Count = 40

    @model_validator(mode="after")
    def ordered(self) -> Self:
        if not self.count_px <= self.encode_px <= self.auto_px:
            raise ValueError("count_px, encode_px and auto_px must not fall: 20, 28, 40 for instance")
        if self.fpir_auto > self.fpir_suggest:
            raise ValueError("fpir_auto must not be above fpir_suggest")
        return self


class ClearanceSection(Section):
    """What an answer rests on."""

    purposes: Annotated[tuple[str, ...], Field(min_length=1)] = ("communication", "commercial")
    channels: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "internal", "website", "social media", "print", "press", "advertising",
    )  # fmt: skip
    horizon_days: Annotated[int, Field(ge=2, le=366)] = 30
    needs_confirmed: bool = True
    small_figures_block: bool = False


class Minors(Section):
    """From which ages a person decides alone, and may be recognised at all."""

    age: Annotated[int, Field(ge=13, le=21)] = 16
    recognition_from: Annotated[int, Field(ge=0, le=21)] = 6
    guardians: Annotated[int, Field(ge=1, le=2)] = 1


class Review(Section):
    """How long a suggestion waits for a decision."""

    days: Count = 90


class HandTags(Section):
    """What becomes of names set by hand when the last grant of a person has ended."""

    after_end: Literal["list", "remove"] = "list"


class Retention(Section):
    """How long each kind of row is kept."""

    evidence_months: Count = 24
    boxes_months: Count = 60
    events_days: Count = 30
    jobs_days: Count = 30
    intents_months: Count = 12
    audit_months: Count = 84
    logs_days: Count = 30


class Jobs(Section):
    """The queue: leases, retries and its limit."""

    lease_seconds: Count = 120
    attempts: Count = 8
    backoff_seconds: Count = 15
    limit: Count = 20000


class Server(Section):
    """Where the sidecar listens, and what it logs."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8731
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_file: str = ""


class Webhooks(Section):
    """What the DAM tells and asks us, signed; an endpoint without a secret is off."""

    events_secret_file: str = ""
    panel_secret_file: str = ""


class Config(Section):
    """The whole configuration. Paths may hold `{data}`, which stands for `data`."""

    data: str = "facelease-data"
    site: Site = Site()
    store: Store = Store()
    keys: Keys = Keys()
    backup: Backup = Backup()
    dam: DamSection = DamSection()
    folder: Folder = Folder()
    resourcespace: ResourceSpaceSection = ResourceSpaceSection()
    recognizer: Recognizer = Recognizer()
    matching: Matching = Matching()
    clearance: ClearanceSection = ClearanceSection()
    minors: Minors = Minors()
    review: Review = Review()
    hand_tags: HandTags = HandTags()
    retention: Retention = Retention()
    jobs: Jobs = Jobs()
    server: Server = Server()
    webhooks: Webhooks = Webhooks()

    @model_validator(mode="after")
    def reachable(self) -> Self:
        server = self.resourcespace
        if self.dam.kind == "resourcespace" and not (server.url and server.user):
            raise ValueError("resourcespace.url and resourcespace.user are needed where dam.kind says so")
        if self.dam.kind == "resourcespace" and server.seconds * 2 >= self.jobs.lease_seconds:
            raise ValueError(
                "resourcespace.seconds: a call and its repetition must end within jobs.lease_seconds"
            )
        return self

    def path(self, value: str) -> Path:
        """A path of the configuration with `{data}` filled in."""
        return Path(value.replace("{data}", self.data)).expanduser()

    @property
    def store_url(self) -> str:
        return self.store.url.replace("{data}", str(Path(self.data).expanduser().absolute()))


def load(path: Path | None) -> Config:
    """Read the configuration from `path`; None gives the defaults.

    Relative paths count from the folder of the file. Raises ConfigError, which names the key and
    says what it takes.
    """
    if path is None:
        return Config()
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); copy config.example.toml") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from error
    data = Path(str(tree.get("data", Config().data))).expanduser()
    return parse(
        tree | {"data": str(data if data.is_absolute() else path.absolute().parent / data)}, str(path)
    )


def parse(tree: dict[str, Any], source: str = "configuration") -> Config:
    """The configuration that `tree` describes. Raises ConfigError naming each wrong key's path."""
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        lines = [_explain(dict(e)) for e in error.errors()]
        raise ConfigError(f"{source}: " + "; ".join(lines)) from error


def _explain(error: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "the file"
    if error["type"] == "extra_forbidden":
        return f"{where} is not a key; config.example.toml lists them all"
    return f"{where}: {str(error['msg']).removeprefix('Value error, ')}"
