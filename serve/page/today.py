"""The first view: the leads that are open now, as ``leadcast today`` wrote them."""

from pathlib import Path
from threading import Lock
from typing import Any

import polars as pl
from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from leadcast.features.registry import humanise
from leadcast.serve.batch.deliver import FORMULA, PLAIN_NUMBER
from leadcast.serve.http.service import Service, allowed_callers
from leadcast.serve.page.assets import Shell
from leadcast.serve.page.file import as_json, packed_column
from leadcast.serve.page.run_tables import currency_of
from leadcast.serve.requests.problems import Problem

ADDRESS, FILE = "/", "today.parquet"
SHOWN = (
    *("lead_id", "who", "owner", "grade", "probability", "lower", "upper", "trend", "week_change"),
    *("why_moved", "moved_from", "hand_off", "hand_off_why", "call_rank", "explored", "lift"),
    *("reasons_up", "reasons_down", "expected_value", "age_days", "age_tested", "feedback"),
)
SCRIPTS_OF_TODAY = ("datatables.js", "pieces.js", "charts.js", "lists.js", "today.js")
MOST_SHOWN = 20_000
"""So many of the likeliest leads are sent to a browser; the files hold all."""


def today_content(path: Path, currency: str | None = None) -> dict[str, Any]:
    """Pack a list for the page, as `static/today.js` reads it.

    Parameters
    ----------
    path : Path
        A run's ``today.parquet``.
    currency : str, optional
        Of the amounts.

    Returns
    -------
    dict
    """
    whole = pl.read_parquet(path)
    own = [name for name in SHOWN if name in whole.columns]
    rows = whole.head(MOST_SHOWN).select(own)
    first = whole.row(0, named=True) if whole.height else {}
    as_of, since = first.get("as_of"), whole["moved_since"].drop_nulls()
    parts = whole["moved_parts"].head(MOST_SHOWN).to_list() if "moved_parts" in whole else []
    return {
        "count": rows.height,
        "total": whole.height,
        "as_of": None if as_of is None else as_of.timestamp(),
        "since": None if since.is_empty() else since[0].timestamp(),
        "week": first.get("week"),
        "model_version": first.get("model_version"),
        "currency": currency,
        "untested": int((~whole["age_tested"]).sum()),
        "columns": {name: packed_column(rows[name]) for name in own},
        "parts": [_told(one) for one in parts],
        "csv": {"formula": FORMULA, "plain_number": PLAIN_NUMBER},
    }


def _told(parts: list[dict[str, Any]] | None) -> list[list[Any]] | None:
    if parts is None:
        return None
    return [
        [
            humanise(part["what"]) if part["kind"] == "event" else part["what"],
            part["at"] and part["at"].timestamp(),
            round(part["log_odds"], 4),
        ]
        for part in parts
    ]


class HeldList:
    """A run's list, packed once and again when its file changes."""

    def __init__(self, service: Service) -> None:
        run = service.settings.run
        self._source = service.scorer.bundle.manifest.origin.source
        self._path = None if run is None else run / FILE
        self._packed: tuple[object, bytes] = (None, b"")
        self._lock = Lock()

    def answer(self) -> Response:
        """Answer with the list; a `Problem` (404) tells how to make one where there is none."""
        if self._path is None or not self._path.is_file():
            raise Problem("no-list", 404, self._how_to_make())
        stat = self._path.stat()
        stamp = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        with self._lock:
            if self._packed[0] != stamp:
                self._packed = (
                    stamp,
                    as_json(today_content(self._path, currency_of(self._path.parent))),
                )
            return Response(self._packed[1], media_type="application/json")

    def _how_to_make(self) -> str:
        if self._path is None:
            return (
                "the service does not know the run's folder; start it as: leadcast serve --bundle "
                "data/runs/SOURCE/bundle, or name the folder by --run"
            )
        return (
            "there is no list yet; make one, every morning at best, with: leadcast today "
            f"{self._source}"
        )


def make_router(service: Service, shell: Shell) -> APIRouter:
    """Make the addresses of the list."""
    router, held = APIRouter(), HeldList(service)

    @router.get(ADDRESS)
    async def page() -> HTMLResponse:
        return shell.page("today.html", ADDRESS, scripts=SCRIPTS_OF_TODAY)

    # Not async: reading and packing many leads has a thread of its own and holds up no score.
    @router.get("/page/today", dependencies=allowed_callers(service))
    def today() -> Response:
        return held.answer()

    return router
