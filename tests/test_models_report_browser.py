from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browsing import PATIENCE_MS, chromium
from tests.report_samples import sample_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDTHS_PX = (320, 360, 768, 1280)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(sample_page(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with chromium() as browser:
        yield browser


def opened(browser: "Browser", report: Path, **options: Any) -> "Page":  # noqa: ANN401
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(report.as_uri())
    return page


def test_nothing_is_requested_and_nothing_complains(browser: "Browser", report: Path) -> None:
    page = browser.new_context().new_page()
    page.set_default_timeout(PATIENCE_MS)
    requests: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(report.as_uri(), wait_until="networkidle")
    assert requests == [report.as_uri()]
    assert complaints == []


@pytest.mark.parametrize("width_px", WIDTHS_PX)
def test_no_screen_must_be_scrolled_sideways(
    browser: "Browser", report: Path, width_px: int
) -> None:
    page = opened(browser, report, viewport={"width": width_px, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    widest = page.evaluate("document.documentElement.scrollWidth")
    assert widest <= width_px
    page.context.close()


def test_the_text_in_pictures_does_not_shrink_on_a_phone(browser: "Browser", report: Path) -> None:
    for width_px in (360, 1280):
        page = opened(browser, report, viewport={"width": width_px, "height": 800})
        heights = page.evaluate(
            "[...document.querySelectorAll('svg text')]"
            ".map(text => text.getBoundingClientRect().height).filter(height => height > 0)"
        )
        assert heights
        assert min(heights) >= 10
        page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_in_pictures_stands_out_from_the_paper(
    browser: "Browser", report: Path, scheme: str
) -> None:
    page = opened(browser, report, color_scheme=scheme)
    colours = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor,"
        " ...new Set([...document.querySelectorAll('svg text, figcaption, .finding')]"
        ".map(text => text.tagName === 'text' ? getComputedStyle(text).fill"
        " : getComputedStyle(text).color))]"
    )
    paper, *inks = [luminance(colour) for colour in colours]
    assert all(contrast(paper, ink) >= 4.5 for ink in inks), colours
    page.context.close()


def luminance(colour: str) -> float:
    """Relative luminance of ``rgb(r, g, b)``, as WCAG 2 defines it."""
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: float, other: float) -> float:
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def test_the_contents_lead_to_the_sections(browser: "Browser", report: Path) -> None:
    page = opened(browser, report, reduced_motion="reduce")
    page.get_by_role("link", name="Leakage").click()
    top = page.evaluate("document.getElementById('leakage').getBoundingClientRect().top")
    assert page.url.endswith("#leakage")
    assert top < 720
    page.context.close()


def test_it_prints_without_the_contents_and_with_every_picture(
    browser: "Browser", report: Path
) -> None:
    page = opened(browser, report, viewport={"width": 360, "height": 800})
    page.emulate_media(media="print")
    assert not page.locator("nav.contents").is_visible()
    shown = page.evaluate(
        "[...document.querySelectorAll('svg')].filter(svg => svg.getBoundingClientRect().width > 0)"
        ".map(svg => svg.parentElement.className)"
    )
    drawn = report.read_text(encoding="utf-8").count('class="size-wide"')
    assert drawn > 10
    assert shown == ["size-wide"] * drawn
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.context.close()
