"""The library on tables in memory: the same numbers as the stages, and clear words."""

from collections.abc import Callable, Mapping
from contextlib import chdir
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import leadcast
from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.features.base.files import read_json
from leadcast.pipelines.base.params import Params, load_params
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.fetch import fetch
from leadcast.pipelines.frames.fitting_frames import STEPS, params_of
from leadcast.pipelines.frames.points_given import GivenPoints
from leadcast.pipelines.ingest import run as ingest
from leadcast.pipelines.lifecycle.trial import STAGES
from leadcast.serve.scorer import Scorer
from tests.frames_world import COLUMNS, data, model, project, raw, said
from tests.small_project import ROOT, undrawn

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def run() -> Path:
    """The folder of the run that the stages make of the same export."""
    raw()
    with chdir(project()):
        for stage in (fetch, ingest, *STEPS.values()):
            stage("demo")
        return RunFolder("demo").path.resolve()


def test_the_steps_are_the_stages_up_to_the_bundle() -> None:
    names = [name for name in STAGES if name in STEPS]
    assert names == list(STEPS)
    assert all(STAGES[name] is step for name, step in STEPS.items())


def test_the_canonical_tables_are_those_of_the_stages(run: Path) -> None:
    tables = leadcast.Tables.read(run / "tables")
    own = data().tables
    by = tables.leads.columns
    assert own.leads.select(by).equals(tables.leads)
    assert own.outcomes.equals(tables.outcomes)
    assert own.events.collect().equals(tables.events.collect())
    assert own.attribute_types == tables.attribute_types


def test_the_test_probabilities_are_those_of_the_stages_to_the_bit(run: Path) -> None:
    scores = pl.read_parquet(run / "test_scores.parquet")
    for name in ("probability", "lower", "upper"):
        np.testing.assert_array_equal(model().test_scores[name], scores[name])
    assert model().test_scores["lead_id"].tolist() == scores["lead_id"].to_list()
    features = model().features.drop(columns=["lead_id", "as_of"]).to_numpy()
    np.testing.assert_array_equal(features, pl.read_parquet(run / "matrix.parquet").to_numpy())


def test_the_saved_bundle_scores_as_that_of_the_stages(run: Path, tmp_path: Path) -> None:
    own = Scorer.load(model().save(tmp_path / "bundle"))
    theirs, tables = Scorer.load(run / "bundle"), data().tables
    expected = theirs.score(tables.leads, tables.events, AS_OF)["probability"]
    scores = own.score(data().leads, data().events, AS_OF)
    np.testing.assert_array_equal(scores["probability"], expected)
    assert model().verdict.words == read_json(run / "metrics.json")["verdict"]["words"]


def test_nothing_is_read_or_written_where_one_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "params.yaml").write_text("no: parameters")
    monkeypatch.chdir(tmp_path)
    with undrawn():
        model().report(tmp_path / "report.html")
    assert {path.name for path in tmp_path.iterdir()} == {
        *("params.yaml", "report.html", ".report.html.leadcast")
    }
    with pytest.raises(FaultsError, match=r"params.yaml: no"):
        load_params()


def test_what_somebody_else_wrote_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("mine")
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle/mine.txt").write_text("mine")
    for write, name in ((model().report, "report.html"), (model().save, "bundle")):
        with pytest.raises(LeadcastError, match=name):
            write(tmp_path / name)
    model().save(tmp_path / "new")
    assert model().save(tmp_path / "new") == tmp_path / "new"


def test_the_metrics_are_a_table_with_intervals() -> None:
    metrics = model().metrics.set_index("metric")
    assert list(metrics.columns) == ["value", "low", "high"]
    assert metrics.loc["auc", "low"] < metrics.loc["auc", "value"] < metrics.loc["auc", "high"]
    assert metrics.loc["n", "value"] == len(model().test_scores)


def test_the_tables_hold_together() -> None:
    used = model().snapshots.query("part != 'left_out'")
    assert used["lead_id"].tolist() == model().features["lead_id"].tolist()
    assert set(model().importance["feature"]) == set(model().features.columns[2:])
    assert model().importance["importance"].is_monotonic_decreasing
    assert {"candidate", "origin", "log_loss"} <= set(model().backtest.columns)
    assert "code" in model().leakage.columns


@pytest.mark.parametrize("name", sorted(leadcast.FittedModel.curves))
def test_each_curve_is_drawn_as_its_table_has_it(name: str) -> None:
    from matplotlib.figure import Figure

    ax = getattr(model(), f"plot_{name}")(Figure().subplots())
    look = model().curves[name]
    points = model().curve(name).drop_nulls()
    x, y = ax.get_lines()[0].get_data()
    np.testing.assert_array_equal(x, points[look.x])
    np.testing.assert_array_equal(y, points[look.y])
    assert (ax.get_xlabel(), ax.get_ylabel()) == (look.x_words, look.y_words)


def test_a_notebook_shows_the_data_and_the_model() -> None:
    assert "900 leads" in data()._repr_html_()
    shown = model()._repr_html_()
    assert model().verdict.words in shown
    assert "AUC" in shown
    assert "/tmp" not in repr(model()) + repr(data())


Given = Callable[[], Any]
TOTALS: Mapping[str, Given] = {
    "column": lambda: "rules_score",
    "series by lead": lambda: data().leads.set_index("lead_id")["rules_score"].iloc[::-1],
    "series in order": lambda: raw()[0]["Lead Points"],
    "table": lambda: raw()[0][["Lead ID", "Lead Points"]].rename(columns=COLUMNS),
    "polars": lambda: pl.Series(raw()[0]["Lead Points"].tolist()),
}


@pytest.mark.parametrize("form", TOTALS)
def test_points_may_come_in_any_form(form: str) -> None:
    found = model().compare(TOTALS[form](), calls_per_week=4, points_after_days=1)
    expected = model().compare(calls_per_week=4, points_after_days=1)
    assert found.words == expected.words
    assert found.words in found._repr_html_()
    assert {"lead_id", "probability", "points"} <= set(found.leads.columns)
    assert (found.reached["low"] <= found.reached["high"]).all()


def test_points_may_be_a_table_of_rules(tmp_path: Path) -> None:
    rules = ROOT / "data/rules/demo_hubspot.yaml"
    found = model().compare(leadcast.load_rules(rules))
    assert found.words == model().compare(rules).words == model().compare(str(rules)).words
    assert found.save_page(tmp_path / "comparison.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("points", "asked", "words"),
    [
        (pd.Series([1.0, 2.0]), {}, "2 points for 900 leads, without their ids"),
        (pd.DataFrame({"lead_id": ["x"], "points": [1]}), {}, "no lead of the data"),
        (pd.DataFrame({"lead_id": ["L0000000"] * 2, "p": [1, 2]}), {}, "several points of a lead"),
        (pd.DataFrame({"lead_id": ["x"], "a": [1], "b": [1]}), {}, "the columns lead_id, a, b"),
        (pd.DataFrame({"lead_id": ["x"], "a": ["many"]}), {}, "the columns lead_id, a"),
        ("industry", {}, "industry"),
        ("rules_score", {"calls": 4.0}, "calls"),
    ],
)
def test_what_are_no_points_is_told(
    points: GivenPoints, asked: dict[str, float], words: str
) -> None:
    with pytest.raises(LeadcastError, match=words):
        model().compare(points, **asked)


def test_new_leads_may_keep_the_names_of_the_export() -> None:
    leads, events, _ = raw()
    scores = model().score(leads, events, AS_OF)
    expected = model().scorer.score(data().leads, data().events, AS_OF)
    np.testing.assert_array_equal(scores["probability"], expected["probability"])


def test_new_leads_may_have_moments_of_their_own() -> None:
    leads = raw()[0].head(5).assign(as_of="2025-12-01T00:00:00Z")
    scores = model().score(leads, raw()[1])
    moments = scores["as_of"].dt.tz_convert("UTC")
    assert set(moments) == {pd.Timestamp("2025-12-01", tz="UTC")}


def test_new_leads_that_cannot_be_read_are_told() -> None:
    leads, events, _ = raw()
    with pytest.raises(LeadcastError, match=r"Created Date|created_at"):
        model().score(leads.assign(**{"Created Date": "soon"}), events)
    many = pd.concat([leads] * 50, ignore_index=True)
    many["Lead ID"] = many.index.astype(str)
    many["Created Date"] = many["Created Date"].astype(str).where(many.index != 7, "soon")
    with pytest.raises(LeadcastError, match=r"1 rows that cannot be scored: .*not a time"):
        model().score(many)


def test_warnings_about_new_leads_name_tables_and_no_temporary_folder(
    caplog: pytest.LogCaptureFixture,
) -> None:
    leads, events, _ = raw()
    model().score(leads.head(5), events)
    told = [record.getMessage() for record in caplog.records]
    assert any("(events.parquet row " in one for one in told)
    assert "/tmp" not in "".join(told)


def test_progress_is_told_step_by_step_and_other_parameters_are_seen() -> None:
    told: list[str] = []
    few = {"replicates": 100, "slice_replicates": 100}
    asked = {"model": {"candidates": ["prior"]}, "evaluation": few}
    other = leadcast.fit(data(), horizon_days=60, params=asked, progress=told.append)
    assert [line.split("]")[0] for line in told] == [f"[{name}" for name in STEPS]
    assert "/tmp" not in "".join(told)
    scores = (other.test_scores["probability"], model().test_scores["probability"])
    assert scores[0].tolist() != scores[1].tolist()


def test_parameters_are_those_of_the_file() -> None:
    asked = params_of(Params(seed=3), 30, [0, 7])
    assert asked.seed == 3
    assert asked.snapshots.landmarks_days == (0, 7)
    assert params_of({"snapshots": {"reporting_lag_days": 2}}, 30).snapshots.reporting_lag_days == 2
    with pytest.raises(FaultsError, match="fit: 2 errors") as error:
        params_of({"modell": {}, "seed": "x"})
    assert "fit: modell" in str(error.value)


def test_a_leak_is_told_in_python() -> None:
    leads = raw()[0].rename(columns={"Sales Stage": "stage"})
    spoilt = leadcast.LeadData(leads, *raw()[1:], **said(forbidden=()))
    with pytest.raises(LeadcastError) as error:
        leadcast.fit(spoilt, horizon_days=60, progress=False)
    assert "LeadData(..., forbidden=['stage'])" in str(error.value)
    assert "fit(..., params={'leakage': {'vouched': ['stage']}})" in str(error.value)
    assert "data/sources" not in str(error.value)
