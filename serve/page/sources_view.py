"""The score by vendor, source, campaign and segment, over time, as the test has it."""

from pathlib import Path
from typing import Any

import polars as pl
from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json
from leadcast.models.evaluation.score_groups import once_each, scores_by, scores_by_month
from leadcast.models.sellers.lead_facts import SELLERS, spelt_alike
from leadcast.serve.http.service import Service, allowed_callers
from leadcast.serve.page.assets import Shell
from leadcast.serve.page.run_tables import TABLES
from leadcast.serve.requests.problems import Problem

ADDRESS, SCORES, FOUND = "/sources", "test_scores.parquet", "sellers.json"
SCRIPTS_OF_SOURCES = ("pieces.js", "sources.js")
MOST_VALUES = 300
"""An attribute with more values tells leads apart, and is no segment."""
TOLD_OF_SELLERS = ("seller", "leads", "cost", "junk", "ratio", "low", "high", "verdict")


def sources_content(run: Path | None, source: str) -> dict[str, Any]:
    """Tell the scores by what leads have in common.

    Parameters
    ----------
    run : Path or None
        The run's folder.
    source : str
        For what to do where there is none.

    Returns
    -------
    dict
        As `static/sources.js` reads it.
    """
    if run is None or not (run / SCORES).is_file():
        detail = (
            f"there are no test scores beside this bundle; make them with: leadcast run {source}"
        )
        raise Problem("no-scores", 404, detail)
    leads = pl.read_parquet(run / TABLES / "leads.parquet")
    kinds: dict[str, str] = read_json(run / TABLES / "tables.json")["attribute_types"]
    named = [name for name in SELLERS if name in leads.columns]
    named += [name for name in kinds if _is_segment(leads, name, kinds[name], named)]
    who = leads.select("lead_id", *(_spelt(leads[name]) for name in named))
    rows = once_each(pl.read_parquet(run / SCORES)).join(who, on="lead_id", how="left")
    return {
        "leads": rows.height,
        "customers": float(rows["converted"].cast(pl.Float64).sum()),
        "probability": rows["probability"].mean(),
        "dimensions": [told for name in named if (told := _told(rows, name)) is not None],
        "sellers": _sellers(run),
        "source": source,
    }


def _is_segment(leads: pl.DataFrame, name: str, kind: str, taken: list[str]) -> bool:
    if name in taken or name not in leads.columns or kind != "category":
        return False
    return 2 <= leads[name].n_unique() <= MOST_VALUES


def _spelt(values: pl.Series) -> pl.Series:
    return spelt_alike(values) if values.dtype == pl.String else values.cast(pl.String)


def _told(rows: pl.DataFrame, name: str) -> dict[str, Any] | None:
    found = scores_by(rows, name)
    if found.height < 2:
        return None
    by_month = scores_by_month(rows, name)
    months = by_month["month"].unique().sort().to_list()
    means = {(row["value"], row["month"]): row for row in by_month.to_dicts()}
    for_each = [
        row
        | {
            "months": [
                None if (one := means.get((row["value"], month))) is None else one["probability"]
                for month in months
            ]
        }
        for row in found.to_dicts()
    ]
    return {"name": name.replace("_", " "), "months": months, "rows": for_each}


def _sellers(run: Path) -> list[dict[str, Any]]:
    """Tell the scorecards that ``leadcast sellers`` made, where it has run."""
    try:
        found = read_json(run / FOUND)["scorecards"]
    except (LeadcastError, KeyError, TypeError):
        return []
    return [
        {
            "name": one["attribute"],
            "rows": [{key: row.get(key) for key in TOLD_OF_SELLERS} for row in one["cards"]],
        }
        for one in found
    ]


def make_router(service: Service, shell: Shell) -> APIRouter:
    """Make the addresses of the sources."""
    router, run = APIRouter(), service.settings.run
    source = service.scorer.bundle.manifest.origin.source

    @router.get(ADDRESS)
    async def page() -> HTMLResponse:
        return shell.page("sources.html", ADDRESS, scripts=SCRIPTS_OF_SOURCES)

    # Not async: reading tables has a thread of its own and holds up no score.
    @router.get("/page/sources", dependencies=allowed_callers(service))
    def sources() -> dict[str, Any]:
        return sources_content(run, source)

    return router
