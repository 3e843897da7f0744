"""How good it is, the sources, and the points as a form, in a real browser."""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from leadcast.features.base.files import write_json
from leadcast.models.rules import parse_rules
from leadcast.serve.accounts.account_list import LIST as ACCOUNT_LIST
from leadcast.serve.page.router import VIEWS
from tests.browsing import Watched, chromium, wait_for_words
from tests.editor_world import LEAD, compare, tables, write_tables
from tests.page_world import served
from tests.report_samples import sample_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
AXE = Path(__file__).parent / "fixtures/axe.min.js"
COMMAND = (sys.executable, "-m", "tests.editor_world")
WIDEST = "document.documentElement.scrollWidth"


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    run = write_tables(tmp_path_factory.mktemp("project") / "data/runs/small")
    compare(None, run / "comparison", 10, 1)
    (run / "report.html").write_text(sample_page(), encoding="utf-8")
    leads = tables().leads
    number = pl.int_range(leads.height)
    leads.select(
        "lead_id",
        as_of=pl.col("created_at"),
        converted=number % 7 == 0,
        probability=(number % 50 + 1) / 60,
        landmark_days=pl.lit(0.0),
    ).write_parquet(run / "test_scores.parquet")
    write_accounts(run)
    with served(tmp_path_factory.mktemp("scratch"), run, None, COMMAND) as address:
        yield address


def write_accounts(run: Path) -> None:
    """A list of two accounts, one of them with many leads and roles."""
    ids, shares = [f"L{number}" for number in range(5)], [0.1] * 5
    named = {"name": "<b>North</b>", "domain": "north.io", "roles": ["champion", "user"]}
    many = {"account_id": "A1", "probability": 0.4, "events_30d": 12}
    many |= {"lead_ids": ids, "lead_probabilities": shares}
    other = {"account_id": "south.io", "probability": 0.1, "events_30d": 0}
    other |= {"lead_ids": ["L9"], "lead_probabilities": [0.1]}
    each = {
        "as_of": datetime(2025, 9, 1, tzinfo=UTC),
        "lower": 0.05,
        "upper": 0.5,
        "missing_roles": ["finance"],
        "won_before": 1,
        "lost_before": 0,
        "active_leads_30d": 2,
    }
    rows = [each | named | many, each | {"roles": []} | other]
    pl.DataFrame(rows, schema=ACCOUNT_LIST).write_parquet(run / "accounts_now.parquet")
    (run / "accounts").mkdir()
    told = {"why": None, "words": ["It is right."], "horizon_days": 30.0}
    write_json(run / "accounts/accounts.json", told)


@pytest.fixture
def watched(browser: "Browser") -> Iterator[Watched]:
    watched = Watched(browser)
    yield watched
    assert [words for words in watched.complaints if "Password forms" not in words] == []
    watched.page.context.close()


def opened(watched: Watched, url: str, view: str) -> "Page":
    watched.page.goto(f"{url}{view}")
    ready = {
        "/report": "#report >> .tiles",
        "/sources": "#sources section.card",
        "/rules": ".rules-form details.rule",
        "/accounts": "#accounts tbody tr",
    }
    watched.page.wait_for_selector(ready[view])
    return watched.page


def text_of(page: "Page") -> str:
    text: str = page.locator(".cm-content").inner_text()
    return text.replace("\u00a0", " ")


def test_the_views_stand_in_the_order_in_which_they_are_asked_for() -> None:
    names = [view.name for view in VIEWS]
    assert names[:5] == [
        "Today",
        "Better than our points?",
        "How good is it?",
        "Sources",
        "Rules",
    ]


@pytest.mark.parametrize("width", [390, 1280])
def test_neither_on_a_phone_nor_in_the_dark_has_a_view_a_fault_that_axe_finds(
    browser: "Browser", url: str, width: int
) -> None:
    scheme = "dark" if width == 390 else "light"
    # A colour on its way to another stands out less for a moment.
    still = {"color_scheme": scheme, "reduced_motion": "reduce"}
    own = Watched(browser, viewport={"width": width, "height": 800}, **still)
    for view in ("/report", "/sources", "/rules", "/accounts"):
        page = opened(own, url, view)
        if view in ("/rules", "/accounts"):
            page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert page.evaluate(WIDEST) <= width, view
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("axe.run().then(({ violations }) => violations)")
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], view
    assert [words for words in own.complaints if "Password forms" not in words] == []
    page.context.close()


def test_the_report_stands_in_the_page_as_it_was_written(watched: Watched, url: str) -> None:
    page = opened(watched, url, "/report")
    assert page.locator("#report >> #summary").is_visible()
    drawn = page.locator("#report >> .size-wide svg").first.bounding_box()
    assert drawn is not None
    assert drawn["width"] > 300
    folded = page.locator("#report >> details.section", has=page.locator("#figures"))
    assert folded.get_attribute("open") is None
    page.locator("#report >> .contents a", has_text="All figures").click()
    assert folded.get_attribute("open") is not None
    page.locator("#report >> #figures").wait_for(state="visible")


def test_accounts_are_told_with_their_leads_and_the_roles_that_are_missing(
    watched: Watched, url: str
) -> None:
    page = opened(watched, url, "/accounts")
    told = page.locator("#accounts-told").inner_text()
    assert told.startswith("2 accounts have open leads on 2025-09-01. ")
    assert told.endswith("within 30 days.")
    heads = page.locator("#accounts thead th").all_inner_texts()
    assert heads[2:] == ["Open leads", "Buying group", "Engagement"], "there is no list before"
    first, second = page.locator("#accounts tbody tr").all()
    assert first.locator("th").inner_text() == "<b>North</b>"
    assert first.locator("a").count() == 5
    assert first.locator("a").nth(4).is_hidden()
    first.locator("summary").click()
    assert first.locator("a").nth(4).is_visible()
    assert first.locator("a").nth(4).get_attribute("href") == "/leads/L4"
    assert "missing: finance" in first.inner_text()
    assert second.locator("th").inner_text() == "south.io"
    assert "no role is known" in second.inner_text()


def test_accounts_are_searched_by_name_domain_and_identifier(watched: Watched, url: str) -> None:
    page = opened(watched, url, "/accounts")
    wait_for_words(page.locator("#accounts-shown"), "2 of 2 accounts.")
    names = page.locator("#accounts tbody th")
    for sought, found in (
        ("NORTH b", "<b>North</b>"),
        ("south.io", "south.io"),
        ("a1", "<b>North</b>"),
    ):
        page.fill("#accounts-search", sought)
        wait_for_words(page.locator("#accounts-shown"), "1 of 2 accounts.")
        names.filter(has_text=found).wait_for()
        assert names.all_inner_texts() == [found]
    page.fill("#accounts-search", "nobody")
    wait_for_words(page.locator("#accounts-shown"), "0 of 2 accounts.")
    page.fill("#accounts-search", "")
    wait_for_words(page.locator("#accounts-shown"), "2 of 2 accounts.")
    assert names.count() == 2


def test_other_bounds_are_told_while_they_are_typed(watched: Watched, url: str) -> None:
    page = opened(watched, url, "/report")
    wait_for_words(page.locator("#grades-table"), "D")
    before = page.inner_text("#grades-table")
    for place, bound in enumerate(("50", "20", "10")):
        page.fill(f"#bound-{place}", bound)
    wait_for_words(page.locator("#grades-table"), "from 50 %")
    assert page.inner_text("#grades-table") != before
    shares = re.findall(r"(?:from|below) [0-9.]+.%\s+([0-9.]+).%", page.inner_text("#grades-table"))
    assert sum(map(float, shares)) == pytest.approx(100, abs=1)
    # Nothing is promoted in this project, so that there is nothing to keep them with.
    wait_for_words(page.locator("#grades-told"), "leadcast promote")
    assert page.is_disabled("#grades-keep")
    page.fill("#bound-1", "70")
    wait_for_words(page.locator("#grades-told"), "each below the one before")
    page.fill("#bound-0", "")
    page.fill("#bound-1", "20")
    wait_for_words(page.locator("#grades-told"), "Bounds are percentages above 0 and below 100")
    page.click("#grades-back")
    wait_for_words(page.locator("#grades-table"), before.split("\n")[-1].split("\t")[0])


def test_sources_are_told_with_their_months_by_words_too(watched: Watched, url: str) -> None:
    page = opened(watched, url, "/sources")
    wait_for_words(page.locator("#sources-told"), "600 leads of the test")
    card = page.locator("#sources section", has=page.locator("h2", has_text="By industry"))
    assert "95 % interval" in card.inner_text()
    months = card.locator(".months").first
    assert (months.get_attribute("aria-label") or "").startswith("Mean score by month:")


def test_what_the_form_changes_is_yaml_that_means_it(watched: Watched, url: str) -> None:
    page = opened(watched, url, "/rules")
    page.click("summary:has-text('software')")
    page.fill("details.rule[open] input[type=number]", "22")
    page.press("details.rule[open] input[type=number]", "Tab")
    page.wait_for_function("document.querySelector('.summary.good') !== null")
    group = page.locator("fieldset", has_text="engagement").get_by_label("At least")
    group.fill("-3")
    group.press("Tab")
    page.click("button:has-text('Add a rule')")
    page.wait_for_selector("summary:has-text('rule 1: +5')")
    page.locator("details.rule[open]").last.get_by_label("Gives points for").select_option("event")
    rule = page.locator("details.rule[open]").last
    rule.get_by_label("What the lead did").select_option(["webinar"])
    rule.get_by_label("for each such event").check()
    rule.get_by_label("Points fade").select_option("exponential")
    page.click("button:has-text('Add a threshold')")
    page.click("button:has-text('Add a grid')")
    wait_for_words(page.locator(".summary"), "No faults: 5 rules")
    with page.expect_download() as download:
        page.click("text=Download YAML")
    table = parse_rules(Path(download.value.path()).read_text(encoding="utf-8"))
    assert table.rules[0].points == 22
    assert table.groups["engagement"].floor == -3
    assert table.rules[-1].when.events()[0].event == ("webinar",)
    assert table.rules[-1].each
    assert table.rules[-1].decay is not None
    assert table.thresholds["threshold 1"].points == 50
    assert table.grid is not None
    assert table.grid.cells()[0] == "A1"


def test_a_lead_is_tried_on_the_table_as_it_stands(watched: Watched, url: str) -> None:
    page = opened(watched, url, "/rules")
    page.fill("#preview-lead", LEAD)
    page.press("#preview-lead", "Enter")
    page.locator("#preview-lead").blur()
    told = page.locator(".preview [role=status]")
    wait_for_words(told, f"{LEAD}: ")
    before = told.inner_text()
    page.click("summary:has-text('silent')")
    page.fill("details.rule[open] input[type=number]", "-1")
    page.press("details.rule[open] input[type=number]", "Tab")
    page.wait_for_function("document.querySelector('.summary.good') !== null")
    page.click("summary:has-text('page: +3')")
    box = page.locator("details.rule[open]", has_text="page: +3").get_by_label("Points (negative")
    box.fill("1")
    box.press("Tab")
    page.wait_for_selector("summary:has-text('page: +3')", state="attached")
    from tests.browsing import wait_until_other

    wait_until_other(told, before)


def test_the_form_is_worked_by_the_keyboard_alone(watched: Watched, url: str) -> None:
    page = opened(watched, url, "/rules")
    page.locator(".rules-form details.rule summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details.rule[open]").count() == 1
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "number"
    page.keyboard.press("Control+a")
    page.keyboard.type("17")
    page.keyboard.press("Tab")
    page.wait_for_selector(".summary.good")
    wait_for_words(page.locator(".as-yaml"), "17")
