"""Under which names the page may be asked for.

A page from elsewhere can have its own name point to this machine (DNS rebinding), and would
then read the films' names. So a request has to come under a name that is known to be this
machine's: a loopback one, an address of its own, its host name, or one that the user allows.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_EVERY = frozenset({"0.0.0.0", "::"})  # addresses that stand for all of a machine's


def name_of(host: str) -> str | None:
    """The name or address in a Host header, in one spelling.

    Parameters
    ----------
    host : str
        A name or address, IPv6 in brackets, with or without a port.

    Returns
    -------
    str or None
        None where it is no such thing.

    Examples
    --------
    >>> name_of("NAS:8338"), name_of("[::1]"), name_of("a/b")
    ('nas', '::1', None)
    """
    try:
        parts = urlsplit(f"//{host}")
        name, _ = parts.hostname, parts.port  # a port that is none raises
    except ValueError:
        return None
    odd = any(c.isspace() or not c.isprintable() or c == "@" for c in host)
    if not name or parts.netloc != host or odd:
        return None
    return spelt(name)


def spelt(name: str) -> str:
    """A name or address in the one spelling in which they are compared."""
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name.lower().rstrip(".")
    mapped = getattr(address, "ipv4_mapped", None)  # how an IPv6 socket names an IPv4 address
    return str(mapped or address)


def own_names(host: str) -> list[str]:
    """Names and addresses of this machine under which others reach it.

    Parameters
    ----------
    host : str
        The address that is listened on. A loopback one is reached by no other machine.

    Returns
    -------
    list of str
    """
    if spelt(host) in LOOPBACK:
        return []
    name = spelt(socket.gethostname())
    names = [name, name.partition(".")[0]]
    if spelt(host) not in _EVERY:
        return list(dict.fromkeys([spelt(host), *names]))
    # No packet is sent: connecting a datagram socket only chooses the address to send from.
    kinds = [(socket.AF_INET, "192.0.2.1")]
    if spelt(host) == "::":
        kinds.append((socket.AF_INET6, "2001:db8::1"))
    addresses = []
    for family, elsewhere in kinds:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((elsewhere, 9))
            addresses.append(spelt(probe.getsockname()[0]))
    return list(dict.fromkeys([*addresses, *names]))


def known_names(host: str, allowed: Iterable[str]) -> frozenset[str]:
    """All names under which the page may be asked for.

    Parameters
    ----------
    host : str
        The address that is listened on.
    allowed : iterable of str
        Those that the user names.

    Returns
    -------
    frozenset of str
    """
    return LOOPBACK | {spelt(host)} | {spelt(name) for name in allowed} | {*own_names(host)}


def pages(host: str, port: int, allowed: Iterable[str]) -> list[str]:
    """The addresses under which the page can be opened, the nearest first.

    Parameters
    ----------
    host : str
        The address that is listened on.
    port : int
    allowed : iterable of str
        Names that the user allows.

    Returns
    -------
    list of str
        URLs.
    """
    names = ["localhost"] if spelt(host) in _EVERY else [spelt(host)]
    names += [*own_names(host), *map(spelt, allowed)]
    shown = [f"[{name}]" if ":" in name else name for name in dict.fromkeys(names)]
    return [f"http://{name}:{port}/" for name in shown]
