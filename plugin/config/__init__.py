"""The configuration: one frozen, typed tree, read from a TOML file; an unknown key is an error."""

import tomllib
from pathlib import Path
from typing import Self

from pydantic import PrivateAttr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from plugin.config.base import ConfigPath, Section
from plugin.config.importing import ImportingSection
from plugin.config.openid import OpenidSection
from plugin.config.sections import (
    AccessSection,
    ApiSection,
    ClearanceSection,
    DamSection,
    FolderSection,
    GateSection,
    HandTagsSection,
    JobsSection,
    MailSection,
    MatchingSection,
    MinorsSection,
    RecognizerSection,
    RequestsSection,
    ResourceSpaceSection,
    ReviewSection,
    ServerSection,
    SigningSection,
    SiteSection,
    WebhooksSection,
)
from plugin.config.storage import BackupSection, KeysSection, RetentionSection, StoreSection
from plugin.errors import ConfigError

__all__ = ["BackupSection", "ClearanceSection", "Config", "JobsSection", "MatchingSection", "RecognizerSection"]
__all__ += ["ResourceSpaceSection", "RetentionSection", "ReviewSection", "load", "parse"]


class Config(Section):
    """The whole configuration. A path may begin with `{data}`, the value of `data`."""

    _folder: Path = PrivateAttr(default_factory=Path)

    data: ConfigPath = "facelease-data"
    site: SiteSection = SiteSection()
    store: StoreSection = StoreSection()
    keys: KeysSection = KeysSection()
    backup: BackupSection = BackupSection()
    dam: DamSection = DamSection()
    folder: FolderSection = FolderSection()
    resourcespace: ResourceSpaceSection = ResourceSpaceSection()
    recognizer: RecognizerSection = RecognizerSection()
    matching: MatchingSection = MatchingSection()
    clearance: ClearanceSection = ClearanceSection()
    minors: MinorsSection = MinorsSection()
    review: ReviewSection = ReviewSection()
    hand_tags: HandTagsSection = HandTagsSection()
    retention: RetentionSection = RetentionSection()
    jobs: JobsSection = JobsSection()
    server: ServerSection = ServerSection()
    webhooks: WebhooksSection = WebhooksSection()
    mail: MailSection = MailSection()
    signing: SigningSection = SigningSection()
    requests: RequestsSection = RequestsSection()
    access: AccessSection = AccessSection()
    openid: OpenidSection = OpenidSection()
    gate: GateSection = GateSection()
    api: ApiSection = ApiSection()
    importing: ImportingSection = ImportingSection()

    def model_post_init(self, context: object, /) -> None:
        """Keep the folder in which keys.master_command runs."""
        self._folder = (context.get("folder") if isinstance(context, dict) else None) or Path()

    @model_validator(mode="after")
    def reachable(self) -> Self:
        server = self.resourcespace
        if self.dam.kind == "resourcespace" and not (server.url and server.user):
            raise ValueError("resourcespace.url and resourcespace.user are needed where dam.kind says so")
        if self.dam.kind == "resourcespace" and server.seconds * 2 >= self.jobs.lease_seconds:
            raise ValueError("resourcespace.seconds: a call and its repetition must end within jobs.lease_seconds")
        if self.gate.ai_channel and self.gate.ai_channel not in self.clearance.channels:
            raise ValueError(
                f"gate.ai_channel: {self.gate.ai_channel!r} is none of clearance.channels: add it there, "
                "so that people are asked for it"
            )
        return self

    @model_validator(mode="after")
    def importable(self) -> Self:
        strange = set(self.importing.purposes) - set(self.clearance.purposes)
        strange |= self.importing.strange(self.clearance.channels)
        if strange:
            raise ValueError(
                f"importing: {', '.join(sorted(strange))} stands neither in clearance.purposes nor in channels"
            )
        return self

    def path(self, value: str) -> Path:
        """A path of the configuration, absolute, with `{data}` filled in."""
        return Path(value.replace("{data}", self.data)).expanduser().absolute()

    @property
    def private(self) -> tuple[Path, ...]:
        """Paths that only this account may read: the data folder, keys and secrets."""
        keys, hooks = self.keys, self.webhooks
        named = [keys.master_file, keys.ended_log, keys.names_file, keys.heads_key_file, "{data}/keys/session.key"]
        named += [hooks.events_secret_file, hooks.panel_secret_file, hooks.signin_secret_file]
        named += [self.resourcespace.key_file, self.mail.password_file, self.openid.secret_file]
        return (Path(self.data).expanduser().absolute(), *(self.path(name) for name in named if name))

    @property
    def folder_of_file(self) -> Path:
        """The folder of the configuration file; the working directory where there was no file."""
        return self._folder.absolute()

    @property
    def server_of_dam(self) -> ResourceSpaceSection:
        """The section of the server, with `ca_file` as an absolute path."""
        file = self.resourcespace.ca_file
        return self.resourcespace.model_copy(update={"ca_file": file and str(self.path(file))})

    @property
    def store_url(self) -> str:
        return self.store.url.replace("{data}", str(Path(self.data).expanduser().absolute()))


def load(path: Path | None) -> Config:
    """Read the configuration from `path`; None gives the defaults.

    Relative paths count from the folder of the file. Raises ConfigError, which names the key and the accepted values.
    """
    if path is None:
        return Config()
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); copy config.example.toml") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from error
    return parse(tree, str(path), path.absolute().parent)


def parse(tree: dict[str, object], source: str = "configuration", folder: Path | None = None) -> Config:
    """The configuration in `tree`; relative paths count from `folder`.

    Raises ConfigError, which names the path of each wrong key.
    """
    if folder is not None:
        tree = {"data": Config().data} | tree  # a default is not validated, and counts from the file as well
    try:
        return Config.model_validate(tree, context={"folder": folder})
    except ValidationError as error:
        lines = [_explain(e) for e in error.errors()]
        raise ConfigError(f"{source}: " + "; ".join(lines)) from error


def _explain(error: ErrorDetails) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "the file"
    if error["type"] == "extra_forbidden":
        return f"{where} is not a key; config.example.toml lists them all"
    return f"{where}: {str(error['msg']).removeprefix('Value error, ')}"
