"""The only host that is ever called: every URL is checked against it, and rebuilt from it."""

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from plugin.errors import DamError

_PORTS = {"http": 80, "https": 443}
UrlOrigin = tuple[str, str, int]


class ServerAddress:
    """The configured start page. A URL from the DAM is accepted only within its origin."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._origin = _find_origin(_parse(url))

    @property
    def api(self) -> str:
        """The URL of the API."""
        return f"{self._url}/api/"

    @property
    def name(self) -> str:
        """The URL without a trailing slash: it identifies this DAM in the ledger."""
        return self._url

    def within(self, url: str) -> str:
        """The URL with our own scheme, host and port. Raises DamError for another origin."""
        there = _parse(url)
        if _find_origin(there) != self._origin:
            raise DamError(
                "the DAM names an address on another host than the configured one, which is never called: "
                "let its $baseurl and the url in [resourcespace] be the same"
            )
        scheme, host, port = self._origin
        return f"{scheme}://{host}:{port}{there.request_uri}"


def _parse(url: str) -> Url:
    """Parsed as the HTTP library does. Refuses what two parsers may read differently."""
    if not url.isascii() or not url.isprintable() or any(sign in url for sign in ' \\<>"'):
        raise DamError("the DAM names an address with signs that do not belong in one")
    try:
        parsed = parse_url(url)
    except LocationParseError as error:
        raise DamError("the DAM names an address that is none") from error
    if parsed.auth is not None or parsed.scheme not in _PORTS or not parsed.host:
        raise DamError("the DAM names an address that is not a plain http or https one")
    return parsed


def _find_origin(url: Url) -> UrlOrigin:
    scheme, host = str(url.scheme), str(url.host).lower()
    return scheme, host, url.port if url.port is not None else _PORTS[scheme]
