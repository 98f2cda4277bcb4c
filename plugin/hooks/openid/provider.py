"""Speaks with the identity provider: where it says its endpoints and keys are, codes, renewals, and who somebody is."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from plugin.config.openid import OpenidSection
from plugin.config.sections import is_loopback
from plugin.errors import ProviderAway, SignatureRefused
from plugin.hooks.openid import claims

_SECONDS = 5.0  # for one answer
_KEPT_SECONDS = 3600.0  # what the provider says of itself
_KEYS_AT_ONCE = 30.0  # seconds between two looks for new keys
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_SCOPE = "openid"


@dataclass(frozen=True)
class Tokens:
    """What a code or a renewal gave: with `access` we may ask who it is, with `refresh` again later ("": not at all).

    `claims`: of the ID token that came along, if any.
    """

    access: str
    refresh: str
    claims: Mapping[str, object] | None


class Provider:
    """One provider, asked in the name of this installation. Thread-safe."""

    def __init__(self, config: OpenidSection, secret: str, back: str) -> None:
        """`back`: our address to which it sends people back, as it is registered there."""
        self.config = config
        self._secret, self._back = secret, back
        self._lock = threading.Lock()
        self._metadata: tuple[float, Mapping[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

    def begin(self, state: str, nonce: str, verifier: str, anew: bool = False) -> str:
        """The address at the provider to send the browser to; `anew`: the account must prove itself now.

        Raises ProviderAway, SignatureRefused.
        """
        more = {"prompt": "login", "max_age": "0"} if anew else {}
        with self._session() as session:
            url, _ = session.create_authorization_url(
                self._find("authorization_endpoint"), state=state, nonce=nonce, code_verifier=verifier, **more
            )
        return str(url)

    def check_issuer(self, said: str | None) -> None:
        """Whether the answer came from this provider (RFC 9207). Raises SignatureRefused."""
        told = self._load_metadata().get("authorization_response_iss_parameter_supported")
        if said != self.config.issuer and (said is not None or told):
            raise SignatureRefused("another provider answered")

    def redeem(self, code: str, verifier: str, nonce: str, now: datetime) -> Tokens:
        """What the code of one sign-in gives, once. Raises ProviderAway, SignatureRefused."""
        answer = self._fetch(lambda session, url: session.fetch_token(url, code=code, code_verifier=verifier))
        found = self._read_tokens(answer, now, nonce)
        if found.claims is None:
            raise SignatureRefused("the provider gave no ID token")
        return found

    def renew(self, refresh: str, now: datetime) -> Tokens:
        """New tokens for a renewal. Raises ProviderAway; SignatureRefused where the provider ended it."""
        answer = self._fetch(lambda session, url: session.refresh_token(url, refresh_token=refresh))
        return self._read_tokens(answer, now, None)

    def ask(self, access: str) -> Mapping[str, object] | None:
        """What it says of the account now (section 5.3); None where it has no place for that.

        Raises ProviderAway; SignatureRefused where the token is not valid any more.
        """
        where = self._load_metadata().get("userinfo_endpoint")
        if not where:
            return None
        return self._get(_check_address(where), {"Authorization": f"Bearer {access}"})

    def _read_tokens(self, answer: Mapping[str, Any], now: datetime, nonce: str | None) -> Tokens:
        access, refresh, raw = (answer.get(name) for name in ("access_token", "refresh_token", "id_token"))
        access, refresh = (one if isinstance(one, str) else "" for one in (access, refresh))
        read = None if not isinstance(raw, str) else self._read_token(raw, now, nonce, access)
        return Tokens(access, refresh, read)

    def _read_token(self, raw: str, now: datetime, nonce: str | None, access: str) -> Mapping[str, object]:
        """With the keys that we know, and where those do not fit with those that the provider has now."""
        about = (self.config.issuer, self.config.client_id, now, nonce, access)
        known = self._load_keys()
        try:
            return claims.read_token(raw, known, *about)
        except SignatureRefused:
            fresh = self._load_keys(anew=True)
            if fresh is known:
                raise
            return claims.read_token(raw, fresh, *about)

    def _fetch(self, ask: Callable[[OAuth2Session, str], Mapping[str, Any]]) -> Mapping[str, Any]:
        where = self._find("token_endpoint")
        try:
            with self._session() as session:
                return ask(session, where)
        except AuthlibBaseError as error:
            raise SignatureRefused("the provider refused the code") from error
        except (requests.RequestException, ValueError) as error:
            raise ProviderAway("the identity provider does not answer") from error

    def _session(self) -> OAuth2Session:
        how = "client_secret_basic" if self._secret else "none"
        session = OAuth2Session(
            self.config.client_id,
            self._secret or None,
            token_endpoint_auth_method=how,
            scope=" ".join(dict.fromkeys((_SCOPE, *self.config.scopes))),
            redirect_uri=self._back,
            code_challenge_method="S256",
            default_timeout=_SECONDS,
        )
        session.max_redirects = 0
        session.trust_env = False
        return session

    def _find(self, endpoint: str) -> str:
        return _check_address(self._load_metadata().get(endpoint))

    def _load_metadata(self) -> Mapping[str, Any]:
        """OpenID Connect Discovery 1.0, section 4: the issuer that it names must be the one that was asked."""
        with self._lock:
            kept = self._metadata
        if kept is not None and time.monotonic() - kept[0] < _KEPT_SECONDS:
            return kept[1]
        found = self._get(f"{self.config.issuer}/.well-known/openid-configuration")
        if found.get("issuer") != self.config.issuer or not all(found.get(name) for name in _ENDPOINTS):
            raise SignatureRefused("the provider says that it is another one: look at openid.issuer")
        with self._lock:
            self._metadata = (time.monotonic(), found)
        return found

    def _load_keys(self, anew: bool = False) -> KeySet:
        kept, now = self._keys, time.monotonic()
        if kept is not None and now - kept[0] < (_KEYS_AT_ONCE if anew else _KEPT_SECONDS):
            return kept[1]
        try:
            found = KeySet.import_key_set(self._get(self._find("jwks_uri")))  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise ProviderAway("the identity provider's keys cannot be read") from error
        self._keys = (now, found)
        return found

    def _get(self, where: str, headers: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.get(where, headers=headers, timeout=_SECONDS, allow_redirects=False)
            if headers and answer.status_code in (401, 403):
                raise SignatureRefused("the provider does not know this sign-in any more")
            if answer.status_code != 200:
                raise ProviderAway("the identity provider does not answer")
            found = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise ProviderAway("the identity provider does not answer") from error
        if not isinstance(found, dict):
            raise ProviderAway("the identity provider answers something else")
        return found


def _check_address(value: object) -> str:
    """An endpoint as the provider names it: TLS, but for this machine's own."""
    text = str(value or "")
    if not text.startswith("https://") and not is_loopback(text):
        raise SignatureRefused("the provider has an endpoint without TLS")
    return text
