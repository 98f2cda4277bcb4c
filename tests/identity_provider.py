"""An identity provider on loopback: the provider's side of Authlib, with PKCE, nonces, renewals and userinfo.

`forge` changes what it signs, for those who try to get in; `moment` is its clock.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, InvalidGrantError, TokenMixin, grants
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import AuthorizationCodeMixin, OpenIDCode, UserInfo
from flask import Flask, Response, jsonify, request
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

CLIENT, SECRET = "facelease", "a-secret-of-the-client"


@dataclass
class Account:
    """Somebody who has an account there."""

    sub: str
    claims: dict[str, Any]

    def get_user_id(self) -> str:
        """As Authlib calls it."""
        return self.sub


class Client(ClientMixin):  # type: ignore[misc]
    """The one client that is registered."""

    client_id = CLIENT

    def __init__(self, back: str, renews: bool) -> None:
        self.back, self.renews = back, renews

    def get_client_id(self) -> str:
        return CLIENT

    def get_default_redirect_uri(self) -> str:
        return self.back

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.back

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code" or (grant_type == "refresh_token" and self.renews)


@dataclass
class Code(AuthorizationCodeMixin):  # type: ignore[misc]
    """A code that waits to be redeemed."""

    code: str
    user: Account
    scope: str
    redirect_uri: str
    nonce: str
    auth_time: int
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.auth_time


@dataclass
class Held(TokenMixin):  # type: ignore[misc]
    """A token that was given out."""

    token: str
    refresh: str
    user: Account
    scope: str

    def check_client(self, client: Client) -> bool:
        return True

    def get_scope(self) -> str:
        return self.scope


@dataclass
class IdentityProvider:
    """What it knows, and how it behaves from now on."""

    issuer: str = ""
    back: str = ""
    accounts: dict[str, Account] = field(default_factory=dict)
    who: str = "jan"
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    codes: dict[str, Code] = field(default_factory=dict)
    held: list[Held] = field(default_factory=list)
    away: bool = False
    renews: bool = True
    signed_in_at: int | None = None
    moment: Callable[[], float] = time.time
    forge: Callable[[dict[str, Any]], str] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)

    def sign(self, claims: dict[str, Any], key: RSAKey | None = None, **header: Any) -> str:
        """An ID token with these claims."""
        used = key or self.key
        return jwt.encode({"alg": "RS256", "kid": used.kid, **header}, claims, used)

    def add(self, name: str, *groups: str) -> None:
        """Somebody with these groups."""
        self.accounts[name] = Account(f"number-of-{name}", {"preferred_username": name, "groups": list(groups)})

    def let_in(self, address: str) -> str:
        """What a browser does that is sent there, and somebody signs in: the address that it is sent back to."""
        return self.ask(address).headers["Location"]

    def ask(self, address: str) -> requests.Response:
        """The answer to the browser."""
        return requests.get(address, allow_redirects=False, timeout=5)

    def rotate(self, kid: str = "two") -> None:
        """Sign by another key from now on."""
        self.key = RSAKey.generate_key(2048, {"kid": kid})


def question_of(address: str) -> dict[str, str]:
    """The parameters of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def _make_code_grant(here: IdentityProvider) -> type:
    """Codes, kept until they are redeemed."""

    class ByCode(grants.AuthorizationCodeGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

        def save_authorization_code(self, code: str, asked: Any) -> None:
            data = asked.payload.data
            at = here.signed_in_at
            at = int(here.moment()) if at is None or data.get("prompt") == "login" else at
            pkce = data.get("code_challenge", ""), data.get("code_challenge_method", "")
            here.codes[code] = Code(
                code,
                asked.user,
                asked.payload.scope,
                asked.payload.redirect_uri or "",
                data.get("nonce", ""),
                at,
                *pkce,
            )

        def query_authorization_code(self, code: str, client: Client) -> Code | None:
            return here.codes.get(code)

        def delete_authorization_code(self, authorization_code: Code) -> None:
            here.codes.pop(authorization_code.code, None)

        def authenticate_user(self, authorization_code: Code) -> Account:
            return authorization_code.user

    return ByCode


def _make_renewal_grant(here: IdentityProvider) -> type:
    """Renewals, each good for one."""

    class ByRenewal(grants.RefreshTokenGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)
        INCLUDE_NEW_REFRESH_TOKEN = True

        def authenticate_refresh_token(self, refresh_token: str) -> Held:
            found = [one for one in here.held if one.refresh == refresh_token]
            if not found:
                raise InvalidGrantError
            return found[0]

        def authenticate_user(self, refresh_token: Held) -> Account | None:
            return here.accounts.get(refresh_token.user.claims["preferred_username"])

        def revoke_old_credential(self, refresh_token: Held) -> None:
            here.held.remove(refresh_token)

    return ByRenewal


def _make_tokens(here: IdentityProvider) -> type:
    """ID tokens, genuine or forged."""

    class WithToken(OpenIDCode):  # type: ignore[misc]
        def exists_nonce(self, nonce: str, asked: Any) -> bool:
            return False

        def get_jwt_config(self, grant: Any, client: Any = None) -> dict[str, Any]:
            return {"key": here.key, "alg": "RS256", "iss": here.issuer, "exp": 300}

        def generate_user_info(self, user: Account, scope: str) -> UserInfo:
            return UserInfo(sub=user.sub, **user.claims)

        def encode_id_token(self, token: dict[str, Any], asked: Any) -> str:
            code, now = asked.authorization_code, int(here.moment())
            claims = {"iss": here.issuer, "sub": code.user.sub, "aud": CLIENT, "iat": now, "exp": now + 300}
            claims |= {"nonce": code.nonce, "auth_time": code.auth_time, **code.user.claims}
            return here.forge(claims) if here.forge else here.sign(claims)

    return WithToken


def _make_app(here: IdentityProvider) -> Flask:
    app = Flask("identity provider")
    app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True

    def save(token: dict[str, Any], asked: Any) -> None:
        made = Held(token["access_token"], token.get("refresh_token", ""), asked.user, token.get("scope", ""))
        here.held.append(made)

    server = AuthorizationServer(
        app, query_client=lambda name: Client(here.back, here.renews) if name == CLIENT else None
    )
    server.save_token = save
    with_token = _make_tokens(here)
    server.register_grant(_make_code_grant(here), [with_token(require_nonce=True), CodeChallenge(required=True)])
    server.register_grant(_make_renewal_grant(here))

    @app.before_request
    def count() -> Response | None:
        here.asked[request.path] = here.asked.get(request.path, 0) + 1
        return Response("away", 503) if here.away else None

    @app.get("/.well-known/openid-configuration")
    def describe() -> Response:
        known = {"issuer": here.issuer, "authorization_endpoint": f"{here.issuer}/authorize"}
        known |= {"token_endpoint": f"{here.issuer}/token", "jwks_uri": f"{here.issuer}/keys"}
        return jsonify(known | {"userinfo_endpoint": f"{here.issuer}/userinfo"} | here.metadata)

    @app.get("/keys")
    def keys() -> Response:
        return jsonify(keys=[here.key.as_dict(private=False)])

    @app.get("/authorize")
    def authorize() -> Any:
        grant = server.get_consent_grant(end_user=here.accounts[here.who])
        return server.create_authorization_response(grant_user=here.accounts[here.who], grant=grant)

    @app.post("/token")
    def token() -> Any:
        return server.create_token_response()

    @app.get("/userinfo")
    def userinfo() -> Response:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        found = [one for one in here.held if one.token == bearer]
        if not found or found[0].user.claims["preferred_username"] not in here.accounts:
            return Response("", 401)
        account = here.accounts[found[0].user.claims["preferred_username"]]
        return Response(json.dumps({"sub": account.sub, **account.claims}), mimetype="application/json")

    return app


@contextmanager
def running() -> Iterator[IdentityProvider]:
    """One that answers on a port of its own."""
    here = IdentityProvider()
    server = make_server("127.0.0.1", 0, _make_app(here), threaded=True)
    here.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
