"""A lead's page and the rules editor in a real browser."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from leadcast.models.comparison.comparison_store import read_against_earlier, read_comparison
from leadcast.models.rules import parse_rules
from tests.browsing import Watched, chromium, wait_for_words, wait_until_other
from tests.editor_world import HOSTILE, LEAD, RULES, compare, write_tables
from tests.page_world import served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
AXE = Path(__file__).parent / "fixtures/axe.min.js"
COMMAND = (sys.executable, "-m", "tests.editor_world")
WIDEST = "document.documentElement.scrollWidth"
PASTE = """text => {
  const data = new DataTransfer();
  data.setData("text/plain", text);
  const asked = { clipboardData: data, bubbles: true, cancelable: true };
  const content = document.querySelector(".editor").shadowRoot.querySelector(".cm-content");
  content.dispatchEvent(new ClipboardEvent("paste", asked));
}"""
NUMBERS = "[...document.querySelectorAll('.ledger td.number')].map(cell => cell.textContent)"


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_tables(tmp_path_factory.mktemp("project") / "data/runs/small")
    compare(None, run / "comparison", 10, 1)
    return run


@pytest.fixture(scope="module")
def url(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("scratch"), run, None, COMMAND) as address:
        yield address


@pytest.fixture
def watched(browser: "Browser") -> Iterator[Watched]:
    watched = Watched(browser)
    yield watched
    watched.page.context.close()


def lead_page(watched: Watched, url: str) -> "Page":
    watched.page.goto(f"{url}/leads/{LEAD}")
    watched.page.wait_for_selector(".ledger table")
    return watched.page


def editor(watched: Watched, url: str) -> "Page":
    watched.page.goto(f"{url}/rules")
    watched.page.wait_for_selector(".summary.good")
    return watched.page


def replaced(page: "Page", text: str) -> None:
    """Paste another table in the place of the one that stands there."""
    page.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.evaluate(PASTE, text)


def complaints(watched: Watched) -> list[str]:
    # Chromium's advice about the form for the key is no complaint of the policy.
    return [words for words in watched.complaints if "Password forms" not in words]


def test_a_lead_is_shown_as_text_and_nothing_is_loaded_from_elsewhere(
    watched: Watched, url: str
) -> None:
    page = lead_page(watched, url)
    assert HOSTILE in page.inner_text(".who")
    assert page.evaluate("window.hacked") is None
    assert all(request.startswith(url) for request in watched.requests)
    assert complaints(watched) == []


def test_a_lead_that_the_comparison_kept_no_reasons_of_tells_them_when_it_is_opened(
    watched: Watched, url: str
) -> None:
    page = watched.overview(url)
    opener = page.locator(".opener").first
    opener.click()
    asked = {"id": opener.inner_text()}
    told = page.request.get(f"{url}/page/lead/why", params=asked).json()
    assert told["reasons"]
    for words in told["reasons"]:
        wait_for_words(page.locator(".detail"), words)
    wait_for_words(page.locator(".detail"), "or they are a column of the export")
    assert complaints(watched) == []


def test_the_slider_moves_score_reasons_and_ledger_by_keyboard(watched: Watched, url: str) -> None:
    page = lead_page(watched, url)
    before = page.inner_text(".moment-name")
    shown = page.inner_text("#lead .score .when")
    page.focus("#moment")
    page.keyboard.press("Home")
    wait_until_other(page.locator("#lead .score .when"), shown)
    assert page.inner_text(".moment-name") != before
    assert "at its creation" in page.inner_text(".score")
    assert "at its creation" in page.inner_text("#moment-told").lower()
    *parts, total = page.evaluate(NUMBERS)
    given = [float(part.replace("\N{MINUS SIGN}", "-")) for part in parts]
    assert sum(given) == pytest.approx(float(total), abs=0.3)


def test_a_search_leads_to_a_lead_and_an_empty_one_says_what_to_do(
    watched: Watched, url: str
) -> None:
    page = watched.page
    page.goto(f"{url}/leads")
    page.fill("#sought", "nobody at all")
    page.press("#sought", "Enter")
    page.wait_for_selector("#search-told:has-text('Try a part of it')")
    page.fill("#sought", "<script>")
    page.press("#sought", "Enter")
    page.click(f"#found a:has-text('{LEAD}')")
    page.wait_for_selector(".ledger table")
    assert page.inner_text("h1") == LEAD
    assert complaints(watched) == []


def test_no_view_is_wider_than_a_phone_and_none_has_a_fault_that_axe_finds(
    browser: "Browser", url: str
) -> None:
    phone = Watched(browser, viewport={"width": 390, "height": 800}, color_scheme="dark")
    for view in (lead_page, editor):
        page = view(phone, url)
        assert page.evaluate(WIDEST) <= 390
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate("axe.run().then(({ violations }) => violations)")
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    phone.page.context.close()


def test_a_bad_rule_is_told_with_its_line_while_it_is_typed(watched: Watched, url: str) -> None:
    page = editor(watched, url)
    replaced(page, RULES.replace("event: webinar", "event: webinars"))
    fault = page.wait_for_selector(".faults li")
    line = RULES[: RULES.index("event: webinar")].count("\n") + 1
    assert fault is not None
    assert fault.inner_text().startswith(f"Line {line} ")
    assert "Did you mean 'webinar'?" in fault.inner_text()
    assert page.is_disabled("button.primary:has-text('Compare')")
    page.click(".faults button")
    page.keyboard.press("End")
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")
    page.keyboard.type("}")
    page.wait_for_selector(".summary.good")
    assert complaints(watched) == []


def test_an_edited_rule_changes_the_headline_and_what_rules_contribute(
    watched: Watched, url: str, run: Path, tmp_path: Path
) -> None:
    text = RULES.replace("points: 15", "points: -40").replace("software\n", f"'{HOSTILE}'\n", 1)
    page = editor(watched, url)
    replaced(page, text)
    page.wait_for_selector(".summary.good")
    page.click("button:has-text('Compare')")
    page.wait_for_selector(".contributions")
    compare(parse_rules(text), tmp_path, 10, 1, run / "comparison")
    before, after = (read_comparison(one).headline.words for one in (run / "comparison", tmp_path))
    assert before != after
    assert before in page.inner_text(".headlines")
    assert page.inner_text("#new-headline") == after
    earlier = read_against_earlier(tmp_path)
    assert earlier is not None
    assert page.inner_text("#against-today") == earlier.words
    assert "against today’s points (95 %: " in page.inner_text(".count.edited")
    assert HOSTILE in page.inner_text(".contributions")
    assert page.evaluate("window.hacked") is None
    with page.expect_download() as download:
        page.click("text=Download YAML")
    assert Path(download.value.path()).read_text(encoding="utf-8") == text
    assert complaints(watched) == []
