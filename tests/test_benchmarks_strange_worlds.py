"""Strange worlds: their truth is what happens in them, and the verdict can go either way."""

import numpy as np
import polars as pl
import pytest

from benchmarks.fits import LEADCAST
from benchmarks.strange_kinds import HORIZON_DAYS, KINDS, LANDMARKS_DAYS, Kind, draw
from benchmarks.strange_worlds import (
    NEWEST,
    distance_from,
    expected_log_loss,
    intervals_hold,
    verdict,
    words_of_intervals,
)
from leadcast.features.snapshots import SnapshotSettings, make_snapshots

SETTINGS = SnapshotSettings(landmarks_days=LANDMARKS_DAYS, horizon_days=HORIZON_DAYS)
RECORDED = [name for name, kind in KINDS.items() if not kind.recorded_from]


def labelled(kind: Kind, leads: int = 20_000, seed: int = 0) -> pl.DataFrame:
    """Snapshots with a label, and their true probabilities."""
    world = draw(kind, leads, seed)
    mature = make_snapshots(world.tables, SETTINGS, 0).filter("mature")
    keys = ["lead_id", "landmark_days"]
    return mature.join(world.truth, on=keys, how="left", nulls_equal=True)


@pytest.mark.parametrize("name", RECORDED)
def test_as_many_convert_as_the_true_probabilities_say(name: str) -> None:
    rows = labelled(KINDS[name], 8_000).with_columns(
        tenth=(pl.col("true_probability").rank("ordinal") - 1) * 10 // pl.len()
    )
    for landmark, part in rows.group_by("landmark_days", "tenth"):
        true = part["true_probability"].to_numpy()
        error = float(part["converted"].cast(pl.Float64).to_numpy().mean() - true.mean())
        spread = np.sqrt((true * (1 - true)).sum()) / len(true)
        assert abs(error) < 4.5 * spread, landmark


def test_wins_before_the_recording_began_are_not_in_the_export() -> None:
    kind = KINDS["recording begins late"]
    rows = labelled(kind)
    first = rows["position"].min() + kind.recorded_from * kind.days * 86_400e6  # type: ignore[operator]
    early = rows.filter(pl.col("position") < first - HORIZON_DAYS * 86_400e6)
    assert early.height > 1000
    assert not early["converted"].any()
    assert early["true_probability"].mean() > 0.05  # type: ignore[operator]


def test_a_world_is_its_seed() -> None:
    one, again, other = (draw(KINDS["step up"], 300, seed) for seed in (1, 1, 2))
    assert one.tables.leads.equals(again.tables.leads)
    assert one.tables.outcomes.equals(again.tables.outcomes)
    assert one.truth.equals(again.truth)
    assert not one.truth.equals(other.truth)


def test_nothing_is_better_than_the_truth() -> None:
    truth = np.random.default_rng(0).uniform(0.01, 0.6, 500)
    best = expected_log_loss(truth, truth)
    assert distance_from(truth, truth) == 0
    for said in (truth * 1.1, truth * 0.9, np.full(500, truth.mean())):
        assert expected_log_loss(said, truth) > best
    assert distance_from(truth, truth + 0.05) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("log_loss", "calibration", "reached"),
    [(0.304, 0.03, True), (0.3075, 0.03, False), (0.29, 0.045, False)],
)
def test_the_verdict(log_loss: float, calibration: float, reached: bool) -> None:
    rows = pl.DataFrame(
        {
            "kind": "step up",
            "leads": 300,
            "seed": 0,
            "method": [LEADCAST, NEWEST, "LightGBM"],
            "log_loss": [log_loss, 0.32, 0.30],
            "regret": [log_loss - 0.25, 0.07, 0.05],
            "calibration": [calibration, 0.02, 0.04],
        }
    )
    found = verdict(rows).row(0, named=True)
    assert found["best_other"] == "LightGBM"
    assert found["reached"] is reached


def test_intervals_are_held_against_what_is_true() -> None:
    test = pl.DataFrame({"true_probability": np.linspace(0.01, 0.6, 500)}).with_columns(
        probability=pl.col("true_probability") * 0.8,
        lower=pl.col("true_probability") * 0.7,
        upper=pl.when(pl.col("true_probability") > 0.3).then(0.9).otherwise(0.0),
    )
    near = {"level_doubt": {"low": -0.5, "high": 0.5}}
    found = intervals_hold(test, near)
    assert found["covered"] == pytest.approx(0.5, abs=0.02)
    assert found["level_held"] == 1.0
    assert intervals_hold(test, {"level_doubt": {"low": -0.1, "high": 0.1}})["level_held"] == 0.0
    assert intervals_hold(test, {"level_doubt": {"words": "unknown"}})["level_held"] is None
    rows = pl.DataFrame([{"method": LEADCAST} | found, {"method": LEADCAST} | found])
    assert "over 2 worlds, the level's in 100.0% of 2" in words_of_intervals(rows)
