from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.models.charts.numbers import (
    MISSING,
    ShownEstimate,
    age,
    count,
    counted,
    day,
    decimal,
    duration,
    number_or_none,
    percent,
    sentence,
    shared_count,
    times,
)


def spaced(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.41, "41 %"),
        (0.4149, "41 %"),
        (0.041, "4.1 %"),
        (0.0996, "10 %"),
        (0.1, "10 %"),
        (0.05, "5 %"),
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.00034, "0.034 %"),
        (-0.021, "−2.1 %"),
        (None, MISSING),
        (float("nan"), MISSING),
    ],
)
def test_percentages_keep_as_many_digits_as_they_need(share: float | None, text: str) -> None:
    assert spaced(percent(share)) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (count(1_234_567), "1,234,567"),
        (count(None), MISSING),
        (counted(1, "lead"), "1 lead"),
        (counted(20_000, "lead"), "20,000 leads"),
        (counted(2, "entry", "entries"), "2 entries"),
        (decimal(2)(-0.5), "−0.50"),
        (decimal(2)(-0.001), "0.00"),
        (times(4.12), "4.1 times"),
        (duration(60), "60 days"),
        (duration(1), "1 day"),
        (duration(0.25), "6 hours"),
        (duration(0), "0 days"),
        (age(0), "new"),
        (age(7), "7 days"),
        (day(datetime(2025, 3, 4, tzinfo=UTC)), "4 March 2025"),
        (day(None), MISSING),
    ],
)
def test_numbers_read_as_people_write_them(text: str, wanted: str) -> None:
    assert spaced(text) == wanted


@pytest.mark.parametrize("value", [True, "3", None, float("inf"), [1.0]])
def test_only_finite_numbers_are_numbers(value: object) -> None:
    assert number_or_none(value) is None


@given(st.floats(0, 1))
@settings(max_examples=60)
def test_a_percentage_is_the_share_to_two_digits_at_least(share: float) -> None:
    shown = float(percent(share).removesuffix("%").strip())
    assert shown == pytest.approx(100 * share, rel=0.051, abs=0.5 if share > 0.0995 else 0.051)


def test_notes_become_sentences() -> None:
    assert sentence("logistic, untested") == "Logistic, untested."
    assert sentence("12 won leads: base rate only.") == "12 won leads: base rate only."
    assert sentence("") == ""


def test_an_estimate_is_written_with_its_interval() -> None:
    metrics = {"gain_10": {"value": 0.41, "low": 0.37, "high": 0.45}}
    estimate = ShownEstimate.of(metrics, "gain_10")
    assert spaced(estimate.text(percent)) == "41 % (95 %: 37 % to 45 %)"
    assert estimate.contains(0.37) is True
    assert estimate.contains(0.36) is False


@pytest.mark.parametrize(
    "metrics", [{}, {"auc": None}, {"auc": {"value": None, "low": None, "high": None}}]
)
def test_what_is_undefined_is_told_as_missing(metrics: dict[str, object]) -> None:
    estimate = ShownEstimate.of(metrics, "auc")
    assert estimate == ShownEstimate(None, None, None)
    assert estimate.text(decimal(3)) == MISSING
    assert estimate.contains(0.5) is None


def test_a_bare_number_is_an_estimate_without_an_interval() -> None:
    assert ShownEstimate.of({"auc": 0.7}, "auc").text(decimal(1)) == "0.7"


@pytest.mark.parametrize(
    ("value", "told"),
    [(2, "2"), (1.5, "1.5"), (1.96, "2"), (74.00000001, "74"), (1234.25, "1,234.2"), (None, "–")],
)
def test_a_count_that_ties_share_shows_its_part(value: float | None, told: str) -> None:
    assert shared_count(value) == told
