"""A lead's page: its course is the scorer's, its ledger adds up, nobody reads it without a key."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from leadcast.features.base.files import write_json
from leadcast.features.tables import TIME
from leadcast.models.bundle.bundle import write_bundle
from leadcast.models.bundle.bundle_reference import Reference
from leadcast.models.learners.prior import Prior
from leadcast.models.rules import RuleTable, evaluate, parse_rules
from leadcast.serve.http.app import make_app
from leadcast.serve.http.keys import create_key
from leadcast.serve.http.service import Service
from leadcast.serve.page.lead_view import (
    JUST_AFTER,
    MOST_MOMENTS,
    Viewer,
    course_of,
    microseconds,
    moments_of,
)
from leadcast.serve.page.router import page_routers
from leadcast.serve.page.run_tables import LeadTables, OneLead
from leadcast.serve.requests.settings import ServeSettings
from leadcast.serve.scorer import Scorer
from tests.editor_world import FORMULA, HOSTILE, LEAD, RULES, write_tables
from tests.scoring_world import bundle_folder, export, origin, scoring_world, undated_origin
from tests.service_world import HOST, NO_LIMIT, TestClient

TABLE: RuleTable = parse_rules(RULES)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tables(tmp_path_factory.mktemp("project") / "data/runs/small")


def asked_of(
    run: Path | None, scratch: Path, keys: Path | None = None, bundle: Path | None = None
) -> TestClient:
    bundle = bundle or bundle_folder()
    settings = ServeSettings(bundle=bundle, named="test", limits=NO_LIMIT, run=run, keys=keys)
    service = Service.open(settings, bundle, scratch)
    return TestClient(make_app(service, page_routers(service)), HOST, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def client(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with asked_of(run, tmp_path_factory.mktemp("scratch")) as client:
        yield client


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer.load(bundle_folder())


@pytest.fixture(scope="module")
def lead(run: Path) -> OneLead:
    return LeadTables(run).read(LEAD)


def view(client: TestClient, lead_id: str = LEAD) -> dict[str, Any]:
    answer = client.get("/page/lead", params={"id": lead_id})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def at(client: TestClient, as_of_us: int) -> dict[str, Any]:
    asked = {"id": LEAD, "at": as_of_us}
    told: dict[str, Any] = client.get("/page/lead/moment", params=asked).json()
    return told


def test_moments_are_its_creation_those_just_after_events_and_its_end(lead: OneLead) -> None:
    moments = moments_of(lead)
    after = {time + JUST_AFTER for time in lead.events["occurred_at"]}
    assert len(moments) == MOST_MOMENTS < lead.events.height
    assert moments == sorted(set(moments))
    assert moments[0] == lead.created_at
    assert moments[-1] == (lead.ended_at or lead.observed_until)
    assert set(moments[1:-1]) <= after
    wanted = moments[0] + timedelta(hours=1)
    assert wanted in moments_of(lead, wanted)


def test_each_moment_counts_the_event_that_it_follows(scorer: Scorer, lead: OneLead) -> None:
    count = parse_rules("rules: [{name: n, points: 1, each: true, when: {event: any}}]")
    moments = moments_of(lead)
    points = course_of(scorer, lead, moments, count).points
    times = lead.events["occurred_at"].to_list()
    upto = [sum(time <= moment - JUST_AFTER for time in times) for moment in moments]
    assert points == upto
    assert 0 == upto[0] < upto[1] < upto[2]


def test_the_course_is_what_the_scorer_answers_at_each_moment(
    client: TestClient, scorer: Scorer, lead: OneLead
) -> None:
    told = view(client)["moments"]
    for number in (0, 30, len(told) - 1):
        as_of = moments_of(lead)[number]
        score = scorer.score(lead.lead, lead.events, as_of, []).to_dicts()[0]
        assert told[number]["probability"] == score["probability"]
        assert told[number]["lower"] == score["lower"]
        one = at(client, told[number]["as_of_us"])["score"]
        assert (one["probability"], one["grade"]) == (score["probability"], score["grade"])


def test_what_comes_later_changes_no_earlier_point(scorer: Scorer, lead: OneLead) -> None:
    moments = moments_of(lead)[:20]
    before = replace(lead, events=lead.events.filter(pl.col("occurred_at") < moments[-1]))
    whole, cut = (course_of(scorer, one, moments, TABLE) for one in (lead, before))
    assert whole.scores.equals(cut.scores)
    assert whole.points == cut.points
    none = replace(lead, events=lead.events.clear())
    assert not course_of(scorer, none, moments, TABLE).scores.equals(cut.scores)


def test_the_ledger_adds_up_to_the_points_of_the_course_at_each_moment(
    client: TestClient,
) -> None:
    moments = view(client)["moments"]
    seen = set()
    for moment in moments[::6]:
        told = at(client, moment["as_of_us"])
        assert sum(entry["points"] for entry in told["ledger"]) == pytest.approx(told["points"])
        assert told["points"] == pytest.approx(moment["points"], abs=1e-9)
        seen |= {entry["kind"] for entry in told["ledger"]}
    assert {"rule", "rule limit", "limit"} <= seen


def test_reasons_add_up_to_the_log_odds(client: TestClient) -> None:
    reasons = at(client, view(client)["moments"][-1]["as_of_us"])["score"]["reasons"]
    told = sum(one["contribution"] for one in (*reasons["up"], *reasons["down"]))
    parts = reasons["base"] + told + reasons["others"] + reasons["calibrator"]
    assert parts == pytest.approx(reasons["log_odds"])


def test_a_lead_that_stands_on_the_call_list_is_shown_as_it_stood_there(
    client: TestClient, run: Path, lead: OneLead
) -> None:
    assert lead.created_at is not None
    listed = lead.created_at + timedelta(days=1)
    row = {"lead_id": [LEAD], "as_of": [listed], "on_list": [True], "week": ["2025-01-06"]}
    ranks = {"points": [3.0], "rank_learned": [2.0], "rank_points": [None], "probability": [0.1]}
    path = run / "comparison/leads.parquet"
    path.parent.mkdir()
    pl.DataFrame(row | ranks).with_columns(pl.col("as_of").cast(TIME)).write_parquet(path)
    told = view(client)
    path.unlink()
    path.parent.rmdir()
    assert told["moments"][told["chosen"]]["as_of_us"] == told["listed"]["as_of_us"]
    assert told["listed"]["rank_learned"] == 2.0
    assert view(client)["chosen"] == len(view(client)["moments"]) - 1


def test_why_is_told_in_short_as_of_the_call_list_and_by_the_table_compared_with(
    client: TestClient, run: Path, lead: OneLead
) -> None:
    assert lead.created_at is not None
    as_of = pl.Series("as_of", [lead.created_at + timedelta(days=3)], dtype=TIME)
    rows = pl.DataFrame({"lead_id": [LEAD], "on_list": [True]}).with_columns(as_of)
    others = dict.fromkeys(("week", "points", "rank_learned", "rank_points", "probability"), 0.0)
    folder = run / "comparison"
    folder.mkdir()
    rows.with_columns(**{name: pl.lit(one) for name, one in others.items()}).write_parquet(
        folder / "leads.parquet"
    )
    told = []
    for points_from in ("score column rules_score", "rules data/rules/mine.yaml"):
        write_json(
            folder / "comparison.json", {"about": {"points_from": points_from}}, replacing=True
        )
        told.append(client.get("/page/lead/why", params={"id": LEAD}).json())
    shutil.rmtree(folder)
    by_column, by_rules = told
    assert by_column == {"reasons": by_rules["reasons"], "ledger": None}
    expected = evaluate(TABLE, lead.lead, lead.events, rows)
    assert by_rules["ledger"] == list(expected.in_words(0))
    given = [float(line.split()[0].replace("\N{MINUS SIGN}", "-")) for line in by_rules["ledger"]]
    assert sum(given) == pytest.approx(expected.points[0], abs=0.01)
    reasons = at(client, microseconds(as_of[0]) or 0)["score"]["reasons"]
    strongest = max(
        (*reasons["up"], *reasons["down"]), key=lambda one: abs(float(one["contribution"]))
    )
    assert by_rules["reasons"][0][2:] == strongest["words"]


def test_leads_of_the_call_list_are_scored_by_the_model_that_had_not_seen_how_they_ended(
    run: Path, tmp_path: Path, lead: OneLead
) -> None:
    world = scoring_world()
    judged = write_bundle(
        run / "judged",
        plan=world.plan,
        learner=Prior(-1.0, None, len(world.plan.features)),
        calibrator=world.calibrator,
        reference=Reference.of(world.probability),
        metrics={},
        origin=origin(world).model_copy(update={"role": "judged"}),
    )
    twin = {"role": "deployed", "judged_by": judged.bundle_id}
    export(tmp_path / "bundle", about=origin(world).model_copy(update=twin))
    row = {"lead_id": [LEAD], "as_of": [lead.created_at], "on_list": [True], "week": [""]}
    others = {name: [0.0] for name in ("points", "rank_learned", "rank_points", "probability")}
    (run / "comparison").mkdir()
    frame = pl.DataFrame(row | others).with_columns(pl.col("as_of").cast(TIME))
    frame.write_parquet(run / "comparison/leads.parquet")
    with asked_of(run, tmp_path, bundle=tmp_path / "bundle") as client:
        told, listed, other = client.get("/v1/model").json(), view(client), view(client, "lead 8")
        probability = at(client, listed["moments"][0]["as_of_us"])["score"]["probability"]
    shutil.rmtree(run / "judged")
    with asked_of(run, tmp_path, bundle=tmp_path / "bundle") as client:
        alone = view(client)
    shutil.rmtree(run / "comparison")
    assert (told["role"], told["judged_by"]) == ("deployed", judged.bundle_id)
    assert (listed["judged"], other["judged"], alone["judged"]) == (True, False, False)
    # The judged one says the same of everybody.
    assert {one["probability"] for one in listed["moments"]} == {probability}
    assert len({one["probability"] for one in alone["moments"]}) > 1


def test_a_lead_is_scored_by_the_model_that_answers_now(run: Path, tmp_path: Path) -> None:
    world = scoring_world()
    write_bundle(
        tmp_path / "other",
        plan=world.plan,
        learner=Prior(-1.0, None, len(world.plan.features)),
        calibrator=world.calibrator,
        reference=Reference.of(world.probability),
        metrics={},
        origin=origin(world),
    )
    with asked_of(run, tmp_path) as client:
        before = view(client)["moments"]
        state = client.app.state  # type: ignore[attr-defined]
        state.service = state.service.answering_with(tmp_path / "other")
        after = view(client)["moments"]
    assert len({one["probability"] for one in before}) > 1
    assert len({one["probability"] for one in after}) == 1


def test_a_lead_without_dates_has_one_score(tmp_path: Path) -> None:
    world, (plan, about) = scoring_world(), undated_origin()
    write_bundle(
        tmp_path / "bundle",
        plan=plan,
        learner=Prior(-1.0, None, len(plan.features)),
        calibrator=world.calibrator,
        reference=Reference.of(world.probability),
        metrics={},
        origin=about,
    )
    scorer, run = Scorer.load(tmp_path / "bundle"), tmp_path / "data/runs/small"
    write_tables(run, without_dates=True)
    viewer = Viewer(scorer, LeadTables(run))
    told, why = viewer.view(LEAD, None), viewer.moment(LEAD, None, None)
    json.dumps([told, why], allow_nan=False)
    assert [one["as_of"] for one in told["moments"]] == [None]
    assert told["moments"][0]["probability"] == why["score"]["probability"]
    assert (told["horizon_days"], told["events"], told["chosen"]) == (None, [], 0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("lead 7", "lead 7"),
        ("LEAD 70", "lead 70"),
        ("<SCRIPT>", LEAD),
        (FORMULA, "lead 8"),
        (".*", None),
        ("nobody", None),
    ],
)
def test_a_search_finds_ids_and_texts_and_reads_no_patterns(
    client: TestClient, text: str, found: str | None
) -> None:
    leads = client.get("/page/lead/search", params={"text": text}).json()["leads"]
    assert [lead["lead_id"] for lead in leads[:1]] == ([] if found is None else [found])


def test_only_points_tables_that_fit_the_source_are_offered(client: TestClient) -> None:
    told = view(client)
    assert told["tables"] == [{"key": "mine", "title": "Points of a test"}]
    assert told["table"] == "mine"
    refused = client.get("/page/lead", params={"id": LEAD, "table": "../../secret"})
    assert refused.status_code == 404


def test_what_is_not_there_is_told_with_what_to_do(client: TestClient, tmp_path: Path) -> None:
    assert client.get("/page/lead", params={"id": "nobody"}).status_code == 404
    beyond = client.get("/page/lead/moment", params={"id": LEAD, "at": 10**18})
    assert (beyond.status_code, beyond.json()["type"]) == (422, "urn:leadcast:invalid")
    with asked_of(tmp_path / "a/b/nothing", tmp_path) as other:
        told = other.get("/page/lead", params={"id": LEAD})
    assert told.status_code == 404
    assert "leadcast run SOURCE" in told.json()["detail"]


def test_without_a_key_there_is_a_page_and_no_lead(run: Path, tmp_path: Path) -> None:
    key = create_key(tmp_path / "keys.json", "marketing")
    with asked_of(run, tmp_path, tmp_path / "keys.json") as locked:
        page = locked.get("/leads/" + LEAD)
        assert (page.status_code, LEAD in page.text) == (200, False)
        for address in ("/page/lead", "/page/lead/moment", "/page/lead/why", "/page/lead/search"):
            assert locked.get(address, params={"id": LEAD}).status_code == 401
        known = {"Authorization": f"Bearer {key}"}
        assert HOSTILE in locked.get("/page/lead", params={"id": LEAD}, headers=known).text.replace(
            "\\u003c", "<"
        )
