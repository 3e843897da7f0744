"""The page with 100,000 test leads in a real browser: every figure is known by construction.

How long an interaction takes is measured by ``benchmarks.page_speed``.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from leadcast.features.tables import TIME
from leadcast.models.comparison import Compared, ComparisonQuestion, compare_scores
from leadcast.models.comparison.comparison_store import lead_frame, write_comparison
from tests.browsing import Watched, chromium, wait_for_words
from tests.comparison_world import DAY_US, START_US
from tests.page_world import served

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
WEEKS, EACH = 20, 5_000
APART, BUYERS, CALLS = 100, 200, 60.0


def leads() -> Compared:
    """Weeks of 5,000 leads, of whom every second of the first 200 by the learned score buys.

    The points call in the same order, but the first 100 last.
    """
    place = np.tile(np.arange(EACH), WEEKS)
    week = np.repeat(np.arange(WEEKS), EACH)
    position = START_US + week * 7 * DAY_US + place * (7 * DAY_US // EACH)
    n = WEEKS * EACH
    converted = (place < BUYERS) & (place % 2 == 0)
    unknown = pl.Series([None] * n, dtype=pl.Boolean)
    frame = pl.DataFrame(
        {
            "lead_id": [f"lead-{number:06d}" for number in range(n)],
            "as_of": pl.Series(position).cast(TIME),
            "landmark_days": np.zeros(n),
            "position": position,
            "group": np.arange(n),
            "converted": converted,
            "amount": pl.Series([None] * n, dtype=pl.Float64),
            "probability": 0.9 - place / EACH * 0.8,
            "lower": np.full(n, 0.05),
            "upper": np.full(n, 0.95),
            "grade": np.where(place < 1000, "A", "D"),
            "points": (2.0 * EACH - place) - np.where(place < APART, EACH, 0),
            "worked": unknown,
            "random_slice": unknown,
            "industry": np.where(place % 10 == 0, "retail", "software"),
        }
    )
    return Compared.of(frame, ("industry",))


def told_of(calls: int) -> tuple[int, int, int]:
    """Customers that both lists reach at so many calls a week, and how many calls change."""
    learned = (min(calls, BUYERS) + 1) // 2
    points = (min(calls + APART, BUYERS) - APART + 1) // 2
    return WEEKS * learned, WEEKS * points, WEEKS * min(calls, APART)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    run, rows = tmp_path_factory.mktemp("run"), leads()
    found = compare_scores(rows, ComparisonQuestion("many", "points", CALLS, replicates=10))
    write_comparison(run / "comparison", found, lead_frame(rows))
    with served(tmp_path_factory.mktemp("scratch"), run) as url, chromium() as browser:
        watched = Watched(browser, viewport={"width": 1400, "height": 1000})
        watched.overview(url)
        yield watched


def in_order(page: "Page", place: int) -> list[str]:
    cells: list[str] = page.locator(f"#leads tbody tr td:nth-child({place})").all_inner_texts()
    return cells


def show(page: "Page", side: str, search: str = "") -> None:
    page.select_option("#leads-side", side)
    page.fill("#leads-search", search)


def test_the_slider_moves_gain_swap_set_and_table(watched: Watched) -> None:
    page = watched.page
    show(page, "learned")
    page.focus("#calls")
    for key in ("ArrowRight", "ArrowRight", "End", "Home", "ArrowRight"):
        page.keyboard.press(key)
        calls = int(page.input_value("#calls"))
        learned, points, changed = told_of(calls) if calls < EACH - APART else (2000, 2000, 0)
        wait_for_words(page.locator("#headline"), f"reaches {learned:,} of 2,000 customers")
        wait_for_words(page.locator("#headline"), f"the points: {points:,}.")
        wait_for_words(page.locator(".side-card.learned"), f"of {changed:,} leads")
        listed = f"to {min(15, changed)} of {changed:,} leads" if changed else ""
        wait_for_words(page.locator(".leads-place .dt-info"), listed)
        option = page.locator("#leads-side option[value=learned]")
        wait_for_words(option, f"Would be called ({changed:,})")
    assert calls == 1


def test_sorting_and_paging_reach_any_lead_and_draw_a_page_of_rows(watched: Watched) -> None:
    page = watched.page
    show(page, "all")
    wait_for_words(page.locator(".dt-info"), "1 to 15 of 100,000 leads")
    for order, first in (("ascending", 0), ("descending", WEEKS * EACH - 1)):
        page.get_by_role("columnheader", name="Lead", exact=False).first.click()
        page.locator(f"#leads th[aria-sort={order}]", has_text="Lead").wait_for()
        step = 1 if first == 0 else -1
        assert in_order(page, 1) == [f"lead-{first + step * row:06d}" for row in range(15)]
    page.locator(".dt-paging-button.last").click()
    wait_for_words(page.locator(".dt-info"), "99,991 to 100,000 of 100,000 leads")
    assert in_order(page, 1) == [f"lead-{row:06d}" for row in range(9, -1, -1)]
    page.locator(".dt-paging-button.previous").click()
    wait_for_words(page.locator(".dt-info"), "99,976 to 99,990")
    # What keeps the page quick: never more than a page of rows is in the document.
    assert page.locator("#leads tbody tr").count() == 15


def test_search_counts_every_match_and_opens_it(watched: Watched) -> None:
    page = watched.page
    for side, search, matches in (
        ("all", "lead-0123", 100),
        ("all", "retail", WEEKS * EACH // 10),
        ("all", "retail lead-0123", 10),
        ("all", "software lead-01", 9_000),
        ("neither", "lead-0123", 100),
        ("all", "lead-100000", 0),
    ):
        show(page, side, search)
        words = f"of {matches:,} leads" if matches else ""
        wait_for_words(page.locator(".dt-info"), words)
        assert page.locator("#leads-told").inner_text().startswith("No lead") == (matches == 0)
    show(page, "all", "lead-012345")
    assert in_order(page, 1) == ["lead-012345"]
    page.locator(".opener").click()
    wait_for_words(page.locator(".detail"), "software")
    # The run has no tables, from which the service would tell the lead's reasons.
    wait_for_words(page.locator(".detail"), "tables")
    assert [words for words in watched.complaints if "404" not in words] == []
