"""What unreadable values probably are is told with the key to set."""

import polars as pl
import pytest

from leadcast.features.values.guesses import (
    early_words,
    flag_words,
    kin_words,
    near_words,
    number_words,
    time_words,
)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["31.01.2024", "01.02.2024"], 'All that were looked at fit `time_format: "%d.%m.%Y"`.'),
        (
            ["02.14.2024 10:13"],
            'fit `time_format: "%m.%d.%Y %H:%M"`. Where some files write the day',
        ),
        (["01.02.24 9:30"], 'All that were looked at fit `time_format: "%d.%m.%y %H:%M"`.'),
        (["01/02/2024"], 'fit both `time_format: "%d/%m/%Y"` and "%m/%d/%Y", with other times'),
        (["13/02/2024", "x"], '1 of the 2 that were looked at fit `time_format: "%d/%m/%Y"`.'),
        (["2024-01-01 09:30 PM"], '`time_format: "%Y-%m-%d %I:%M %p"`'),
        (["45292", "45293.5"], "`time_format: excel`"),
        (["2460310.5"], "`time_format: julian_day`"),
        (["1704096000"], "`time_format: epoch_s`"),
        (["1704096000000000000"], "`time_format: epoch_ns`"),
        (["0000-00-00", "#N/A"], 'Set `missing: ["0000-00-00", "#N/A"]`'),
    ],
)
def test_times(values: list[str], told: str) -> None:
    assert told in time_words(values)


def test_what_is_no_time_at_all_gets_no_advice() -> None:
    assert time_words(["soon"]) == ""
    assert number_words(["many"]) == ""


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["1.234,56", "12"], '`numbers: {decimal: ",", thousands: "."}`'),
        (["1,234.50"], '`numbers: {decimal: ".", thousands: ","}`'),
        (["1\u202f234"], '`numbers: {decimal: ".", thousands: " "}`'),
        (["€ 12", "€ 1,5"], '`numbers: {decimal: ",", strip: ["€"]}`'),
        (["12%"], 'strip: ["%"]'),
        (["N/A", "-"], 'Set `missing: ["N/A", "-"]` if these mean missing.'),
        (["1.5M"], "company_size and revenue"),
    ],
)
def test_numbers(values: list[str], told: str) -> None:
    assert told in number_words(values)


def test_flags_and_early_times() -> None:
    assert flag_words(["Ja", "Nein"]) == 'Set `values: {"Ja": "true", "Nein": "false"}`.'
    assert flag_words(["gold"]).endswith("each with what it means.")
    assert early_words(["1900-01-01"]).startswith('Set `missing: ["1900-01-01"]`')
    assert early_words(["1704096000"]).endswith("`time_format: epoch_s`.")


def test_words_that_differ_in_case_blanks_or_letters_alone() -> None:
    known = {"Closed Won": "tables.outcomes.won", "Lost": "tables.outcomes.lost"}
    told = near_words(["closed\u00a0won", "LOST"], known)
    assert 'Add ["closed\u00a0won"] to `tables.outcomes.won`' in told
    assert 'Add ["LOST"] to `tables.outcomes.lost`' in told
    assert '["Gewonnen"]' in near_words(["Gewonnen"], known)


@pytest.mark.parametrize(
    ("own", "lead", "told"),
    [
        ("123", "00123", "removing leading zeros"),
        ("1001", "1001.0", "removing .0"),
        ("0065g00000AbCdEAAV", "0065g00000AbCdE", "Set `ids: salesforce` at the top"),
        ("0065g00000AbCdE", "0065g00000AbCdEAAV", "Set `ids: salesforce` at the top"),
        # Three letters that do not tell the case of the others.
        ("0065g00000AbCdEAAS", "0065g00000AbCdE", "first 15 letters"),
        ("A1", "a1", "upper and lower case"),
        ("1001", "'1001", "removing quotation marks"),
        ("1001", "1,001", "marks between thousands"),
        ("17", "lead-17", "what stands before their digits"),
        ("a1", "\u04301", "look-alike letters"),
        ("10", "\uff11\uff10", "look-alike letters"),
        ("e\u03011", "é1", "look-alike letters"),
        ("1230000000000001", "1230000000000000", "first digits"),
        (
            "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
            "{6F9619FF8B86D011B42D00CF4FC964FF}",
            "as UUIDs",
        ),
    ],
)
def test_ids_that_match_when_written_otherwise(own: str, lead: str, told: str) -> None:
    leads = pl.Series(["other", lead])
    words = kin_words([own, "unlike any"], leads, "id")
    assert words.startswith("1 of the 2 ids that were looked at match")
    assert told in words
    assert f"{own!r} here is {lead!r} in the leads' table" in words
    assert kin_words(["unlike any"], leads, "id") == ""


@pytest.mark.parametrize("own", ["7;8", "8 | 7", "9, 7"])
def test_several_ids_in_one_cell_are_told(own: str) -> None:
    words = kin_words(["unlike any", own, "no;one"], pl.Series(["7", "8"]), "Deal ids")
    assert words.startswith("1 of the 3 ids that were looked at are several in one cell")
    assert f"such as {own!r}" in words
    mark = own.strip("789 ")
    assert f'Set `split_cells: {{"Deal ids": "{mark}"}}` for the table' in words
    assert kin_words(["no;one"], pl.Series(["7", "8"]), "id") == ""
