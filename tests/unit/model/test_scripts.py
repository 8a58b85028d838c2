"""An address that mixes the letters of two scripts is told; one that is of one script is not."""

from __future__ import annotations

import pytest

from reconciler.model.scripts import mixed_letters, mixing


@pytest.mark.parametrize(
    ("address", "letters"),
    [
        ("\u0430dmin@example.com", ("\u0430", "d")),
        ("admin@ex\u0430mple.com", ("e", "\u0430")),
        ("\u03bfscar@example.com", ("\u03bf", "s")),
        ("ivan@mail.\u0441om", ("\u0441", "o")),
        ("ad\uff4din@example.com", ("a", "\uff4d")),
        ("\u212aate@example.com", ("\u212a", "a")),
        ("ex\u0430mple.com", ("e", "\u0430")),
    ],
)
def test_two_scripts_in_one_part_are_told_by_a_letter_of_each(
    address: str, letters: tuple[str, str]
) -> None:
    assert mixed_letters(address) == letters


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com",
        "zoë.müller@exämple.com",
        "иван.петров-7@пример.рф",
        "иван@example.com",
        "νίκος@example.gr",
        "名前@例え.jp",
        "tanaka太郎さんー@example.jp",
        "김tester@example.kr",
        "عمر@example.com",
        "",
        "@",
    ],
)
def test_an_address_of_one_script_is_fine_and_so_is_latin_beside_east_asian(address: str) -> None:
    assert mixed_letters(address) is None


def test_both_letters_are_named_with_their_code_points() -> None:
    assert mixing("\u0430dmin@example.com") == (
        "mixes letters of two scripts, \u0430 (U+0430 CYRILLIC SMALL LETTER A) and "
        "d (U+0064 LATIN SMALL LETTER D), and may look like another address"
    )
