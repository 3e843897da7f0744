"""The stage ``curve``: a source's own, in both bundles, or the reason why there is none."""

import json
from contextlib import chdir
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from leadcast.features.tables import Tables
from leadcast.models.bundle.bundle import load_bundle
from leadcast.models.curve.conversion_curve import ConversionCurve, curve_of
from leadcast.pipelines.base.dataset import read_parts
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.curve import APART, NO_DATES, TEST, Looks, curve, read_summary
from leadcast.pipelines.insight.when import tell_curve
from tests.small_project import make_project, run_stages

RUN = RunFolder("demo")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_project(tmp_path_factory.mktemp("curve"), leads=1500)
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
        test, scores = read_parts(RUN, ["test"], None), pl.read_parquet(RUN.test_scores)
        probability = scores["probability"].to_numpy()
        told = curve_of(judged, test.values, probability, [7.0, judged.horizon_days])
    np.testing.assert_array_equal(told[:, 1], probability)
    assert (told[:, 0] <= probability).all()


def test_the_newest_are_followed_whatever_became_of_them(project: Path) -> None:
    with chdir(project):
        looks = Looks.of(RUN, Tables.read(RUN.tables))
        everything = pl.read_parquet(RUN.snapshots)
    begin = everything.filter(part="test")["as_of"].min()
    own = looks.snapshots.filter(~pl.col(TEST))
    # Of those that the test began too early for, none is left out for still being looked at.
    purged = everything.filter((pl.col("reason") == "purged") & (pl.col("as_of") < begin))
    assert purged.height > 0
    assert purged.join(own, on=["lead_id", "as_of"], how="anti").is_empty()
    # From persons of the test the curve learns no more than the pace.
    tested = everything.filter(part="test")["person_id"].unique().implode()
    assert own.filter(pl.col(APART) & pl.col("person_id").is_in(tested)).is_empty()
    assert not own.filter(~pl.col(APART)).is_empty()


def test_the_terminal_tells_what_was_told_and_what_came(project: Path) -> None:
    with chdir(project):
        summary = read_summary(RUN)
        words = tell_curve("demo")
    assert summary["why_not"] is None
    assert all(f"{one['days']:>4g} d" in words for one in summary["test"]["horizons"])
    assert "leadcast score --extra curve" in words


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
