"""What a server answered: a picture, nothing new, another place to look, or why not.

A body is counted while it comes, because a length in a header is a claim. Nothing is decompressed:
pictures are compressed already, and a few bytes can be made to unpack to gigabytes.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpcore2
import httpx2

from app.fetching.errors import FetchError
from app.fetching.urls import shown_url

Headers = Mapping[bytes | str, bytes | str]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 425, 429})  # and everything from 500
_PAGE_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_PAGE_STARTS = (b"<!doctype html", b"<html")
_MAX_DISCARDED_BYTES = 64 * 1024
_MAX_VALIDATOR_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class Fetched:
    """A picture's bytes, and what to hand in when asking for it again.

    Attributes:
        content: the whole file; nobody has looked yet whether it is a picture.
        etag: None where the server gave none.
        last_modified: as `etag`.
    """

    content: bytes
    etag: str | None
    last_modified: str | None


@dataclass(frozen=True, slots=True)
class NotModified:
    """The picture is still that of the validators that were handed in."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """The picture is elsewhere."""

    url: httpx2.URL


def condition_headers(etag: str | None, last_modified: str | None) -> Headers:
    """Return the headers that ask for a picture only if it has changed."""
    values = {"If-None-Match": _validator(etag), "If-Modified-Since": _validator(last_modified)}
    return {name: value for name, value in values.items() if value is not None}


def read_answer(
    response: httpcore2.Response, url: httpx2.URL, *, max_bytes: int, is_conditional: bool
) -> Fetched | NotModified | Redirect:
    """Read an answer, its body only where it may be a picture.

    Raises:
        FetchError: it holds no picture, or too many bytes.
        The errors of httpcore2, where it ends too early.
    """
    headers = httpx2.Headers(response.headers)
    if response.status != HTTPStatus.OK:
        _discard(response)
    if response.status in _REDIRECTS:
        return Redirect(_target(url, headers))
    if response.status == HTTPStatus.NOT_MODIFIED and is_conditional:
        return NotModified()
    if response.status != HTTPStatus.OK:
        raise _refusal(response.status, url, headers)
    _check_headers(url, headers, max_bytes)
    content = _body(response, url, max_bytes)
    if content[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_PAGE_STARTS):
        raise FetchError(f"{shown_url(url)} is an HTML page, expected a picture.")
    return Fetched(
        content, _validator(headers.get("etag")), _validator(headers.get("last-modified"))
    )


def _target(url: httpx2.URL, headers: httpx2.Headers) -> httpx2.URL:
    try:
        return url.join(headers["location"])
    except (KeyError, httpx2.InvalidURL, ValueError) as error:
        raise FetchError(f"{shown_url(url)} redirects, but not to a valid URL.") from error


def _refusal(status: int, url: httpx2.URL, headers: httpx2.Headers) -> FetchError:
    try:
        phrase = f" {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = ""
    return FetchError(
        f"{shown_url(url)} answered {status}{phrase}, expected 200 OK.",
        retryable=status in _PASSING or status >= 500,
        retry_after_s=_retry_after_s(headers.get("retry-after")),
    )


def _retry_after_s(text: str | None) -> float | None:
    """Read `Retry-After`: seconds, or a date (https://www.rfc-editor.org/rfc/rfc9110#name-retry-after)."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _check_headers(url: httpx2.URL, headers: httpx2.Headers, max_bytes: int) -> None:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in _PAGE_TYPES:
        raise FetchError(f"{shown_url(url)} is a page ({media_type}), expected a picture.")
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise FetchError(
            f"{shown_url(url)} comes compressed ({encoding[:40]}), which it was asked not to."
        )
    claimed = headers.get("content-length", "")
    if claimed.isdigit() and int(claimed) > max_bytes:
        raise _too_large(url, max_bytes)


def _body(response: httpcore2.Response, url: httpx2.URL, max_bytes: int) -> bytes:
    pieces, size_bytes = [], 0
    for piece in response.iter_stream():
        size_bytes += len(piece)
        if size_bytes > max_bytes:
            raise _too_large(url, max_bytes)
        pieces.append(piece)
    return b"".join(pieces)


def _discard(response: httpcore2.Response) -> None:
    """Read what nobody wants: only a connection that is at its end can be used again."""
    size_bytes = 0
    for piece in response.iter_stream():
        size_bytes += len(piece)
        if size_bytes > _MAX_DISCARDED_BYTES:
            return


def _too_large(url: httpx2.URL, max_bytes: int) -> FetchError:
    return FetchError(f"{shown_url(url)} has more bytes than the {max_bytes:,} that are read.")


def _validator(text: str | None) -> str | None:
    """Return a validator that can be stored and sent, None for one that cannot."""
    if text is None or len(text) > _MAX_VALIDATOR_LENGTH:
        return None
    return text if text.isascii() and text.isprintable() else None
