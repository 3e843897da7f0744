"""In Spark, with several worker processes, scores are those of one machine."""

import logging
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from leadcast.features.base.errors import FaultsError, LeadcastError
from leadcast.serve.cluster.spark import pack, score_with_spark
from leadcast.serve.scorer import Scorer
from tests.scoring_world import END, bundle_folder, scoring_world, with_nulls

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = [
    pytest.mark.skipif(
        find_spec("pyspark") is None, reason="Spark is not installed (requirements/cluster.txt)"
    ),
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java, which is absent"),
    # What Spark itself leaves open or will change is not ours to mend.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning"),
]


@pytest.fixture(scope="module")
def session() -> "Iterator[SparkSession]":
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        from pyspark.sql import SparkSession

        settings = {
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": "4",
            "spark.sql.session.timeZone": "America/New_York",
            "spark.sql.execution.arrow.maxRecordsPerBatch": "100",
            "spark.driver.memory": "1g",
        }
        builder = SparkSession.builder.master("local[2]")
        for name, value in settings.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    # Python's end closes the sockets, long after pytest has closed the streams that logs go to.
    logging.getLogger("py4j").setLevel(logging.WARNING)
    yield session
    session.stop()


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    world = scoring_world().tables
    return {"leads": world.leads.drop("position"), "events": world.events.collect()}


def spark_table(session: "SparkSession", table: pl.DataFrame, folder: Path) -> "DataFrame":
    path = folder / f"{id(table)}.parquet"
    table.write_parquet(path)
    return session.read.parquet(str(path))


def collected(scores: "DataFrame", folder: Path) -> pl.DataFrame:
    scores.write.mode("overwrite").parquet(str(folder / "scores"))
    return pl.read_parquet(folder / "scores/*.parquet")


def test_scores_equal_those_of_one_machine(
    session: "SparkSession", tables: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    leads, events = (spark_table(session, table, tmp_path) for table in tables.values())
    scores = collected(score_with_spark(bundle_folder(), leads, events, END), tmp_path)
    expected = Scorer.load(bundle_folder()).score(tables["leads"], tables["events"], END)
    as_here = scores.select(expected.columns).cast(expected.schema)
    assert as_here.sort("lead_id").equals(expected.sort("lead_id"))


@pytest.mark.parametrize(
    ("of_leads", "of_events"),
    [
        (pl.Float64, pl.Int64),
        (pl.Int32, pl.Decimal(12, 2)),
        (pl.String, pl.Float64),
        (pl.Decimal(12, 2), pl.String),
    ],
)
def test_ids_that_numbers_hold_are_the_same_leads(
    session: "SparkSession",
    tables: dict[str, pl.DataFrame],
    tmp_path: Path,
    of_leads: pl.DataType,
    of_events: pl.DataType,
) -> None:
    number = pl.col("lead_id").str.extract(r"([0-9]+)$")
    own, theirs = (tables[name].with_columns(number) for name in ("leads", "events"))
    own = own.head(40)
    expected = Scorer.load(bundle_folder()).score(own, theirs, END, [])
    held = [
        table.with_columns(pl.col("lead_id").cast(pl.Int64).cast(dtype))
        for table, dtype in ((own, of_leads), (theirs, of_events))
    ]
    leads, events = (spark_table(session, table, tmp_path) for table in held)
    scores = collected(score_with_spark(bundle_folder(), leads, events, END), tmp_path)
    as_here = scores.select(expected.columns).cast(expected.schema)
    assert as_here.sort("lead_id").equals(expected.sort("lead_id"))


def test_a_text_is_no_number_where_leads_and_events_meet(
    session: "SparkSession", tables: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    two = tables["leads"].head(2).with_columns(lead_id=pl.Series(["007", " 8\u200b"]))
    theirs = tables["events"].head(40).with_columns(lead_id=pl.lit(7.0))
    theirs = pl.concat([theirs, theirs.with_columns(lead_id=pl.lit(8.0))])
    leads, events = (spark_table(session, table, tmp_path) for table in (two, theirs))
    scores = collected(score_with_spark(bundle_folder(), leads, events, END), tmp_path)
    expected = Scorer.load(bundle_folder()).score(two, theirs, END, [])
    as_here = scores.select(expected.columns).cast(expected.schema)
    assert as_here.sort("lead_id").equals(expected.sort("lead_id"))


def test_a_lead_at_several_moments_is_scored_at_each(
    session: "SparkSession", tables: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    moments = pl.DataFrame({"as_of": [END - timedelta(days=30), END]})
    asked = tables["leads"].head(20).join(moments, how="cross")
    asked = asked.with_columns(pl.col("as_of").cast(pl.Datetime("us", "UTC")))
    leads, events = (spark_table(session, table, tmp_path) for table in (asked, tables["events"]))
    scores = collected(score_with_spark(bundle_folder(), leads, events), tmp_path)
    expected = Scorer.load(bundle_folder()).score(asked, tables["events"])
    order = ["lead_id", "as_of"]
    as_here = scores.select(expected.columns).cast(expected.schema)
    assert as_here.sort(order).equals(expected.sort(order))


def test_events_that_lack_something_are_left_out_and_counted(
    session: "SparkSession",
    tables: dict[str, pl.DataFrame],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    more = pl.concat([with_nulls(tables["events"].head(90)), tables["events"]])
    leads, events = (spark_table(session, one, tmp_path) for one in (tables["leads"], more))
    with caplog.at_level(logging.WARNING, logger="leadcast"):
        scores = collected(score_with_spark(bundle_folder(), leads, events, END), tmp_path)
    expected = Scorer.load(bundle_folder()).score(tables["leads"], tables["events"], END, [])
    as_here = scores.select(expected.columns).cast(expected.schema)
    assert as_here.sort("lead_id").equals(expected.sort("lead_id"))
    told = "events: column 'lead_id': found rows without a value (30 rows); expected a value"
    assert told in caplog.text


def test_what_is_wrong_is_refused_before_any_work(
    session: "SparkSession", tables: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    leads = spark_table(session, tables["leads"].head(5), tmp_path)
    with pytest.raises(LeadcastError, match="found 'lead 0' 2 times"):
        score_with_spark(bundle_folder(), leads.union(leads.limit(1)), None, END)
    with pytest.raises(FaultsError, match="created_at"):
        score_with_spark(bundle_folder(), leads.drop("created_at"), None, END)


def test_a_path_that_is_not_there_is_told_without_a_traceback(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "leadcast.serve.cluster.spark",
        "--bundle",
        str(bundle_folder()),
    ]
    command += ["--leads", "no_leads", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "error: Spark refuses:" in done.stderr
    assert "no_leads" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_bundle_that_was_damaged_on_its_way_is_refused() -> None:
    from leadcast.serve.cluster.spark import _unpacked

    name, content = pack(bundle_folder())[0]
    damaged = ((name, content[:-1] + b"?"), *pack(bundle_folder())[1:])
    with pytest.raises(LeadcastError):
        _unpacked(damaged)
