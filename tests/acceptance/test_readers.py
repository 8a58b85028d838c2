"""Whatever a file holds, every command that reads it ends soon, with its place and exit 3."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.acceptance.conftest import Cli

READERS = {
    "an organization file": ("validate", "FILE"),
    "a snapshot": ("plan", "org.yaml", "--state", "FILE"),
    "a snapshot to load": ("load", "FILE", "--db", "new.db"),
    "keys": ("serve", "--db", "new.db", "--keys", "FILE"),
    "faults": ("serve", "--db", "new.db", "--faults", "FILE"),
    "a plan to report": ("report", "FILE"),
    "a plan to expect": ("apply", "org.yaml", "--api", "sqlite:///new.db", "--expect", "FILE"),
    "a journal": ("audit", "FILE"),
}


@pytest.fixture
def folder(cli: Cli) -> Cli:
    (cli.folder / "org.yaml").write_text("version: 1\norganization: {id: 101}\n")
    return cli


def run(folder: Cli, reader: str, file: str) -> str:
    arguments = [file if word == "FILE" else word for word in READERS[reader]]
    if "--expect" in arguments:
        (folder.folder / "s.yaml").write_text(
            "format: license-snapshot/1\norganizations: [{id: 101}]\n"
        )
        (folder.folder / "new.db").unlink(missing_ok=True)
        folder.ok("load", "s.yaml", "--db", "new.db")
    result = folder(*arguments)
    told = result.err + result.out
    assert result.code == 3, told
    assert "this is a bug" not in told
    return told


@pytest.mark.parametrize("reader", READERS)
def test_no_reader_waits_for_a_pipe_or_reads_a_device_without_end(folder: Cli, reader: str) -> None:
    os.mkfifo(folder.folder / "pipe")
    for file in ("pipe", "/dev/zero"):
        assert "is a pipe or a device, not a regular file" in run(folder, reader, file)


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_says_plainly_that_a_file_is_utf_16_or_has_a_mark(
    folder: Cli, reader: str
) -> None:
    text = '{"format": "license-plan/1"}\n'
    (folder.folder / "wide.json").write_bytes(text.encode("utf-16"))
    assert "wide.json" in run(folder, reader, "wide.json")
    assert "is UTF-16, not UTF-8" in run(folder, reader, "wide.json")
    (folder.folder / "narrow.json").write_bytes(text.encode("utf-16-be"))
    assert "is UTF-16, not UTF-8" in run(folder, reader, "narrow.json")
    (folder.folder / "marked.json").write_bytes(text.encode("utf-8-sig"))
    assert "begins with a byte order mark" in run(folder, reader, "marked.json")


LARGE = {"a snapshot", "a snapshot to load", "a plan to report", "a plan to expect", "a journal"}


@pytest.mark.parametrize("reader", READERS)
def test_a_file_beyond_the_limit_of_its_kind_is_refused_unread(folder: Cli, reader: str) -> None:
    limit = 256 if reader in LARGE else 20
    with (folder.folder / "big.yaml").open("wb") as stream:
        stream.truncate(limit * 1024 * 1024 + 1)
    assert f"is larger than {limit} MiB" in run(folder, reader, "big.yaml")


def test_a_key_with_a_tag_is_never_shown(folder: Cli) -> None:
    (folder.folder / "keys.yaml").write_text(
        "- {key: !!bool secretkey123, email: ada@example.com}\n"
    )
    told = run(folder, "keys", "keys.yaml")
    assert told.startswith("keys.yaml:1:9: this is not read, nor shown, since it may be a key")
    assert "secretkey123" not in told


def test_nothing_is_left_behind_by_a_reader_that_refuses(folder: Cli) -> None:
    run(folder, "keys", "/dev/zero")
    assert not Path(folder.folder / "new.db").exists()


def test_more_entries_than_memory_is_meant_for_are_refused_with_their_place(folder: Cli) -> None:
    lines = "".join(f"  - {number:x}@b.c\n" for number in range(400_001))
    text = "version: 1\norganization: {id: 101}\nproducts:\n kse:\n  users:\n"
    (folder.folder / "many.yaml").write_text(text + lines)
    result = folder("validate", "many.yaml")
    assert result.code == 3, result
    assert "many.yaml:4:2: the lists of the file hold more than 400,000 entries" in result.out
