"""The editor of the demonstration: an account of the house, whose password only this process knows."""

import secrets

from plugin.flows.access.own_accounts import register, sign_in
from plugin.flows.access.own_accounts.guesses import Origin
from plugin.flows.access.staff import Role
from plugin.flows.common.services import Services

EDITOR = "sample-editor"
_HERE = Origin("127.0.0.1")


def add(services: Services) -> str:
    """Make the account and set its password by the one-time link; returns the password."""
    password = secrets.token_urlsafe(24)
    link = register.add(services, EDITOR, Role.EDITOR, "demo")
    sign_in.join(services, link.removeprefix(f"{services.config.server.public_url}{register.JOIN}"), password)
    return password


def open_session(services: Services, password: str, language: str) -> str:
    """Sign the editor in, as the page of the console does; returns the session's token. Raises as that does."""
    proof = sign_in.check_password(services, EDITOR, password, _HERE)
    token = proof and sign_in.finish(services, proof, "", _HERE, language)
    if not token:
        raise LookupError(EDITOR)
    return token
