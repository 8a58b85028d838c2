"""Addresses of licensing systems: what a URL may hold, and how it is shown."""

from __future__ import annotations

import ipaddress
import re
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
    if parts.query or parts.fragment:
        raise UsageError(
            f"{shown(url)}: a URL holds no query and no fragment here",
            hint="the API key comes from the environment: RECONCILER_API_KEY",
        )
    known = parts.scheme in {"http", "https"}
    if not known or not parts.hostname or not _printable(url):
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
    """Return a URL for a message, without what may hold a secret: what is before @ or after ?."""
    scheme, separator, rest = url.partition("://") if "://" in url else ("", "", url)
    host, mark, _ = _split_query(rest.rpartition("@")[2])
    if "@" in _split_query(rest)[2]:
        host, mark = "", "?"  # Whether that @ ends a password or is in a query, nobody can tell.
    text = f"{scheme}{separator}{host}{mark and f'{mark}…'}"
    return "".join(character if character.isprintable() else "?" for character in text)


def _split_query(text: str) -> tuple[str, str, str]:
    """Return what is before the query or the fragment, its mark, and the rest."""
    found = re.search("[?#]", text)
    if found is None:
        return text, "", ""
    return text[: found.start()], found[0], text[found.end() :]


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
