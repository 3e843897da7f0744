"""A bundle whose segments have something of their own: every door scores it alike."""

import json
import warnings
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest

from leadcast.models.bundle.bundle import write_bundle
from leadcast.models.bundle.bundle_reference import Rates, Reference
from leadcast.models.choice.segment_form import segments_told
from leadcast.models.data import LabelledMatrix
from leadcast.models.learners.learner_store import SegmentedLearner, segmented_of
from leadcast.models.learners.segmented import fit_segments
from leadcast.models.report.model_card import CardFacts, render_card
from leadcast.models.report.page import render_report
from leadcast.serve.batch.batch import BatchSettings, score_files
from leadcast.serve.scorer import Scorer
from tests.report_samples import bare_inputs
from tests.scoring_world import WRITTEN, bundle_folder, origin, scoring_world
from tests.service_world import client, question

NOW = datetime(2025, 9, 1, tzinfo=UTC)
WORLD = scoring_world()
LEADS = WORLD.tables.leads.head(60).drop("position")
INDUSTRY = [feature.name for feature in WORLD.plan.features].index("industry")
NUMBERS = [place for place, one in enumerate(WORLD.plan.features) if one.dtype == "number"][:2]


def learner() -> SegmentedLearner:
    """Let industries differ, however little the small world has of it."""
    place = np.arange(len(WORLD.values), dtype=np.int64)
    data = LabelledMatrix(WORLD.values, WORLD.plan.features, WORLD.converted, place, place, 0)
    said = WORLD.learner.log_odds(data.values)
    return segmented_of(
        WORLD.learner, fit_segments(data, said, [INDUSTRY], NUMBERS, "numbers"), data.values
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("segmented") / "bundle"
    write_bundle(
        folder,
        plan=WORLD.plan,
        learner=learner(),
        calibrator=WORLD.calibrator,
        intervals=None,
        reference=Reference.of(WORLD.probability),
        rates=Rates.of(WORLD.values, WORLD.converted, WORLD.plan.features),
        metrics={},
        origin=origin(WORLD),
        created_at=WRITTEN,
    )
    return folder


def test_a_table_one_lead_and_a_batch_say_the_same(bundle: Path, tmp_path: Path) -> None:
    scorer, events = Scorer.load(bundle), WORLD.tables.events.collect()
    said = scorer.score(LEADS, events, NOW, [])["probability"].to_list()
    one_by_one = []
    for lead in LEADS.to_dicts():
        own = events.filter(lead_id=lead["lead_id"]).select("occurred_at", "event_type", "value")
        one_by_one.append(scorer.score_one(lead, [*own.iter_rows()], NOW, []).probability)
    assert one_by_one == said
    for name, table in (("leads", LEADS), ("events", events)):
        table.write_parquet(tmp_path / f"{name}.parquet")
    files = (tmp_path / "leads.parquet", tmp_path / "events.parquet", tmp_path / "out.parquet")
    score_files(bundle, *files, BatchSettings(NOW, chunk_leads=7))
    scores = LEADS.select("lead_id").join(pl.read_parquet(files[2]), on="lead_id")
    assert scores["probability"].to_list() == said


def test_http_says_the_same(bundle: Path, tmp_path: Path) -> None:
    events = WORLD.tables.events.collect().join(LEADS, on="lead_id", how="semi")
    said = Scorer.load(bundle).score(LEADS, events, NOW, [])
    body = question(LEADS, events) | {"as_of": NOW.isoformat()}
    with client(tmp_path, bundle=bundle) as asked:
        answer = asked.post("/v1/score", json=body)
        assert answer.status_code == 200, answer.text
        scores = answer.json()["scores"]
    assert [one["probability"] for one in scores] == said["probability"].to_list()
    # Segments do differ, or else this would say little of them.
    plain = Scorer.load(bundle_folder()).score(LEADS, events, NOW, [])
    assert (said["probability"] - plain["probability"]).abs().max() > 0.01  # type: ignore[operator]


def test_the_model_of_mlflow_says_the_same(bundle: Path) -> None:
    # MLflow warns of itself while it is imported.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from leadcast.serve.pyfunc import LeadcastModel
    events = WORLD.tables.events.collect().join(LEADS, on="lead_id", how="semi")
    said = Scorer.load(bundle).score(LEADS, events, NOW, [])
    rows = [
        {name: value for name, value in one.items() if name not in ("attributes", "events")}
        | one["attributes"]
        | {"events": json.dumps(one["events"]), "as_of": NOW.isoformat()}
        for one in question(LEADS, events)["leads"]
    ]
    model = LeadcastModel()
    model.load_context(SimpleNamespace(artifacts={"bundle": str(bundle)}))
    found = model.predict(None, pd.DataFrame(rows))
    assert found["lead_id"].to_list() == said["lead_id"].to_list()
    assert found["probability"].to_list() == said["probability"].to_list()


def test_a_new_industry_is_scored_by_the_whole(bundle: Path) -> None:
    scorer = Scorer.load(bundle)
    own = scorer.bundle.learner
    assert isinstance(own, SegmentedLearner)
    lead = LEADS.row(0, named=True) | {"industry": "mining"}
    row = WORLD.values[:1].copy()
    row[0, INDUSTRY] = 0
    assert own.log_odds(row).tobytes() == WORLD.learner.log_odds(row).tobytes()
    without = scorer.score_one(lead | {"industry": "forestry"}, (), NOW, [])
    assert scorer.score_one(lead, (), NOW, []).probability == without.probability


def test_report_and_card_tell_what_each_segment_has() -> None:
    told = segments_told(learner(), WORLD.plan.features)
    inputs = bare_inputs(segments=tuple(told), history_words="no history was given")
    page = render_report(inputs)
    assert "What segments by industry have of their own" in page
    assert "No history was given." in page
    card, html = render_card(inputs, CardFacts("a" * 64, "b" * 64, 12))
    for row in told:
        assert f"| industry | {row['segment']} | " in card
    assert "What each segment has of its own" in html
    assert "No history was given." in card
