"""What every test stands on: an empty environment, and no configuration of this machine."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from reconciler.backends.pipeline import CI_VARIABLES

settings.register_profile("default", deadline=None, max_examples=100)
settings.load_profile("default")


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("RECONCILER_") or name in {*CI_VARIABLES, "NO_COLOR", "FORCE_COLOR"}:
            monkeypatch.delenv(name)
