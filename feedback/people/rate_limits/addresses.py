"""The network address that a request came from, as far as it can be believed."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest

IPV6_PREFIX = 64  # one household or server has at least this much of the address space


def client_address(request: HttpRequest) -> str:
    """Return the client's address, or what the outermost trusted proxy saw.

    Each of `TRUSTED_PROXIES` proxies has appended the address that it was called from to
    `X-Forwarded-For`; what stands to the left of those was written by the client.
    """
    direct = str(request.META.get("REMOTE_ADDR") or "unknown")
    proxies: int = settings.TRUSTED_PROXIES
    if proxies == 0:
        return direct
    forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    seen = forwarded[-proxies] if len(forwarded) >= proxies else direct
    return seen if _is_address(seen) else direct


def client_network(request: HttpRequest) -> str:
    """Return what a limit per address counts: an IPv4 address, or an IPv6 network."""
    address = client_address(request)
    if ":" not in address or not _is_address(address):
        return address
    return str(ipaddress.IPv6Network((address, IPV6_PREFIX), strict=False).network_address)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
