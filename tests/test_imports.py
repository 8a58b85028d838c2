"""The directions in which modules may import each other."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "reconciler"

BASE = {
    "errors", "products", "schema", "schema_messages", "schema_problem", "model", "file_text",
    "strict_json",
}  # fmt: skip
ALLOWED = {
    "errors": {"model.source"},
    "products": set(),
    "file_text": {"errors", "model.source"},
    "strict_json": {"file_text", "schema_messages"},
    "schema": {"schema_messages", "schema_problem"},
    "schema_messages": {"schema_problem"},
    "schema_problem": set(),
    "model": {"errors", "products"},
    "planning": {"errors", "products", "model"},
    "config": BASE,
    "editing": BASE,
    "reports": {*BASE, "planning"},
    "applying": {*BASE, "planning", "backends.protocol"},
    "backends": BASE,
    # The server is the planner's check: it shares no quota code with it.
    "server": {"errors", "products", "schema", "model.source"},
    "cli": {
        *BASE, "planning", "config", "editing", "reports", "applying", "backends", "server",
    },
}  # fmt: skip
MORE_FOR_ONE_MODULE = {"backends.embedded": {"server"}}
PURE = ("model", "planning", "products")
IMPURE_MODULES = {"os", "io", "time", "socket", "subprocess", "requests", "random", "pathlib"}
IMPURE = re.compile(r"\b(?:now|today|utcnow)\(\)|\bopen\(|\bsys\.(?:std|argv)")


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        yield name.removesuffix(".__init__"), path


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            assert node.module is not None
            # `from reconciler.server import app` imports the module reconciler.server.app.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, allowed: set[str]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in allowed)


@pytest.mark.parametrize(("name", "path"), list(modules()), ids=str)
def test_a_module_imports_only_what_lies_below_it(name: str, path: Path) -> None:
    package = name.partition(".")[0]
    if package in {"__init__", "__main__"}:
        return
    allowed = {package, *ALLOWED[package], *MORE_FOR_ONE_MODULE.get(name, set())}
    own = [
        found.removeprefix("reconciler.")
        for found in imported(path)
        if found.startswith("reconciler.") and found != "reconciler.__version__"
    ]
    assert [found for found in own if not within(found, allowed)] == []


@pytest.mark.parametrize(
    ("name", "path"),
    [row for row in modules() if row[0].partition(".")[0] in PURE],
    ids=str,
)
def test_the_pure_heart_reads_no_file_no_clock_and_no_environment(name: str, path: Path) -> None:
    assert {found.partition(".")[0] for found in imported(path)} & IMPURE_MODULES == set()
    assert IMPURE.findall(path.read_text(encoding="utf-8")) == []


def test_every_package_has_its_rule() -> None:
    packages = {name.partition(".")[0] for name, _ in modules()} - {"__init__", "__main__"}
    assert packages == set(ALLOWED)


HEAVY = ("requests", "rich", "deepdiff", "jsonschema", "flask", "waitress", "click")


@pytest.mark.parametrize(
    ("code", "kept_out"),
    [
        ("import reconciler.cli.main", HEAVY),
        ("import reconciler.cli.edge", HEAVY[:-1]),
        ("import reconciler.config.load, reconciler.planning.planner", HEAVY),
        ("import reconciler.backends.snapshot", HEAVY),
    ],
)
def test_start_up_stays_light(code: str, kept_out: tuple[str, ...]) -> None:
    listing = f"import sys; {code}; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", listing], capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded & set(kept_out) == set()
