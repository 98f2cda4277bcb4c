"""`POST /hooks/resourcespace`: an event of the DAM is queued once (idempotent), before it is acknowledged."""

from flask import Blueprint, Response, jsonify

from plugin.flows.common import dam_events
from plugin.flows.common.services import Services
from plugin.hooks.webhooks import events
from sidecar.running import metrics
from sidecar.web import signed_requests

PATH = "/hooks/resourcespace"


def create_blueprint(services: Services) -> Blueprint | None:
    """The endpoint; None while no secret is configured. Raises ConfigError for one that cannot be read."""
    known = signed_requests.load_secrets(services.config, "events")
    if known is None:
        return None
    routes = Blueprint("webhooks", __name__)
    signed_requests.answer_when_busy(routes)

    @routes.post(PATH)
    def receive() -> tuple[Response, int]:
        message, raw = signed_requests.read_signed(services, known)
        event = events.parse_event(raw)
        outcome = "ignored"
        if event is not None:
            outcome = "accepted" if dam_events.accept(services, message, event) else "known"
        metrics.EVENTS.labels(outcome).inc()
        return jsonify(status=outcome), 202

    return routes
