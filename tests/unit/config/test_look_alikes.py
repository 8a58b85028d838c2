"""Look-alike letters are told wherever a file names somebody."""

from __future__ import annotations

from pathlib import Path

from reconciler.config.load import load_workspace
from tests.unit.config.trees import HEAD, load, write

ADMIN = "\u0430dmin@example.com"
WORDS = "\u0430 (U+0430 CYRILLIC SMALL LETTER A) and d (U+0064 LATIN SMALL LETTER D)"


def test_every_place_of_an_organization_file_that_names_a_mixed_address_is_a_warning(
    tmp_path: Path,
) -> None:
    one, two, three, four, five = (f"\u0430dmin{number}@example.com" for number in range(1, 6))
    text = f"""\
products:
  kse:
    users:
      - {one}
      - {{email: eve@example.com, replaces: {two}, note: "{ADMIN}"}}
      - {{members: all, except: [{three}]}}
      - group: qa
groups: {{qa: [{four}]}}
policy: {{protected: [{five}], allowed_domains: [example.com, "example.\u0441om"]}}
"""
    warnings = load(tmp_path, text).warnings
    assert [(row.source.line, row.source.column) for row in warnings] == [
        (6, 9), (7, 44), (8, 33), (10, 15), (11, 22), (11, 74),
    ]  # fmt: skip
    assert all(WORDS in row.message for row in warnings[:-1])
    assert "\u0441 (U+0441 CYRILLIC SMALL LETTER ES)" in warnings[-1].message


def test_files_of_shared_groups_are_looked_through_too(tmp_path: Path) -> None:
    files = {
        "reconciler.yaml": "version: 1\norganizations: [o.yaml]\ngroups: [g.yaml]\n",
        "g.yaml": f"version: 1\ngroups: {{qa: [{ADMIN}]}}\n",
        "o.yaml": f"{HEAD}products: {{kse: {{users: [{{group: qa}}]}}}}\n",
    }
    (warning,) = load_workspace(["."], cwd=write(tmp_path, files)).warnings
    assert str(warning).startswith(f"g.yaml:2:15: '{ADMIN}' mixes letters of two scripts, ")


def test_what_aliases_name_a_million_times_is_looked_through_once(tmp_path: Path) -> None:
    items = "\n".join(f"  g{n}: [{{group: g{n + 1}}}]" for n in range(20))
    text = f"products: {{kse: {{users: &u [{ADMIN}]}}, testops: {{users: *u}}}}\n"
    text += f"groups:\n{items}\n  g20: []\n"
    assert len(load(tmp_path, text).warnings) == 1


def test_of_very_many_the_rest_is_counted_at_the_first_that_is_not_told(tmp_path: Path) -> None:
    lines = "".join(f"      - \u0430{number}a@example.com\n" for number in range(1_005))
    warnings = load(tmp_path, f"products:\n  kse:\n    users:\n{lines}").warnings
    assert len(warnings) == 1_001
    assert warnings[-1].message == "5 more from here on mix letters of scripts"
    assert warnings[-1].source.line == warnings[-2].source.line + 1
