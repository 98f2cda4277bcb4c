"""The tables of the configuration file, one class each: frozen, typed, closed to unknown keys."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator, model_validator

from plugin.config.base import CardName, ConfigPath, Count, Section, Share, WebAddress
from plugin.words.catalogues import ENGLISH, Language

OfCard = Annotated[float, Field(ge=0, lt=1)]
"""A share; 0: what the engine's card says."""

StaffRole = Literal["administrator", "officer", "editor", "auditor"]

Words = Annotated[tuple[str, ...], Field(min_length=1)]


class SiteSection(Section):
    """The organisation that runs this installation."""

    name: str = "Our organisation"
    language: Language = ENGLISH
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


class DamSection(Section):
    """Which DAM holds the photographs."""

    kind: Literal["folder", "resourcespace"] = "folder"
    poll_seconds: Count = 30


class FolderSection(Section):
    """A folder of photographs as a DAM."""

    path: ConfigPath = "{data}/photos"
    sidecar_name: Literal["full", "stem"] = "full"
    ignore: tuple[str, ...] = (".*", "@eaDir", "Thumbs.db", "*.xmp", "*.tmp")
    people_categories: tuple[str, ...] = ("People", "Persons", "Personen", "Mensen")


class ResourceSpaceSection(Section):
    """A ResourceSpace server as the DAM."""

    url: WebAddress = ""
    user: str = ""
    key_file: ConfigPath = "{data}/keys/dam.key"
    plain_http: bool = False
    ca_file: ConfigPath = ""
    profile: Literal["auto", "plugin", "classic"] = "auto"
    people_field: Count = 29
    states: tuple[int, ...] = (-2, -1, 0, 1, 2)
    calls_per_second: Annotated[float, Field(gt=0, le=1000)] = 20.0
    seconds: Annotated[float, Field(gt=0, le=300)] = 20.0
    tries: Annotated[int, Field(ge=1, le=10)] = 3

    @model_validator(mode="after")
    def sealed(self) -> Self:
        if self.url.startswith("http://") and not self.plain_http and not is_loopback(self.url):
            raise ValueError("url: use https, or set plain_http where the network is closed to others")
        return self


def is_loopback(url: str) -> bool:
    """Whether the address is on this machine."""
    return urlsplit(url).hostname in {"127.0.0.1", "::1", "localhost"}


class RecognizerSection(Section):
    """How faces are detected and encoded."""

    engine: CardName = "auto"
    yunet: ConfigPath = ""
    files: ConfigPath = "{data}/engines"
    cache: ConfigPath = "{data}/models"
    detect_px: Annotated[int, Field(ge=320, le=2048)] = 1024
    score: Share = 0.7
    max_megapixels: Count = 120
    max_megabytes: Count = 200
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    memory_mb: Annotated[int, Field(ge=512)] = 1536
    seconds: Count = 60
    recycle_after: Count = 5000


class MatchingSection(Section):
    """When a face is named automatically, and when a name is only suggested."""

    fpir_auto: OfCard = 0.0
    fpir_suggest: OfCard = 0.0
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.03
    count_px: Count = 20
    encode_px: Count = 28
    auto_px: Count = 40

    @model_validator(mode="after")
    def ordered(self) -> Self:
        if not self.count_px <= self.encode_px <= self.auto_px:
            raise ValueError("count_px, encode_px and auto_px must not fall: 20, 28, 40 for instance")
        if self.fpir_auto and self.fpir_suggest and self.fpir_auto > self.fpir_suggest:
            raise ValueError("fpir_auto must not be above fpir_suggest")
        return self


class ClearanceSection(Section):
    """What a clearance depends on."""

    purposes: Words = ("communication", "commercial")
    channels: Words = ("internal", "website", "social media", "print", "press", "advertising")
    max_px: dict[str, Count] = Field(default_factory=dict)
    recognisable_px: Annotated[int, Field(ge=16, le=1024)] = 64
    horizon_days: Annotated[int, Field(ge=2, le=366)] = 30
    needs_confirmed: bool = True
    small_figures_block: bool = False

    @model_validator(mode="after")
    def sized(self) -> Self:
        strange = sorted(set(self.max_px) - set(self.channels))
        if strange:
            raise ValueError(f"max_px: {', '.join(strange)} is none of the channels")
        return self


class GateSection(Section):
    """What a CMS and other tools are answered when they ask whether they may use a photograph."""

    ai_channel: str = ""
    plain_tools: tuple[str, ...] = ("cms",)
    allow_no_person: bool = False

    @field_validator("plain_tools")
    @classmethod
    def plain(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "ai" in value:
            raise ValueError("a tool of the kind ai is no plain tool: it gets what ai_channel allows")
        return value


class MinorsSection(Section):
    """The ages from which a person may be recognised, and decides alone."""

    age: Annotated[int, Field(ge=13, le=21)] = 16
    recognition_from: Annotated[int, Field(ge=0, le=21)] = 6
    guardians: Annotated[int, Field(ge=1, le=2)] = 1
    warn_days: tuple[Count, ...] = (60, 14)


class ReviewSection(Section):
    """How long a suggestion waits for a decision."""

    days: Count = 90


class HandTagsSection(Section):
    """What happens to names set by hand when a person's last grant has ended."""

    after_end: Literal["list", "remove"] = "list"


class JobsSection(Section):
    """The queue: leases, retries and its limit."""

    lease_seconds: Count = 120
    attempts: Count = 8
    backoff_seconds: Count = 15
    limit: Count = 20000


class ServerSection(Section):
    """Where the sidecar listens, and its logging."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8731
    public_url: WebAddress = ""
    proxies: Annotated[int, Field(ge=0, le=5)] = 0
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_file: ConfigPath = ""

    @field_validator("public_url")
    @classmethod
    def sealed(cls, value: str) -> str:
        if value.startswith("http://") and not is_loopback(value):
            raise ValueError("use https: links that people sign by must not travel in the open")
        return value


class WebhooksSection(Section):
    """Signed requests from the DAM; an endpoint without a secret is off."""

    events_secret_file: ConfigPath = ""
    panel_secret_file: ConfigPath = ""
    signin_secret_file: ConfigPath = ""


class MailSection(Section):
    """How mail is sent; without a host none is sent, and staff hand over links themselves."""

    host: str = ""
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password_file: ConfigPath = ""
    sender: str = ""
    owner: str = ""
    ca_file: ConfigPath = ""
    seconds: Annotated[float, Field(gt=0, le=60)] = 20.0

    @model_validator(mode="after")
    def complete(self) -> Self:
        if self.host and "@" not in self.sender:
            raise ValueError("sender: give the address that mail comes from, such as photos@example.org")
        if self.security == "none" and self.host and not is_loopback(f"//{self.host}"):
            raise ValueError("security: use starttls or tls; none is for a mail server on this machine")
        return self


class SigningSection(Section):
    """The links by which people sign, and their own pages."""

    link_days: Count = 30
    page_days: Count = 400
    visit_hours: Annotated[int, Field(ge=1, le=168)] = 24
    idle_minutes: Annotated[int, Field(ge=1, le=1440)] = 120
    reminders: Annotated[int, Field(ge=0, le=10)] = 2
    reminder_days: Count = 7


class RequestsSection(Section):
    """People's own requests, and when they are due (GDPR Art. 12(3): a month)."""

    erasure: Literal["list", "at once"] = "list"
    days: Annotated[int, Field(ge=1, le=30)] = 30


class AccessSection(Section):
    """Staff roles: for each the numbers of the DAM's groups that have it; and what accounts of our own need."""

    administrators: tuple[int, ...] = ()
    officers: tuple[int, ...] = ()
    editors: tuple[int, ...] = ()
    auditors: tuple[int, ...] = ()
    limited: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    second_factor: tuple[StaffRole, ...] = ("administrator", "officer")
    link_hours: Annotated[int, Field(ge=1, le=720)] = 72
    session_minutes: Count = 480
    idle_minutes: Count = 60


class ApiSection(Section):
    """Limits for programs that call /api/v1."""

    per_minute: Count = 600
