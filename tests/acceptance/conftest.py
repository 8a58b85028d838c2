"""The real command line in processes of its own, on real files and a real server."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
KEY = "key-of-the-owner-0123456789"
COMMAND = (sys.executable, "-m", "reconciler")


@dataclass(frozen=True, slots=True)
class Result:
    code: int
    out: str
    err: str


PROGRESS = re.compile(r"^(?:[a-z ]+…|[a-z ]+: \d+ of \d+)\n", flags=re.MULTILINE)


def without_progress(text: str) -> str:
    """What was told, without the lines that only a slow machine sees."""
    return PROGRESS.sub("", text)


def environment(**more: str) -> dict[str, str]:
    """What a command sees: no workspace's variables; a child's coverage goes on."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in {"PATH", "HOME", "LANG", "SYSTEMROOT"} or name.startswith("COV")
    }
    return {**kept, **more}


@dataclass(slots=True)
class Cli:
    """Runs commands in one folder; `env` is what they see beside the bare environment."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, stdin: str = "", **env: str) -> Result:
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=environment(**{**self.env, **env}),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Result(done.returncode, done.stdout, without_progress(done.stderr))

    def ok(self, *arguments: str, **env: str) -> str:
        """Run a command that must end with 0, and return what it printed."""
        result = self(*arguments, **env)
        assert result.code == 0, result
        return result.out


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


@pytest.fixture
def examples(tmp_path: Path) -> Cli:
    """A copy of the examples, to run commands in."""
    folder = tmp_path / "examples"
    shutil.copytree(EXAMPLES, folder, ignore=shutil.ignore_patterns("*.db*"))
    return Cli(folder)


@dataclass(slots=True)
class Server:
    """A `serve` process: its URL, its standard error, and how it ends."""

    process: subprocess.Popen[str]
    url: str

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=30)
        return self.process.returncode, without_progress(err)


Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers, and ends those that a test leaves running."""
    running: list[Server] = []

    def start(folder: Path, *arguments: str, **env: str) -> Server:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--port", "0", *arguments],
            cwd=folder,
            env=environment(**env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        server = Server(process, process.stdout.readline().strip())
        running.append(server)
        return server

    yield start
    for server in running:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture
def served(examples: Cli, serve: Serve) -> Cli:
    """The examples, with a server that holds their snapshot; commands use it by default."""
    server = serve(
        examples.folder, "--db", "s.db", "--load", "snapshot.yaml", RECONCILER_API_KEY=KEY
    )
    examples.env = {"RECONCILER_API_URL": server.url, "RECONCILER_API_KEY": KEY}
    return examples


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that holds the examples' snapshot, to be copied and not to be changed."""
    folder = tmp_path_factory.mktemp("loaded")
    Cli(folder).ok("load", str(EXAMPLES / "snapshot.yaml"), "--db", "e.db")
    return folder / "e.db"


@pytest.fixture
def embedded(examples: Cli, loaded: Path) -> Cli:
    """The examples, with a database that holds their snapshot; commands use it by default."""
    shutil.copy(loaded, examples.folder / "e.db")
    examples.env = {"RECONCILER_API_URL": "sqlite:///e.db"}
    return examples


@pytest.fixture(params=["in process", "over HTTP"])
def world(request: pytest.FixtureRequest) -> Cli:
    """The examples on the embedded server, by either way."""
    name = "embedded" if request.param == "in process" else "served"
    cli: Cli = request.getfixturevalue(name)
    return cli
