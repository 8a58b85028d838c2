"""Documents: plain data out of YAML and JSON, and the place of everything in them."""

from __future__ import annotations

import gc
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.config import yaml_text
from reconciler.config.document import (
    Document,
    collector_off,
    load_document,
    load_validated,
    parse_document,
)
from reconciler.errors import ConfigurationError
from reconciler.model.source import Source

# What YAML cannot hold without escapes is tested apart.
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]))
scalars = st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(-1e6, 1e6) | texts


def containers(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
        max_leaves=20,
    ).filter(lambda value: isinstance(value, dict | list))


data = containers(scalars)
textual = containers(texts)


def paths(value: Any, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    children: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        children = list(value.items())
    elif isinstance(value, list):
        children = list(enumerate(value))
    return [above] + [path for key, child in children for path in paths(child, (*above, key))]


def at(document: Document, path: tuple[str | int, ...]) -> Any:
    value = document.data
    for step in path:
        value = value[step]
    return value


def rest(text: str, source: Source) -> str:
    """Return the text from a place on."""
    lines = text.split("\n")
    return "\n".join([lines[source.line - 1][source.column - 1 :], *lines[source.line :]])


@given(data)
def test_json_keeps_its_data_and_knows_every_place(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=2)
    document = parse_document(text, "f.json")
    assert document.data == value
    for path in paths(document.data):
        found, _ = json.JSONDecoder().raw_decode(rest(text, document.source(path)))
        assert found == at(document, path)
        if path and isinstance(path[-1], str):
            key, _ = json.JSONDecoder().raw_decode(rest(text, document.key_source(path)))
            assert key == path[-1]


@given(textual, st.sampled_from([None, True, False]))
def test_yaml_keeps_its_data_and_knows_every_place(value: Any, flow: bool | None) -> None:
    text = yaml.safe_dump(
        value, allow_unicode=True, default_flow_style=flow, default_style='"', width=10**6
    )
    document = parse_document(f"# YAML\n{text}", "f.yaml")
    text = f"# YAML\n{text}"
    assert document.data == value
    for path in paths(document.data):
        expected = at(document, path)
        if isinstance(expected, str):
            assert quoted(rest(text, document.source(path))) == expected
        if path and isinstance(path[-1], str):
            assert quoted(rest(text, document.key_source(path))) == path[-1]


def quoted(text: str) -> str:
    """Return what the quoted text at the beginning means."""
    events = yaml.parse(text)
    return next(event.value for event in events if isinstance(event, yaml.ScalarEvent))


@given(containers(texts | st.booleans() | st.none() | st.integers(-(10**17), 10**17)))
def test_json_read_as_yaml_gives_the_same_data_and_places(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assume("\x7f" not in text)
    assume(not set(text) & set("\ufeff\ufffe\uffff"))
    as_json = parse_document(text, "f")
    as_yaml = parse_document(f"# YAML by its first character\n{text}", "f")
    assert as_yaml.data == as_json.data
    for path in paths(as_json.data):
        json_place, yaml_place = as_json.source(path), as_yaml.source(path)
        assert (json_place.line + 1, json_place.column) == (yaml_place.line, yaml_place.column)


def test_places_count_characters_and_not_bytes() -> None:
    document = parse_document("zoë: {名前: [😀, x]}\nb: y\n", "f.yaml")
    assert document.source(("zoë", "名前", 1)) == Source("f.yaml", 1, 15)
    assert document.key_source(("zoë", "名前")) == Source("f.yaml", 1, 7)
    assert document.source(("b",)) == Source("f.yaml", 2, 4)
    assert document.source() == Source("f.yaml", 1, 1)


def test_an_empty_value_stands_where_its_key_is() -> None:
    document = parse_document("a: 1\nusers:\n# nothing\nb: 2\n", "f.yaml")
    assert document.data["users"] is None
    assert document.source(("users",)) == Source("f.yaml", 2, 1)


def test_an_alias_is_its_anchors_value_and_stands_where_it_is_used() -> None:
    document = parse_document("a: &x [p, q]\nb: *x\nc: &y z\nd: [*y]\n", "f.yaml")
    assert document.data == {"a": ["p", "q"], "b": ["p", "q"], "c": "z", "d": ["z"]}
    assert document.source(("b",)) == Source("f.yaml", 2, 4)
    assert document.source(("b", 1)) == Source("f.yaml", 1, 11)
    assert document.source(("d", 0)) == Source("f.yaml", 4, 5)


def test_aliases_do_not_lift_the_limit_of_depth() -> None:
    chain = "a0: &a0 []\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}]\n" for n in range(60))
    with pytest.raises(ConfigurationError, match="with its aliases, nested deeper than 50 levels"):
        parse_document(chain, "f.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x b\n*x : c\n", "f.yaml:2:1: a key must be text, not an alias"),
        ("a: *x\n", "f.yaml:1:4: the alias *x has no anchor &x above it"),
        ("a: &x {b: *x}\n", "f.yaml:1:11: the alias *x stands inside of what it names"),
        ("&x a: b\nc: *x\n", ""),
        ("<<: {a: 1}\n", "f.yaml:1:1: merge keys (<<) are not supported: write the keys out"),
        ("'<<': {a: 1}\n", ""),
        ("? {a: b}\n: c\n", "f.yaml:1:3: a key must be text, not a list or a mapping"),
    ],
)
def test_keys_and_aliases_are_plain_or_refused(text: str, message: str) -> None:
    if message:
        with pytest.raises(ConfigurationError) as caught:
            parse_document(text, "f.yaml")
        assert str(caught.value) == message
    else:
        assert parse_document(text, "f.yaml").data


def test_an_item_of_a_list_has_its_own_place_for_a_key() -> None:
    document = parse_document("a: [p, q]\n", "f.yaml")
    assert document.key_source(("a", 1)) == document.source(("a", 1)) == Source("f.yaml", 1, 8)


def test_what_libyaml_cannot_read_at_all_is_told_as_well() -> None:
    with pytest.raises(ConfigurationError, match=r"f\.yaml:1:1: not YAML: .*control characters"):
        yaml_text.read_yaml("a: \x01", "f.yaml")


def test_an_anchor_may_be_set_anew() -> None:
    document = parse_document("a: &x 1\nb: &x 2\nc: *x\n", "f.yaml")
    assert document.data == {"a": 1, "b": 2, "c": 2}


def test_keys_are_text_however_they_look() -> None:
    document = parse_document("{101: a, on: b, 2026-01-01: c, ~: d, 1.5: e}\n", "f.yaml")
    assert list(document.data) == ["101", "on", "2026-01-01", "~", "1.5"]


def test_a_key_that_is_there_three_times_gives_two_problems() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_document("a: 1\nb: 2\na: 3\na: {b: 1, b: 2}\n", "f.yaml")
    assert str(caught.value).splitlines() == [
        "f.yaml:3:1: the key 'a' is there already, in line 1",
        "f.yaml:4:1: the key 'a' is there already, in line 1",
        "f.yaml:4:11: the key 'b' is there already, in line 4",
    ]


def test_problems_before_a_broken_place_are_told_with_it() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_document("a: !x 1\na: 0123\nb: [\n", "f.yaml")
    assert [str(problem.source) for problem in caught.value.problems] == [
        "f.yaml:1:4",
        "f.yaml:2:1",
        "f.yaml:2:4",
        "f.yaml:4:1",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": "\\ud800"}', "found invalid Unicode character escape code"),
        ('{"a": 12345678901234567890}', "is a number to some readers"),
        ('{"a": NaN, "a": 1}', "the key 'a' is there already"),
        ('{"a": 1 "b": 2}', "a `,` or a `}` is missing"),
        ('{"a": {"b": 1, "b": 2}}', "the key 'b' is there already"),
    ],
)
def test_json_that_is_not_sound_is_refused_with_a_place(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_document(text, "f.json")
    assert message in str(caught.value)
    assert caught.value.problems[0].source.line == 1


def test_a_float_of_json_beyond_all_floats_is_not_taken() -> None:
    assert parse_document('{"a": 1.5e3}', "f.json").data == {"a": 1500.0}
    # As YAML, `1e999` is refused for its exponent.
    with pytest.raises(ConfigurationError, match="is a number to some readers"):
        parse_document('{"a": 1e999}', "f.json")


@pytest.mark.parametrize("head", ["", "# YAML\n"])
def test_the_depth_of_json_has_the_same_limit_as_yamls(head: str) -> None:
    assert parse_document(f"{head}{'[' * 50}{']' * 50}", "f").data
    with pytest.raises(ConfigurationError, match="nested deeper than 50 levels"):
        parse_document(f"{head}{'[' * 51}{']' * 51}", "f")


def test_json_may_hold_what_only_json_may() -> None:
    document = parse_document('\n\t{"a\\/b":\n\t"\\ud83d\\ude00\u2028\x7f"\n}', "f.json")
    assert document.data == {"a/b": "😀\u2028\x7f"}
    assert document.source(("a/b",)) == Source("f.json", 3, 2)


def test_the_aliases_of_a_file_have_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &a [x, y]\nb: [*a, *a, *a]\n"
    monkeypatch.setattr(yaml_text, "MAX_ALIASED", 9)
    assert parse_document(text, "f.yaml").data["b"] == [["x", "y"]] * 3
    monkeypatch.setattr(yaml_text, "MAX_ALIASED", 8)
    with pytest.raises(
        ConfigurationError, match=r"f\.yaml:2:13: the aliases stand for more than 8"
    ):
        parse_document(text, "f.yaml")


@pytest.mark.parametrize("text", ["- a\n" * 90, f"[{','.join('1' * 90)}]"])
def test_the_values_of_a_file_have_a_limit(tmp_path: Path, text: str) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(text)
    assert len(load_document(path, values=100).data) == 90
    with pytest.raises(ConfigurationError, match="holds more than 80 values and marks"):
        load_document(path, values=80)


def test_the_garbage_collector_is_as_it_was_before(tmp_path: Path) -> None:
    assert gc.isenabled()
    parse_document("a: 1", "f.yaml")
    assert gc.isenabled()
    with pytest.raises(ConfigurationError):
        parse_document("a: [", "f.yaml")
    assert gc.isenabled()
    gc.disable()
    try:
        with collector_off():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_what_the_caller_hands_over_open_is_read_like_a_file() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"a: 1\n")
    os.close(writing)
    try:
        assert load_document(f"/dev/fd/{reading}").data == {"a": 1}
    finally:
        os.close(reading)


def test_a_pipe_beyond_the_limit_is_cut_off() -> None:
    zeros = os.open("/dev/zero", os.O_RDONLY)
    try:
        with pytest.raises(ConfigurationError, match="is larger than 1 MiB"):
            load_document(f"/dev/fd/{zeros}", limit=1024 * 1024)
    finally:
        os.close(zeros)


def test_a_pipe_that_nobody_writes_to_and_a_device_are_no_files(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(ConfigurationError, match="is a pipe or a device, not a regular file"):
            load_document(path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the file is a folder, not a file"):
        load_document(tmp_path)


def test_a_document_of_another_format_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "state.yaml"
    path.write_text("as_of: 2026-11-24\nformat: license-plan/1\ndigest: x\n")
    with pytest.raises(ConfigurationError) as caught:
        load_validated(path, "snapshot")
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"{path}:2:9: expected license-snapshot/1")


def test_a_validated_document_fits_its_schema(tmp_path: Path) -> None:
    path = tmp_path / "state.yaml"
    path.write_text("format: license-snapshot/1\norganizations: [{id: 101, member: []}]\n")
    with pytest.raises(ConfigurationError) as caught:
        load_validated(path, "snapshot")
    message = "unknown key 'member'; did you mean 'members'?"
    assert str(caught.value) == f"{path}:2:27: {message}"
    path.write_text('{"format": "license-snapshot/1", "organizations": [{"id": 101}]}')
    assert load_validated(path, "snapshot").data["organizations"] == [{"id": 101}]
