"""Scores without machines' events: every door leaves out the same ones, at every moment."""

import json
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from leadcast.features.nonhuman.people_events import NONHUMAN, people_only
from leadcast.serve.batch.batch import BatchSettings, score_files
from leadcast.serve.scorer import Scorer
from tests.people_world import rules
from tests.scoring_world import END, export, make_tables
from tests.service_world import client, question

AS_OF = END
RULES = rules(deliveries=["webinar"], opens=[], clicks=["page_viewed"], visits=[])


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people") / "bundle"
    export(folder, people=RULES)
    return folder


@cache
def asked() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Leads and their events, many of which are bursts, or of a machine's user agent."""
    tables = make_tables(40, seed=5)
    events = tables.events.collect()
    clicks = events.filter(event_type="page_viewed")
    moved = [clicks.with_columns(pl.col("occurred_at") + timedelta(seconds=n)) for n in (1, 2)]
    few = [one.gather_every(2) for one in moved]
    whole = pl.concat([events, *few])
    agents = pl.Series(["python-requests/2.31", None, "Mozilla/5.0 Firefox/1"])
    agent = agents.gather(np.arange(whole.height) % 3)
    marked = pl.Series(np.arange(whole.height) % 11 == 0)
    told = whole.with_columns(user_agent=agent, ip_address=pl.lit(None, pl.String), filtered=marked)
    leads = tables.leads.drop("position").filter(pl.col("created_at") < AS_OF)
    return leads, told.filter(pl.col("lead_id").is_in(leads["lead_id"].implode()))


def of(scores: pl.DataFrame) -> dict[str, float]:
    return dict(scores.select("lead_id", "probability").iter_rows())


def expected(bundle: Path) -> dict[str, float]:
    leads, events = asked()
    return of(Scorer.load(bundle).score(leads, events, AS_OF, []))


def test_machines_change_scores_only_where_they_count(bundle: Path, tmp_path: Path) -> None:
    leads, events = asked()
    export(tmp_path / "all")
    people = people_only(RULES, leads, events.lazy()).collect()
    assert 0 < people.height < events.height
    fooled = Scorer.load(tmp_path / "all")
    assert of(fooled.score(leads, people, AS_OF, [])) == expected(bundle)
    assert of(fooled.score(leads, events, AS_OF, [])) != expected(bundle)


def test_one_lead_after_the_other_gives_the_same_scores(bundle: Path) -> None:
    leads, events = asked()
    scorer = Scorer.load(bundle)
    found = {}
    for lead in leads.to_dicts():
        own = events.filter(lead_id=lead["lead_id"])
        rows = [(*row[:3], own.row(n, named=True)) for n, row in enumerate(
            own.select("occurred_at", "event_type", "value").iter_rows())]  # fmt: skip
        found[lead["lead_id"]] = scorer.score_one(lead, rows, AS_OF, []).probability
    assert found == expected(bundle)


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
@pytest.mark.parametrize("chunk_leads", [7, 1_000])
def test_a_batch_gives_the_same_scores(
    bundle: Path, tmp_path: Path, suffix: str, chunk_leads: int
) -> None:
    own, theirs = (tmp_path / f"{name}.{suffix}" for name in ("leads", "events"))
    for file, frame in zip((own, theirs), asked(), strict=True):
        if suffix == "parquet":
            frame.write_parquet(file)
        else:
            frame.write_csv(file, datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")
    out = tmp_path / "scores.parquet"
    settings = BatchSettings(as_of=AS_OF, chunk_leads=chunk_leads)
    score_files(bundle, own, theirs, out, settings)
    assert of(pl.read_parquet(out)) == expected(bundle)


def test_a_request_gives_the_same_scores(bundle: Path, tmp_path: Path) -> None:
    body: dict[str, Any] = question(*asked()) | {"as_of": AS_OF.isoformat()}
    with client(tmp_path, bundle=bundle) as service:
        answer = service.post("/v1/score", json=body)
    scores = answer.json()["scores"]
    assert {one["lead_id"]: one["probability"] for one in scores} == expected(bundle)


def test_a_bundle_that_does_not_ask_refuses_what_it_does_not_read(tmp_path: Path) -> None:
    with client(tmp_path) as service:
        assert service.post("/v1/score", json=question(*asked())).status_code == 422


def test_a_pandas_table_gives_the_same_scores(bundle: Path) -> None:
    leads, events = asked()
    each = {}
    for (lead_id,), own in events.group_by("lead_id"):
        rows = own.drop("lead_id").to_dicts()
        each[lead_id] = json.dumps(rows, default=lambda time: time.isoformat())
    frame = leads.with_columns(
        pl.Series("events", [each.get(one, "[]") for one in leads["lead_id"]]), as_of=pl.lit(AS_OF)
    )
    scores = Scorer.load(bundle).score_pandas(frame.to_pandas())
    assert dict(zip(scores["lead_id"], scores["probability"], strict=True)) == expected(bundle)


def test_a_runs_own_events_are_not_judged_again(bundle: Path) -> None:
    leads, events = asked()
    scorer = Scorer.load(bundle)
    kept = people_only(RULES, leads, events.lazy()).collect()
    marked = kept.with_columns(pl.lit(0.1).alias(NONHUMAN))
    assert of(scorer.score(leads, marked, AS_OF, [])) == expected(bundle)
    lead = leads.row(0, named=True)
    own = kept.filter(lead_id=lead["lead_id"]).select("occurred_at", "event_type", "value")
    score = scorer.score_one(lead, [*own.iter_rows()], AS_OF, [], are_people=True)
    assert score.probability == expected(bundle)[lead["lead_id"]]


def test_what_comes_later_changes_no_score(bundle: Path) -> None:
    leads, events = asked()
    moment = events["occurred_at"].sort()[events.height // 2]
    scorer, known = Scorer.load(bundle), leads.filter(pl.col("created_at") < moment)
    past = events.filter(pl.col("occurred_at") < moment)
    whole, cut = (scorer.score(known, some, moment, []) for some in (events, past))
    assert of(whole) == of(cut)
