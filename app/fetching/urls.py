"""Which URLs are fetched, and how one is shown to people.

A query may be a signature that opens a private bucket, so what is shown ends before it.
"""

import re

import httpx2

from app.fetching.errors import FetchError

MAX_URL_LENGTH = 8192
_HOST = re.compile(r"[a-z0-9_.-]+|[0-9a-f:.]+", re.IGNORECASE)
# Lower ports belong to other protocols, whose servers might take a request for one of their own.
_WEB_PORTS = frozenset({80, 443})
_FIRST_USER_PORT = 1024


def parse_url(text: str, *, allow_http: bool) -> httpx2.URL:
    """Check a URL and return it normalized: the path percent-encoded, the host in ASCII.

    Raises:
        FetchError: it is of another scheme, has a user or a port of another protocol, or is none.
    """
    try:
        url = httpx2.URL(text)
    except (httpx2.InvalidURL, ValueError) as error:  # its reason may repeat a password
        raise FetchError(f"It is not a valid URL; expected {_expected(allow_http)}.") from error
    if len(text) > MAX_URL_LENGTH:
        raise FetchError(f"Its URL has {len(text):,} characters, at most {MAX_URL_LENGTH:,} fit.")
    check_url(url, allow_http=allow_http)
    return url


def check_url(url: httpx2.URL, *, allow_http: bool) -> None:
    """Refuse a URL that must not be fetched.

    Raises:
        FetchError: as `parse_url`.
    """
    schemes = ("https", "http") if allow_http else ("https",)
    if url.scheme not in schemes:
        raise FetchError(f"{shown_url(url)} is not fetched; expected {_expected(allow_http)}.")
    if url.userinfo:
        raise FetchError(f"{shown_url(url)} holds a user or a password, which URLs must not.")
    if not _HOST.fullmatch(url.raw_host.decode("ascii")):
        raise FetchError(f"{shown_url(url)} names no host.")
    port = url.port
    if port is not None and port not in _WEB_PORTS and not _FIRST_USER_PORT <= port <= 65535:
        raise FetchError(f"{shown_url(url)} names port {port}; expected 80, 443, or 1024 to 65535.")


def shown_url(url: httpx2.URL | str) -> str:
    """Return a URL fit for logs, messages and reports: without user, query and fragment."""
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError):
        return "a URL"
    path = parsed.raw_path.partition(b"?")[0]  # still percent-encoded: no line breaks in logs
    return f"{parsed.scheme}://{(parsed.netloc + path).decode('ascii')}"


def _expected(allow_http: bool) -> str:
    return "https:// or http://" if allow_http else "https://"
