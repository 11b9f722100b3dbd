"""Which addresses may be notified: public ones, and what the settings allow besides. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address

#: IPv4 written as IPv6 by a network's own gateway; what it leads to is what counts.
NAT64 = IPv6Network("64:ff9b::/96")
#: What Python 3.11 takes for global, at least in some of its patches, and is not one machine's:
#: protocols' own, tunnels of old (whose end is written in them), documentation, segment routing.
SPECIAL = tuple(
    ip_network(network)
    for network in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "::/96",
        "64:ff9b:1::/48",
        "2001::/23",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
    )
)


@dataclass(frozen=True)
class Allowed:
    """What is allowed besides, in the settings' own words."""

    hosts: frozenset[str]
    networks: tuple[IPv4Network | IPv6Network, ...]

    @classmethod
    def of(cls, places: Iterable[str]) -> "Allowed":
        """Take hosts, addresses and networks."""
        networks = {place: _network(place) for place in places}
        return cls(
            frozenset(place.lower() for place, network in networks.items() if network is None),
            tuple(network for network in networks.values() if network is not None),
        )

    def fault(self, host: str, address: str, *, is_plain: bool) -> str | None:
        """Why *address*, which *host* has turned out to be, may not be spoken to.

        *is_plain*: what is said, could be read on the way.
        """
        real = unwrapped(ip_address(address))
        if host.lower() in self.hosts or any(real in network for network in self.networks):
            return None
        if is_plain:
            return "http:// is for what CURTAIN_NOTIFY_PRIVATE allows; use https://"
        if not is_public(real):
            return "its address is not public, and CURTAIN_NOTIFY_PRIVATE does not allow it"
        return None


def _network(place: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(place, strict=False)
    except ValueError:
        return None


def unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, if it does."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether it is anybody's on the internet, and one machine's."""
    real = unwrapped(address)
    if real.is_multicast or real.is_reserved or not real.is_global:
        return False
    if isinstance(real, IPv6Address) and real.is_site_local:
        return False
    return not any(real in network for network in SPECIAL)
