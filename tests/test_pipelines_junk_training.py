"""What becomes of junk where a model learns: kept, set apart, weighed."""

import json
from contextlib import chdir
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.features.definitions.load import find_definition
from leadcast.features.definitions.yaml_lines import plain_yaml, yaml_text
from leadcast.models.account import JUNK
from leadcast.models.data import LabelledMatrix
from leadcast.models.learners.learner_store import FittedLearner
from leadcast.models.sellers.junk_training import HONEST, counted_as, training_effects
from leadcast.pipelines.base.dataset import judged_rows, labels_for_cluster, read_parts
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.deploy import Known
from leadcast.pipelines.insight.sellers import SellersRequest, tell_sellers
from leadcast.pipelines.lifecycle.warm import COMPUTING
from tests.small_project import EVALUATION, LEARNER
from tests.test_pipelines_sellers import DEFINITION

LEADS = 900
RUN = RunFolder("shop")
STAGES = ("ingest", "snapshots", "features", "gate", "train", "calibrate", "evaluate", "deploy")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A third of the leads are a program's, which never become customers."""
    folder = tmp_path_factory.mktemp("junk")
    (folder / "data/sources").mkdir(parents=True)
    (folder / "data/raw").mkdir()
    rng = np.random.default_rng(3)
    faked = rng.random(LEADS) < 1 / 3
    hours = np.sort(rng.uniform(0, 180 * 24, LEADS))
    size = rng.integers(1, 100, LEADS)
    won = (rng.random(LEADS) < 0.1 + 0.004 * size) & ~faked
    created = pl.Series(np.round(hours * 3600).astype(np.int64)).cast(pl.Duration("ms")) * 1000
    frame = pl.DataFrame({"size": size, "faked": faked, "won": won}).with_columns(
        id=pl.format("L{}", pl.int_range(LEADS)),
        at=pl.lit(datetime(2025, 1, 1, tzinfo=UTC)).dt.cast_time_unit("ms") + created,
        vendor=pl.when("faked").then(pl.lit("Bots")).otherwise(pl.lit(None)),
        source=pl.lit("Web"),
        email=pl.format("kim{}x@firm{}.de", pl.int_range(LEADS), pl.int_range(LEADS)),
        cost=pl.lit(9.5),
        seconds=pl.when("faked").then(2).otherwise(60),
        device=pl.when("faked").then(pl.lit("D")).otherwise(pl.format("d{}", pl.int_range(LEADS))),
    )
    until, written = datetime(2025, 7, 1, tzinfo=UTC), "%Y-%m-%dT%H:%M:%SZ"
    ends = pl.col("at") + pl.duration(days=20)
    frame.with_columns(
        created=pl.col("at").dt.strftime(written),
        won=pl.when(pl.col("won") & (ends < until)).then(ends.dt.strftime(written)),
        lost=pl.when(~pl.col("won") & (ends < until)).then(ends.dt.strftime(written)),
    ).drop("at", "faked").write_csv(folder / "data/raw/leads.csv")
    params = {
        "sources": ["shop"],
        "evaluation": EVALUATION,
        "model": LEARNER | {"candidates": ["logistic"]},
        "leakage": {"stop": False},
    }
    (folder / "params.yaml").write_text(yaml_text(params), encoding="utf-8")
    return folder


def run_with(project: Path, treatment: str, stages: tuple[str, ...] = STAGES) -> None:
    content = plain_yaml(yaml_text(DEFINITION))
    del content["vendors"]
    leads = content["tables"]["leads"]
    leads["attributes"] |= {
        "form_seconds": {"column": "seconds", "type": "number"},
        "form_device": {"column": "device", "type": "category"},
    }
    content |= {"junk_in_training": treatment, "split": {"test_fraction": 0.3}}
    (project / "data/sources/shop.yaml").write_text(yaml_text(content), encoding="utf-8")
    for stage in stages:
        COMPUTING[stage]("shop")


def vendors(snapshots: pl.DataFrame) -> pl.DataFrame:
    leads = pl.read_parquet(RUN.tables / "leads.parquet").select("lead_id", "vendor")
    return snapshots.join(leads, on="lead_id", how="left", maintain_order="left")


def test_junk_set_apart_is_learned_from_nowhere_and_stays_in_the_test(project: Path) -> None:
    with chdir(project):
        run_with(project, "set_apart")
        split = vendors(pl.read_parquet(RUN.snapshots))
        learned, test = (split.filter(part=part) for part in ("train", "test"))
        assert learned.height > 150
        assert learned["vendor"].null_count() == learned.height
        bots = test.filter(vendor="Bots").height
        assert bots > 50
        apart = split.filter(reason=JUNK)
        assert set(apart["vendor"]) == {"Bots"}
        assert read_parts(RUN, ["train"], 30.0).weight is None
        assert len(read_parts(RUN, ["test"], 30.0)) == test.height
        assert len(judged_rows(RUN)) == test.height - bots
        known = vendors(Known.of(RUN).snapshots)
        assert known["vendor"].null_count() == known.height, "nor does what is deployed"
        account = json.loads(RUN.account.read_text(encoding="utf-8"))
        assert {row["rows"] for row in account if "junk" in row["reason"]} == {apart.height}
        notes = json.loads(RUN.backtest.read_text(encoding="utf-8"))["notes"]
        assert (
            sum("likely junk when they arrived are not learned from" in one for one in notes) == 1
        )


def test_weighed_junk_counts_as_much_as_it_is_likely_none_and_keep_changes_nothing(
    project: Path,
) -> None:
    with chdir(project):
        run_with(project, "weigh", (*STAGES[1:3], "train"))
        split = vendors(pl.read_parquet(RUN.snapshots))
        bots = pl.col("vendor") == "Bots"
        assert split.filter(bots)[HONEST].max() < 0.05  # type: ignore[operator]
        assert split.filter(~bots | bots.is_null())[HONEST].min() > 0.9  # type: ignore[operator]
        learned = read_parts(RUN, ["train"], 30.0)
        assert learned.weight is not None
        np.testing.assert_array_equal(learned.weight, split.filter(part="train")[HONEST])
        assert read_parts(RUN, ["test"], 30.0).weight is None, "the test counts all leads alike"
        with pytest.raises(LeadcastError, match="a cluster knows no weights"):
            labels_for_cluster(split, pl.Series([True]).extend_constant(True, split.height - 1))
        run_with(project, "keep", ("snapshots",))
        kept = pl.read_parquet(RUN.snapshots)
        assert HONEST not in kept.columns
        assert kept.drop("part", "reason").equals(split.drop("part", "reason", HONEST, "vendor"))


def test_what_each_treatment_changes_is_told(project: Path) -> None:
    with chdir(project):
        run_with(project, "keep", ())
        told = tell_sellers("shop", SellersRequest(training=True))
    assert "WHAT JUNK DOES TO TRAINING" in told.text
    effects = [one for one in told.facts["training"] if one["learner"] == "logistic"]
    assert [one["treatment"] for one in effects] == ["keep", "set_apart", "weigh"]
    kept, apart, weighed = (one["expected"] / one["observed"] for one in effects)
    assert apart == pytest.approx(weighed, abs=0.05)
    assert kept == pytest.approx(apart, abs=0.25), "a model that sees the vendor knows by itself"
    assert effects[0]["rows"] > 1.3 * effects[1]["rows"]


def test_where_nobody_tells_who_brought_a_lead_it_is_refused(project: Path) -> None:
    with chdir(project):
        run_with(project, "set_apart", ())
        path = project / "data/sources/shop.yaml"
        content = plain_yaml(path.read_text(encoding="utf-8"))
        for name in ("vendor", "source"):
            del content["tables"]["leads"]["attributes"][name]
        path.write_text(yaml_text(content), encoding="utf-8")
        COMPUTING["ingest"]("shop")
        with pytest.raises(LeadcastError, match="vendor, source or campaign"):
            COMPUTING["snapshots"]("shop")
        assert find_definition("shop").junk_in_training == "set_apart"


def test_effects_find_a_level_that_is_known() -> None:
    """A learner that says the base rate, where half of the rows are junk that never buys."""
    rng = np.random.default_rng(1)

    def rows(n: int, junk: np.ndarray) -> LabelledMatrix:
        converted = ((rng.random(n) < 0.4) & (junk == 0)).astype(np.float64)
        place = np.arange(n)
        return LabelledMatrix(np.zeros((n, 1), np.float32), (), converted, place, place, 0)

    class Level:
        def __init__(self, data: LabelledMatrix) -> None:
            rate = float(np.average(data.converted, weights=data.weights))
            self.said = np.log(rate / (1 - rate))

        def log_odds(self, values: np.ndarray) -> np.ndarray:
            return np.full(len(values), self.said)

    def fit(data: LabelledMatrix) -> FittedLearner:
        return Level(data)  # type: ignore[return-value]

    junk = (np.arange(4_000) % 2).astype(np.float64)
    kept, apart, weighed = training_effects(
        rows(4_000, junk), {"truth": junk}, rows(4_000, np.zeros(4_000)), fit
    )
    assert kept.expected / kept.observed == pytest.approx(0.5, abs=0.04)
    assert apart.expected / apart.observed == pytest.approx(1, abs=0.06)
    assert apart.rows == 2_000
    assert weighed.expected == pytest.approx(apart.expected, rel=0.01)
    assert apart.change < -5 * apart.error < 0
    assert counted_as(junk, "weigh").min() > 0
