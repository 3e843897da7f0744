"""Letters that nobody sees or that look like others are told by code point; words are not."""

import polars as pl
import pytest

from leadcast.features.base.letters import INVISIBLE, INVISIBLE_WITHIN, plainest, told_letters


@pytest.mark.parametrize(
    ("text", "seen", "told"),
    [
        ("\u04301", "a1", "U+0430 CYRILLIC SMALL LETTER A"),
        ("\uff11\uff10", "10", "U+FF11 FULLWIDTH DIGIT ONE, U+FF10 FULLWIDTH DIGIT ZERO"),
        ("a\u20111", "a-1", "U+2011 NON-BREAKING HYPHEN"),
        ("a\u200b", "a", "U+200B ZERO WIDTH SPACE"),
        ("\ufeffid", "id", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("e\u0301", "é", "U+0301 COMBINING ACUTE ACCENT"),
        ("id\u00a0", "id", "U+00A0 NO-BREAK SPACE"),
        ("\u0663", "3", "U+0663 ARABIC-INDIC DIGIT THREE"),
        ("a\0", "a", "U+0000 a control"),
        ("Müller & Größe", "Müller & Größe", ""),
        ("Москва", plainest("Москва"), ""),
    ],
)
def test_odd_letters_are_told_and_words_are_not(text: str, seen: str, told: str) -> None:
    assert plainest(text) == seen
    assert told_letters(text) == told


def test_polars_finds_each_invisible_letter() -> None:
    texts = pl.Series([f"a{one}b" for one in INVISIBLE] + ["a b", "ä\u00a0b", "a\tb"])
    assert texts.str.contains(INVISIBLE_WITHIN).to_list() == [True] * len(INVISIBLE) + [False] * 3
