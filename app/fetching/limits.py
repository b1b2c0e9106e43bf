"""What one fetch may cost, and how patient it is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Caps of a `Fetcher`.

    Attributes:
        max_bytes: of a picture's file; counted while it comes, whatever its header claims.
        total_s: for everything from the first lookup to the last byte, redirects, retries and the
            pauses between them included; waiting for one's turn at a busy host is not.
        connect_s: for looking up a name, and for connecting to an address.
        read_s: for a server that sends nothing.
        turn_s: for one's turn at a busy host; None waits until it comes.
        max_redirects: that are followed.
        max_retries: after a failure that may pass.
        backoff_s: the pause before the first retry, at most; it doubles with each.
        max_retry_after_s: the longest `Retry-After` that is waited for.
        per_host: requests to one host at a time.
        max_failures: of one host in a row, each after its retries, before it is left alone.
        outage_s: for how long it is.
    """

    max_bytes: int = 32 * 1024 * 1024
    total_s: float = 60.0
    connect_s: float = 10.0
    read_s: float = 20.0
    turn_s: float | None = None
    max_redirects: int = 5
    max_retries: int = 3
    backoff_s: float = 1.0
    max_retry_after_s: float = 30.0
    per_host: int = 8
    max_failures: int = 10
    outage_s: float = 60.0
