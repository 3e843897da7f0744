"""The content of metrics.json: its form, its slices, and what is said where little is known."""

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest

from benchmarks.known_worlds import World
from leadcast.features.tables import TIME
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation.chance import FEWEST_ROWS
from leadcast.models.evaluation.evaluation import blocks_of, evaluate, landmark_names, months_of

# The names that other tools rely on.
PROMISED = {
    "auc",
    "average_precision",
    "log_loss",
    "brier",
    "ece",
    "calibration_slope",
    "calibration_intercept",
    "brier_reliability",
    "brier_resolution",
    "brier_uncertainty",
    "base_rate",
    *(f"{name}_{percent}" for name in ("lift", "gain") for percent in (1, 5, 10, 20)),
}


def some_rows(leads: int = 200) -> tuple[Floats, Floats, Integers]:
    drawn = World(level=-1.5).draw(leads, seed=2)
    return drawn.truth, drawn.converted, drawn.group


def numbers_of(part: dict[str, Any]) -> list[float | None]:
    found: list[float | None] = []
    for entry in part.values():
        found += entry.values() if isinstance(entry, dict) else [entry]
    return found


def test_every_promised_metric_stands_under_its_name_with_an_interval() -> None:
    test = evaluate(*some_rows(), replicates=50)["test"]
    assert set(test) >= PROMISED
    for name in PROMISED:
        assert set(test[name]) == {"value", "low", "high"}
        assert test[name]["low"] <= test[name]["high"], name
    assert (test["n"], test["n_leads"]) == (600, 200)
    assert test["n_converted"] == some_rows()[1].sum()
    assert all(type(test[name]) is int for name in ("n", "n_converted", "n_leads"))


def test_slices_hold_every_row_once() -> None:
    probability, converted, group = some_rows()
    landmark = np.tile([0.0, 7.0, 30.0], 200)
    month = np.repeat(["2025-01", "2025-02"], 300)
    found = evaluate(
        probability, converted, group, landmark=landmark, month=month, replicates=20,
        slice_replicates=20,
    )  # fmt: skip
    assert set(found) == {"test", "by_landmark", "by_month"}
    assert set(found["by_landmark"]) == {"0", "7", "30"}
    for slices in (found["by_landmark"], found["by_month"]):
        assert sum(part["n"] for part in slices.values()) == 600
        assert sum(part["n_converted"] for part in slices.values()) == converted.sum()
    assert found["by_month"]["2025-01"]["n_leads"] == 100


def test_without_dates_time_is_cut_into_tenths() -> None:
    found = evaluate(*some_rows(), position=np.arange(600), replicates=10, slice_replicates=10)
    assert set(found) == {"test", "by_block"}
    assert [part["n"] for part in found["by_block"].values()] == [60] * 10


def test_rows_of_one_position_stay_in_one_tenth() -> None:
    assert blocks_of([5, 5, 5, 5, 9]).tolist() == ["05", "05", "05", "05", "10"]
    assert blocks_of(np.arange(10)[::-1]).tolist() == [f"{n:02d}" for n in range(10, 0, -1)]


# A month with a handful of rows is counted; its metrics would only mislead.
def test_a_small_slice_is_counted_and_not_measured() -> None:
    month = np.array(["2025-01"] * (600 - FEWEST_ROWS + 1) + ["2025-02"] * (FEWEST_ROWS - 1))
    found = evaluate(*some_rows(), month=month, replicates=10, slice_replicates=10)["by_month"]
    small = found["2025-02"]
    assert small["n"] == FEWEST_ROWS - 1
    assert small["auc"] == {"value": None, "low": None, "high": None}
    assert small["base_rate"]["value"] is not None
    assert found["2025-01"]["auc"]["value"] is not None


@pytest.mark.parametrize("outcome", [0, 1])
def test_one_outcome_gives_null_and_never_nan(outcome: int) -> None:
    probability, _, group = some_rows()
    test = evaluate(probability, np.full(600, outcome), group, replicates=20)["test"]
    assert test["auc"]["value"] is None
    assert not any(number is not None and np.isnan(number) for number in numbers_of(test))
    json.dumps(test, allow_nan=False)


# No winner among 200 leads does not say that there never is one.
def test_a_base_rate_of_zero_has_an_interval_above_zero() -> None:
    probability, _, group = some_rows()
    base_rate = evaluate(probability, np.zeros(600), group, replicates=20)["test"]["base_rate"]
    assert base_rate["low"] == 0
    assert base_rate["high"] == pytest.approx(3.84 / 203.84, rel=0.01)


def test_no_rows_at_all_are_counted() -> None:
    test = evaluate([], [], [])["test"]
    assert test["n"] == 0
    assert all(number is None or number == 0 for number in numbers_of(test))


def test_true_probabilities_are_not_called_miscalibrated() -> None:
    test = evaluate(*some_rows(600), replicates=100)["test"]
    assert test["ece"]["low"] == 0
    assert test["brier_reliability"]["low"] == 0
    assert test["ece"]["value"] <= test["ece_if_calibrated"]["high"]


def test_wrong_probabilities_are_called_miscalibrated() -> None:
    probability, converted, group = some_rows(600)
    test = evaluate(np.sqrt(probability), converted, group, replicates=100)["test"]
    assert test["ece"]["low"] > 0.1
    assert test["ece"]["value"] > test["ece_if_calibrated"]["high"]
    assert test["calibration_in_the_large"]["high"] < 0


def test_months_and_landmarks_are_named_as_in_the_file() -> None:
    as_of = pl.Series([datetime(2025, 3, 31, 23, 59, tzinfo=UTC)], dtype=TIME)
    assert months_of(as_of).tolist() == ["2025-03"]
    assert landmark_names([0.0, 7.0, 0.5]).tolist() == ["0", "7", "0.5"]


def test_labels_for_other_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="labels"):
        evaluate(*some_rows(), month=["2025-01"], replicates=10)
