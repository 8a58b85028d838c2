"""Where API keys come from, and where they may go."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from reconciler.backends.addresses import http_address, is_private, shown
from reconciler.backends.pipeline import pipeline_variable
from reconciler.errors import AuthenticationError
from reconciler.model.redaction import Redaction, secrets_of
from reconciler.model.settings import Settings, not_a_key

DEFAULT_NAME = "RECONCILER_API_KEY"
PREFIX = "RECONCILER_"


class ApiKey:
    """A key and the name of the environment variable it came from; only `reveal` shows it."""

    __slots__ = ("_value", "name")

    def __init__(self, name: str, value: str) -> None:
        self.name = name
        self._value = value

    def reveal(self) -> str:
        """Return the key itself, for the Authorization header and nothing else."""
        return self._value

    def __repr__(self) -> str:
        return f"ApiKey({self.name})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ApiKey) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class KeyRing:
    """The keys of one run: a default one, and one for each organization that names its own.

    `redaction` takes these out of what is read, and whatever else in the environment is secret.
    """

    __slots__ = ("_default_name", "_keys", "_names", "redaction")

    def __init__(
        self,
        default_name: str,
        names: Mapping[int, str],
        keys: Mapping[str, ApiKey],
        secrets: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._default_name = default_name
        self._names = names
        self._keys = keys
        self.redaction = Redaction({**secrets, **{k.name: k.reveal() for k in keys.values()}})

    @classmethod
    def none(cls) -> KeyRing:
        """Return a ring without any key, for a target that needs none."""
        return cls(DEFAULT_NAME, MappingProxyType({}), MappingProxyType({}))

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str], settings: Settings, url: str, explicit: bool
    ) -> KeyRing:
        """Return the keys that may be sent to `url`, out of the environment.

        `explicit` tells that the URL was named by `--api` or RECONCILER_API_URL and not by a file.
        Raises `AuthenticationError` where a key must not go there, or where there is none at all,
        `UsageError` where the URL is none.
        """
        secrets = secrets_of(environ)
        if url.startswith("sqlite:"):
            return cls(DEFAULT_NAME, MappingProxyType({}), MappingProxyType({}), secrets)
        http_address(url)
        _refuse_in_ci(environ, url, explicit)
        require_private(url)
        default_name = settings.api.key_env or DEFAULT_NAME
        names = dict(settings.keys)
        keys: dict[str, ApiKey] = {}
        for name in dict.fromkeys((default_name, *names.values())):
            key = _read(environ, name)
            if key is not None:
                keys[name] = key
        ring = cls(default_name, MappingProxyType(names), MappingProxyType(keys), secrets)
        if not keys:
            raise _missing(default_name)
        return ring

    def for_organization(self, organization: int) -> ApiKey:
        """Return the key for this organization; raises `AuthenticationError` if it is not set."""
        name = self._names.get(organization, self._default_name)
        key = self._keys.get(name)
        if key is None:
            raise _missing(name)
        return key

    def all(self) -> tuple[ApiKey, ...]:
        """Return every distinct key that is set, the default one first."""
        return tuple(dict.fromkeys(self._keys.values()))

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self._keys)})"


def require_private(url: str) -> None:
    """Raise `AuthenticationError` where a key sent to this URL could be read on the way."""
    if not is_private(url):
        raise AuthenticationError(
            f"{shown(url)}: an API key is not sent over plain http to another machine",
            hint="use https://; http:// is for 127.0.0.1, [::1] and localhost",
        )


def _refuse_in_ci(environ: Mapping[str, str], url: str, explicit: bool) -> None:
    if explicit or pipeline_variable(environ) is None:
        return
    # A pull request can change the workspace file; it must not be able to redirect the key.
    raise AuthenticationError(
        f"in CI the API key is not sent to {shown(url)}, which only the workspace file names",
        hint="name the host in the pipeline: --api URL or RECONCILER_API_URL",
    )


def _read(environ: Mapping[str, str], name: str) -> ApiKey | None:
    if not name.startswith(PREFIX):
        raise AuthenticationError(
            f"the API key cannot come from {name}: the variable's name must begin with {PREFIX}",
            hint="rename the variable, in the environment and in the workspace file",
        )
    reason = not_a_key(name)
    if reason is not None:
        raise AuthenticationError(reason, hint="name another variable in the workspace file")
    value = environ.get(name, "").strip()
    if not value:
        return None
    if not all("!" <= character <= "~" for character in value):
        raise AuthenticationError(
            f"{name} holds a space, a line break or a character that no API key has",
            hint="set it again, to the key alone, on one line",
        )
    return ApiKey(name, value)


def _missing(name: str) -> AuthenticationError:
    return AuthenticationError(
        f"there is no API key: the environment variable {name} is not set",
        hint=f"set {name} to the API key of an Owner or Admin of the organization",
    )
