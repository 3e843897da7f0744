"""The score history: appended by batch, read by lead."""

from datetime import timedelta
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from leadcast.features.base.errors import LeadcastError
from leadcast.pipelines.commands.model_commands import tell_history
from leadcast.serve.batch.batch import BatchSettings, score_files
from leadcast.serve.batch.deliver import Outputs
from leadcast.serve.score_history import (
    append_scores,
    changes,
    history_of,
    trend_of,
    trend_of_change,
)
from leadcast.serve.scorer import Scorer
from leadcast.serve.scores import SCHEMA
from tests.races import at_once, killed_when
from tests.scoring_world import START, bundle_folder, scoring_world

AS_OF = START + timedelta(days=150)


@cache
def scores() -> pl.DataFrame:
    scorer = Scorer.load(bundle_folder())
    return scorer.score(
        scoring_world().tables.leads.head(20), scoring_world().tables.events, AS_OF, []
    )


def at(days: float, points: float, version: str = "one") -> pl.DataFrame:
    return scores().with_columns(
        pl.col("as_of") + timedelta(days=days), score=float(points), model_version=pl.lit(version)
    )


def test_a_lead_is_read_in_the_order_of_time_whatever_the_order_of_the_batches(
    tmp_path: Path,
) -> None:
    for days, points in ((2, 30.0), (0, 10.0), (1, 12.5)):
        append_scores(at(days, points).lazy(), tmp_path)
    history = history_of(tmp_path, "lead 3")
    assert history["score"].to_list() == [10.0, 12.5, 30.0]
    assert history["change"].to_list() == [None, 2.5, 17.5]
    assert trend_of(history) == "improving"
    assert history.columns == [*SCHEMA, "change"]


def test_a_change_is_told_within_a_model_version_only(tmp_path: Path) -> None:
    append_scores(at(0, 10).lazy(), tmp_path)
    append_scores(at(1, 90, "two").lazy(), tmp_path)
    assert history_of(tmp_path, "lead 3")["change"].to_list() == [None, None]
    assert trend_of(history_of(tmp_path, "lead 3")) == "not enough info"


def test_a_batch_that_is_delivered_twice_stands_there_once(tmp_path: Path) -> None:
    first = append_scores(scores().lazy(), tmp_path)
    assert append_scores(scores().lazy(), tmp_path) == first
    assert [path.name for path in tmp_path.iterdir()] == [first.name if first else ""]
    append_scores(scores().head(5).lazy(), tmp_path)
    assert history_of(tmp_path, "lead 3").height == 1


def test_changes_are_those_between_the_last_two_scores(tmp_path: Path) -> None:
    for days, points in ((0, 50.0), (1, 40.0), (2, 44.0)):
        append_scores(at(days, points).lazy(), tmp_path)
    append_scores(at(3, 99, "two").lazy(), tmp_path)
    append_scores(at(3, 99).head(1).with_columns(lead_id=pl.lit("new")).lazy(), tmp_path)
    found = changes(tmp_path, "one").collect()
    assert set(found["change"]) == {4.0}
    assert set(found["lead_id"]) == set(scores()["lead_id"])


@pytest.mark.parametrize(
    ("change", "trend"),
    [(None, "not enough info"), (4.9, "steady"), (5.0, "improving"), (-5.0, "declining")],
)
def test_a_trend_is_what_the_change_says(change: float | None, trend: str) -> None:
    assert trend_of_change(change) == trend


def test_a_batch_appends_to_the_history_and_the_command_reads_it(tmp_path: Path) -> None:
    scoring_world().tables.leads.head(20).write_parquet(tmp_path / "leads.parquet")
    scoring_world().tables.events.sink_parquet(tmp_path / "events.parquet")
    files = (tmp_path / "leads.parquet", tmp_path / "events.parquet")
    outputs = Outputs(history=tmp_path / "history")
    for days in (0, 30):
        score_files(bundle_folder(), *files, outputs, BatchSettings(AS_OF + timedelta(days=days)))
    history = history_of(tmp_path / "history", "lead 3")
    assert_frame_equal(history.head(1).drop("change"), scores()[3], check_exact=True)
    told = tell_history("lead 3", tmp_path / "history").splitlines()
    assert [line.split()[0] for line in told] == ["as_of", "2025-05-31", "2025-06-30", "trend:"]


def test_what_is_no_history_is_told(tmp_path: Path) -> None:
    with pytest.raises(LeadcastError, match="no score history"):
        history_of(tmp_path, "x")
    append_scores(scores().lazy(), tmp_path)
    with pytest.raises(LeadcastError, match="never scored"):
        tell_history("x", tmp_path)
    with pytest.raises(LeadcastError, match="20 scores have no moment"):
        append_scores(scores().with_columns(as_of=None).lazy(), tmp_path)


def test_no_scores_are_no_history(tmp_path: Path) -> None:
    assert append_scores(scores().head(0).lazy(), tmp_path) is None


APPEND = """
import polars as pl
from leadcast.serve.score_history import append_scores
scores, folder = pl.read_parquet(sys.argv[4]), Path(sys.argv[5])
barrier()
for hour in range(10):
    then = scores.with_columns(pl.col("as_of") + pl.duration(days=int(me), hours=hour))
    own = then.with_columns(pl.col("as_of").dt.to_string("iso").alias("lead_id"))
    append_scores(own.lazy(), folder)
"""
KILLED = """
import polars as pl
from leadcast.serve import score_history
score_history.sha256_of = lambda path: time.sleep(100)
score_history.append_scores(pl.scan_parquet(sys.argv[4]), Path(sys.argv[5]))
"""


def test_batches_at_once_land_each_under_its_own_date(tmp_path: Path) -> None:
    given, folder = tmp_path / "scores.parquet", tmp_path / "history"
    scores().write_parquet(given)
    done = at_once(tmp_path / "at once", [APPEND] * 4, given, folder)
    assert done == [(0, "")] * 4
    files = list(folder.iterdir())
    assert len(files) == 40, "one for each batch, and nothing else"
    for file in files:
        batch = pl.read_parquet(file)
        assert batch["lead_id"].to_list() == batch["as_of"].dt.to_string("iso").to_list()
        assert file.name.startswith(batch["as_of"][0].strftime("%Y%m%dT%H%M%S.%fZ"))


def test_a_batch_that_is_killed_leaves_the_history_whole(tmp_path: Path) -> None:
    given, folder = tmp_path / "scores.parquet", tmp_path / "history"
    scores().write_parquet(given)
    first = append_scores(at(-1, 10).lazy(), folder)
    killed_when(KILLED, lambda: len(list(folder.iterdir())) == 2, given, folder)
    assert history_of(folder, "lead 3")["score"].to_list() == [10.0]
    second = append_scores(scores().lazy(), folder)
    assert sorted(folder.iterdir()) == sorted(path for path in (first, second) if path)
