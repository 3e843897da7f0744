"""Identifiers: what identifies nobody is told, whatever door it came in."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadcast.features.values.identifiers import first_fifteen, parse_id, parse_ids


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


# The last three letters as Salesforce itself publishes them: one for five letters, by their case.
LONG = {"001D000000IRFma": "IAH", "0015g00000AbCdE": "AAV", "000000000000000": "AAA"}


@pytest.mark.parametrize(("short", "more"), [*LONG.items()])
def test_salesforces_long_ids_are_their_first_fifteen_letters(short: str, more: str) -> None:
    ids = pl.Series([short + more, f" {short} ", None, short + more[:2] + "B", "7", ""])
    parsed = parse_ids(ids, form="salesforce")
    assert parsed.values.to_list() == [short, short, None, short + more[:2] + "B", "7", None]
    assert parse_ids(ids).values[0] == short + more


@given(short=st.from_regex(r"[0-9A-Za-z]{15}", fullmatch=True), end=st.from_regex(r"[A-Z0-5]{3}"))
def test_of_all_ends_only_the_one_that_tells_the_case_is_taken_away(short: str, end: str) -> None:
    end = end[:3]
    codes = [sum(2**i for i in range(5) if short[5 * n + i].isupper()) for n in range(3)]
    true = "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[code] for code in codes)
    ids = pl.Series([short + true, short + end])
    assert first_fifteen(ids).to_list() == [short, short if end == true else short + end]
    assert ids.to_list() == [short + true, short + end]


PIECES = [
    "L1",
    " ",
    "\t",
    "\u200b",
    "\x00",
    "Total",
    ":",
    "1",
    ".5",
    "E+3",
    "#N/A",
    "é",
    "\n",
    "sum",
]
PIECES += ["(3 rows)", "generated on ", "#", "Ⅳ", "İ", "ſum"]


@given(st.lists(st.sampled_from(PIECES), max_size=4).map("".join) | st.text(max_size=6))
def test_one_identifier_is_read_as_a_column_is(text: str) -> None:
    column = parse_ids(pl.Series([text], dtype=pl.String))
    lead_id, problem = parse_id(text)
    assert lead_id == column.values[0]
    # Of a column, a blank cell is told by whoever needs it.
    assert (problem == "is blank") == (column.values[0] is None and column.problem[0] is None)
    assert problem in (column.problem[0], "is blank")
