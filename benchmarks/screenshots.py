"""Make the pictures in ``docs/`` from a run of the demo: ``make screenshots``.

Beside them ``docs/pictures.json`` tells of each picture which files its view is made of, as a
digest, and what stands in it in words. `tests/test_docs_pictures.py` holds both to the code: where
a view has changed since its picture was made, the test names it, and this makes it anew.
"""

import hashlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import write_json

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
DOCS, RUN = ROOT / "docs", Path("data/runs/demo")
PICTURES = DOCS / "pictures.json"
PAGE, REPORT = ROOT / "serve/page", ROOT / "models/report"
SHARED = ("templates/shell.html", "static/page.css", "static/page.js", "static/pieces.js")
"""Every view is made of these as well."""
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-sync")
PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Shot:
    """A picture: where it is taken, when it is ready, and what its view is made of."""

    name: str
    address: str
    """A path of the service, or the name of a file of the run."""
    ready: str
    """What must stand there before it is taken."""
    says: str
    """Where the words stand that it is about."""
    made_of: tuple[str, ...] = ()
    """Files of `PAGE`, beside `SHARED`; of the report where there is none."""
    width: int = 1280
    height: int = 1150
    scheme: str = "light"
    then: str = ""
    """A script that is run before it is taken."""

    def files(self) -> list[Path]:
        """Name the files that its view is made of."""
        if not self.made_of:
            return [REPORT / name for name in ("page.html", "macros.html", "report.css")]
        return [PAGE / name for name in (*SHARED, *self.made_of)]

    def digest(self) -> str:
        """Give a digest of these files."""
        found = hashlib.sha256()
        for path in self.files():
            found.update(path.read_bytes())
        return found.hexdigest()[:20]


def _view(name: str, *scripts: str) -> tuple[str, ...]:
    return (f"templates/{name}.html", *(f"static/{script}" for script in scripts))


COMPARISON = _view("overview_content", "calls.js", "charts.js", "overview.js", "sections.js")
SHOTS = (
    Shot(
        *("today", "/", "#today-leads tbody tr", "#today-title"),
        _view("today", "today.js", "today.css"),
    ),
    Shot("page", "/test-period", "#leads tbody tr .opener", "#headline", COMPARISON),
    Shot(
        *("page_phone", "/test-period?calls=60", "#leads tbody tr .opener", "#headline"),
        COMPARISON,
        width=390,
        height=844,
        scheme="dark",
    ),
    Shot(
        *("grades", "/report", "#report >> .tiles", "#readiness h2"),
        _view("report", "grades.js", "report.js"),
    ),
    Shot(
        *("sources", "/sources", "#sources section.card", "#sources-told"),
        _view("sources", "sources.js"),
    ),
    Shot(
        *("points_form", "/rules", ".rules-form details.rule", ".summary"),
        _view("rules", "rules.js", "rules_form.js", "rules_condition.js", "rules.css"),
        then="document.querySelectorAll('details.rule')[0].open = true",
    ),
    Shot(
        *("monitoring", "/monitoring", "#monitoring .canvas canvas", "#monitoring-told"),
        _view("monitoring", "monitoring.js"),
    ),
    Shot("report", "report.html", "#chart-reliability", ".verdict-title", height=1250),
)


def main() -> None:
    """Make every picture of a finished run of the demo."""
    if not (RUN / "report.html").is_file():
        raise LeadcastError(f"{RUN}: has no report yet: leadcast run demo")
    for name, command in (("today.parquet", "today"), ("monitoring.json", "monitor")):
        if not (RUN / name).is_file():
            # Alarms that stand, which end with a code of their own, are a picture as well.
            subprocess.run([sys.executable, "-m", "leadcast", command, "demo"], check=False)
    from playwright.sync_api import sync_playwright

    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, _served() as url, sync_playwright() as player:
        browser = player.chromium.launch(executable_path=shutil.which("chromium"), args=[*FLAGS])
        for shot in SHOTS:
            words = _taken(browser, shot, url, Path(folder))
            told[shot.name] = {"digest": shot.digest(), "says": words}
            print(f"{shot.name}: {words}")
        browser.close()
        for shot in SHOTS:
            shutil.copyfile(Path(folder) / f"{shot.name}.png", DOCS / f"{shot.name}.png")
    write_json(PICTURES, told, replacing=True)


def _taken(browser: "Browser", shot: Shot, url: str, folder: Path) -> str:
    context = browser.new_context(
        viewport={"width": shot.width, "height": shot.height},
        color_scheme=shot.scheme,
    )
    page: Page = context.new_page()
    is_file = not shot.address.startswith("/")
    page.goto((RUN / shot.address).resolve().as_uri() if is_file else url + shot.address)
    page.wait_for_selector(shot.ready)
    if shot.then:
        page.evaluate(shot.then)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)
    page.screenshot(path=folder / f"{shot.name}.png")
    words = " ".join(page.locator(shot.says).first.inner_text().split())
    context.close()
    return words


@contextmanager
def _served() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ("-m", "leadcast", "serve", "--bundle", str(RUN / "bundle"), "--port", str(port))
    process = subprocess.Popen(
        [sys.executable, *command, "--workers", "1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url)
        yield url
    finally:
        process.terminate()
        process.wait()


def _wait(url: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(f"{url}/page/static/page.js", timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    raise LeadcastError(f"{url}: does not answer after {PATIENCE_SECONDS} seconds")


def recorded() -> dict[str, dict[str, str]]:
    """Read what is known of the pictures."""
    found: dict[str, dict[str, str]] = json.loads(PICTURES.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    main()
