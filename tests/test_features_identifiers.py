"""Identifiers: what identifies nobody is told, whatever door it came in."""

import polars as pl
import pytest

from leadcast.features.values.identifiers import parse_ids


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1.23E+15", "shortened"),
        ("1,23E+15", "shortened"),
        ("#N/A", "spreadsheet's error"),
        ("L\u200b1", "invisible"),
        ("L\0001", "invisible"),
        ("Total", "total's"),
        ("Grand Total:", "total's"),
        ("Gesamtsumme", "total's"),
        ("(1000 rows affected)", "total's"),
        ("Generated on 2024-01-01", "footer's"),
    ],
)
def test_what_identifies_nobody(text: str, words: str) -> None:
    for dtype in (pl.String, pl.Categorical, pl.Binary):
        parsed = parse_ids(pl.Series(["L1", text]).cast(dtype))
        assert parsed.values.to_list() == ["L1", None]
        assert words in parsed.problem[1]


@pytest.mark.parametrize(
    ("text", "lead_id"),
    [
        ("\ufeffL1\u200b", "L1"),
        ("L1\u00a0", "L1"),
        ("Totalenergies", "Totalenergies"),
        ("1E5A", "1E5A"),
        ("-17", "-17"),
        ("true", "true"),
        ("row", "row"),
    ],
)
def test_what_identifies_a_lead(text: str, lead_id: str) -> None:
    assert parse_ids(pl.Series([text])).values.to_list() == [lead_id]


def test_bytes_that_are_no_text_stay_apart() -> None:
    ids = parse_ids(pl.Series([b"\xff\x00", b"\xff\x01", b"L1"])).values
    assert ids.to_list() == [r"\xff00", r"\xff01", "L1"]
