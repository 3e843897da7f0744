"""The stage ``curve``: a source's own, in both bundles, or the reason why there is none."""

import json
import shutil
from contextlib import chdir
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from leadcast.features.snapshots import microseconds
from leadcast.features.tables import Tables
from leadcast.models.bundle.bundle import load_bundle
from leadcast.models.curve.conversion_curve import ConversionCurve, curve_of, read_curve
from leadcast.models.curve.curve_fit import CurveChoice, fit_curve
from leadcast.models.curve.person_periods import CurveRows
from leadcast.pipelines.base.dataset import read_parts, read_plan
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.curve import (
    APART,
    NO_DATES,
    TEST,
    HorizonModels,
    Looks,
    curve,
    read_summary,
)
from leadcast.pipelines.insight.when import tell_curve
from tests.small_project import hurried, make_project, run_stages

RUN = RunFolder("demo")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_project(tmp_path_factory.mktemp("curve"), leads=1500)
    with hurried(), pytest.MonkeyPatch.context() as patched:
        # So small a world has not a hundred customers within a week.
        patched.setattr("leadcast.models.curve.anchor_fit.FEWEST_WON", 10)
        run_stages(folder, last="export")
    return folder


def test_both_bundles_hold_a_curve_that_passes_through_the_scores_of_the_test(
    project: Path,
) -> None:
    with chdir(project):
        for folder in (RUN.judged, RUN.bundle):
            assert isinstance(load_bundle(folder).extras["curve"], ConversionCurve)
        judged = load_bundle(RUN.judged).extras["curve"]
        assert isinstance(judged, ConversionCurve)
        assert [one.days for one in judged.anchors] == [7.0, judged.longest_days]
        test, scores = read_parts(RUN, ["test"], None), pl.read_parquet(RUN.test_scores)
        probability = scores["probability"].to_numpy()
        told = curve_of(judged, test.values, probability, [7.0, judged.horizon_days])
    np.testing.assert_array_equal(told[:, 1], probability)
    assert (told[:, 0] <= probability).all()


def of_tested(rows: pl.DataFrame, everything: pl.DataFrame) -> pl.DataFrame:
    """Take the rows of persons of whom another lead is in the test."""
    tested = everything.filter(part="test").select("person_id", tested="lead_id").unique()
    return rows.join(tested, on="person_id").filter(pl.col("lead_id") != pl.col("tested"))


def test_the_newest_are_followed_whatever_became_of_them(project: Path) -> None:
    with chdir(project):
        looks = Looks.of(RUN, Tables.read(RUN.tables))
        everything = pl.read_parquet(RUN.snapshots)
    begin = everything.filter(part="test")["as_of"].min()
    own = looks.snapshots.filter(~pl.col(TEST))
    # Of those that the test began too early for, none is left out for still being looked at.
    purged = everything.filter((pl.col("part") == "fresh") & (pl.col("as_of") < begin))
    assert purged.height > 0
    assert purged.join(own, on=["lead_id", "as_of"], how="anti").is_empty()
    # From persons of whom another lead is in the test the curve learns no more than the pace.
    apart = own.filter(pl.col(APART))
    assert not of_tested(apart, everything).height
    assert apart.join(everything.filter(part="test"), on="lead_id", how="semi").height > 0
    # Nobody in the test is left out for having been looked at before.
    later = everything.filter(part="test").join(
        looks.snapshots, on=["lead_id", "as_of"], how="anti"
    )
    assert later.is_empty()


def test_the_models_of_horizons_learn_of_no_other_lead_of_the_tested_and_of_nothing_later(
    project: Path,
) -> None:
    with chdir(project):
        looks = Looks.of(RUN, Tables.read(RUN.tables))
        models = HorizonModels.of(RUN, looks, read_plan(RUN), looks.begin_us)
        everything = pl.read_parquet(RUN.snapshots)
        later = HorizonModels.of(RUN, looks, read_plan(RUN), looks.until_us)
    tested = everything.filter(part="test")["person_id"].unique().implode()
    known, lag = models.known(7.0), microseconds(looks.settings.reporting_lag_days)
    assert known["converted"].sum() > 0
    assert of_tested(known, everything).is_empty()
    assert (known["position"] + microseconds(7.0) + lag <= looks.begin_us).all()
    # A win that is known is one within the horizon, and before the moment.
    won = known.join(looks.tables.outcomes, on="lead_id", how="left").with_columns(
        after=pl.col("won_at").dt.epoch("us") - pl.col("position")
    )
    soon = pl.col("after").is_not_null() & (pl.col("after") <= microseconds(7.0))
    assert won.select((soon == pl.col("converted")).all()).item()
    assert later.known(7.0).filter(pl.col("person_id").is_in(tested)).height > 0


def test_the_terminal_tells_what_was_told_and_what_came(project: Path) -> None:
    with chdir(project):
        summary = read_summary(RUN)
        words = tell_curve("demo")
    assert summary["why_not"] is None
    assert all(f"{one['days']:>4g} d" in words for one in summary["test"]["horizons"])
    assert "leadcast score --extra curve" in words


def test_where_no_curve_can_be_fitted_for_use_the_judged_one_is_taken_without_its_features(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path(shutil.copytree(project, tmp_path / "own", ignore=shutil.ignore_patterns("judged")))

    def only_first(rows: CurveRows, horizon: float, *newest: CurveRows) -> CurveChoice | None:
        return fit_curve(rows, horizon, *newest) if newest else None

    monkeypatch.setattr("leadcast.pipelines.curve.fit_curve", only_first)
    monkeypatch.setattr("leadcast.models.curve.anchor_fit.FEWEST_WON", 10)
    with chdir(own):
        curve("demo")
        judged, deployed = (read_curve(RUN.curve / name) for name in ("judged", "deployed"))
    assert judged.anchors
    assert (deployed.rates, deployed.anchors) == (judged.rates, ())
    assert deployed.effects == ()


def test_a_source_without_dates_gets_the_reason(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def undated(*_: object) -> bool:
        return False

    with chdir(project):
        kept = json.loads((RUN.curve / "summary.json").read_text())
        monkeypatch.setattr("leadcast.pipelines.curve.has_dated_outcome", undated)
        assert curve("demo") == f"no curve: {NO_DATES}"
        assert tell_curve("demo") == NO_DATES
        assert not list(RUN.curve.rglob("curve.json"))
    assert kept["why_not"] is None
