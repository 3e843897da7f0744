"""Columns of optional parts: asked for or not there, and the same through every door."""

import csv
import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import sha256_of
from leadcast.models.bundle.bundle import load_bundle, write_bundle
from leadcast.models.bundle.bundle_files import write_manifest
from leadcast.serve.batch.batch import BatchSettings, score_files
from leadcast.serve.batch.deliver import Outputs
from leadcast.serve.score_table import ScoreTable
from leadcast.serve.scorer import Scorer
from leadcast.serve.scores import SCHEMA
from tests.scoring_world import END, bundle_folder, export, origin, scoring_world
from tests.service_world import client, question

EXTRA = ["probability_7d", "probability_30d", "probability_60d", "median_days", "cools_after_days"]
CURVE = BatchSettings(as_of=END, extra=("curve",))


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer.load(bundle_folder())


@pytest.fixture(scope="module")
def scores(scorer: Scorer) -> pl.DataFrame:
    tables = scoring_world().tables
    return scorer.score(tables.leads.head(40), tables.events, END, extra=("curve",))


@pytest.fixture
def leads_file(tmp_path: Path) -> Path:
    path = tmp_path / "leads.parquet"
    scoring_world().tables.leads.head(40).write_parquet(path)
    return path


@pytest.fixture
def events_file(tmp_path: Path) -> Path:
    path = tmp_path / "events.parquet"
    scoring_world().tables.events.collect().write_parquet(path)
    return path


def without(folder: Path) -> Path:
    """A bundle as an older Leadcast wrote it, without optional parts."""
    bundle = load_bundle(bundle_folder())
    kept = ("plan", "learner", "calibrator", "reference", "metrics", "intervals", "rates")
    write_bundle(folder, origin=origin(scoring_world()), **{n: getattr(bundle, n) for n in kept})
    return folder


def test_scores_have_the_columns_where_they_are_asked(scorer: Scorer, scores: pl.DataFrame) -> None:
    tables = scoring_world().tables
    plain = scorer.score(tables.leads.head(40), tables.events, END)
    assert plain.columns == list(SCHEMA)
    assert scores.columns == [*SCHEMA, *EXTRA]
    assert scores.select(SCHEMA.keys()).equals(plain)
    # The bundle's horizon is 30 days: there the curve is the score itself.
    assert scores["probability_30d"].equals(scores["probability"].alias("probability_30d"))


def test_a_batch_and_one_lead_give_the_same_numbers(
    scorer: Scorer, scores: pl.DataFrame, leads_file: Path, events_file: Path, tmp_path: Path
) -> None:
    settings = BatchSettings(as_of=END, extra=("curve",), chunk_leads=9)
    score_files(scorer, leads_file, events_file, tmp_path / "out.parquet", settings)
    assert pl.read_parquet(tmp_path / "out.parquet").equals(scores)
    events = scoring_world().tables.events.collect()
    for lead in scoring_world().tables.leads.head(5).drop("position").iter_rows(named=True):
        own = events.filter(pl.col("lead_id") == lead["lead_id"]).sort("occurred_at")
        done = list(own.select("occurred_at", "event_type", "value").iter_rows())
        one = scorer.score_one(lead, done, END, extra=("curve",))
        assert one.extra == scores.filter(lead_id=lead["lead_id"]).select(EXTRA).row(0, named=True)


def test_what_a_bundle_has_not_is_refused_and_older_bundles_score_as_ever(tmp_path: Path) -> None:
    old = Scorer.load(without(tmp_path / "old"))
    leads = scoring_world().tables.leads.head(3)
    assert old.score(leads, None, END).columns == list(SCHEMA)
    with pytest.raises(LeadcastError, match=r"has no curve \(it holds none of them\)"):
        old.score(leads, None, END, extra=("curve",))
    with pytest.raises(LeadcastError, match="'weather'; expected curve"):
        old.score(leads, None, END, extra=("weather",))


def test_a_damaged_curve_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(bundle_folder(), folder)
    path = folder / "curve.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"horizon_days": 7.0}))
    with pytest.raises(LeadcastError, match=r"curve\.json.*content that was changed|bytes instead"):
        load_bundle(folder)
    # With hashes that are right, too: it is not the bundle's horizon.
    (folder / "manifest.json").unlink()
    write_manifest(folder, origin(scoring_world()))
    with pytest.raises(LeadcastError, match="horizon_days: found 7"):
        load_bundle(folder)
    assert sha256_of(path)


def test_a_table_without_the_columns_goes_on_and_is_told_how_to_get_them(
    scorer: Scorer,
    scores: pl.DataFrame,
    leads_file: Path,
    events_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SCORES_URL", f"sqlite:///{tmp_path / 'scores.db'}")
    outputs = Outputs(table="scores", database_env="SCORES_URL")
    plain = BatchSettings(as_of=END)
    score_files(scorer, leads_file, events_file, outputs, plain)
    with pytest.raises(LeadcastError) as error:
        score_files(scorer, leads_file, events_file, outputs, CURVE)
    add = str(error.value).partition("add them (")[2].partition("), name")[0]
    for statement in filter(None, add.split(";")):
        _run(tmp_path, statement)
    score_files(scorer, leads_file, events_file, outputs, plain)
    score_files(scorer, leads_file, events_file, outputs, CURVE)
    told = _run(tmp_path, f"SELECT {', '.join(EXTRA)} FROM scores ORDER BY lead_id")
    assert told == scores.sort("lead_id").select(EXTRA).rows()
    # Scores without the columns leave no older ones beside them.
    score_files(scorer, leads_file, events_file, outputs, plain)
    assert _run(tmp_path, "SELECT DISTINCT probability_7d, median_days FROM scores") == [
        (None, None)
    ]


def test_a_new_table_has_the_columns(
    scores: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCORES_URL", f"sqlite:///{tmp_path / 'scores.db'}")
    ScoreTable("scores", "SCORES_URL").upsert(scores.lazy())
    assert _run(tmp_path, "SELECT count(probability_60d) FROM scores") == [(40,)]


def _run(folder: Path, statement: str) -> list[tuple[object, ...]]:
    import sqlite3

    with sqlite3.connect(folder / "scores.db") as connection:
        return connection.execute(statement).fetchall()


def test_crms_that_have_fields_for_them_take_them(
    scorer: Scorer, leads_file: Path, events_file: Path, tmp_path: Path
) -> None:
    numbered = pl.read_parquet(leads_file).with_columns(
        lead_id=pl.format("00Q5g00000{}", pl.int_range(pl.len()).cast(pl.String).str.zfill(5))
    )
    numbered.write_parquet(leads_file)
    out = tmp_path / "salesforce.csv"
    score_files(scorer, leads_file, None, Outputs(out, "salesforce"), CURVE)
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 40
    assert 0 < float(rows[0]["Leadcast_Probability_7d__c"]) < 1
    assert {row["Leadcast_Cools_After_Days__c"] for row in rows}
    digits = pl.read_parquet(leads_file).with_columns(pl.col("lead_id").str.slice(10))
    digits.write_parquet(leads_file)
    bodies = tmp_path / "hubspot.jsonl"
    score_files(scorer, leads_file, None, Outputs(bodies, "hubspot"), CURVE)
    first = json.loads(bodies.read_text().splitlines()[0])["inputs"][0]["properties"]
    assert float(first["leadcast_median_days"]) > 0
    with pytest.raises(LeadcastError, match="Odoo takes a score in fields of its own alone"):
        score_files(scorer, leads_file, None, Outputs(tmp_path / "odoo.csv", "odoo"), CURVE)
    assert events_file.exists()


def test_csv_holds_the_columns(
    scorer: Scorer, scores: pl.DataFrame, leads_file: Path, events_file: Path, tmp_path: Path
) -> None:
    score_files(scorer, leads_file, events_file, tmp_path / "out.csv", CURVE)
    assert pl.read_csv(tmp_path / "out.csv").select(EXTRA).equals(scores.select(EXTRA))


def test_a_level_that_moves_takes_the_curve_along(tmp_path: Path) -> None:
    from leadcast.models.bundle.bundle_level import write_moved

    write_moved(tmp_path / "moved", load_bundle(bundle_folder()), 0.5, {})
    leads = scoring_world().tables.leads.head(5)
    scores = Scorer.load(tmp_path / "moved").score(leads, None, END, extra=("curve",))
    assert scores["probability_30d"].to_list() == scores["probability"].to_list()
    before = Scorer.load(bundle_folder()).score(leads, None, END, extra=("curve",))
    assert (scores["probability_7d"] > before["probability_7d"]).all()


def test_export_writes_the_curve(tmp_path: Path) -> None:
    assert "curve.json" in export(tmp_path / "bundle").files


def test_the_service_answers_with_the_numbers_of_the_batch(
    scores: pl.DataFrame, tmp_path: Path
) -> None:
    tables = scoring_world().tables
    asked = question(tables.leads.head(3), tables.events.collect()) | {"as_of": END.isoformat()}
    with client(tmp_path) as service:
        answer = service.post("/v1/score?extra=curve", json=asked).json()
        plain = service.post("/v1/score", json=asked).json()
        model = service.get("/v1/model").json()
        refused = service.post("/v1/score?extra=weather", json=asked)
        schema = service.get("/openapi.json").json()["components"]["schemas"]["ScoredLead"]
    told = [one["extra"] for one in answer["scores"]]
    assert told == scores.head(3).select(EXTRA).to_dicts()
    assert [one["extra"] for one in plain["scores"]] == [None] * 3
    assert list(model["extra"]["curve"]) == EXTRA
    assert "extra" in schema["properties"]
    assert refused.status_code == 409
    assert "expected curve" in refused.text
    assert "weather" not in refused.text
