"""The table about the organisation's identity provider."""

from typing import Self

from pydantic import Field, model_validator

from plugin.config.base import ConfigPath, Count, Section, WebAddress
from plugin.config.sections import is_loopback

Groups = tuple[str, ...]


class OpenidSection(Section):
    """Signing in by OpenID Connect; without an issuer there is no such door."""

    issuer: WebAddress = ""
    client_id: str = ""
    secret_file: ConfigPath = ""
    name: str = ""
    scopes: tuple[str, ...] = ("profile",)
    account_claim: str = "preferred_username"
    groups_claim: str = "groups"
    administrators: Groups = ()
    officers: Groups = ()
    editors: Groups = ()
    auditors: Groups = ()
    limited: dict[str, Groups] = Field(default_factory=dict)
    recheck_minutes: Count = 5

    @model_validator(mode="after")
    def whole(self) -> Self:
        if self.issuer.startswith("http://") and not is_loopback(self.issuer):
            raise ValueError("issuer: use https: who answers there says who may come in")
        if self.issuer and not self.client_id:
            raise ValueError("client_id: give the name that this installation has at the provider")
        return self
