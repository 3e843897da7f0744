"""Gain, lift, ROC and precision-recall curves against the metrics they belong to."""

import numpy as np
import pytest

from benchmarks.known_worlds import World
from leadcast.models.data import Floats, Integers
from leadcast.models.evaluation import metrics
from leadcast.models.evaluation.curves import CURVES, draw_curves
from leadcast.models.evaluation.tally import ScoreHistogram, tally


def some_rows() -> tuple[Floats, Floats, Integers]:
    drawn = World(level=-1.5).draw(300, seed=2)
    return np.round(drawn.truth, 2), drawn.converted, drawn.group


def test_gain_and_lift_are_the_metrics_of_the_same_name() -> None:
    value, converted, group = some_rows()
    curves = draw_curves(value, converted, group, replicates=20)
    found = metrics.measure(tally(value, converted))
    for name in ("gain", "lift"):
        for percent in metrics.CUTS_PERCENT:
            at = curves[name].value[np.isclose(curves[name].place, percent / 100)]
            assert at == pytest.approx([found[f"{name}_{percent}"]]), name


def test_the_area_under_the_roc_curve_is_the_auc() -> None:
    value, converted, group = some_rows()
    roc = draw_curves(value, converted, group, points=5001, replicates=1)["roc"]
    area = np.trapezoid(roc.value, roc.place)
    assert area == pytest.approx(metrics.auc(tally(value, converted)), abs=1e-3)


# Precision at a recall that a distinct value ends at is that of the rows down to it.
def test_precision_and_recall_by_hand() -> None:
    value, converted = [0.9, 0.9, 0.7, 0.5, 0.1], [1, 0, 0, 1, 0]
    curve = draw_curves(value, converted, np.arange(5), points=5, replicates=1)["precision_recall"]
    assert curve.place.tolist() == [0, 0.25, 0.5, 0.75, 1]
    # Half of the first two rows' winner is found in half of those rows; the second stands fourth,
    # and half of it in half of its row.
    assert curve.value[1:] == pytest.approx([0.5 / 1, 1 / 2, 1.5 / 3.5, 2 / 4])


@pytest.mark.parametrize("name", CURVES)
def test_a_curve_is_a_table_with_a_band_around_it(name: str) -> None:
    curve = draw_curves(*some_rows(), replicates=100)[name]
    frame = curve.frame()
    assert frame.columns == [curve.across, curve.upwards, "low", "high"]
    known = frame.drop_nulls()
    assert known.height >= 100
    inside = (known["low"] <= known[curve.upwards]) & (known[curve.upwards] <= known["high"])
    assert inside.to_numpy().mean() > 0.95
    assert not any(frame[column].is_nan().any() for column in frame.columns)


def test_curves_end_where_they_must() -> None:
    curves = draw_curves(*some_rows(), replicates=20)
    assert (curves["gain"].value[0], curves["gain"].value[-1]) == (0, 1)
    assert curves["lift"].value[-1] == pytest.approx(1)
    assert curves["roc"].value[-1] == 1
    base_rate = some_rows()[1].mean()
    assert curves["precision_recall"].value[-1] >= base_rate


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_one_outcome_gives_null_and_never_nan(outcome: float) -> None:
    value = np.linspace(0.1, 0.9, 9)
    for curve in draw_curves(value, np.full(9, outcome), np.arange(9), replicates=5).values():
        frame = curve.frame()
        assert frame.null_count().select(curve.upwards).item() in (0, 1, 101)
        assert not any(frame[column].is_nan().any() for column in frame.columns)


def test_every_row_is_in_the_histogram_once() -> None:
    value, converted, _ = some_rows()
    frame = ScoreHistogram.of(value, converted, bins=20).frame()
    assert frame.columns == ["from", "to", "won", "lost"]
    assert frame["won"].sum() == converted.sum()
    assert frame["lost"].sum() == (1 - converted).sum()
    assert frame["to"].max() == pytest.approx(value.max())
    first = frame.row(0, named=True)
    assert first["won"] + first["lost"] == (value < first["to"]).sum()


def test_a_histogram_of_nothing_or_of_zeros_has_bins_all_the_same() -> None:
    for value in ([], [0.0, 0.0]):
        frame = ScoreHistogram.of(value, np.zeros(len(value)), bins=4).frame()
        assert frame["lost"].sum() == len(value)
        assert frame["to"].max() == 1
