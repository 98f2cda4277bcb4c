"""`/s/lost`: request a letter with a new link. The response is the same whether or not the person is known."""

from flask import Blueprint, Response, request
from flask_limiter import Limiter

from plugin.flows.common.services import Services
from plugin.flows.signing import lost_links
from sidecar.sign import pages
from sidecar.web import rate_limits

_LIMIT = "10/minute"
_MAX_NAME = 200  # characters of a name


def add_routes(part: Blueprint, services: Services, limiter: Limiter) -> None:
    """Add the page and its form."""

    def lost() -> Response:
        if not lost_links.can_write(services):
            return pages.render_message(services, "lost_later", 200)
        if request.method == "GET":
            return pages.render_page(services, "sign/lost.html")
        name, token = request.form.get("name", "")[:_MAX_NAME], request.form.get("token", "")[:_MAX_NAME]
        lost_links.request_letter(services, name=name, token=token, network=rate_limits.by_address())
        return pages.render_message(services, "lost_done", 200)

    limited = limiter.limit(_LIMIT, key_func=rate_limits.by_address, methods=["POST"])(lost)
    part.add_url_rule("/lost", "lost", limited, methods=["GET", "POST"])
