"""What an ID token must say to be believed (OpenID Connect Core 1.0, section 3.1.3.7)."""

from collections.abc import Mapping
from datetime import datetime

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from plugin.errors import SignatureRefused

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by a key that only the provider has: never `none`, and never one that our own secret can make."""

LEEWAY = 60
"""Seconds by which the provider's clock may differ from ours."""


def read_token(
    raw: str, keys: KeySet, issuer: str, client_id: str, now: datetime, nonce: str | None = None, access: str = ""
) -> Mapping[str, object]:
    """The claims of an ID token of this issuer, for us alone, signed, and valid at `now`.

    `nonce`: what the browser was sent away with; None where none was (a renewal). Raises SignatureRefused.
    """
    moment = int(now.timestamp())
    try:
        token = jwt.decode(raw, key=keys, registry=JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False))
        must = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}}
        given = {"nonce": nonce, "client_id": client_id, "access_token": access}
        claims = CodeIDToken(token.claims, token.header, must | {"sub": {"essential": True}}, given)
        claims.validate(now=moment, leeway=LEEWAY)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise SignatureRefused("the provider's token is not what it must be") from error
    others = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if (others != [client_id] and claims.get("azp") != client_id) or claims["iat"] > moment + LEEWAY:
        raise SignatureRefused("the provider's token is for somebody else, or from the future")
    return dict(claims)
