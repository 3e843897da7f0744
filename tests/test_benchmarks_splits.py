"""The quality benchmark's splits: purged, in time's order, one lead on one side."""

import itertools
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from benchmarks.splits import (
    SMALLER_SHARES,
    TEST_SHARE,
    Split,
    divide,
    rolling_splits,
    share_to_test,
    table_split,
)

DAY_US = 86_400_000_000
DAYS = 200
HORIZON_DAYS = 10.0


@pytest.fixture(scope="module")
def snapshots() -> pl.DataFrame:
    """A lead a day, looked at on its day and a week later."""
    day = pl.Series([*range(DAYS), *range(7, DAYS + 7)])
    return pl.DataFrame(
        {
            "lead_id": [f"lead {n}" for n in range(DAYS)] * 2,
            "position": day * DAY_US,
            "as_of": [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in day],
            "mature": day < DAYS - 10,
            "converted": (day % 3 == 0).to_list(),
        }
    ).with_columns(group_id="lead_id", person_id="lead_id")


def parts(snapshots: pl.DataFrame, split: Split) -> tuple[pl.DataFrame, pl.DataFrame]:
    divided = divide(snapshots, split, HORIZON_DAYS)
    learned = divided.filter(pl.col("part").is_in(["train"]))
    return learned, divided.filter(part="test")


@pytest.mark.parametrize("split", rolling_splits("any"), ids=lambda split: split.name)
def test_every_label_learned_from_was_known_when_the_test_began(
    snapshots: pl.DataFrame, split: Split
) -> None:
    learned, test = parts(snapshots, split)
    known = learned["position"] + round(HORIZON_DAYS * DAY_US)
    assert known.max() <= test["position"].min()  # type: ignore[operator]
    assert not set(learned["group_id"]) & set(test["group_id"])


def test_without_a_purge_labels_reach_into_the_test(snapshots: pl.DataFrame) -> None:
    learned, test = parts(snapshots, Split("any", "no gap", purge_horizons=0.0))
    known = learned["position"] + round(HORIZON_DAYS * DAY_US)
    assert known.max() > test["position"].min(), "the oracle of the test above"  # type: ignore[operator]


def test_origins_test_on_the_last_three_fifths_each_once(snapshots: pl.DataFrame) -> None:
    tests = [parts(snapshots, split)[1] for split in rolling_splits("any")]
    for earlier, later in itertools.pairwise(tests):
        assert earlier["position"].max() < later["position"].min()  # type: ignore[operator]
    mature = snapshots.filter("mature").height
    assert all(abs(test.height / mature - TEST_SHARE) < 0.02 for test in tests)


def test_a_source_without_dates_has_its_table_split_among_the_origins() -> None:
    assert table_split("x_education") == rolling_splits("x_education")[-1]
    assert table_split("demo") is None


@pytest.mark.parametrize(
    ("horizon_days", "share"), [(10.0, TEST_SHARE), (60.0, SMALLER_SHARES[0]), (500.0, 0.05)]
)
def test_tests_are_smaller_where_the_history_is_short_against_the_horizon(
    snapshots: pl.DataFrame, horizon_days: float, share: float
) -> None:
    # Of 190 mature days the first test of three fifths begins on day 76, that of three tenths on
    # day 133: with a horizon of 60 days, 16 and 73 of the days before had a known label by then.
    assert share_to_test(snapshots, horizon_days) == share
    assert share_to_test(snapshots, None) == TEST_SHARE
    first = rolling_splits("any", SMALLER_SHARES[0])[0]
    assert (first.test_share, first.end) == (0.1, 0.8)
