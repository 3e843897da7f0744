"""A browser for tests, and a page that remembers what went on in it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 180_000
"""A browser beside other work may be slow; that is not what is tested."""


@contextmanager
def chromium() -> Iterator["Browser"]:
    """Chromium without a window; skips the test where there is none."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


class Watched:
    """A page of a browser, and what went on in it.

    Parameters
    ----------
    browser : Browser
    """

    def __init__(self, browser: "Browser", **options: Any) -> None:  # noqa: ANN401
        self.page: Page = browser.new_context(**options).new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))

    def overview(self, url: str) -> "Page":
        """Open the overview and wait until its table stands."""
        # A file is the overview; a service shows it as a view of its own.
        self.page.goto(f"{url}/test-period" if url.startswith("http") else url)
        self.page.wait_for_selector("#leads tbody tr .opener")
        return self.page


def wait_for_words(place: "Locator", words: str) -> None:
    """Wait until a place of a page holds words, evaluating no text, which pages' policy forbids."""
    from playwright.sync_api import expect

    expect(place).to_contain_text(words, timeout=PATIENCE_MS)


def wait_until_other(place: "Locator", words: str) -> None:
    """Wait until a place of a page says something else than these words."""
    from playwright.sync_api import expect

    expect(place).not_to_have_text(words, timeout=PATIENCE_MS)
