"""Rate limits, counted in memory by network and by link: the server is one process.

Never by a whole IPv6 address: whoever has one has 2^64 of them.
"""

import logging

from flask import Flask, request, session
from flask_limiter import Limiter
from werkzeug.middleware.proxy_fix import ProxyFix

from plugin.config import Config
from plugin.flows.access.rate_limits import network_of

RECEIPT_LIMIT = "20/minute"
"""Receipts a visit: a PDF is rendered for each."""


def prepare(app: Flask, config: Config) -> Limiter:
    """The app's limiter. Behind `server.proxies` proxies the address is the one that they forward."""
    count = config.server.proxies
    if count:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count, x_prefix=count)  # type: ignore[method-assign]
    logging.getLogger("flask-limiter").disabled = True  # it would log addresses and links
    return Limiter(by_address, app=app, storage_uri="memory://", strategy="sliding-window-counter")


def by_address() -> str:
    """The network of the client's address (IPv6: the /64)."""
    return network_of(request.remote_addr or "")


def by_visit() -> str:
    """The link of this visit, and the network: a shoot's link is shared by everybody there."""
    return f"{session.get('link', '')}:{by_address()}"


def by_token() -> str:
    """The token in the path."""
    return str((request.view_args or {}).get("token", ""))


def by_token_here() -> str:
    """The token in the path, and the network: at a shoot many people open one link."""
    return f"{by_token()}:{by_address()}"
