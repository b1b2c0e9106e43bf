"""Which addresses may be asked: those of the public internet, and nothing that leads around it.

https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry say what
is global; `ipaddress` knows most of it, and the tables below what its versions differ about.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

_GLOBAL_UNICAST = ip_network("2000::/3")  # everything else of IPv6 is reserved or local
_NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits
_NOT_GLOBAL = tuple(
    ip_network(text)
    for text in (
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays, deprecated
        "2001::/23",  # protocol assignments, Teredo among them, which embeds IPv4 addresses
        "3fff::/20",  # documentation
    )
)


class AddressRule:
    """Tells whether an address may be connected to.

    Args:
        allowed_networks: taken besides the global addresses, as "127.0.0.0/8" in tests.
    """

    def __init__(self, allowed_networks: Sequence[str] = ()) -> None:
        self._allowed = tuple(ip_network(text) for text in allowed_networks)

    def allows(self, text: str) -> bool:
        """Return whether an address, as a resolver writes it, may be connected to."""
        address = ip_address(text)
        if isinstance(address, IPv6Address) and address.scope_id is not None:
            return False
        return any(address in network for network in self._allowed) or is_global(address)


def is_global(address: Address) -> bool:
    """Return whether packets to an address leave for the public internet.

    An IPv6 address that a gateway turns into an IPv4 address (mapped, 6to4, NAT64) counts as that.
    """
    if isinstance(address, IPv6Address):
        embedded = _embedded_ipv4(address)
        if embedded is not None:
            return is_global(embedded)
        if address not in _GLOBAL_UNICAST:
            return False
    if any(address in network for network in _NOT_GLOBAL):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _embedded_ipv4(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour
