"""An export of an earlier moment holds what was known then, and nothing else."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from benchmarks.deployed import Next, known_at, mean_of, moments_of
from benchmarks.strange_kinds import HORIZON_DAYS, KINDS, LANDMARKS_DAYS, draw
from leadcast.features.snapshots import SnapshotSettings, make_snapshots
from leadcast.features.tables import TIME, Tables

SETTINGS = SnapshotSettings(landmarks_days=LANDMARKS_DAYS, horizon_days=HORIZON_DAYS)
DATED, ORDERED = (
    draw(KINDS[name], 1_000, 0).tables for name in ("nothing strange", "step up, no dates")
)


def mature(tables: Tables) -> pl.DataFrame:
    return make_snapshots(tables, SETTINGS, 0).filter("mature")


def begin_of(tables: Tables) -> int:
    return moments_of(mature(tables), 0.2, 2)[0][0]


def test_snapshots_that_were_mature_at_a_moment_have_the_labels_of_today() -> None:
    moment, today = begin_of(DATED), mature(DATED)
    then = mature(known_at(DATED, moment))
    label_known = pl.col("position") + int(HORIZON_DAYS * 86_400e6) <= moment
    expected = today.filter(label_known)
    assert 100 < then.height < today.height
    keys = ["lead_id", "landmark_days", "converted"]
    assert then.select(keys).equals(expected.select(keys))


def test_another_future_gives_the_same_export() -> None:
    moment = begin_of(DATED)
    at = pl.Series([moment], dtype=pl.Int64).cast(TIME)[0]
    other = replace(
        DATED,
        leads=DATED.leads.filter(pl.col("created_at") <= at),
        outcomes=DATED.outcomes.with_columns(
            won_at=pl.when(pl.col("won_at") <= at).then("won_at"),
            lost_at=pl.when(pl.col("lost_at") <= at)
            .then("lost_at")
            .otherwise(pl.col("lost_at") + pl.duration(days=3)),
        ),
    )
    assert not DATED.outcomes.equals(other.outcomes)
    one, two = known_at(DATED, moment), known_at(other, moment)
    assert one.leads.equals(two.leads)
    assert one.outcomes.equals(two.outcomes)
    assert one.observed_until == at


def test_of_an_ordered_source_the_leads_before_are_known() -> None:
    begin = begin_of(ORDERED)
    known = known_at(ORDERED, begin)
    assert known.leads["position"].max() == begin - 1
    assert known.outcomes["lead_id"].to_list() == known.leads["lead_id"].to_list()


@pytest.mark.parametrize("tables", [DATED, ORDERED])
def test_what_comes_next_is_the_latest_and_each_snapshot_once(tables: Tables) -> None:
    positions = mature(tables)["position"]
    moments = moments_of(mature(tables), 0.2, 2)
    parts = [positions.is_between(*one, closed="left") for one in moments]
    assert sum(part.sum() for part in parts) == (parts[0] | parts[1]).sum()
    assert [part.mean() for part in parts] == pytest.approx([0.2, 0.2], abs=0.01)
    assert positions.filter(~(parts[0] | parts[1])).max() < moments[0][0]  # type: ignore[operator]


def test_the_better_of_two_is_told_and_moments_that_disagree_widen_the_interval() -> None:
    random = np.random.default_rng(0)
    truth = random.uniform(0.05, 0.6, 2_000)
    converted = (random.random(2_000) < truth).astype(np.float64)
    flat, group = np.full(2_000, truth.mean()), np.arange(2_000) // 2
    better = Next(truth, flat, converted, group).told()
    worse = Next(flat, truth, converted, group).told()
    assert better["log_loss"]["high"] < 0 < better["auc"]["low"]
    twice, mixed = mean_of([better, better]), mean_of([better, worse])
    assert twice["log_loss"]["value"] == pytest.approx(better["log_loss"]["value"])
    widths = [one["log_loss"]["high"] - one["log_loss"]["low"] for one in (better, twice, mixed)]
    # Twice as many leads: the interval is narrower. Moments that disagree: luck decides.
    assert widths[1] == pytest.approx(widths[0] / np.sqrt(2), rel=0.01)
    assert mixed["log_loss"]["low"] < 0 < mixed["log_loss"]["high"]
    assert widths[2] > 3 * widths[0]
