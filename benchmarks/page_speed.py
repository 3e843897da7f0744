"""How long the page takes to answer a hand, with 100,000 test leads, in Chromium.

Run ``python -m benchmarks.page_speed``.

Each interaction is timed within the browser, from before the event until the frame that shows its
result has been painted; beside it stands the processor time of the page's thread, which tells how
long it takes where nothing else runs. The page is the self-contained file; the service's page runs
the same scripts on the same content.
"""

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.comparison_speed import snapshots
from benchmarks.results import write_result
from leadcast.features.base.errors import LeadcastError
from leadcast.models.comparison import ComparisonQuestion, compare_scores
from leadcast.models.comparison.comparison_store import lead_frame
from leadcast.models.comparison.value import Money
from leadcast.serve.page.file import render_comparison

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, Page

LEADS, TIMES, REPLICATES, PATIENCE_MS = 100_000, 20, 100, 300_000
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
_TIMED = """async ([name, times]) => {
  const painted = () =>
    new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now()))));
  const byId = (id) => document.getElementById(id);
  const set = (id, value, event) => {
    byId(id).value = value;
    byId(id).dispatchEvent(new Event(event, { bubbles: true }));
  };
  const heads = () => [...document.querySelectorAll('#leads thead [tabindex="0"]')];
  const last = Number(byId('calls').max);
  const actions = {
    slider: (i) => set('calls', (i * 7) % (last + 1), 'input'),
    search: (i) => set('leads-search', ['', '1', '12', '123', '12 3', 'a'][i % 6], 'input'),
    show: (i) => set('leads-side', ['all', 'learned points', 'neither'][i % 3], 'change'),
    sort: (i) => heads()[(i >> 1) % heads().length].click(),
    page: (i) => document.querySelector(`.dt-paging-button.${['next', 'previous'][i % 2]}`).click(),
    open: () => document.querySelector('#leads .opener').click(),
  };
  set('leads-search', '', 'input');
  set('leads-side', 'all', 'change');
  const taken = [];
  for (let i = 0; i < times; i++) {
    await painted();
    const started = performance.now();
    actions[name](i);
    taken.push((await painted()) - started);
  }
  return taken;
}"""
INTERACTIONS = ("slider", "search", "show", "sort", "page", "open")


def measure(leads: int, times: int) -> dict[str, Any]:
    """Open the page of so many leads and use it.

    Parameters
    ----------
    leads : int
    times : int
        How often each interaction is repeated.

    Returns
    -------
    dict
        Milliseconds of each interaction (median, maximum, and the processor's in the page's
        thread), how many processes wanted the machine's cores meanwhile, the file's size and how
        long it takes to open.

    Raises
    ------
    LeadcastError
        If there is no Chromium.
    """
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    if chromium is None:
        raise LeadcastError("there is no chromium on the PATH: install it, the page is timed in it")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "comparison.html"
        path.write_text(_page(leads), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        started = time.perf_counter()
        page.goto(path.as_uri())
        page.wait_for_selector("#leads .opener")
        opened = time.perf_counter() - started
        thread = page.context.new_cdp_session(page)
        thread.send("Performance.enable", {"timeDomain": "threadTicks"})
        taken = {name: _timed(page, thread, name, times) for name in INTERACTIONS}
        size = path.stat().st_size
        browser.close()
    longest = max(one["most_ms"] for one in taken.values())
    return {
        "leads": leads,
        "repeats": times,
        "file_mib": round(size / 2**20, 1),
        "open_seconds": round(opened, 2),
        "load": round(os.getloadavg()[0], 1),
        "interactions": taken,
        "longest_ms": longest,
    }


def _page(leads: int) -> str:
    rows = snapshots(leads)
    question = ComparisonQuestion("speed", "points", None, Money(30.0), replicates=REPLICATES)
    return render_comparison(compare_scores(rows, question), lead_frame(rows), "Speed")


def _timed(page: "Page", thread: "CDPSession", name: str, times: int) -> dict[str, float]:
    before = _thread_seconds(thread)
    taken = page.evaluate(_TIMED, [name, times])
    used = (_thread_seconds(thread) - before) / times
    return {
        "median_ms": round(float(np.median(taken)), 1),
        "most_ms": round(max(taken), 1),
        "thread_ms": round(1000 * used, 1),
    }


def _thread_seconds(thread: "CDPSession") -> float:
    metrics = thread.send("Performance.getMetrics")["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")


def main() -> None:
    """Measure, print and write the result."""
    result = measure(LEADS, TIMES)
    print(result)
    write_result("page_speed", result)


if __name__ == "__main__":
    main()
