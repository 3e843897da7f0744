"""The page's first view: what it is told, and what a person sees of it."""

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from leadcast.features.base.files import write_json
from leadcast.serve.http.keys import create_key
from leadcast.serve.page.monitoring_view import SHOWN
from leadcast.serve.page.today import FILE, MOST_SHOWN, today_content
from leadcast.serve.scorer import Scorer
from leadcast.serve.today.handoff import hand_off
from leadcast.serve.today.handoff_settings import HandoffRules, HandoffSettings
from leadcast.serve.today.today_list import TodayQuestion, in_order, todays_leads
from tests.browsing import Watched, chromium, wait_for_words
from tests.page_world import FORMULA, HOSTILE, served
from tests.scoring_world import END, bundle_folder, scoring_world
from tests.test_serve_page import client
from tests.today_world import write_tables

if TYPE_CHECKING:
    from playwright.sync_api import Browser

AS_OF = END - timedelta(days=180)
ROWS = "#today-leads tbody tr"


@cache
def scorer() -> Scorer:
    return Scorer.load(bundle_folder())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    question = TodayQuestion(AS_OF)
    found = todays_leads(scorer(), scoring_world().tables, question).frame
    owners = pl.Series("owner", ["Anna", "<b>Ben</b>", None] * found.height)[: found.height]
    found = found.with_columns(owner=owners)
    made = hand_off(found, AS_OF, 20, HandoffSettings(), HandoffRules())
    columns = made.frame.drop("lead_id")
    found = pl.concat([found.drop("owner"), columns], how="horizontal")
    names = [HOSTILE, FORMULA, *found["lead_id"][2:]]
    found = found.with_columns(lead_id=pl.Series(names), expected_value=100 * pl.col("probability"))
    in_order(found).write_parquet(folder / FILE)
    return folder


@pytest.fixture(scope="module")
def told(run: Path) -> pl.DataFrame:
    return pl.read_parquet(run / FILE)


def test_the_list_asks_for_the_key_of_the_api_and_is_told_as_it_was_written(
    tmp_path: Path, run: Path, told: pl.DataFrame
) -> None:
    key = create_key(tmp_path / "keys.json", "sales")
    with client(tmp_path, run, tmp_path / "keys.json") as asked:
        assert asked.get("/page/today").status_code == 401
        assert told["lead_id"][5] not in asked.get("/").text
        found = asked.get("/page/today", headers={"Authorization": f"Bearer {key}"}).json()
    assert found["count"] == found["total"] == told.height
    assert found["columns"]["lead_id"] == told["lead_id"].to_list()
    assert found["as_of"] == AS_OF.timestamp()
    assert found["untested"] == (~told["age_tested"]).sum()
    sums = [part and round(sum(one[2] for one in part), 3) for part in found["parts"]]
    parts = told["moved_parts"].to_list()
    exact = [part and round(sum(one["log_odds"] for one in part), 3) for part in parts]
    assert sums == pytest.approx(exact, abs=0.01)


def test_a_new_list_is_shown_without_a_restart(tmp_path: Path, run: Path) -> None:
    with client(tmp_path, tmp_path) as asked:
        missing = asked.get("/page/today")
        assert missing.status_code == 404
        assert "leadcast today small" in missing.json()["detail"]
        (tmp_path / FILE).write_bytes((run / FILE).read_bytes())
        assert asked.get("/page/today").status_code == 200


def test_of_a_large_pile_the_likeliest_are_sent(tmp_path: Path, told: pl.DataFrame) -> None:
    many = pl.concat([told] * (MOST_SHOWN // told.height + 1))
    many.write_parquet(tmp_path / FILE)
    found = today_content(tmp_path / FILE)
    assert found["count"] == MOST_SHOWN
    assert found["total"] == many.height > MOST_SHOWN


def test_an_empty_list_is_told(tmp_path: Path, told: pl.DataFrame) -> None:
    told.head(0).write_parquet(tmp_path / FILE)
    found = today_content(tmp_path / FILE)
    assert found["total"] == found["count"] == 0
    assert found["as_of"] is None


def test_amounts_have_the_currency_of_the_comparison_or_else_of_the_amounts(
    tmp_path: Path, run: Path
) -> None:
    (tmp_path / FILE).write_bytes((run / FILE).read_bytes())

    def shown() -> str | None:
        with client(tmp_path, tmp_path) as asked:
            told: str | None = asked.get("/page/today").json()["currency"]
            return told

    assert shown() is None
    write_json(tmp_path / "amounts/amounts.json", {"currency": "CHF"})
    assert shown() == "CHF"
    # Without points a comparison tells no currency.
    write_json(tmp_path / "comparison/comparison.json", {"nothing_to_compare": "no points"})
    assert shown() == "CHF"
    about = {"about": {"currency": "EUR"}}
    write_json(tmp_path / "comparison/comparison.json", about, replacing=True)
    assert shown() == "EUR"


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with chromium() as browser:
        yield browser


@pytest.mark.browser
def test_a_person_filters_sorts_and_sees_why_it_moved(
    browser: "Browser", tmp_path: Path, run: Path, told: pl.DataFrame
) -> None:
    watched = Watched(browser, viewport={"width": 390, "height": 800})
    page = watched.page
    write_json(run / "amounts/amounts.json", {"currency": "CHF"})
    with served(tmp_path, run) as url:
        page.goto(url)
        page.wait_for_selector(f"{ROWS} .opener")
        calls = (told["hand_off"] == "call").sum()
        assert (
            page.inner_text("#today-title")
            == f"{told.height} open leads, {calls} to call this week"
        )
        assert "older than any lead that the model was tested on" in page.inner_text(
            "#today-untested"
        )
        assert "Expected value, CHF" in page.locator("#today-leads thead").inner_text()
        page.select_option("#today-hand", "call")
        wait_for_words(page.locator(".dt-info"), f"of {calls} leads")
        page.select_option("#today-hand", "")
        page.select_option("#today-owner", "<b>Ben</b>")
        wait_for_words(
            page.locator(".dt-info"), f"of {(told['owner'] == '<b>Ben</b>').sum()} leads"
        )
        page.select_option("#today-owner", "")
        page.select_option("#today-grade", "A")
        wait_for_words(page.locator(".dt-info"), f"of {(told['grade'] == 'A').sum()} leads")
        page.select_option("#today-grade", "")
        moved = told.filter(pl.col("why_moved").str.contains("time passing"))["lead_id"][0]
        page.fill("#today-search", moved)
        page.locator(".opener", has_text=moved).first.click()
        detail = page.locator(".detail").first
        wait_for_words(detail, "Together, from")
        wait_for_words(detail, "time passing")
        # The page itself never scrolls sideways, on a telephone neither.
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.fill("#today-search", "nobody at all")
        wait_for_words(page.locator("#today-told"), "No lead is like this")
        assert watched.complaints == []
        assert all(one.startswith(url) for one in watched.requests)
    page.context.close()


def trial_run(folder: Path) -> Path:
    write_tables(scoring_world().tables, folder / "tables")
    return folder


def test_a_lead_is_tried_as_the_scorer_scores_it(tmp_path: Path) -> None:
    with client(tmp_path, trial_run(tmp_path)) as asked:
        address = "/page/lead/trial"
        offered = asked.get(address, params={"id": "lead 3"}).json()
        assert [one["key"] for one in offered["kinds"]] == list(scorer().bundle.plan.kinds)
        assert "industry" in {one["key"] for one in offered["attributes"]}
        tried = {"id": "lead 3", "set": "industry=retail", "event": "webinar"}
        found = asked.get(address, params=tried).json()
        wrong = asked.get(address, params={"id": "lead 3", "event": "webinr"})
    assert wrong.status_code == 422
    assert "webinar" in wrong.json()["detail"]
    tables = scoring_world().tables
    lead = tables.leads.filter(lead_id="lead 3")
    won_at = tables.outcomes.filter(lead_id="lead 3")["won_at"].item()
    as_of = won_at or END
    one = pl.DataFrame(
        {"lead_id": ["lead 3"], "occurred_at": [as_of - timedelta(microseconds=1)]}
    ).with_columns(event_type=pl.lit("webinar"), value=pl.lit(None, pl.Float64))
    events = pl.concat([tables.events.collect(), one.cast(tables.events.collect_schema())])
    changed = lead.with_columns(industry=pl.lit("retail")).drop("position")
    expected = scorer().score(changed, events, as_of)["probability"].item()
    assert found["after"]["probability"] == pytest.approx(expected, abs=1e-12)
    assert found["after"]["probability"] != found["before"]["probability"]


def test_misses_are_shown_where_somebody_has_looked(tmp_path: Path) -> None:
    with client(tmp_path, tmp_path) as asked:
        assert "leadcast misses small" in asked.get("/page/misses").json()["detail"]
        (tmp_path / "misses.json").write_text('{"customers": 1, "leads": []}', encoding="utf-8")
        assert asked.get("/page/misses").json() == {"customers": 1, "leads": []}


def test_monitoring_is_shown_where_somebody_has_looked(tmp_path: Path) -> None:
    with client(tmp_path, tmp_path) as asked:
        assert "leadcast monitor small" in asked.get("/page/monitoring").json()["detail"]
        file = tmp_path / "monitoring.json"
        file.write_text('{"alarms": []}', encoding="utf-8")
        assert "look again" in asked.get("/page/monitoring").json()["detail"]
        told = dict.fromkeys(SHOWN, 1)
        file.write_text(json.dumps(told | {"streams": []}), encoding="utf-8")
        assert asked.get("/page/monitoring").json() == told
        assert "monitoring.js" in asked.get("/monitoring").text
