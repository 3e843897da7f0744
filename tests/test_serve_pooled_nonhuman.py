"""Records of one person pooled where machines are told from people: judged first, pooled then."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.identity.persons import LINKED
from leadcast.features.identity.pooling import LEAD, WIN, pooled_events
from leadcast.features.ingest.ingest import ingest
from leadcast.features.ingest.new_leads import mapped
from leadcast.features.nonhuman.people_events import people_only
from leadcast.features.tables import TIME, Tables
from leadcast.serve.scorer import Scorer
from tests.people_world import rules
from tests.scoring_world import export
from tests.service_world import client, question

RULES = rules(deliveries=["webinar"], opens=[], clicks=["page_viewed"], visits=[])
START = datetime(2025, 3, 3, 9, tzinfo=UTC)
DAY, KNOWN = timedelta(days=1), START + timedelta(days=9)
AS_OF = START + timedelta(days=20)
MACHINE = "python-requests/2.31"
"""What A and its person's other record B did: B's clicks, days apart, all count from `KNOWN` on,
where they would be a burst; of its last two one is a machine's."""
EVENTS = [
    ("A", START + DAY, "page_viewed", None),
    ("A", START + 2 * DAY, "page_viewed", MACHINE),
    ("A", START + 3 * DAY, "call", None),
    *[("B", START + n * DAY, "page_viewed", None) for n in range(1, 7)],
    ("B", START + 7 * DAY, "page_viewed", MACHINE),
]
OF_PEOPLE = 8


def asked() -> tuple[pl.DataFrame, pl.DataFrame]:
    columns: Any = {"lead_id": pl.String, "occurred_at": TIME, "event_type": pl.String}
    events = pl.DataFrame(EVENTS, schema=columns | {"user_agent": pl.String}, orient="row")
    leads = pl.DataFrame(
        {"lead_id": ["A", "B"], "created_at": [START, START], "company_size": [50.0, 60.0]},
        schema_overrides={"created_at": TIME},
    )
    return leads, events


def expected(folder: Path) -> float:
    """Score A by a model that takes events as they are, of the people's events, pooled."""
    leads, events = asked()
    people = people_only(RULES, leads, events.lazy()).with_columns(value=pl.lit(None, pl.Float64))
    assert people.collect().height == OF_PEOPLE
    ends = leads.select("lead_id", won_at=pl.lit(None, TIME), lost_at=pl.lit(None, TIME))
    linked = pl.DataFrame([("A", "B", KNOWN)], schema=LINKED, orient="row")
    order = ("lead_id", "occurred_at", "event_type", "value")
    more = pooled_events(leads, people, ends, linked, "from_known")
    export(folder)
    whole = pl.concat([people.select(order), more])
    one = Scorer.load(folder).score(leads.head(1), whole, AS_OF, [])
    return float(one["probability"][0])


def answered(folder: Path, **changes: Any) -> Any:  # noqa: ANN401 - what JSON has
    leads, events = asked()
    body: dict[str, Any] = question(leads, events) | {"as_of": AS_OF.isoformat()}
    lead, other = body["leads"]
    record = {name: other[name] for name in ("created_at", "events")}
    lead["same_person"] = [record | {"known_at": KNOWN.isoformat()} | changes]
    body["leads"] = [lead]
    with client(folder, bundle=folder / "bundle") as service:
        return service.post("/v1/score", json=body)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    export(tmp_path / "bundle", people=RULES, pool="from_known")
    return tmp_path


def test_a_request_judges_each_record_by_itself(bundle: Path) -> None:
    answer = answered(bundle)
    assert answer.status_code == 200, answer.text
    assert answer.json()["scores"][0]["probability"] == expected(bundle / "plain")


def test_a_machine_on_the_other_record_is_told_by_its_signs(bundle: Path) -> None:
    _, events = asked()
    own = events.filter(lead_id="B").select("occurred_at", "event_type").to_dicts()
    told = [one | {"occurred_at": one["occurred_at"].isoformat()} for one in own]
    by_people = answered(bundle, events=told)
    by_machines = answered(bundle, events=[one | {"user_agent": MACHINE} for one in told])
    assert by_machines.json()["scores"] == answered(bundle, events=[]).json()["scores"]
    assert by_people.json()["scores"] != by_machines.json()["scores"]


def source(folder: Path) -> SourceDefinition:
    leads, events = asked()
    emails = pl.Series("email", ["kim+crm@firm.example", "kim@firm.example"])
    for name, frame in (("leads", leads.with_columns(emails)), ("events", events)):
        frame.write_csv(folder / f"{name}.csv", datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")
    won = pl.DataFrame({"lead_id": ["A"], "won_at": [(AS_OF - DAY).isoformat()]})
    won.write_csv(folder / "outcomes.csv")
    same: dict[str, Any] = {"lead_id": "lead_id"}
    of_events = {name: name for name in ("occurred_at", "event_type", "user_agent")}
    attributes = {"email": {"column": "email", "type": "text"}}
    return SourceDefinition.model_validate(
        {
            "name": "both",
            "title": "Machines, and persons with two records",
            "where_to_get": "the test makes it",
            "root": str(folder),
            "observed_until": AS_OF.isoformat(),
            "tables": {
                "leads": {
                    "read": {"files": "leads.csv"},
                    "columns": same | {"created_at": "created_at"},
                    "attributes": attributes,
                },
                "events": {"read": {"files": "events.csv"}, "columns": same | of_events},
                "outcomes": {
                    "form": "dates",
                    "read": {"files": "outcomes.csv"},
                    "columns": same | {"won_at": "won_at"},
                },
            },
            "identity": {"match": "exact", "pool_history": "from_start"},
            "nonhuman": {"deliveries": ["webinar"], "clicks": ["page_viewed"]},
            "limits": {"events_before_creation": 1.0},
        }
    )


def of_both(events: pl.LazyFrame) -> pl.DataFrame:
    """Events without those that tell of another record."""
    names = ("lead_id", "occurred_at", "event_type")
    return (
        events.filter(pl.col("event_type").is_in([LEAD, WIN]).not_())
        .select(names)
        .collect()
        .sort(names)
    )


def test_an_export_with_both_can_be_read(tmp_path: Path) -> None:
    ingest(source(tmp_path), tmp_path / "tables")
    tables = Tables.read(tmp_path / "tables")
    found = of_both(tables.events)
    assert found["lead_id"].value_counts(sort=True)["count"].to_list() == [OF_PEOPLE] * 2
    people = people_only(RULES, tables.leads, tables.events).collect()
    assert people.height == tables.events.collect().height, "they were judged when they were read"


def test_new_leads_with_both_are_judged_before_they_share(tmp_path: Path) -> None:
    definition = source(tmp_path)
    new = mapped(definition, [tmp_path / "leads.csv"], [tmp_path / "events.csv"]).whole(RULES)
    ingest(definition, tmp_path / "tables")
    run = Tables.read(tmp_path / "tables")
    judged = people_only(RULES, new.leads, new.events)
    assert of_both(judged).equals(of_both(run.events))
