"""Observed rates: counts by value, worked out by hand."""

import numpy as np
import pytest
from pydantic import ValidationError

from leadcast.features.registry import Feature
from leadcast.models.bundle.bundle_reference import FEWEST_LEADS, FeatureRates, Rates

FEATURES = (
    Feature("visits", "engagement", "number", (), "visits"),
    Feature("channel", "source", "category", (), "channel", ("search", "fair")),
    Feature("opened", "engagement", "flag", (), "opened a mail"),
)
N = 400


def counted() -> Rates:
    """Every second lead of 400 has no visits, of whom none is won; half of the others are."""
    place = np.arange(N)
    visits = np.where(place % 2, 1.0 + place % 7, 0.0)
    channel = np.where(place < 100, np.nan, 1.0 + (place < 395))
    opened = (place % 4 == 3).astype(float)
    values = np.stack([visits, channel, opened], axis=1).astype(np.float32)
    return Rates.of(values, opened, FEATURES)


def ratio(column: int, value: float) -> float:
    is_number = FEATURES[column].dtype == "number"
    return float(counted().ratio(column, np.array([value]), is_number=is_number)[0])


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        (0, 0.0, 0.0),
        (0, -5.0, 0.0),
        (1, 2.0, 73 / 295 * 4),
        (1, np.nan, 1.0),
        (2, 0.0, 0.0),
        (2, 1.0, 4.0),
    ],
)
def test_a_ratio_is_the_rate_of_a_value_over_that_of_all(
    column: int, value: float, expected: float
) -> None:
    assert ratio(column, value) == pytest.approx(expected)


@pytest.mark.parametrize(("column", "value"), [(1, 1.0), (1, 0.0), (1, 77.0), (0, np.nan)])
def test_of_few_leads_no_rate_is_told(column: int, value: float) -> None:
    assert np.isnan(ratio(column, value))


def test_every_lead_is_counted_once_for_each_feature() -> None:
    rates = counted()
    for feature in rates.features:
        assert sum(feature.leads) == N
        assert sum(feature.won) == rates.won == 100


def test_bins_of_a_number_are_about_equal_unless_a_value_is_frequent() -> None:
    values = np.random.default_rng(0).normal(size=(5000, 1)).astype(np.float32)
    (normal,) = Rates.of(values, np.zeros(5000), FEATURES[:1]).features
    assert normal.leads[0] == 0
    assert set(normal.leads[1:]) <= {499, 500, 501}
    (visits, *_) = counted().features
    assert visits.leads[1] == N // 2, "0 has a bin of its own"


def test_where_nobody_converted_no_rate_is_told() -> None:
    rates = Rates.of(np.zeros((100, 1), np.float32), np.zeros(100), FEATURES[:1])
    assert FEWEST_LEADS < 100
    assert np.isnan(rates.ratio(0, np.zeros(1), is_number=True)).all()


def test_rates_survive_json() -> None:
    assert Rates.model_validate_json(counted().model_dump_json()) == counted()


@pytest.mark.parametrize("won", [(1, 9), (1,), (-1, 2)])
def test_impossible_counts_are_refused(won: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError, match=r"each bin|greater than or equal to 0"):
        FeatureRates(leads=(3, 4), won=won)
