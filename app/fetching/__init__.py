"""Pictures from URLs that somebody else wrote: a feed, or the sender of a request.

Whoever writes the URL must not be able to make this machine ask its own network, wait for ever, or
fill its memory. `urls` says which URLs are taken, `addresses` which addresses, `network` connects
to exactly the address that was checked and watches the clock, `fetcher` asks, follows and retries.
"""

from app.fetching.answers import Fetched, NotModified
from app.fetching.errors import FetchError
from app.fetching.fetcher import Fetcher
from app.fetching.limits import FetchLimits
from app.fetching.urls import parse_url, shown_url

__all__ = [
    "FetchError",
    "FetchLimits",
    "Fetched",
    "Fetcher",
    "NotModified",
    "parse_url",
    "shown_url",
]
