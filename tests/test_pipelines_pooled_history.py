"""A model that learns with the history of persons pooled: training, batch, file and HTTP agree."""

from collections.abc import Iterator
from contextlib import chdir
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from leadcast.features.base.files import read_json
from leadcast.features.definitions.load import load_definition
from leadcast.features.definitions.yaml_lines import yaml_text
from leadcast.features.identity.pooling import LEAD
from leadcast.features.ingest.ingest import ingest
from leadcast.features.tables import Tables
from leadcast.models.splits import PARTS
from leadcast.pipelines.base.dataset import read_plan, used_snapshots
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.daily.score import ScoreRequest, score_new_leads
from leadcast.pipelines.daily.today import TodayRequest, tell_today
from leadcast.pipelines.lifecycle.warm import COMPUTING
from leadcast.serve.batch.batch import BatchSettings
from leadcast.serve.batch.deliver import Outputs
from leadcast.serve.scorer import Scorer
from tests.service_world import client, question
from tests.small_project import EVALUATION, LEARNER, hurried

PERSONS = 420
START, UNTIL = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 10, 1, tzinfo=UTC)
RUN = RunFolder("twins")
ATTRIBUTES = {
    "size": {"column": "size", "type": "number"},
    "email": {"column": "email", "type": "text"},
}
DEFINITION: dict[str, Any] = {
    "name": "twins",
    "title": "Everybody comes twice",
    "where_to_get": "the test makes it",
    "root": "data/raw",
    "observed_until": UNTIL.isoformat(),
    "tables": {
        "leads": {
            "read": {"files": "leads.csv"},
            "columns": {"lead_id": "id", "created_at": "created"},
            "attributes": ATTRIBUTES,
        },
        "events": {
            "read": {"files": "events.csv"},
            "columns": {"lead_id": "id", "occurred_at": "at", "event_type": "kind"},
        },
        "outcomes": {
            "form": "dates",
            "read": {"files": "outcomes.csv"},
            "columns": {"lead_id": "id", "won_at": "won", "lost_at": "lost"},
        },
    },
    "snapshots": {"landmarks_days": [0, 7], "horizon_days": 30},
    "split": {"test_fraction": 0.3},
}
POOLED = {"identity": {"match": "exact", "pool_history": "from_known"}}


def world() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Leads, events, outcomes: whoever was there before buys, and each person comes twice."""
    rng = np.random.default_rng(11)
    leads, events, outcomes = [], [], []
    for person in range(PERSONS):
        first = START + timedelta(hours=float(rng.uniform(0, 180 * 24)))
        size, busy = int(rng.integers(1, 100)), rng.random() < 0.5
        for record in range(2):
            lead = f"P{person:03}-{record}"
            created = first + timedelta(days=record * float(rng.uniform(3, 60)))
            mail = f"kim{person}{'+crm' if record else ''}@firm{person}.example"
            leads.append((lead, created, size, mail))
            for _ in range(int(rng.integers(1, 5)) if busy else 0):
                at = created + timedelta(days=float(rng.uniform(0, 12)))
                events.append((lead, at, str(rng.choice(["visit", "mail"]))))
            bought = rng.random() < (0.6 if busy and record else 0.1)
            end = created + timedelta(days=float(rng.uniform(9, 25)))
            outcomes.append((lead, end if bought else None, None if bought else end))
    when = pl.Datetime("us", "UTC")
    told = pl.DataFrame(
        outcomes, schema={"id": pl.String, "won": when, "lost": when}, orient="row"
    ).with_columns(pl.when(pl.col(name) < UNTIL).then(name).alias(name) for name in ("won", "lost"))
    return (
        pl.DataFrame(leads, schema=["id", "created", "size", "email"], orient="row"),
        pl.DataFrame(events, schema=["id", "at", "kind"], orient="row"),
        told,
    )


def write(folder: Path, definition: dict[str, Any]) -> None:
    (folder / "data/sources").mkdir(parents=True)
    (folder / "data/raw").mkdir()
    (folder / "data/sources/twins.yaml").write_text(yaml_text(definition), encoding="utf-8")
    for name, frame in zip(("leads", "events", "outcomes"), world(), strict=True):
        frame.write_csv(folder / f"data/raw/{name}.csv", datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("twins")
    write(folder, DEFINITION | POOLED)
    params = {
        "sources": ["twins"],
        "evaluation": EVALUATION,
        "model": LEARNER | {"candidates": ["logistic"]},
        "leakage": {"stop": False},
    }
    (folder / "params.yaml").write_text(yaml_text(params), encoding="utf-8")
    with chdir(folder):
        with hurried():
            for name, stage in COMPUTING.items():
                if name not in ("compare", "audit"):
                    stage("twins")
        yield folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """What each record knows by itself."""
    folder = tmp_path_factory.mktemp("alone")
    definition = DEFINITION | {"root": str(folder / "data/raw")}
    write(folder, definition)
    ingest(load_definition(folder / "data/sources/twins.yaml"), folder / "tables")
    return Tables.read(folder / "tables")


def records_of(alone: Tables, lead: str, events: pl.DataFrame) -> list[dict[str, Any]]:
    """The other records of a lead's person, as a caller sends them."""
    person, found = lead[:4], []
    ends = {row["lead_id"]: row for row in alone.outcomes.iter_rows(named=True)}
    for row in alone.leads.filter(pl.col("lead_id").str.starts_with(person)).iter_rows(named=True):
        if (other := row["lead_id"]) != lead:
            own = events.filter(lead_id=other).select("occurred_at", "event_type")
            told = [
                {"occurred_at": at.isoformat(), "event_type": kind} for at, kind in own.iter_rows()
            ]
            record: dict[str, Any] = {"created_at": row["created_at"].isoformat(), "events": told}
            for end in ("won_at", "lost_at"):
                if (at := ends.get(other, {}).get(end)) is not None:
                    record[end] = at.isoformat()
            found.append(record)
    return found


def asked_by_http(
    alone: Tables, leads: pl.DataFrame, scratch: Path, *, ended: bool = True
) -> list[float]:
    events = alone.events.collect().select("lead_id", "occurred_at", "event_type")
    own = events.join(leads.select("lead_id").unique(), on="lead_id", how="semi")
    body = question(leads, own)
    for lead in body["leads"]:
        lead["same_person"] = records_of(alone, lead["lead_id"], events)
        if not ended:
            for record in lead["same_person"]:
                record.pop("won_at", None)
                record.pop("lost_at", None)
    with client(scratch, bundle=RUN.bundle.resolve()) as service:
        answer = service.post("/v1/score", json=body)
    assert answer.status_code == 200, answer.text
    return [one["probability"] for one in answer.json()["scores"]]


def test_the_model_learns_of_earlier_records_and_a_win_on_the_twin(
    project: Path, alone: Tables
) -> None:
    plan = read_plan(RUN)
    assert plan.pool_history == "from_known"
    assert any(feature.name.startswith(LEAD) for feature in plan.features), "seen before"
    tables, told = Tables.read(RUN.tables), read_json(RUN.tables / "identity.json")
    assert told["persons"] == PERSONS
    won = dict(tables.outcomes.select("lead_id", "won_at").iter_rows())
    by_itself = dict(alone.outcomes.select("lead_id", "won_at").iter_rows())
    of_twin = [one for one in won if won[one] is not None and by_itself[one] is None]
    assert len(of_twin) == told["wins_of_twins"] > 0
    assert all(won[one] == by_itself[f"{one[:4]}-{1 - int(one[-1])}"] for one in of_twin)
    snapshots = used_snapshots(RUN).filter(pl.col("part").is_in(PARTS))
    assert snapshots.select("person_id", "part").unique()["person_id"].is_unique().all()


def test_training_a_batch_and_a_request_say_the_same(
    project: Path, alone: Tables, tmp_path: Path
) -> None:
    tables, scorer = Tables.read(RUN.tables), Scorer.load(RUN.bundle)
    looked = used_snapshots(RUN).filter(pl.col("part") == "test").sort("lead_id", "as_of").head(30)
    assert looked["lead_id"].str.ends_with("1").any()
    leads = looked.select("lead_id", "as_of").join(
        tables.leads, on="lead_id", maintain_order="left"
    )
    batch = scorer.score(leads, tables.events)["probability"].to_list()
    assert asked_by_http(alone, leads, tmp_path) == batch
    # What is not told of the other record is not known: the twin matters.
    unpooled = scorer.score(leads, alone.events)["probability"].to_list()
    assert unpooled != batch
    # The judged model gives the test's own scores, which were made from the training matrix.
    judged = (
        Scorer.load(RUN.judged)
        .score(leads, tables.events)
        .select("lead_id", "as_of", again="probability")
    )
    tested = pl.read_parquet(RUN.test_scores).join(judged, on=["lead_id", "as_of"])
    assert tested.height == looked.height
    np.testing.assert_array_equal(tested["probability"], tested["again"])


def test_a_file_of_new_leads_is_scored_as_a_request(
    project: Path, alone: Tables, tmp_path: Path
) -> None:
    some = [f"P{person:03}-{record}" for person in range(12) for record in range(2)]
    for name, frame in zip(("leads", "events"), world()[:2], strict=True):
        frame.filter(pl.col("id").is_in(some)).write_csv(
            tmp_path / f"{name}.csv", datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ"
        )
    request = ScoreRequest(
        RUN.bundle,
        str(tmp_path / "leads.csv"),
        str(tmp_path / "events.csv"),
        Outputs(file=tmp_path / "scores.parquet"),
        BatchSettings(as_of=UNTIL),
        source="twins",
    )
    score_new_leads(request)
    scores = pl.read_parquet(tmp_path / "scores.parquet").sort("lead_id")
    leads = alone.leads.filter(pl.col("lead_id").is_in(some)).sort("lead_id")
    leads = leads.with_columns(as_of=pl.lit(UNTIL))
    assert asked_by_http(alone, leads, tmp_path, ended=False) == scores["probability"].to_list()


def test_both_records_have_one_score_and_one_of_them_is_called(project: Path) -> None:
    moment = START + timedelta(days=120)
    told = tell_today("twins", TodayRequest(moment, calls=1_000))
    assert "same person as another" in told
    rows = pl.read_parquet(RUN.today).with_columns(person=pl.col("lead_id").str.head(4))
    both = rows.filter(pl.len().over("person") > 1)
    assert both.height > 10
    assert both.group_by("person").agg(pl.col("probability", "scored_as").n_unique()).select(
        pl.col("probability", "scored_as").max()
    ).row(0) == (1, 1)
    called = rows.filter(hand_off="call")
    assert called["person"].is_unique().all()
    assert called["person"].n_unique() == rows.filter(hand_off_why="above the line").height
