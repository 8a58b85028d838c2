"""What a small file can make a reader do: no more work than its size, whatever it holds."""

from __future__ import annotations

import tracemalloc
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pytest

from reconciler import file_text, strict_json
from reconciler.backends.snapshot import SnapshotBackend
from reconciler.config import yaml_text
from reconciler.config.document import load_json, load_validated, parse_document
from reconciler.errors import ConfigurationError
from reconciler.schema_messages import shown, suggestion
from reconciler.strict_json import TooMuchJsonError, read_json


def test_what_an_anchor_names_is_counted_once_however_many_are_nested() -> None:
    items = "a," * 2_000
    text = "a: " + "".join(f"&x{n} [" for n in range(45)) + items + "]" * 45 + "\nb: *x0\n"
    document = parse_document(text, "f.yaml")
    assert document.data["a"] == document.data["b"]
    assert not hasattr(yaml_text, "_extent")
    with pytest.raises(ConfigurationError, match="the aliases stand for more than 100,000"):
        parse_document(text + "c: [" + "*x0, " * 60 + "]\n", "f.yaml")


def test_the_first_of_each_duplicate_is_found_without_looking_through_all_keys() -> None:
    frame = yaml_text._Frame({}, mapping=True)
    steps = 0

    class Counted(dict[str, Any]):
        def __reversed__(self) -> Any:
            nonlocal steps
            for key in super().__reversed__():
                steps += 1
                yield key

    frame.value = Counted((f"k{n}", n) for n in range(10_000))
    frame.places = [n for n in range(10_000) for _ in range(2)]
    assert [frame.place_of(f"k{n}") for n in range(0, 10_000, 10)] == list(range(0, 10_000, 10))
    frame.value["new"] = 0
    frame.places += [10_000] * 2
    assert frame.place_of("new") == 10_000
    assert steps < 10_100


def test_a_long_word_is_neither_compared_nor_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(SequenceMatcher, "__init__", lambda *a, **k: seen.append(a))
    assert suggestion("a" * 10_000, ["fail", "waitlist"]) == ""
    assert seen == []

    class Told(str):
        def __repr__(self) -> str:
            raise AssertionError("the whole text is written out")

    assert shown(Told("a" * 10_000)) == "'" + "a" * 56 + "..."


@pytest.mark.parametrize("unit", ["[]", "{}", '{"a":1}', "1", '"a"'])
def test_values_are_counted_before_any_is_built(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"[{','.join([unit] * 1_000)}]"
    monkeypatch.setattr(strict_json, "_decoded", lambda _: pytest.fail("it was built"))
    with pytest.raises(TooMuchJsonError, match="the file holds more than 900 values and marks"):
        read_json(text, 900)


def test_one_rare_letter_that_widens_all_others_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (file_text, strict_json):
        monkeypatch.setattr(module, "MAX_MEMORY", 5_000_000)
    plain = '{"a": "' + "a" * 2_000_000 + '"}'
    assert parse_document(plain, "f.json").data
    for wide in ("\N{GRINNING FACE}", "\\ud83d\\ude00"):
        with pytest.raises(ConfigurationError, match="takes more than 4 MiB of memory"):
            parse_document(plain.replace('"}', f'{wide}"}}'), "f.json")


def test_a_large_plan_with_a_key_twice_costs_no_more_than_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    rows = '{"email":"a@x"},' * 20_000
    path.write_text('{"rows":[' + rows + '{"email":"a","email":"b"}]}')
    tracemalloc.start()
    with pytest.raises(ConfigurationError, match=r"at rows/20000: the key 'email' is there"):
        load_json(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000 * 400


def test_the_problems_of_a_snapshot_end_at_a_thousand(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    row = '{"product":"kse","machine":"%032x","expires":"2026-02-30"}'
    rows = ",".join(row % number for number in range(1_500))
    path.write_text(
        f'{{"format":"license-snapshot/1","organizations":[{{"id":1,"offline_licenses":[{rows}]}}]}}'
    )
    document = load_validated(path, "snapshot")
    with pytest.raises(ConfigurationError) as caught:
        SnapshotBackend(document.data, target="s", timezone="UTC", locate=document.source)
    assert len(caught.value.problems) == 1_000
