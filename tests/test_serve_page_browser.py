"""The page for marketing ops in a real browser: from a service, and from a file."""

import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from leadcast.models.comparison.result import Capacity
from leadcast.serve.batch.deliver import FORMULA as FORMULA_RULE
from leadcast.serve.batch.deliver import PLAIN_NUMBER, without_formulas
from leadcast.serve.http.keys import create_key
from leadcast.serve.page.file import render_comparison, render_nothing, verdict_content
from tests.browsing import Watched, chromium, wait_for_words
from tests.page_world import (
    FORMULA,
    HOSTILE,
    comparison,
    served,
    write_run,
)
from tests.scoring_world import VERDICT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
ROWS = "#leads tbody tr"
MOVE = """calls => {
  const slider = document.getElementById('calls');
  slider.value = calls;
  slider.dispatchEvent(new Event('input'));
}"""
METRICS = {"test": {"auc": None}}
AXE = Path(__file__).parent / "fixtures" / "axe.min.js"


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    run = write_run(tmp_path_factory.mktemp("run"))
    with served(tmp_path_factory.mktemp("scratch"), run) as address:
        yield address


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("file") / "comparison.html"
    use = verdict_content(VERDICT, METRICS)
    path.write_text(render_comparison(*comparison(), "The world", use), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module", params=["service", "file"])
def anywhere(request: pytest.FixtureRequest) -> str:
    address: str = request.getfixturevalue("url" if request.param == "service" else "file")
    return address


@pytest.fixture
def watched(browser: "Browser") -> Iterator[Watched]:
    watched = Watched(browser)
    yield watched
    watched.page.context.close()


def rounded(value: float | None) -> str:
    whole = Decimal(value or 0).quantize(Decimal(1), ROUND_HALF_UP)
    return f"{whole:,}".replace("-0", "0").replace("-", "\N{MINUS SIGN}")


def signed(value: float | None) -> str:
    return ("+" if (value or 0) > 0 else "") + rounded(value)


def expected_tiles(at: Capacity) -> list[str]:
    return [
        rounded(at.learned.value),
        f"95 %: {rounded(at.learned.low)} to {rounded(at.learned.high)}",
        rounded(at.points.value),
        signed(at.difference.value),
        f"95 %: {signed(at.difference.low)} to {signed(at.difference.high)}",
    ]


def test_a_warning_about_the_scores_comes_before_all_else(watched: Watched, anywhere: str) -> None:
    page = watched.overview(anywhere)
    told = page.locator("#main > #beware")
    told.wait_for(state="visible")
    assert told.text_content() == VERDICT.words
    assert page.locator("#beware b").count() == 0


def test_the_answer_whether_it_is_ready_stands_on_the_page_and_in_the_file(
    watched: Watched, anywhere: str
) -> None:
    card = watched.overview(anywhere).locator("#readiness")
    card.wait_for(state="visible")
    assert card.locator("h2").inner_text() == "Use with care"
    card.locator("summary").click()
    assert "What would change it." in card.inner_text()
    assert "Whether it ranks leads cannot be told" in card.inner_text()


def test_without_a_warning_none_is_shown(watched: Watched, tmp_path: Path) -> None:
    found = VERDICT.model_copy(update={"use": "probability", "beware": False})
    path = tmp_path / "fine.html"
    use = verdict_content(found, METRICS)
    path.write_text(render_comparison(*comparison(), "The world", use), encoding="utf-8")
    page = watched.overview(path.as_uri())
    assert page.locator("#beware").is_hidden()


def test_the_slider_moves_every_figure_to_those_of_the_result(
    watched: Watched, anywhere: str
) -> None:
    found, page = comparison()[0], watched.overview(anywhere)
    for place, at in list(enumerate(found.capacities))[::7]:
        page.evaluate(MOVE, at.calls_per_week)
        told = page.inner_text("#capacity-tiles")
        assert all(words in told for words in expected_tiles(at)), (place, at, told)
        assert page.input_value("#calls-box") == f"{at.calls_per_week:g}"
    assert len(found.capacities) > 28


def test_the_page_says_what_the_result_says_and_between_two_capacities_counts_the_leads(
    watched: Watched, anywhere: str
) -> None:
    found, page = comparison()[0], watched.overview(anywhere)
    head = found.headline
    for place, words in (("", head.words), ("-money", head.money), ("-sure", head.sure)):
        assert words.startswith(page.locator(f"#headline{place}").text_content() or "-")
    assert found.headline.money
    low, high = found.capacities[8:10]
    between = f"{(low.calls_per_week + high.calls_per_week) / 2:g}"
    page.fill("#calls-box", between)
    wait_for_words(page.locator("#headline"), f"at {between} calls a week")
    reached = int(page.locator("#headline").inner_text().split("reaches ")[1].split(" ")[0])
    assert (low.learned.value or 0) - 0.5 <= reached <= (high.learned.value or 0) + 0.5


def test_the_capacity_stands_in_the_address_and_is_read_from_it(
    watched: Watched, anywhere: str
) -> None:
    page = watched.overview(anywhere)
    page.fill("#calls-box", "13")
    wait_for_words(page.locator("#headline"), "at 13 calls a week")
    assert "calls=13" in page.url
    shared = page.url
    page.click("#calls-team")
    assert "calls=" not in page.url
    page.goto("about:blank")
    page.goto(shared)
    page.wait_for_selector("#leads tbody tr .opener")
    wait_for_words(page.locator("#headline"), "at 13 calls a week")
    assert page.input_value("#calls") == "13"
    page.fill("#calls-box", "")
    page.press("#calls-box", "Tab")
    wait_for_words(page.locator("#headline"), "at 25 calls a week")


def test_no_word_speaks_of_a_part_of_a_person(watched: Watched, url: str) -> None:
    page = watched.overview(url)
    page.evaluate(MOVE, 17)
    for place in ("#headline", "#capacity-tiles", "#swap-now", "#swap-sides", "#weeks"):
        told = page.locator(place).text_content() or ""
        assert not re.search(r"\d\.\d+ (of|customers|leads|calls)", told), (place, told)


def test_the_swap_set_at_the_capacity_is_that_of_the_result(watched: Watched, url: str) -> None:
    swap, page = comparison()[0].swap, watched.overview(url)
    for name, side in (("learned", swap.only_learned), ("points", swap.only_points)):
        words = f"{rounded(side.customers)} customers of {rounded(side.leads)} leads"
        assert words in page.inner_text(f".side-card.{name}")
    page.evaluate(MOVE, 1)
    assert words not in page.inner_text(".side-card.points")


def ordered(page: "Page", head: str, place: int, order: str) -> list[float]:
    """A column's numbers, once the table says that it is sorted so."""
    page.locator(f"#leads th[aria-sort={order}]", has_text=head).wait_for()
    cells = page.locator(f"{ROWS} td:nth-child({place})").all_inner_texts()
    return [float(cell.replace("\N{MINUS SIGN}", "-")) for cell in cells]


def test_any_column_sorts_by_click_and_by_key(watched: Watched, url: str) -> None:
    page = watched.overview(url)
    page.select_option("#leads-side", "all")
    for name, place in (("Points", 5), ("Rank, learned", 6)):
        head = page.get_by_role("columnheader", name=name, exact=False).first
        head.click()
        rising = ordered(page, name, place, "ascending")
        assert rising == sorted(rising)
        head.locator("[tabindex='0']").press("Enter")
        falling = ordered(page, name, place, "descending")
        assert falling == sorted(falling, reverse=True)
        assert falling[0] > rising[0]


def test_search_finds_by_id_and_segment_and_says_what_to_do_where_nothing_is(
    watched: Watched, anywhere: str
) -> None:
    page = watched.overview(anywhere)
    page.select_option("#leads-side", "all")
    page.fill("#leads-search", "LEAD 11 software")
    found = page.locator(".opener").all_inner_texts()
    assert found
    assert all("11" in name for name in found)
    page.fill("#leads-search", "nobody")
    assert "No lead matches “nobody”" in page.inner_text("#leads-told")
    assert page.locator(ROWS).first.is_hidden()
    page.fill("#leads-search", "")
    assert page.locator(".opener").count() == 15


def test_values_of_leads_are_texts_and_never_markup(watched: Watched, anywhere: str) -> None:
    page = watched.overview(anywhere)
    page.select_option("#leads-side", "all")
    page.fill("#leads-search", "<script>")
    opener = page.locator(".opener")
    assert opener.all_inner_texts() == [HOSTILE]
    opener.click()
    assert "<b>retail</b>" in page.inner_text(".detail")
    page.fill("#leads-search", "")
    page.select_option("#leads-side", "learned")
    page.locator(".opener").first.click()
    assert "onerror=" in page.inner_text(".detail")
    assert "<i>director</i>" in page.inner_text(".detail")
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img").count() == 0
    # The run has no tables, from which the service would tell what the comparison did not keep.
    assert [words for words in watched.complaints if "404" not in words] == []


def test_the_file_says_for_how_many_leads_it_keeps_reasons(watched: Watched, file: str) -> None:
    page, kept = watched.overview(file), len(comparison()[0].swap.leads)
    assert f"kept in this file for {kept} leads" in page.inner_text("#leads-kept")
    page.select_option("#leads-side", "neither")
    page.locator(".opener").first.click()
    assert f"kept in this file for {kept} leads" in page.inner_text(".detail")


def test_the_table_as_csv_holds_every_matching_lead_and_no_formula(
    watched: Watched, anywhere: str
) -> None:
    page, leads = watched.overview(anywhere), comparison()[1]
    page.select_option("#leads-side", "all")
    with page.expect_download() as download:
        page.click("#leads-csv")
    saved = pl.read_csv(download.value.path(), infer_schema=False)
    safe = leads.filter(pl.col("on_list")).select(without_formulas(pl.col("lead_id")))["lead_id"]
    assert sorted(saved["lead_id"]) == sorted(safe)
    assert f"'{FORMULA}" in saved["lead_id"].to_list()
    assert set(saved["called_by"]) == {"both", "neither", "learned", "points", "no points"}


def test_the_page_and_the_batch_have_one_rule_of_what_is_a_formula(
    watched: Watched, url: str
) -> None:
    starts = [chr(code) for code in range(0x1_0000) if not 0xD800 <= code < 0xE000]
    starts += ["\u200b=", "\ufeff\uff1d", "\U000e0001=", " \u00ad@", "\ufeffa", "-1.", "+49 1"]
    texts = [f"{one}1" for one in starts if one not in '\n\r",']
    rule = {"formula": FORMULA_RULE, "plain_number": PLAIN_NUMBER}
    written = watched.overview(url).evaluate(
        """([csv, texts]) => leadcast.lists.csv({ csv }, texts, [{ name: "x", at: (text) => text }])
             .split("\\n").slice(1, -1)""",
        [rule, texts],
    )
    safe = pl.DataFrame({"x": texts}).select(without_formulas(pl.col("x")))["x"].to_list()
    assert written == safe


def test_nothing_is_asked_of_anybody_else_and_nothing_complains(
    watched: Watched, anywhere: str
) -> None:
    page = watched.overview(anywhere)
    page.evaluate(MOVE, 3)
    page.wait_for_load_state("networkidle")
    own = anywhere.rstrip("/")
    assert all(asked.startswith((own, "data:")) for asked in watched.requests)
    assert watched.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_in_one_direction_and_axe_finds_no_fault(
    browser: "Browser", url: str, scheme: str
) -> None:
    watched = Watched(browser, viewport={"width": 390, "height": 800}, color_scheme=scheme)
    page = watched.overview(url)
    page.locator(".opener").first.click()
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.evaluate(AXE.read_text(encoding="utf-8"))
    faults = page.evaluate("axe.run().then(found => found.violations)")
    told = [(one["id"], node["html"]) for one in faults for node in one["nodes"]]
    assert told == []
    page.context.close()


def test_the_words_above_a_table_are_whole_on_a_phone_and_stay_when_it_is_scrolled(
    browser: "Browser", url: str
) -> None:
    watched = Watched(browser, viewport={"width": 375, "height": 800})
    page = watched.overview(url)
    page.wait_for_selector("#ranking-table caption")
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    beyond = """() => [...document.querySelectorAll('.table caption')].map((one) => {
      const [words, seen] = [one, one.closest('.table')].map((it) => it.getBoundingClientRect());
      return Math.max(words.right - seen.right, seen.left - words.left);
    })"""
    wider = "document.querySelectorAll('.table').length && [...document.querySelectorAll('.table')]"
    assert page.evaluate(f"({wider}).filter((one) => one.scrollWidth > one.clientWidth).length") > 0
    for scrolled in (0, 60):
        page.evaluate(f"({wider}).forEach((one) => {{ one.scrollLeft = {scrolled}; }})")
        assert max(page.evaluate(beyond)) < 1
    page.context.close()


def test_the_keyboard_alone_reaches_and_works_everything(watched: Watched, url: str) -> None:
    page = watched.overview(url)
    before = page.input_value("#calls-box")
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.id || document.activeElement.className")
        )
        if reached[-1] == "calls":
            page.keyboard.press("ArrowRight")
        if reached[-1] == "opener":
            break
    assert page.input_value("#calls-box") != before
    assert {
        "skip",
        "brand",
        "calls-box",
        "calls",
        "leads-side",
        "leads-search",
        "leads-csv",
    } <= set(reached)
    page.keyboard.press("Enter")
    assert page.locator(".detail").is_visible()
    wait_for_words(page.locator("#calls-live"), "calls a")


def test_a_key_is_asked_for_once_where_the_service_demands_one(
    browser: "Browser", tmp_path: Path
) -> None:
    key = create_key(tmp_path / "keys.json", "marketing")
    run = write_run(tmp_path / "run")
    with served(tmp_path, run, tmp_path / "keys.json") as address:
        page = Watched(browser).page
        assert page.request.get(f"{address}/page/comparison").status == 401
        assert page.request.get(f"{address}/page/leads").status == 401
        page.goto(f"{address}/test-period")
        page.fill("#key", "lc_wrong")
        page.click("#key-form button")
        page.wait_for_selector("text=This key is not known here")
        assert page.locator("#overview").is_hidden()
        page.fill("#key", key)
        page.click("#key-form button")
        page.wait_for_selector("#leads .opener")
        page.reload()
        page.wait_for_selector("#leads .opener")
        assert page.locator("#key-form").is_hidden()
        page.context.close()


def test_without_a_comparison_the_page_says_how_to_make_one(
    watched: Watched, tmp_path: Path
) -> None:
    with served(tmp_path, tmp_path) as address:
        watched.page.goto(f"{address}/test-period")
        words = watched.page.locator("#nothing-why")
        words.wait_for()
        assert "leadcast compare SOURCE" in words.inner_text()
    (tmp_path / "nothing.html").write_text(render_nothing("a", "no <b>points</b>"), "utf-8")
    watched.page.goto((tmp_path / "nothing.html").as_uri())
    assert watched.page.locator("#nothing-why").inner_text() == "no <b>points</b>"
