"""Snapshots weighed by who was called: a world in which only the likeliest leads are worked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadcast.features.base.errors import LeadcastError
from leadcast.features.registry import Feature
from leadcast.models.account import NOT_CALLED
from leadcast.models.calibration.in_time import calibrate_in_time
from leadcast.models.choice.fitting import fit_learner
from leadcast.models.choice.setups import Setup
from leadcast.models.data import Floats, LabelledMatrix
from leadcast.models.evaluation.logistic import sigmoid
from leadcast.pipelines.base.params import Params, SelectionParams, load_params
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.selection import calls_digest, weighed, weighed_grades
from leadcast.pipelines.train import _read
from leadcast.serve.today.selection import (
    WEIGHT,
    as_evidence,
    effective_rows,
    repeated,
    weigh_calls,
)
from tests.learner_worlds import QUICK, logistic_world
from tests.scoring_world import scoring_world
from tests.small_project import change_params, make_project

START = datetime(2026, 1, 5, tzinfo=UTC)
HORIZON = timedelta(days=30)
N = 12_000
EXPLORED = 0.1


def world(seed: int = 3) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Snapshots whose truth is known, the lists, and what was recorded: nobody wins uncalled."""
    draw = np.random.default_rng(seed)
    log_odds = draw.normal(-2.0, 1.0, N)
    truth = 1 / (1 + np.exp(-log_odds))
    above = log_odds > np.quantile(log_odds, 0.8)
    explored = ~above & (draw.random(N) < EXPLORED)
    called = above | explored
    ids = [f"L{number}" for number in range(N)]
    snapshots = pl.DataFrame({"lead_id": ids, "as_of": [START] * N})
    calls = pl.DataFrame(
        {
            "lead_id": ids,
            "as_of": [START + timedelta(days=1)] * N,
            "week": ["2026-W02"] * N,
            "call_rank": pl.Series([1 if one else None for one in called.tolist()]),
            "explored": explored,
            "propensity": np.where(above, 1.0, EXPLORED),
        }
    )
    recorded = pl.DataFrame(
        {
            "log_odds": log_odds,
            "truth": truth,
            "above": above,
            "converted": (called & (draw.random(N) < truth)).astype(float),
            "group": np.arange(N),
        }
    )
    return snapshots, calls, recorded


def learned(recorded: pl.DataFrame, weight: Floats | None) -> Floats:
    """Learn from what was recorded, and say it of all leads."""
    values = recorded["log_odds"].to_numpy().astype(np.float32)[:, None]
    feature = Feature("budget", "fit", "number", ("leads",), "budget")
    place = np.arange(N, dtype=np.int64)
    converted = recorded["converted"].to_numpy()
    data = LabelledMatrix(values, (feature,), converted, place, place, 0, weight)
    worked = data if weight is None else data.rows(weight > 0)
    setups = (Setup(None, curves=((10.0, 1.0),)),)
    learner = fit_learner("logistic", as_evidence(worked), setups, QUICK)
    return sigmoid(learner.log_odds(values))


def test_where_only_the_likeliest_are_worked_low_grades_are_right_with_weights_alone() -> None:
    snapshots, calls, recorded = world()
    found, facts = weigh_calls(snapshots, calls, HORIZON, most=25)
    low = (~recorded["above"]).to_numpy()
    truth = recorded["truth"].to_numpy()[low].mean()
    # As recorded, a tenth of those who would become customers below the line do.
    assert learned(recorded, None)[low].mean() < 0.25 * truth
    weight = found[WEIGHT].to_numpy()
    assert learned(recorded, weight)[low].mean() == pytest.approx(truth, rel=0.15)
    assert facts.stood_for == pytest.approx(N, rel=0.05)
    assert facts.called + facts.left_out == N
    assert (facts.cut_off, facts.weeks_without, facts.unlisted) == (0, 0, 0)
    assert facts.effective < facts.called
    assert "stand for" in facts.words()


def test_a_calibration_of_low_grades_that_was_wrong_is_mended_with_weights_alone() -> None:
    snapshots, calls, recorded = world()
    weight = weigh_calls(snapshots, calls, HORIZON, most=25)[0][WEIGHT]
    low = recorded.filter(~pl.col("above"))["log_odds"].to_numpy()
    truth = sigmoid(low).mean()

    def said(rows: pl.DataFrame) -> float:
        # The model is right; a calibration by what was recorded makes it wrong.
        origin = np.arange(rows.height) * 3 // rows.height
        told = (rows[name].to_numpy() for name in ("log_odds", "converted", "group"))
        log_odds, converted, group = told
        found = calibrate_in_time(log_odds, converted, group, origin, seed=1)
        level = converted.mean() / found.calibrator.probability(log_odds).mean()
        return float(found.calibrator.probability(low).mean() * level)

    assert said(recorded) < 0.6 * truth
    assert said(repeated(recorded.with_columns(weight))) == pytest.approx(truth, rel=0.1)


def test_weights_as_evidence_keep_their_proportions_and_count_as_they_are_worth() -> None:
    data, _ = logistic_world(6)
    assert as_evidence(data) is data
    weighed = replace(data, weight=np.array([1.0, 1.0, 1.0, 1.0, 1.0, 5.0]))
    found = as_evidence(weighed).weights
    assert found.sum() == pytest.approx(effective_rows(weighed.weights))
    np.testing.assert_allclose(found / found[0], weighed.weights)


def test_weights_that_are_cut_off_stand_for_fewer_and_are_told() -> None:
    snapshots, calls, _ = world()
    _, full = weigh_calls(snapshots, calls, HORIZON, most=25)
    found, facts = weigh_calls(snapshots, calls, HORIZON, most=2)
    assert found[WEIGHT].max() == 2
    assert facts.cut_off == facts.explored == full.explored
    assert facts.stood_for < full.stood_for
    assert facts.effective > full.effective
    assert "cut off at 2" in facts.words()


def test_the_first_list_within_the_horizon_counts_and_who_was_on_none_counts_one() -> None:
    def at(day: float) -> datetime:
        return START + timedelta(days=day)

    snapshots = pl.DataFrame(
        {
            "lead_id": ["b", "a", "a", "c", "d"],
            "as_of": [at(0), at(10), at(0), at(0), at(0)],
        }
    )
    calls = pl.DataFrame(
        {
            "lead_id": ["a", "a", "b", "c", "d"],
            "as_of": [at(1), at(10), at(31), at(30), at(0.5)],
            "week": ["1", "2", "3", "3", "1"],
            "call_rank": [None, 3, 1, 2, None],
            "explored": [False, True, False, False, False],
            "propensity": [0.2, 0.25, 1.0, 1.0, 0.5],
        }
    )
    found, facts = weigh_calls(snapshots, calls, HORIZON, most=25)
    assert found["lead_id"].to_list() == ["b", "a", "a", "c", "d"]
    # b: listed too late; a: called at the very moment, and not called by its first list; c: at the
    # horizon's end; d: not called.
    assert found[WEIGHT].to_list() == [1.0, 4.0, 0.0, 1.0, 0.0]
    assert (facts.unlisted, facts.called, facts.explored, facts.left_out) == (1, 2, 1, 2)
    assert facts.weeks_without == 1
    assert "explored nobody" in facts.words()


@given(st.lists(st.floats(0, 30), min_size=1, max_size=40))
def test_rows_are_repeated_as_often_as_they_weigh(weights: list[float]) -> None:
    rows = pl.DataFrame({"group": range(len(weights)), WEIGHT: weights})
    found = repeated(rows)
    assert found.columns == ["group"]
    assert abs(found.height - sum(weights)) <= 1
    counted = np.bincount(found["group"].to_numpy(), minlength=len(weights))
    assert np.abs(counted - weights).max() <= 1
    assert found["group"].is_sorted()
    assert repeated(found) is found


def test_rows_of_equal_weight_are_worth_their_number() -> None:
    assert effective_rows(np.full(7, 3.0)) == pytest.approx(7)
    assert effective_rows(np.array([1.0, 0.0, 0.0])) == 1
    assert effective_rows(np.zeros(0)) == 0


def test_grades_are_told_with_weights_and_without() -> None:
    told = weighed_grades(
        np.array([0.5, 0.5, 0.1, 0.1]),
        np.array([1.0, 0.0, 1.0, 0.0]),
        np.arange(4),
        np.array([1.0, 1.0, 1.0, 3.0]),
        pl.Series(["A", "A", "D", "D"]),
    )
    assert [one["grade"] for one in told] == ["A", "D"]
    assert (told[1]["rate"], told[1]["unweighted"]) == (0.25, 0.5)
    assert told[1]["low"] < 0.25 < told[1]["high"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = make_project(tmp_path, 10)
    monkeypatch.chdir(folder)
    return folder


def lay_out_lists(run: RunFolder) -> pl.DataFrame:
    split = scoring_world().snapshots.with_columns(
        part=pl.lit("train"), reason=pl.lit(None, pl.String)
    )
    first = split.unique("lead_id", keep="first", maintain_order=True)
    calls = first.select(
        "lead_id",
        "as_of",
        week=pl.lit("2025-W01"),
        call_rank=pl.when(pl.int_range(pl.len()) % 2 == 0).then(1),
        explored=pl.lit(value=True),
        propensity=pl.lit(0.5),
    )
    run.today_calls.mkdir(parents=True)
    calls.write_parquet(run.today_calls / "2025-W01.parquet")
    return split


def test_a_run_is_weighed_where_it_is_asked_for_and_else_is_what_it_was(project: Path) -> None:
    run, tables, off = RunFolder("demo"), scoring_world().tables, load_params()
    assert calls_digest(run, off) == {}
    on = Params(selection=SelectionParams(weigh_calls=True))
    with pytest.raises(LeadcastError, match="has no call list; `leadcast today demo` keeps"):
        weighed(run, pl.DataFrame(), tables, on)
    split = lay_out_lists(run)
    same, words = weighed(run, split, tables, off)
    assert same is split
    assert words == ""
    found, words = weighed(run, split, tables, on)
    assert "stand for" in words
    nobody = found.filter(part="left_out")
    assert nobody["reason"].unique().to_list() == [NOT_CALLED]
    assert set(found.filter(part="train")[WEIGHT].unique()) <= {1.0, 2.0}
    before = calls_digest(run, on)["calls"]
    (run.today_calls / "2025-W02.parquet").write_bytes(b"another")
    assert calls_digest(run, on)["calls"] != before
    fresh = on.model_copy(update={"model": on.model.model_copy(update={"fresh_snapshots": True})})
    with pytest.raises(LeadcastError, match="found both"):
        weighed(run, split, tables, fresh)


def test_a_cluster_that_knows_no_weights_is_refused(project: Path) -> None:
    change_params(project, selection={"weigh_calls": True})
    run = RunFolder("demo")
    (run.tables / "events").mkdir(parents=True)
    tables = scoring_world().tables
    tables.leads.write_parquet(run.tables / "leads.parquet")
    tables.outcomes.write_parquet(run.tables / "outcomes.parquet")
    tables.write_about(run.tables)
    with pytest.raises(LeadcastError, match="a cluster knows no weights"):
        _read("demo", run, most=1000)
