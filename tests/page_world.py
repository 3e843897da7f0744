"""A comparison of leads with hostile names, as a service shows it to a browser."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import uvicorn

from leadcast.models.comparison import Compared, Comparison, ComparisonQuestion, compare_scores
from leadcast.models.comparison.comparison_store import lead_frame, write_comparison
from leadcast.models.comparison.swap import Described
from leadcast.models.comparison.value import Money
from leadcast.serve.http.app import make_app
from leadcast.serve.http.service import Service
from leadcast.serve.page.router import page_routers
from leadcast.serve.requests.settings import ServeSettings
from tests.comparison_world import world_frame
from tests.scoring_world import bundle_folder
from tests.service_world import NO_LIMIT

HOSTILE = "<script>window.hacked = 1</script>"
FORMULA = '=cmd("/c calc")'
REASON = "+ title: <img src=x onerror='window.hacked = 2'>"


def compared(leads: int = 900, without_points: float = 0.05) -> Compared:
    """Leads of whom the two most probable have names that attack a page and a spreadsheet."""
    frame = world_frame(leads, weeks=6, noise=2.0, without_points=without_points).sort(
        "probability", descending=True
    )
    names = [HOSTILE, FORMULA, *frame["lead_id"][2:]]
    industry = pl.Series("industry", ["<b>retail</b>", "software"])
    odd = pl.int_range(pl.len()) % 2
    frame = frame.with_columns(
        pl.Series("lead_id", names), industry=industry.gather(_parity(leads))
    )
    return Compared.of(frame.sort(odd, maintain_order=True), ("industry",))


def _parity(leads: int) -> pl.Series:
    return pl.Series(np.arange(leads) % 2)


@cache
def comparison(leads: int = 900, without_points: float = 0.05) -> tuple[Comparison, pl.DataFrame]:
    rows = compared(leads, without_points)
    found = compare_scores(
        rows,
        ComparisonQuestion("world", "points of a test", 25.0, Money(30.0), replicates=100, seed=1),
        Described(
            np.zeros((_listed(rows), 0), np.float32),
            (),
            reasons=lambda asked: [(REASON,) for _ in asked],
            ledger=lambda asked: [("10 points: <i>director</i>",) for _ in asked],
        ),
    )
    return found, lead_frame(rows)


def _listed(rows: Compared) -> int:
    listed = rows.frame.filter(pl.col("on_list") & pl.col("points").is_not_null())
    return listed.height


def write_run(folder: Path) -> Path:
    """Lay out a run with its comparison."""
    write_comparison(folder / "comparison", *comparison())
    return folder


@contextmanager
def served(
    scratch: Path, run: Path | None, keys: Path | None = None, compare: tuple[str, ...] = ()
) -> Iterator[str]:
    """A service with its page on a port of this machine; gives its address."""
    bundle = bundle_folder()
    settings = ServeSettings(
        bundle=bundle, named="test", keys=keys, limits=NO_LIMIT, run=run, compare=compare
    )
    service = Service.open(settings, bundle, scratch)
    app = make_app(service, page_routers(service))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()
