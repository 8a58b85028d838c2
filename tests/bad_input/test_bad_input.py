"""Every example file gives exactly the problems that stand beside it, and every good one none.

`files/NAME.yaml` has its problems in `files/NAME.txt`; a folder below `trees` is a workspace with
its problems in `expected.txt`. What text in a repository cannot hold (other encodings, other line
ends, sizes) is made here.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from reconciler.config import groups
from reconciler.config.load import load_workspace
from reconciler.errors import ConfigurationError

HERE = Path(__file__).parent
FILES = sorted(path for path in (HERE / "files").iterdir() if path.suffix != ".txt")
TREES = sorted((HERE / "trees").iterdir())
ACCEPTED = sorted((HERE / "accepted").iterdir())

HEAD = b"version: 1\norganization: {id: 101}\n"


def problems_of(paths: list[str], cwd: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_workspace(paths, cwd=cwd)
    return str(caught.value) + "\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_bad_file_gives_the_problems_beside_it(path: Path) -> None:
    expected = path.with_suffix(".txt").read_text(encoding="utf-8")
    assert problems_of([path.name], path.parent) == expected


@pytest.mark.parametrize("tree", TREES, ids=lambda path: path.name)
def test_a_bad_workspace_gives_the_problems_beside_it(tree: Path) -> None:
    assert problems_of(["."], tree) == (tree / "expected.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda path: path.name)
def test_a_good_file_gives_no_problem(path: Path) -> None:
    workspace = load_workspace([path.name], cwd=path.parent)
    assert len(workspace.desired.organizations) == 1
    assert workspace.warnings == ()


@pytest.mark.parametrize("path", FILES + TREES, ids=lambda path: path.stem)
def test_every_problem_is_one_line_with_its_place(path: Path) -> None:
    expected = (path / "expected.txt") if path.is_dir() else path.with_suffix(".txt")
    for line in expected.read_text(encoding="utf-8").splitlines():
        file, row, column, message = line.split(":", 3)
        assert (path / file if path.is_dir() else path.parent / file).exists()
        assert int(row) >= 1
        assert int(column) >= 1
        assert message.strip()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "1:1: the file is empty"),
        (b"# nothing\n", "1:1: the file is empty"),
        (b"---\n", "1:1: the file is empty"),
        (b"\xef\xbb\xbf" + HEAD, "1:1: the file begins with a byte order mark"),
        (HEAD.decode().encode("utf-16"), "1:1: the file is UTF-16, not UTF-8"),
        (HEAD.decode().encode("utf-16-le"), "1:1: the file is UTF-16, not UTF-8"),
        (HEAD.decode().encode("utf-16-be"), "1:1: the file is UTF-16, not UTF-8"),
        (HEAD.decode().encode("utf-32-be"), "1:1: the file is not text"),
        (HEAD.replace(b"\n", b"\r\n"), "1:11: the line ends in CR LF"),
        (HEAD.replace(b"\n", b"\r"), "1:11: the line ends in CR alone"),
        (HEAD + "# zoë\n".encode("latin-1"), "3:5: not UTF-8 (byte 0xeb)"),
        (HEAD + "# ä\xff".encode(), ""),
        (HEAD + b"# \x00\n", "3:3: the invisible character U+0000"),
        (HEAD + b"# \x1b[31m\n", "3:3: the invisible character U+001B"),
        (HEAD + "# \u2028\n".encode(), "3:3: the invisible character U+2028"),
        (HEAD + b"groups:\n\tqa: []\n", "4:1: a tab cannot indent YAML: use spaces"),
    ],
)
def test_bytes_that_are_not_plain_utf8_text_are_told_apart(
    content: bytes, expected: str, tmp_path: Path
) -> None:
    (tmp_path / "acme.yaml").write_bytes(content)
    if not expected:
        assert load_workspace(["acme.yaml"], cwd=tmp_path).desired.organizations[0].id == 101
        return
    problems = problems_of(["acme.yaml"], tmp_path)
    assert problems.count("\n") == 1
    assert problems.startswith(f"acme.yaml:{expected}")


@pytest.fixture
def bounded() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.process_time()
    yield
    assert time.process_time() - begin < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600 * 1024


@pytest.mark.usefixtures("bounded")
def test_text_of_200_mb_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    with path.open("wb") as stream:
        stream.write(HEAD + b"note: ")
        stream.truncate(200 * 1024 * 1024)
    expected = "acme.yaml:1:1: the file is larger than 20 MiB, the most that is read\n"
    assert problems_of(["acme.yaml"], tmp_path) == expected


@pytest.mark.usefixtures("bounded")
def test_one_text_that_fills_a_whole_file_is_a_problem_of_one_short_line(tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    path.write_bytes(b"version: 1\norganization: {id: 1}\nnotes: " + b"x" * 20_000_000)
    problems = problems_of(["acme.yaml"], tmp_path)
    assert problems.startswith("acme.yaml:3:1: unknown key 'notes'")
    assert len(problems) < 300


@pytest.mark.usefixtures("bounded")
def test_a_key_of_a_megabyte_is_quoted_in_short(tmp_path: Path) -> None:
    path = tmp_path / "acme.json"
    path.write_text('{"version": 1, "organization": {"id": 1}, "' + "k" * 1_000_000 + '": 1}')
    problems = problems_of(["acme.json"], tmp_path)
    assert problems.startswith("acme.json:1:43: unknown key 'kkkk")
    assert len(problems) < 300


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("text", ["[" * 500_000, "{a: " * 500_000, '{"a":' * 500_000])
def test_nesting_without_end_is_cut_off(text: str, tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(text)
    assert "nested deeper than 50 levels" in problems_of(["acme.yaml"], tmp_path)


def doubling(levels: int, *members: str) -> bytes:
    """Groups that each name the next one twice, and the last one these members."""
    twice = "".join(f"  g{n}: [{{group: g{n + 1}}}, {{group: g{n + 1}}}]\n" for n in range(levels))
    return f"groups:\n{twice}  g{levels}: [{', '.join(members)}]\n".encode()


@pytest.mark.usefixtures("bounded")
def test_groups_of_groups_of_groups_cost_what_they_hold(tmp_path: Path) -> None:
    text = HEAD + b"products: {kse: {users: [group: g0]}}\n" + doubling(48, "ada@example.com")
    (tmp_path / "acme.yaml").write_bytes(text)
    begin = time.process_time()
    (organization,) = load_workspace(["acme.yaml"], cwd=tmp_path).desired.organizations
    assert time.process_time() - begin < 2
    users = organization.products[0].users
    assert users is not None
    (ada,) = users.wanted
    # Some of the ways are kept, to tell why she is here; there are 2^48.
    assert len(ada.entries) == groups.MOST_WAYS
    assert {len(entry.groups) for entry in ada.entries} == {49}


@pytest.mark.usefixtures("bounded")
def test_groups_of_groups_with_dates_cost_what_they_hold(tmp_path: Path) -> None:
    chain = "".join(
        f"  g{n}: [{{group: g{n + 1}, from: 2026-01-{n + 1:02d}}}, "
        f"{{group: g{n + 1}, until: 2027-01-{28 - n:02d}, priority: {n}}}]\n"
        for n in range(28)
    )
    text = f"products: {{kse: {{users: [group: g0]}}}}\ngroups:\n{chain}  g28: [ada@example.com]\n"
    (tmp_path / "acme.yaml").write_bytes(HEAD + text.encode())
    begin = time.process_time()
    (organization,) = load_workspace(["acme.yaml"], cwd=tmp_path).desired.organizations
    assert time.process_time() - begin < 5
    users = organization.products[0].users
    assert users is not None
    (ada,) = users.wanted
    assert (ada.priority, ada.wanted_on(date(2026, 1, 28)), ada.wanted_on(date(2027, 1, 1))) == (
        27, True, True,
    )  # fmt: skip
    # By their dates alone: all of `from` before, or all of `until` after.
    assert ada.wanted_on(date(2025, 12, 31))
    assert ada.wanted_on(date(2028, 1, 1))


@pytest.mark.usefixtures("bounded")
def test_more_users_than_groups_may_bring_are_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "MAX_ARRIVALS", 20_000)
    members = (f"user{number}@example.com" for number in range(300))
    (tmp_path / "acme.yaml").write_bytes(HEAD + doubling(40, *members))
    problems = problems_of(["acme.yaml"], tmp_path)
    assert "groups bring more than 20,000 users here" in problems
    assert problems.count("\n") == 1


@pytest.mark.usefixtures("bounded")
def test_one_user_in_very_many_groups_costs_what_the_file_holds(tmp_path: Path) -> None:
    count = 5_000
    named = "".join(f"      - group: g{n}\n" for n in range(count))
    takers = "".join(
        f"      - {{email: t{n}@example.com, replaces: ada@example.com}}\n" for n in range(count)
    )
    days = (date(2026, 1, 1) + timedelta(days=2 * n) for n in range(count))
    brought = "".join(
        f"  g{n}: [{{email: ada@example.com, from: {day}, until: {day}}}]\n"
        for n, day in enumerate(days)
    )
    text = f"products:\n  kse:\n    users:\n{named}{takers}groups:\n{brought}"
    (tmp_path / "acme.yaml").write_bytes(HEAD + text.encode())
    begin = time.process_time()
    problems = problems_of(["acme.yaml"], tmp_path)
    assert time.process_time() - begin < 5
    assert problems.count("cannot be replaced while it stays in the list") == count


@pytest.mark.usefixtures("bounded")
def test_very_many_unknown_groups_are_told_in_time(tmp_path: Path) -> None:
    named = "".join(f"      - group: qa-{n}-team\n" for n in range(10_000))
    known = "".join(f"  qa-{n}-crew: []\n" for n in range(10_000))
    text = f"products:\n  kse:\n    users:\n{named}groups:\n{known}"
    (tmp_path / "acme.yaml").write_bytes(HEAD + text.encode())
    begin = time.process_time()
    problems = problems_of(["acme.yaml"], tmp_path)
    assert time.process_time() - begin < 8
    assert problems.count("unknown group") == 10_000
    assert "did you mean 'qa-0-crew'?" in problems.partition("\n")[0]


@pytest.mark.usefixtures("bounded")
def test_a_long_chain_of_groups_is_cut_off(tmp_path: Path) -> None:
    chain = "".join(f"  g{n}: [{{group: g{n + 1}}}]\n" for n in range(2000))
    text = HEAD.decode() + "groups:\n" + chain + "  g2000: [ada@example.com]\n"
    (tmp_path / "acme.yaml").write_text(text)
    assert "groups are nested deeper than 50 levels" in problems_of(["acme.yaml"], tmp_path)


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("".join(f"key{n}: 1\n" for n in range(50_000)), "only the first ones are told"),
        ("a: 1\n" * 50_000, "the rest is not read"),
        ("groups:\n" + "".join(f"  g {n}: []\n" for n in range(50_000)), "are told"),
        ("groups:\n  qa:\n" + "    - {emial: a@x}\n" * 50_000, "are told"),
    ],
)
def test_endless_problems_are_told_up_to_a_number(text: str, last: str, tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(HEAD.decode() + text)
    problems = problems_of(["acme.yaml"], tmp_path)
    assert 1_000 < problems.count("\n") <= 1_002
    assert sum(last in line for line in problems.splitlines()) == 1


@pytest.mark.usefixtures("bounded")
def test_a_long_list_of_duplicates_names_each_of_them(tmp_path: Path) -> None:
    items = "      - ada@example.com\n" * 20_000
    text = f"{HEAD.decode()}products:\n  kse:\n    users:\n{items}"
    (tmp_path / "acme.yaml").write_text(text)
    assert problems_of(["acme.yaml"], tmp_path).count("\n") == 19_999


def test_files_that_cannot_be_read_are_told_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "empty").mkdir()
    problems = problems_of(["loop.yaml", "missing.yaml", "empty"], tmp_path)
    assert problems.splitlines() == [
        "empty:1:1: there is no organization file in this folder",
        "loop.yaml:1:1: the file cannot be read: Too many levels of symbolic links",
        "missing.yaml:1:1: the file cannot be read: No such file or directory",
    ]


def test_a_secret_in_a_wrong_place_is_not_repeated() -> None:
    tree = HERE / "trees" / "workspace_values"
    problems = problems_of(["."], tree)
    assert "key_env" in problems
    for secret in ("secret", "0a1b2c", "hunter2", "MY_KEY"):
        assert secret not in problems
