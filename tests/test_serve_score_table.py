"""The table of scores: an upsert on lead and model version, in PostgreSQL and in SQLite."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from leadcast.features.base.errors import LeadcastError, PassingError
from leadcast.serve import score_table
from leadcast.serve.batch.batch import BatchSettings, score_files
from leadcast.serve.batch.deliver import Outputs
from leadcast.serve.reasons import ReasonsAsked
from leadcast.serve.score_table import KEY, ScoreTable
from leadcast.serve.scorer import Scorer
from leadcast.serve.scores import SCHEMA
from tests.races import at_once
from tests.scoring_world import START, bundle_folder, scoring_world

AS_OF = START + timedelta(days=150)
TABLE = ScoreTable("nightly_scores", "SCORES_URL")


@pytest.fixture(params=[pytest.param("postgresql", marks=pytest.mark.postgres), "sqlite"])
def url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    is_sqlite = request.param == "sqlite"
    found = f"sqlite:///{tmp_path}/x.db" if is_sqlite else request.getfixturevalue("postgres_url")
    monkeypatch.setenv("SCORES_URL", found)
    yield found
    run(found, "DROP TABLE IF EXISTS nightly_scores")


def run(url: str, statement: str) -> list[Any]:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        result = connection.execute(sa.text(statement))
        rows = list(result.all()) if result.returns_rows else []
    engine.dispose()
    return rows


@cache
def scores() -> pl.DataFrame:
    """Of 40 leads, of whom the five best are explained."""
    scorer = Scorer.load(bundle_folder())
    leads, events = scoring_world().tables.leads.head(40), scoring_world().tables.events
    return scorer.score(leads, events, AS_OF, [], ReasonsAsked("top", 5))


def test_scores_come_back_as_they_were(url: str) -> None:
    TABLE.upsert(scores().lazy())
    rows = run(url, "SELECT lead_id, probability, grade, reasons, as_of FROM nightly_scores")
    found = {row[0]: row for row in rows}
    assert len(rows) == 40
    for score in scores().iter_rows(named=True):
        _, probability, grade, reasons, as_of = found[score["lead_id"]]
        assert (probability, grade) == (score["probability"], score["grade"])
        assert (None if reasons is None else json.loads(str(reasons))) == score["reasons"]
        moment = datetime.fromisoformat(str(as_of))
        assert (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) == AS_OF


def test_a_later_score_takes_the_place_and_an_earlier_one_does_not(url: str) -> None:
    TABLE.upsert(scores().lazy())
    for days, expected in ((1, 0.25), (-1, 0.25), (1, 0.5)):
        moment = pl.col("as_of") + timedelta(days=days)
        probability = 0.25 if expected == 0.25 and days > 0 else 0.5
        TABLE.upsert(scores().with_columns(moment, probability=probability).lazy())
        assert set(run(url, "SELECT probability FROM nightly_scores")) == {(expected,)}
    assert run(url, "SELECT count(*) FROM nightly_scores") == [(40,)]


def test_another_model_version_stands_beside(url: str) -> None:
    TABLE.upsert(scores().lazy())
    TABLE.upsert(scores().with_columns(model_version=pl.lit("another")).lazy())
    TABLE.upsert(scores().lazy())
    assert run(url, "SELECT count(*) FROM nightly_scores") == [(80,)]


def test_what_fails_in_the_middle_changes_nothing(url: str) -> None:
    TABLE.upsert(scores().head(3).lazy())
    broken = pl.concat([scores(), scores().head(1).with_columns(lead_id=None)], how="diagonal")
    with pytest.raises(LeadcastError, match="nothing was written"):
        TABLE.upsert(broken.lazy())
    assert run(url, "SELECT count(*) FROM nightly_scores") == [(3,)]


def end_other_connections(url: str) -> None:
    """As a database that goes away: what was connected to it is no more."""
    others = "pid <> pg_backend_pid() AND datname = current_database()"
    run(url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")


@pytest.fixture
def gone_once(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A database that is gone, once, when some of the scores are in it."""
    monkeypatch.setenv("SCORES_URL", postgres_url)
    monkeypatch.setattr(score_table, "ROWS_AT_ONCE", 10)
    stored, calls = score_table._as_stored, list[int]()

    def as_stored(rows: pl.DataFrame, dialect: str) -> pl.DataFrame:
        calls.append(rows.height)
        if len(calls) == 3:
            end_other_connections(postgres_url)
        return stored(rows, dialect)

    monkeypatch.setattr(score_table, "_as_stored", as_stored)
    return calls


@pytest.mark.postgres
def test_a_database_that_is_gone_in_the_middle_holds_nothing_half_and_takes_all_when_it_is_back(
    postgres_url: str, gone_once: list[int]
) -> None:
    try:
        TABLE.upsert(scores().head(3).lazy())
        with pytest.raises(PassingError, match=r"the database refuses .* nothing was written"):
            TABLE.upsert(scores().lazy())
        assert run(postgres_url, "SELECT count(*) FROM nightly_scores") == [(3,)]
        TABLE.upsert(scores().lazy())
        assert run(postgres_url, "SELECT count(*) FROM nightly_scores") == [(40,)]
    finally:
        run(postgres_url, "DROP TABLE IF EXISTS nightly_scores")


@pytest.mark.postgres
def test_a_batch_whose_database_is_gone_keeps_what_it_has_scored_and_goes_on(
    postgres_url: str, gone_once: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scoring_world().tables.leads.head(40).write_parquet("leads.parquet")
    outputs = Outputs(table=TABLE.name, database_env=TABLE.url_env, history=Path("history"))
    settings = BatchSettings(AS_OF, chunk_leads=15)
    told = (bundle_folder(), Path("leads.parquet"), None, outputs)
    try:
        with pytest.raises(PassingError, match="What was scored is kept: go on with --resume"):
            score_files(*told, settings)
        assert not Path("history").exists(), "delivered in part"
        # What was scored is not scored again.
        monkeypatch.setattr(Scorer, "features", lambda *_: pytest.fail("scored again"))
        done = score_files(*told, replace(settings, resume=True))
        assert done.n_rows == 40
        assert run(postgres_url, "SELECT count(*) FROM nightly_scores") == [(40,)]
        assert len(list(Path("history").iterdir())) == 1
    finally:
        run(postgres_url, "DROP TABLE IF EXISTS nightly_scores")


def test_a_batch_puts_its_scores_into_a_table(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scoring_world().tables.leads.head(40).write_parquet("leads.parquet")
    scoring_world().tables.events.sink_parquet("events.parquet")
    outputs = Outputs(table=TABLE.name, database_env=TABLE.url_env)
    settings = BatchSettings(AS_OF, chunk_leads=15)
    files = (Path("leads.parquet"), Path("events.parquet"))
    done = score_files(bundle_folder(), *files, outputs, settings)
    assert done.n_rows == 40
    rows = run(url, "SELECT lead_id, probability FROM nightly_scores ORDER BY lead_id")
    assert rows == scores().sort("lead_id").select("lead_id", "probability").rows()
    assert not list(tmp_path.glob(".*")), "something is left behind"


def test_a_table_of_other_columns_is_refused_before_any_work(url: str) -> None:
    run(url, "CREATE TABLE nightly_scores (lead_id text)")
    with pytest.raises(LeadcastError, match="has no column as_of, grade"):
        TABLE.refuse_unusable()


def test_a_table_without_the_key_of_scores_is_refused_before_any_work(url: str) -> None:
    TABLE.upsert(scores().head(0).lazy())
    TABLE.refuse_unusable()
    run(url, "CREATE TABLE other AS SELECT * FROM nightly_scores")
    try:
        with pytest.raises(LeadcastError, match=r"no primary key \(lead_id, model_version\)"):
            ScoreTable("other", "SCORES_URL").refuse_unusable()
        run(url, "CREATE UNIQUE INDEX other_key ON other (model_version, lead_id)")
        ScoreTable("other", "SCORES_URL").refuse_unusable()
        ScoreTable("other", "SCORES_URL").upsert(scores().lazy())
        assert run(url, "SELECT count(*) FROM other") == [(40,)]
    finally:
        run(url, "DROP TABLE other")


def test_a_table_whose_ids_are_numbers_is_refused_before_any_work(url: str) -> None:
    others = ", ".join(f"{name} text" for name in (*SCHEMA, "reasons") if name not in KEY)
    key = "lead_id integer, model_version text, PRIMARY KEY (lead_id, model_version)"
    run(url, f"CREATE TABLE nightly_scores ({others}, {key})")
    with pytest.raises(LeadcastError, match="has lead_id as INTEGER instead of a text; name"):
        TABLE.refuse_unusable()


@pytest.mark.parametrize(
    ("name", "url", "words"),
    [
        ("scores; DROP", "sqlite://", "expected a name such as scores"),
        ("scores", "", "is not set"),
        ("scores", "mysql://u:secret@h/d", "mysql"),
        ("scores", "no url: secret", "is no URL"),
        ("scores", "postgresql://u:secret@127.0.0.1:1/d", "the database refuses"),
    ],
)
def test_an_unusable_table_is_refused_without_telling_the_password(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str, words: str
) -> None:
    monkeypatch.setenv("SCORES_URL", url)
    with pytest.raises(LeadcastError, match=words) as raised:
        ScoreTable(name, "SCORES_URL").refuse_unusable()
    assert "secret" not in str(raised.value)


UPSERT = """
import polars as pl
from leadcast.serve import score_table
score_table.ROWS_AT_ONCE = 5
scores = pl.read_parquet(sys.argv[4]).with_columns(pl.col("as_of") + pl.duration(days=int(me)))
# Each has the same leads, in another order.
scores = scores.sample(fraction=1.0, shuffle=True, seed=int(me))
barrier()
for _ in range(5):
    score_table.ScoreTable("nightly_scores", "SCORES_URL").upsert(scores.lazy())
"""


def test_batches_at_once_all_land_and_the_latest_scores_stay(url: str, tmp_path: Path) -> None:
    scores().write_parquet(tmp_path / "scores.parquet")
    done = at_once(tmp_path / "at once", [UPSERT] * 3, tmp_path / "scores.parquet")
    assert done == [(0, "")] * 3
    TABLE.refuse_unusable()
    rows = run(url, "SELECT DISTINCT as_of FROM nightly_scores")
    assert [str(row[0])[:10] for row in rows] == [str(AS_OF + timedelta(days=2))[:10]]
    assert run(url, "SELECT count(*) FROM nightly_scores") == [(40,)]
