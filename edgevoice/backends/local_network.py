"""Connects to machines on the local network and, unless asked to, to no others."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from edgevoice.cancel import CancelScope
from edgevoice.errors import BackendFailed, Misused

Address = tuple[str, int]

LOCAL = tuple(
    map(
        ip_network,
        (
            *("127.0.0.0/8", "::1/128"),  # this machine
            *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"),  # RFC 1918
            "fc00::/7",  # RFC 4193
            *("169.254.0.0/16", "fe80::/10"),  # one cable or one radio: RFC 3927, RFC 4291
        ),
    )
)
"""Networks whose machines are the user's own, or their household's."""

CONNECT_S = 4.0
"""A machine on the local network that has not accepted by then is off; a lost packet is sent
again after 1 s and after 3."""


def is_local(address: str) -> bool:
    """Whether an IP address is of this machine or of the local network."""
    ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return any(ip in network for network in LOCAL if network.version == ip.version)


def resolve(host: str, port: int, *, allow_public: bool) -> list[Address]:
    """Return the addresses of ``host``, all of them checked.

    Raises:
        Misused: one of them is not local, and ``allow_public`` is false.
        BackendFailed: the name is not known.

    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise BackendFailed(
            f"The name {host} is not known on this network.", hint="its address instead"
        ) from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    public = [address for address in addresses if not is_local(address)]
    if public and not allow_public:
        raise Misused(
            f"{host} ({public[0]}) is not on the local network, and the talk would leave it.",
            hint="--set llm.allow_public=true, if that is what you want",
        )
    return [(address, port) for address in addresses]


def connect(addresses: list[Address], scope: CancelScope) -> socket.socket:
    """Connect to the first of ``addresses`` that accepts; cancelling ``scope`` cuts the line.

    Raises:
        OSError: none accepts; the last one's reason.

    """
    reason = OSError("no address")
    for address, port in addresses:
        scope.check()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        line = socket.socket(family, socket.SOCK_STREAM)
        scope.on_cancel(lambda line=line: cut(line))  # type: ignore[misc] # binds this one
        try:
            line.settimeout(CONNECT_S)
            line.connect((address, port))
        except OSError as error:
            line.close()
            reason = error
        else:
            return line
    scope.check()
    raise reason


def cut(line: socket.socket) -> None:
    """End a connection so that a thread which waits for it wakes up. From any thread."""
    try:
        socket.socket.shutdown(line, socket.SHUT_RDWR)
    except OSError:
        return  # it was not connected, or has ended by itself
