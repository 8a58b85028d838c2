"""Checks every response against `schemas/licensing-api.openapi.yaml`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import requests
import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

SPECIFICATION = Path(__file__).parent.parent / "schemas" / "licensing-api.openapi.yaml"

# These are answered on any path, so that no operation lists them.
_ANYWHERE = {
    400: "Malformed",
    404: "NotFound",
    405: "MethodNotAllowed",
    413: "TooLarge",
    431: "HeadersTooLarge",
    500: "Failed",
    501: "NoSuchEncoding",
    503: "Busy",
}


class ContractViolation(AssertionError):  # noqa: N818 - it is what it is called in the reports
    """A response that the specification does not allow."""


class Contract:
    """The specification, asked about one response at a time."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.seen: set[tuple[str, str, int]] = set()
        self._validators: dict[str, Draft202012Validator] = {}

    def operations(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Yield method, path template and operation, each once."""
        for template, item in self.document["paths"].items():
            for method in ("get", "put", "post", "delete", "patch", "head", "options"):
                if method in item:
                    yield method.upper(), template, item[method]

    def check(
        self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> None:
        """Raise ContractViolation unless the specification has such a response there."""
        where = f"{method} {path} -> {status}"
        template, response = self._response(method, path, status, where)
        lower = {name.lower(): value for name, value in headers.items()}
        for name, reference in response.get("headers", {}).items():
            header = self.resolve(reference)
            value = lower.get(name.lower())
            if value is not None:
                self._validate(header["schema"], value, f"{where}, header {name}")
            elif header.get("required"):
                raise ContractViolation(f"{where}: the header {name} is missing")
        kind = lower.get("content-type", "")
        content = response.get("content", {})
        if kind not in content:
            raise ContractViolation(f"{where}: content type {kind!r}, not one of {list(content)}")
        self._validate(content[kind]["schema"], json.loads(body), where)
        self.seen.add((method, template, status))

    def resolve(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what a `$ref` stands for, or the value itself."""
        if "$ref" not in value:
            return value
        target: Any = self.document
        for part in value["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        return self.resolve(target)

    def _response(
        self, method: str, path: str, status: int, where: str
    ) -> tuple[str, Mapping[str, Any]]:
        known = [
            (other, template, operation)
            for other, template, operation in self.operations()
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
        ]
        for other, template, operation in known:
            if other == method and str(status) in operation["responses"]:
                return template, self.resolve(operation["responses"][str(status)])
        is_operation = any(other == method for other, _, _ in known)
        applies = {404: not known, 405: bool(known) and not is_operation}
        if not applies.get(status, status in _ANYWHERE):
            raise ContractViolation(f"{where}: the specification has no such response")
        return path, self.document["components"]["responses"][_ANYWHERE[status]]

    def _validate(self, schema: Mapping[str, Any], value: Any, where: str) -> None:
        key = repr(schema)
        if key not in self._validators:
            self._validators[key] = Draft202012Validator(
                {**schema, "components": self.document["components"]}
            )
        error = best_match(self._validators[key].iter_errors(value))
        if error is not None:
            raise ContractViolation(f"{where}: {error.json_path}: {error.message}")


@cache
def contract() -> Contract:
    """Return the specification, read once a process."""
    return Contract(yaml.safe_load(SPECIFICATION.read_text(encoding="utf-8")))


class CheckedSession(requests.Session):
    """A client of one server whose every response is checked."""

    def __init__(self, url: str, key: str | None = None) -> None:
        super().__init__()
        self.url = url
        self.trust_env = False
        if key is not None:
            self.auth = ("", key)

    def request(  # type: ignore[override]
        self, method: str, path: str, **options: Any
    ) -> requests.Response:
        response = super().request(method, self.url + path, timeout=30, **options)
        contract().check(
            method.upper(),
            unquote(path.partition("?")[0]),
            response.status_code,
            response.headers,
            response.content,
        )
        return response
