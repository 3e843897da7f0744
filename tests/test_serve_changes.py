"""Scores of leads that carry what their fields said before: every door gives the same, or says why
it cannot."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from leadcast.features.base.errors import Checks, Fault, FaultsError, LeadcastError
from leadcast.features.changes.attribute_changes import CHANGE, derived_types
from leadcast.features.changes.history_told import history_words
from leadcast.features.engine.engine import compute
from leadcast.features.engine.fitting import fit_plan
from leadcast.features.settings import FeatureSettings
from leadcast.features.snapshots import make_snapshots
from leadcast.features.tables import CHANGES, Tables
from leadcast.models.bundle.bundle import write_bundle
from leadcast.models.bundle.bundle_reference import Rates, Reference
from leadcast.models.calibration.calibrator_choice import choose_calibrator
from leadcast.pipelines.daily.score import ScoreRequest, score_new_leads
from leadcast.serve.batch.batch import BatchSettings, score_files
from leadcast.serve.batch.deliver import Outputs
from leadcast.serve.batch.inputs import CanonicalSource, place_of
from leadcast.serve.scorer import Scorer
from leadcast.serve.today.movement import movements
from leadcast.serve.today.open_leads import events_before, leads_at
from leadcast.serve.today.today_list import TodayQuestion, todays_leads
from leadcast.serve.today.whatif import LeadTrial, what_if
from tests.scoring_world import (
    END,
    SNAPSHOTS,
    START,
    TYPES,
    WRITTEN,
    grow,
    make_tables,
    origin,
    scoring_world,
)
from tests.service_world import client, question

DAY = timedelta(days=1)
TRACKED = ("job_title", "company_size", "newsletter")
LATER = 12


def with_history(tables: Tables) -> Tables:
    """Every third lead becomes a CEO on its second day, every second one is measured on its fifth,
    and every fifth one subscribes on its fourth."""

    def of(lead: dict[str, Any], number: int) -> list[dict[str, Any]]:
        size = lead["company_size"]
        told = [
            (number % 3 == 0, 2, "job_title", "buyer", lead["job_title"]),
            (number % 2 == 0, 5, "company_size", None, None if size is None else str(size)),
            (number % 5 == 0, 4, "newsletter", "false", str(lead["newsletter"]).lower()),
        ]
        return [
            dict(zip(("changed_at", "attribute", "old_value", "new_value"), row, strict=True))
            for is_so, days, *change in told
            if is_so
            for row in [(lead["created_at"] + days * DAY, *change)]
        ]

    each = [of(lead, number) for number, lead in enumerate(tables.leads.to_dicts())]
    leads = tables.leads.with_columns(pl.Series(CHANGES, each, pl.List(CHANGE)))
    return replace(tables, leads=leads, attribute_types=TYPES | derived_types(TRACKED))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tables = with_history(make_tables(300))
    snapshots = make_snapshots(tables, SNAPSHOTS, seed=0).filter("mature")
    plan = fit_plan(tables, snapshots, FeatureSettings(), END, SNAPSHOTS)
    values = compute(plan, tables.leads, tables.events, snapshots)
    converted = snapshots["converted"].cast(pl.Float64).to_numpy()
    learner = grow(plan, values, converted)
    log_odds = learner.log_odds(values)
    calibrator = choose_calibrator(log_odds, converted, snapshots["lead_id"].to_list()).calibrator
    folder = tmp_path_factory.mktemp("history") / "bundle"
    write_bundle(
        folder,
        plan=plan,
        learner=learner,
        calibrator=calibrator,
        intervals=None,
        reference=Reference.of(calibrator.probability(log_odds)),
        rates=Rates.of(values, converted, plan.features),
        metrics={},
        origin=origin(scoring_world()).model_copy(
            update={"attribute_types": tables.attribute_types}
        ),
        created_at=WRITTEN,
    )
    return folder


@pytest.fixture(scope="module")
def asked() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Leads at the moments before, amid, at and after their changes."""
    tables = with_history(make_tables(40, seed=5))
    moments = pl.DataFrame({"hours": [0, 48, 49, 110, 24 * LATER]})
    leads = tables.leads.drop("position").join(moments, how="cross")
    as_of = pl.col("created_at") + pl.duration(hours="hours")
    return leads.with_columns(as_of=as_of).drop("hours"), tables.events.collect()


@pytest.fixture(scope="module")
def expected(bundle: Path, asked: tuple[pl.DataFrame, pl.DataFrame]) -> list[float]:
    found: list[float] = Scorer.load(bundle).score(*asked, None, [])["probability"].to_list()
    return found


Asked = tuple[pl.DataFrame, pl.DataFrame]


def test_a_lead_is_scored_as_it_stood(bundle: Path, asked: Asked, expected: list[float]) -> None:
    leads, events = asked
    forgotten = leads.with_columns(pl.lit([], pl.List(CHANGE)).alias(CHANGES))
    scorer = Scorer.load(bundle)
    assert scorer.score(forgotten, events, None, [])["probability"].to_list() != expected
    # What comes at the moment or later changes nothing.
    past = pl.element().struct.field("changed_at") < START + 90 * DAY
    cut = leads.with_columns(as_of=pl.lit(START + 90 * DAY)).unique("lead_id", maintain_order=True)
    cut = cut.filter(pl.col("created_at") < START + 89 * DAY)
    others = cut.with_columns(
        pl.col(CHANGES).list.eval(
            pl.element().struct.with_fields(
                new_value=pl.when(past).then(pl.field("new_value")).otherwise(pl.lit("0"))
            )
        )
    )
    whole, other = (scorer.score(one, events, None, []) for one in (cut, others))
    assert not others[CHANGES].equals(cut[CHANGES])
    assert whole.equals(other)


def test_one_lead_and_a_request_say_the_same(
    bundle: Path, asked: Asked, expected: list[float], tmp_path: Path
) -> None:
    leads, events = asked
    scorer = Scorer.load(bundle)
    one_by_one = []
    for lead in leads.to_dicts():
        own = events.filter(lead_id=lead["lead_id"]).select("occurred_at", "event_type", "value")
        score = scorer.score_one(lead, [*own.iter_rows()], lead["as_of"], [])
        one_by_one.append(score.probability)
    assert one_by_one == expected
    answer = posted(bundle, tmp_path, body_of(leads, events))
    assert [one["probability"] for one in answer.json()["scores"]] == expected


def body_of(leads: pl.DataFrame, events: pl.DataFrame) -> dict[str, Any]:
    body = question(leads, events)
    for lead in body["leads"]:
        lead[CHANGES] = lead["attributes"].pop(CHANGES)
    return body


def posted(bundle: Path, scratch: Path, body: dict[str, Any]) -> Any:  # noqa: ANN401
    with client(scratch, bundle=bundle) as service:
        return service.post("/v1/score", json=body)


def test_a_file_and_a_table_of_pandas_say_the_same(
    bundle: Path, asked: Asked, expected: list[float], tmp_path: Path
) -> None:
    leads, events = asked
    own, theirs, out = (tmp_path / f"{name}.parquet" for name in ("leads", "events", "scores"))
    leads.write_parquet(own)
    events.write_parquet(theirs)
    score_files(bundle, own, theirs, out, BatchSettings(chunk_leads=7))
    scores = leads.select("lead_id", "as_of").join(pl.read_parquet(out), on=["lead_id", "as_of"])
    assert scores["probability"].to_list() == expected
    scorer = Scorer.load(bundle)
    assert scorer.score(leads.to_pandas(), events)["probability"].to_list() == expected
    assert scorer.score(leads.to_arrow(), events)["probability"].to_pylist() == expected
    as_json = [json.dumps(one, default=datetime.isoformat) for one in leads[CHANGES].to_list()]
    texts = leads.to_pandas().assign(**{CHANGES: as_json})
    assert scorer.score(texts, events)["probability"].to_list() == expected


TEXT_TIME = "%Y-%m-%dT%H:%M:%S%.6fZ"


def scored_beside(
    bundle: Path, leads: Path, events: Path | None, changes: Path | None, out: Path
) -> pl.DataFrame:
    """Score files, with a table of changes beside the leads."""
    settings, outputs = BatchSettings(chunk_leads=7), Outputs(out, force=True)
    theirs = None if events is None else str(events)
    told = None if changes is None else str(changes)
    request = ScoreRequest(bundle, str(leads), theirs, outputs, settings, changes=told)
    checks = Checks()
    request.check(checks)
    checks.raise_errors()
    score_new_leads(request)
    return pl.read_parquet(out)


@pytest.mark.parametrize("without_old", [False, True])
def test_a_csv_with_its_changes_beside_it_says_the_same(
    bundle: Path, asked: Asked, expected: list[float], tmp_path: Path, without_old: bool
) -> None:
    leads, events = asked
    rows = leads.unique("lead_id", maintain_order=True).select("lead_id", CHANGES)
    changes = rows.explode(CHANGES).unnest(CHANGES).drop_nulls("changed_at")
    own, theirs, told = (tmp_path / f"{name}.csv" for name in ("leads", "events", "changes"))
    leads.drop(CHANGES).write_csv(own, datetime_format=TEXT_TIME)
    events.write_csv(theirs, datetime_format=TEXT_TIME)
    unread = changes.head(1).with_columns(attribute=pl.lit("shoe_size"))
    written = pl.concat([changes, unread])
    if without_old:
        # What it said before is that of the change before it, and blank before the first.
        blank = pl.element().struct.with_fields(old_value=pl.lit(None, pl.String))
        first = leads.with_columns(pl.col(CHANGES).list.eval(blank))
        expected = Scorer.load(bundle).score(first, events, None, [])["probability"].to_list()
        written = written.drop("old_value")
    written.write_csv(told, datetime_format=TEXT_TIME)
    scores = scored_beside(bundle, own, theirs, told, tmp_path / "scores.parquet")
    ordered = leads.select("lead_id", "as_of").join(scores, on=["lead_id", "as_of"])
    assert ordered["probability"].to_list() == expected
    without = scored_beside(bundle, own, theirs, None, tmp_path / "scores.parquet")
    assert without["probability"].to_list() != scores["probability"].to_list()


def test_parquet_that_is_converted_keeps_its_history(
    bundle: Path, asked: Asked, expected: list[float], tmp_path: Path
) -> None:
    leads, events = asked
    own, theirs, out = (tmp_path / f"{name}.parquet" for name in ("leads", "events", "scores"))
    leads.with_columns(pl.col("created_at").dt.strftime(TEXT_TIME)).write_parquet(own)
    events.write_parquet(theirs)
    summary = score_files(bundle, own, theirs, out, BatchSettings(chunk_leads=7))
    scores = leads.select("lead_id", "as_of").join(pl.read_parquet(out), on=["lead_id", "as_of"])
    assert scores["probability"].to_list() == expected
    assert not [fault for fault in summary.warnings if CHANGES in fault.where]


def test_changes_that_are_not_used_are_told(bundle: Path, asked: Asked, tmp_path: Path) -> None:
    leads = asked[0]
    own, told = tmp_path / "leads.csv", tmp_path / "changes.csv"
    leads.drop(CHANGES).write_csv(own, datetime_format=TEXT_TIME)
    head, fine = "lead_id,changed_at,attribute,new_value\n", "2025-02-01T00:00:00Z,job_title,CEO\n"
    odd = "lead 1,soon,job_title,CEO\nlead 1,2025-02-01T00:00:00Z,Shoe size,44\n"

    def warned(rows: str) -> list[str]:
        told.write_text(head + rows, encoding="utf-8")
        source = CanonicalSource(place_of(own), changes=place_of(told))
        inputs = source.read(Scorer.load(bundle), tmp_path)
        return [f"{one.level}: {one}" for one in inputs.warnings if CHANGES in one.where]

    assert warned(f"lead 1,{fine}" * 200) == []
    of_field, of_time = warned(f"lead 1,{fine}" * 200 + odd)
    assert "'soon'" in of_time
    assert of_time.endswith("They are left out.")
    assert of_field.startswith("note: ")
    assert "'Shoe size'" in of_field
    [none_used] = warned("lead 1,2025-02-01T00:00:00Z,Shoe size,44\n")
    assert none_used.startswith("warning: ")
    assert "only fields that are no attributes" in none_used


def test_a_history_that_is_not_there_is_told_once(bundle: Path, asked: Asked) -> None:
    leads, events = asked
    warnings: list[Fault] = []
    Scorer.load(bundle).score(leads.drop(CHANGES), events, None, warnings)
    told = [one for one in warnings if "no such column" in one.found]
    assert [one.where for one in told] == [f"leads: column {CHANGES!r}"]
    assert "job_title" in told[0].expected
    assert "--changes" in told[0].remedy


def test_changes_are_told_once(bundle: Path, asked: Asked, tmp_path: Path) -> None:
    leads = asked[0]
    leads.write_parquet(tmp_path / "leads.parquet")
    (tmp_path / "changes.csv").write_text("lead_id,changed_at,attribute,new_value\n", "utf-8")
    with pytest.raises(LeadcastError, match="changes"):
        scored_beside(
            bundle, tmp_path / "leads.parquet", None, tmp_path / "changes.csv", tmp_path / "o.csv"
        )
    row = "lead 1,2025-02-01T00:00:00Z,job_title,CEO\n"
    with (tmp_path / "changes.csv").open("a", encoding="utf-8") as file:
        file.write(row)
    with pytest.raises(LeadcastError, match="of their own; give one of both"):
        scored_beside(
            bundle, tmp_path / "leads.parquet", None, tmp_path / "changes.csv", tmp_path / "o.csv"
        )


def test_what_stands_without_a_history_is_said(bundle: Path) -> None:
    tables, scorer = with_history(make_tables(80, seed=5)), Scorer.load(bundle)
    assert "the history of 3 attributes was used (company_size" in history_words(tables)
    assert "industry, budget as on the day of the export" in history_words(tables)
    found = todays_leads(scorer, tables, TodayQuestion(START + 120 * DAY))
    told = " ".join(found.warnings)
    assert "budget, industry, which have no history, are as they were then, and" in told
    plain = make_tables(80, seed=5)
    assert history_words(plain).startswith("no history of the attributes was given")
    found = todays_leads(scorer, plain, TodayQuestion(START + 120 * DAY))
    assert any("since they have no history, and the model" in one for one in found.warnings)


def test_what_is_derived_has_words_of_its_own(bundle: Path) -> None:
    words = {one.name: one.words for one in Scorer.load(bundle).bundle.plan.features}
    told = [text for name, text in words.items() if "chang" in name or "filled_in" in name]
    assert set(told) & {
        "days since the job title was changed",
        "how often the company size was changed",
        "the company size was blank and has been filled in",
    }
    assert not [text for text in told if text.endswith(("changed at", "changes", "filled in at"))]


def test_values_of_any_plain_type_say_the_same(bundle: Path, asked: Asked) -> None:
    leads, events = asked
    only = pl.element().struct.field("attribute") == "company_size"
    sizes = leads.with_columns(pl.col(CHANGES).list.filter(only))
    numbers = sizes.with_columns(
        pl.col(CHANGES).list.eval(
            pl.struct(
                pl.element().struct.field("changed_at").dt.convert_time_zone("Europe/Berlin"),
                pl.element().struct.field("attribute"),
                pl.element().struct.field("new_value").cast(pl.Float64),
            )
        )
    )
    scorer = Scorer.load(bundle)
    written, told = (scorer.score(one, events, None, []) for one in (sizes, numbers))
    assert written.equals(told)
    lead = leads.row(0, named=True) | {"company_size": 9.0}
    change = {"changed_at": lead["created_at"] + DAY, "attribute": "job_title"}
    scores = [
        scorer.score_one(lead | {CHANGES: [change | {"new_value": value}]}, (), END, [])
        for value in (5, 5.0, "5")
    ]
    assert scores[0] == scores[1] == scores[2]


def test_a_lead_without_any_change_is_no_lead_without_a_history(bundle: Path, asked: Asked) -> None:
    leads, events = asked
    null = leads.with_columns(pl.lit(None, pl.List(CHANGE)).alias(CHANGES))
    scorer, one_by_one = Scorer.load(bundle), []
    for lead in null.to_dicts():
        own = events.filter(lead_id=lead["lead_id"]).select("occurred_at", "event_type", "value")
        score = scorer.score_one(lead, [*own.iter_rows()], lead["as_of"], [])
        one_by_one.append(score.probability)
    assert scorer.score(null, events, None, [])["probability"].to_list() == one_by_one


def test_todays_list_tells_what_was_edited(bundle: Path) -> None:
    tables, scorer = with_history(make_tables(80, seed=5)), Scorer.load(bundle)
    as_of = START + 120 * DAY
    found = todays_leads(scorer, tables, TodayQuestion(as_of))
    scores = scorer.score(tables.leads, tables.events, as_of, [])
    mine = scores.join(found.frame.select("lead_id"), on="lead_id", how="semi").sort("lead_id")
    listed = found.frame.sort("lead_id")
    assert listed["probability"].equals(mine["probability"])
    leads = leads_at(tables, as_of)
    events = events_before(tables, leads, as_of)
    moved = movements(scorer, leads, events, as_of - 30 * DAY, as_of)
    changes = (moved["log_odds"] - moved["log_odds_before"]).to_list()
    told = moved["parts"].to_list()
    sums = [sum(part["log_odds"] for part in parts) for parts in told]
    assert sums == pytest.approx(changes, abs=1e-9)
    words = {part["what"] for parts in told for part in parts if part["kind"] == "attribute"}
    assert any(one.startswith("job title: buyer → ") for one in words)
    assert any(one.startswith("company size: unknown → ") for one in words)
    before = dict(scorer.score(tables.leads, tables.events, as_of - 30 * DAY, [])
        .select("lead_id", "probability").iter_rows())  # fmt: skip
    was = {one: 1 / (1 + math.exp(-x)) for one, x in moved.select(
        "lead_id", "log_odds_before").iter_rows()}  # fmt: skip
    assert was == pytest.approx({one: before[one] for one in was})


def test_an_attribute_is_tried_as_an_edit_of_now(bundle: Path) -> None:
    tables, scorer = with_history(make_tables(80, seed=5)), Scorer.load(bundle)
    lead, as_of = tables.leads[0:1], tables.leads["created_at"][0] + DAY
    # Its job title is edited a day later.
    events = tables.events.filter(lead_id=lead["lead_id"][0]).collect()
    trial = LeadTrial.parse(scorer, ["job_title=CEO"], [], as_of)
    found = what_if(scorer, lead, events, as_of, trial)
    (score,) = scorer.score(lead, events, as_of, [])["probability"]
    assert found.before.probability == score
    assert found.tried == ("job title: buyer → CEO",)
    edit = {"changed_at": as_of - timedelta(microseconds=1), "attribute": "job_title"}
    edited = [edit | {"old_value": "buyer", "new_value": "CEO"}, *lead[CHANGES][0].to_list()]
    then = lead.with_columns(pl.Series(CHANGES, [edited], pl.List(CHANGE)))
    (score,) = scorer.score(then, events, as_of, [])["probability"]
    assert found.after.probability == score


WRONG: tuple[tuple[object, str], ...] = (
    (5, "found int; expected a list of changes"),
    (["x"], "found str; expected a list of changes"),
    ([{"attribute": "job_title"}], "'changed_at': found None; expected a time with a time zone"),
    (
        [{"attribute": "job_title", "changed_at": datetime(2025, 1, 1)}],
        "'changed_at': found datetime.datetime(2025, 1, 1, 0, 0); expected a time with a time zone",
    ),
    ([{"changed_at": START, "attribute": None}], "'attribute': found None; expected an attribute"),
)


@pytest.mark.parametrize(("given", "told"), WRONG)
def test_what_is_wrong_with_one_lead_is_told(
    bundle: Path, asked: Asked, given: object, told: str
) -> None:
    lead = asked[0].row(0, named=True) | {CHANGES: given, "newsletter": "maybe"}
    with pytest.raises(FaultsError) as caught:
        Scorer.load(bundle).score_one(lead, (), END)
    assert told in str(caught.value)
    assert "'newsletter'" in str(caught.value), "all at once"


def without(name: str) -> pl.Expr:
    fields = [one.name for one in CHANGE.fields if one.name != name]
    return pl.col(CHANGES).list.eval(pl.struct(*map(pl.element().struct.field, fields)))


NAIVE = pl.element().struct.with_fields(
    changed_at=pl.field("changed_at").dt.replace_time_zone(None)
)
FRAMES = {
    "type String": pl.lit("x").alias(CHANGES),
    "changes without 'changed_at'": without("changed_at"),
    "changes without 'attribute'": without("attribute"),
    "expected a time with a time zone": pl.col(CHANGES).list.eval(NAIVE),
}


@pytest.mark.parametrize("told", FRAMES)
def test_what_is_wrong_with_a_table_is_told(
    bundle: Path, asked: Asked, told: str, tmp_path: Path
) -> None:
    leads = asked[0].with_columns(FRAMES[told])
    with pytest.raises(FaultsError, match=told):
        Scorer.load(bundle).score(leads, None, None, [])
    leads.write_parquet(tmp_path / "leads.parquet")
    with pytest.raises(LeadcastError, match="column 'attribute_changes'"):
        score_files(bundle, tmp_path / "leads.parquet", None, tmp_path / "out.parquet")


def test_a_column_without_any_history_is_none(bundle: Path, asked: Asked) -> None:
    leads, events = asked
    scorer = Scorer.load(bundle)
    nothing = leads.with_columns(pl.lit(None).alias(CHANGES))
    empty = leads.with_columns(pl.lit(None, pl.List(CHANGE)).alias(CHANGES))
    scores = [scorer.score(one, events, None, []) for one in (nothing, empty)]
    assert scores[0].equals(scores[1])


def test_a_request_is_told_of_changes_of_unknown_attributes(
    bundle: Path, asked: Asked, tmp_path: Path
) -> None:
    leads, events = asked
    body = body_of(leads.head(1), events.head(0))
    change = {"changed_at": datetime(2025, 1, 1, tzinfo=UTC).isoformat(), "new_value": "x"}
    body["leads"][0][CHANGES] = [change | {"attribute": "shoe_size"}]
    answer = posted(bundle, tmp_path, body)
    assert answer.status_code == 200, answer.text
    assert any("'shoe_size'" in one["where"] for one in answer.json()["warnings"])
    body["leads"][0][CHANGES] = [{"changed_at": "2025-01-01T00:00:00", "attribute": "job_title"}]
    answer = posted(bundle, tmp_path, body)
    assert answer.status_code == 422
    pointers = {one["pointer"] for one in answer.json()["errors"]}
    # A value that is gone says so with null; one that was forgotten is no such value.
    where = "/leads/0/attribute_changes/0"
    assert pointers == {f"{where}/changed_at", f"{where}/new_value"}


def test_a_request_is_asked_for_its_history_and_not_for_what_is_read_off_it(
    bundle: Path, asked: Asked, tmp_path: Path
) -> None:
    leads, events = asked
    body = body_of(leads.head(1), events.head(0))
    derived = set(derived_types(TRACKED))

    def told() -> list[str]:
        warnings = posted(bundle, tmp_path, body).json()["warnings"]
        assert not [one for one in warnings if any(name in one["where"] for name in derived)]
        return [one["expected"] for one in warnings if one["where"] == CHANGES]

    assert told() == []
    del body["leads"][0][CHANGES]
    assert len(expected := told()) == 1
    assert all(name in expected[0] for name in TRACKED)
