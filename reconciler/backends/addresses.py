"""Addresses of licensing systems: what a URL may hold, and how it is shown."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

from reconciler.errors import UsageError


def http_address(url: str) -> str:
    """Return the base address of an http or https URL; raises `UsageError` for any other."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(
            f"{shown(url)} is not a URL", hint="for example https://testops.katalon.io"
        ) from error
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"{shown(url)}: a URL holds no user name and no password here",
            hint="the API key comes from the environment: RECONCILER_API_KEY",
        )
    known = parts.scheme in {"http", "https"}
    if not known or not parts.hostname or parts.query or parts.fragment or not _printable(url):
        raise UsageError(
            f"{shown(url)} is not the base URL of an API",
            hint="for example https://testops.katalon.io",
        )
    return f"{parts.scheme}://{_host(parts, port)}{parts.path.rstrip('/')}"


def _host(parts: SplitResult, port: int | None) -> str:
    host = parts.hostname or ""
    bracketed = f"[{host}]" if ":" in host else host
    default = 443 if parts.scheme == "https" else 80
    return bracketed if port in {None, default} else f"{bracketed}:{port}"


def _printable(url: str) -> bool:
    return url.isprintable() and not any(character.isspace() for character in url)


def shown(url: str) -> str:
    """Return a URL for a message, without whatever stands before an @."""
    scheme, separator, rest = url.partition("://")
    host = rest.rpartition("@")[2]
    text = f"{scheme}{separator}{host}"
    return "".join(character if character.isprintable() else "?" for character in text)


def is_private(address: str) -> bool:
    """Tell whether nobody on the way can read what is sent to this address."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.scheme == "https" or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
