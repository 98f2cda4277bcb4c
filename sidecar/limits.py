"""How often one address may knock; counted in this process, which is the only one that serves."""

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from werkzeug.middleware.proxy_fix import ProxyFix

from plugin.config import Config

limiter = Limiter(get_remote_address, storage_uri="memory://", headers_enabled=True)
"""`@limiter.limit("30 per minute")` on a view; beyond it 429 with Retry-After."""


def prepare(app: Flask, config: Config) -> None:
    """Count by the visitor's own address: behind `server.proxies` web servers, by what those pass on."""
    front = config.server.proxies
    if front:
        fixed = ProxyFix(app.wsgi_app, x_for=front, x_proto=front, x_host=front, x_prefix=front)
        app.wsgi_app = fixed  # type: ignore[method-assign]
    limiter.init_app(app)
