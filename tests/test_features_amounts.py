"""Amounts as people and forms write them."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.values.amounts import log_amount, read_amount, read_size


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1200", 1200.0),
        ("1,200", 1200.0),
        ("1.200", 1200.0),
        ("10 001+", 10_001.0),
        ("1.5", 1.5),
        ("1,5 Mio €", 1_500_000.0),
        ("€ 2.5bn", 2_500_000_000.0),
        ("10k+", 10_000.0),
        ("11-50", math.sqrt(11 * 50)),
        ("11 – 50 employees", math.sqrt(11 * 50)),
        ("51 to 200", math.sqrt(51 * 200)),
        ("1,000-5,000", math.sqrt(1000 * 5000)),
        ("$1M - $10M", math.sqrt(1e6 * 1e7)),
        ("1-10M", math.sqrt(1e6 * 1e7)),
        ("500k-1M", math.sqrt(5e5 * 1e6)),
        ("Nov-50", math.sqrt(11 * 50)),
        ("10-Jan", math.sqrt(1 * 10)),
        ("< 50", 25.0),
        ("More than 10,000", 10_000.0),
        ("0", 0.0),
        ("many", None),
        ("", None),
    ],
)
def test_an_amount_is_read_as_it_is_meant(text: str, amount: float | None) -> None:
    assert read_amount(text) == pytest.approx(amount)


def test_words_for_a_size() -> None:
    assert read_size("Self-employed") == 1.0
    assert read_size("Enterprise") == 5_000.0
    assert read_size("50 (small)") == 50.0
    assert read_size("blue") is None


def test_the_logarithmic_scale_has_a_place_for_nothing() -> None:
    assert log_amount(0.0) == 0.0
    assert log_amount(999.0) == pytest.approx(3.0)
    assert log_amount(-1.0) is log_amount(math.nan) is log_amount(math.inf) is None


@given(st.text(max_size=60) | st.text("0123456789.,-kmM +<", max_size=30))
@settings(max_examples=150)
def test_any_text_gives_an_amount_or_nothing(text: str) -> None:
    amount = read_amount(text)
    assert amount is None or amount >= 0


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1.234,56 €", 1234.56),
        ("$ 1,234.50 USD", 1234.5),
        ("12,34,567", 1234567.0),
        ("1\u202f234,5", 1234.5),
        ("1e3", 1000.0),
        ("10.000", 10000.0),
    ],
)
def test_an_amount_with_both_marks_is_one_amount(text: str, amount: float) -> None:
    assert read_amount(text) == pytest.approx(amount, rel=1e-12)
