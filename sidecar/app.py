"""The Flask app: `create_app(config)`, health, metrics, and a front page that names nobody."""

from typing import Any

import structlog
from flask import Flask, Response, current_app, jsonify, render_template, request
from flask_limiter import Limiter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from plugin.config import Config
from plugin.errors import StoreAway
from plugin.flows.common import overdue
from plugin.flows.common.services import Services
from plugin.flows.photos import comparison
from plugin.flows.views import health as figures
from plugin.flows.views.health import Counts
from plugin.words import catalogues
from sidecar import api
from sidecar.console import routes as console
from sidecar.dam import downloads, inviting, panel, searches, webhooks
from sidecar.running import metrics, readiness
from sidecar.running.bootstrap import open_house
from sidecar.running.readiness import CHECKS, find_unready
from sidecar.serving import admission
from sidecar.sign import form_pages, key_pages, sessions
from sidecar.sign.me import own_page
from sidecar.web import (
    error_pages,
    input_checks,
    openid_sign_in,
    problems,
    rate_limits,
    staff_sign_in,
    store_unavailable,
)
from sidecar.words.language_choice import choose_language

log = structlog.get_logger()

HSTS = "max-age=31536000"
"""Where `server.public_url` is https: browsers use TLS alone for a year."""

COUNT_LIMIT = "60/minute"
"""How often one address may have the whole store counted."""


def create_app(config: Config, services: Services | None = None) -> Flask:
    """The app on an open house; without `services` it opens its own, which lives as long as the process.

    Raises ConfigError for secrets that are named and cannot be read.
    """
    if services is None:
        services = open_house(config).__enter__()
    app = api.create_openapi_app(__name__)
    input_checks.prepare(app)
    app.config.update(MAX_CONTENT_LENGTH=1 << 20)
    app.extensions["facelease"] = services
    app.jinja_env.globals["languages"] = {one: catalogues.name(one, one) for one in catalogues.LANGUAGES}
    readiness.prepare(app.extensions, services)
    admission.refuse_large_bodies(app)
    store_unavailable.prepare(app, services)
    sessions.prepare(app, config)
    problems.register_handlers(app)
    error_pages.prepare(app)
    app.log_exception = _log_exception  # type: ignore[method-assign,assignment]
    limiter = rate_limits.prepare(app, config)
    openid_sign_in.prepare(app, config)
    _add_routes(app, services, limiter)
    signed = [module.create_blueprint(services) for module in (webhooks, panel, downloads, searches, inviting)]
    doors = (module.create_blueprint(services, limiter) for module in (staff_sign_in, openid_sign_in))
    for part in (*signed, *doors):
        if part is not None:
            sessions.exempt_csrf(app, part)
            app.register_blueprint(part)
    app.register_blueprint(console.console)
    app.register_blueprint(form_pages.create_blueprint(services, limiter))
    app.register_blueprint(own_page.create_blueprint(services, limiter))
    app.register_blueprint(key_pages.create_blueprint(services, limiter))
    api.register_routes(app, services)
    app.after_request(_set_headers)
    return app


def _log_exception(exception: Any) -> None:
    """Log an unexpected error by its class alone: a traceback may quote a name or a path."""
    log.error("unforeseen error", error=getattr(exception[0], "__name__", "unknown"))


def _set_headers(response: Response) -> Response:
    """Headers of every response; a surface with forms or scripts has set its own policy before."""
    response.headers.setdefault(
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'",
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    if current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers["Strict-Transport-Security"] = HSTS
    return response


def _add_routes(app: Flask, services: Services, limiter: Limiter) -> None:
    @app.get("/")
    @limiter.limit(COUNT_LIMIT)
    def front() -> tuple[str, int]:
        words = catalogues.Words("front", choose_language(services.config.site.language, request.args.get("lang", "")))
        missing = find_unready()
        found = None if missing is not None and missing.startswith("store:") else figures.count(services)
        name, is_ready = services.config.site.name, missing is None
        page = render_template("front.html", w=words, site=name, state=found, ready=is_ready)
        return page, 200 if found else 503

    @app.get("/health")
    def health() -> Response:
        return jsonify(status="ok")

    @app.get("/ready")
    def ready() -> Response:
        missing = find_unready()
        if missing is None:
            return jsonify(status="ready", looked_at=list(CHECKS))
        return problems.respond(503, "Not ready", missing)

    @app.get("/metrics")
    @limiter.limit(COUNT_LIMIT)
    def show_metrics() -> Response:
        try:
            _set_count_metrics(figures.count(services))
            _set_owed_metrics(services)
            _set_round_metrics(services)
        except StoreAway:  # counters of this process are still valid
            metrics.clear_store_metrics()
        return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _set_round_metrics(services: Services) -> None:
    """How long the last whole comparison took, or the one under way has taken; and when one last ended."""
    found, now = comparison.find_round(services, counted=False), services.clock.now()
    if found.began_at is not None:
        end = found.ended_at if found.is_over and found.ended_at is not None else now
        metrics.ROUND_SECONDS.set((end - found.began_at).total_seconds())
    metrics.ROUND_AGE.set(-1 if found.ended_at is None else (now - found.ended_at).total_seconds())


def _set_count_metrics(now: Counts) -> None:
    for name in ("whole", "partly", "no"):
        metrics.PHOTOS.labels(name).set(now.photos.get(name, 0))
    for name in ("matched", "suggested", "unmatched", "rejected", "dismissed"):
        metrics.FACES.labels(name).set(now.faces.get(name, 0))
    for name, count in now.jobs.items():
        metrics.QUEUE.labels(name).set(count)
    for name in ("queued", "sent", "dropped", "failed"):
        metrics.MAILS.labels(name).set(now.mails.get(name, 0))
    metrics.GALLERY.set(now.templates)
    metrics.STORE.set(1)
    metrics.SWEEP_AGE.set(-1 if now.sweep_age is None else now.sweep_age)


def _set_owed_metrics(services: Services) -> None:
    for kind in overdue.QUERIES:
        found = overdue.measure(services, kind)
        age = (services.clock.now() - found.since).total_seconds() if found.since else 0
        metrics.OWED.labels(kind).set(found.count)
        metrics.OWED_SECONDS.labels(kind).set(age)
