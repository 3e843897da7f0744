"""The rules editor: checks a table while it is typed, and compares with it in the background."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from math import isfinite
from threading import Lock
from typing import Annotated, Any, get_args

import polars as pl
from fastapi import APIRouter, FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.features.definitions.yaml_lines import plain_yaml, read_yaml, yaml_text
from leadcast.features.tables import TIME
from leadcast.models.comparison.comparison_store import (
    read_against_earlier,
    read_comparison,
    read_rule_parts,
)
from leadcast.models.comparison.result import Comparison
from leadcast.models.rules import RuleTable, check_rules, evaluate, ledger, parse_rules
from leadcast.models.rules.conditions import ReadAs
from leadcast.serve.http.service import Service, allowed_callers
from leadcast.serve.page.assets import Shell
from leadcast.serve.page.lead_view import moments_of
from leadcast.serve.page.rules_job import Jobs
from leadcast.serve.page.run_tables import LeadTables, project_of
from leadcast.serve.requests.problems import Problem

NAME = "table"
"""What faults call the text."""
MOST_FAULTS = 100
ADDRESS = "/rules"
JOBS = "rules"
"""The folder of comparisons within the service's own."""
MOST_LETTERS = 65_536
_NO_ATTRIBUTES = ("lead_id", "rules_score")
_NO_ROWS = pl.DataFrame(schema={"lead_id": pl.String(), "as_of": TIME})


class Edited(BaseModel):
    """A points table as somebody has edited it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: Annotated[str, Field(max_length=MOST_LETTERS)]


class Formed(BaseModel):
    """A points table as the form holds it: what the YAML would."""

    model_config = ConfigDict(extra="forbid")

    table: dict[str, Any]


class Tried(Edited):
    """A points table, and a lead to try it on."""

    lead_id: Annotated[str, Field(max_length=200)]


class Desk:
    """What the editor works with.

    A text is checked against the columns and kinds of events of the run's tables. No row of them is
    looked at, so that an answer takes milliseconds whatever their size; what a rule does on data is
    for the comparison to tell.
    """

    def __init__(self, service: Service) -> None:
        run, source = service.settings.run, service.scorer.bundle.manifest.origin.source
        self._tables = LeadTables(run)
        self._known: tuple[object, pl.DataFrame, pl.DataFrame] | None = None
        # One at a time, so that texts made to be slow cannot take every thread of a worker.
        self._lock = Lock()
        command = (*service.settings.compare, source) if service.settings.compare else ()
        self.jobs = Jobs(service.scratch / JOBS, command, project_of(run, source))

    def answer(self, edited: Edited) -> dict[str, Any]:
        """Tell what is wrong with a text."""
        table, faults = self._checked(edited.text)
        errors = [fault for fault in faults if fault.severity == "error"]
        told = [
            {"line": fault.line, "severity": fault.severity, "words": _words(fault)}
            for fault in faults[:MOST_FAULTS]
        ]
        usable = table is not None and not errors
        return {"usable": usable, "summary": _summary(table, faults), "faults": told}

    def begin(self) -> dict[str, Any]:
        """Tell what there is to begin from: the tables' texts, and the run's own comparison."""
        tables, before = self._tables.points(), self._tables.comparison()
        return {
            "tables": [
                {"key": one.key, "title": one.title, "text": one.path.read_text(encoding="utf-8")}
                for one in tables
            ],
            "before": None if before is None else _in_short(before),
            "can_run": self.jobs.can_run and before is not None,
            "most_letters": MOST_LETTERS,
        }

    def form(self, edited: Edited) -> dict[str, Any]:
        """Tell a text as the form holds it; None where it is no YAML, or too deep a one."""
        found = read_yaml(edited.text, NAME)
        is_table = not found.faults and isinstance(found.content, dict)
        table = plain_yaml(edited.text) if is_table else None
        leads, kinds = self._tables.schema(), self._tables.kinds()
        return {
            "table": _as_json(table),
            "attributes": [name for name in leads.columns if name not in _NO_ATTRIBUTES],
            "kinds": sorted(kinds["event_type"].drop_nulls().to_list()),
            "read_as": list(get_args(ReadAs)),
        }

    def written(self, formed: Formed) -> dict[str, Any]:
        """Write what the form holds as YAML."""
        text = yaml_text(_bands_in_order(formed.table))
        if len(text) > MOST_LETTERS:
            raise Problem("invalid", 422, f"the table has over {MOST_LETTERS:,} letters")
        return {"text": text}

    def preview(self, tried: Tried) -> dict[str, Any]:
        """Add up the points of one lead, at the end of what is known of it."""
        table, faults = self._checked(tried.text)
        if table is None or any(fault.severity == "error" for fault in faults):
            raise Problem("invalid", 422, "the table has faults; mend them first")
        lead = self._tables.read(tried.lead_id)
        moments = moments_of(lead)
        as_of = moments[-1] if moments else None
        account = ledger(table, lead.lead, lead.events, tried.lead_id, as_of)
        asked = pl.DataFrame({"lead_id": tried.lead_id, "as_of": pl.Series([as_of], dtype=TIME)})
        scores = evaluate(table, lead.lead, lead.events, asked)
        return {
            "points": float(scores.points[0]),
            "grade": None if scores.grade is None else scores.grade[0],
            "reached": [name for name, is_reached in scores.reached.items() if is_reached[0]],
            "rows": [
                {"rule": row["rule"] or row["kind"], "points": row["points"], "words": row["words"]}
                for row in account.iter_rows(named=True)
            ],
        }

    def start(self, edited: Edited) -> dict[str, Any]:
        """Start a comparison on the run's own call list, once the table is without fault."""
        if not self.answer(edited)["usable"]:
            raise Problem("invalid", 422, "the table has faults; mend them first")
        before = self._tables.comparison()
        if before is None:
            detail = "the run has no comparison yet; leadcast compare SOURCE makes one"
            raise Problem("cannot-run", 409, detail)
        options = ["--calls-per-week", str(before.about.calls_per_week)]
        if before.about.call_landmark_days is not None:
            options += ["--landmark-days", str(before.about.call_landmark_days)]
        return self.jobs.start(edited.text, options)

    def result(self) -> dict[str, Any]:
        """Tell what the latest comparison came to."""
        folder = self.jobs.result()
        parts, earlier = read_rule_parts(folder), read_against_earlier(folder)
        return {
            "after": _in_short(read_comparison(folder)),
            "rules": None if parts is None else parts.to_json(),
            "earlier": None if earlier is None else earlier.to_json(),
        }

    def _checked(self, text: str) -> tuple[RuleTable | None, Sequence[Fault]]:
        with self._lock:
            stamp = self._tables.stamp()
            if self._known is None or self._known[0] != stamp:
                self._known = (stamp, self._tables.schema(), self._tables.kinds())
            _, leads, events = self._known
            try:
                table = parse_rules(text, NAME)
            except FaultsError as error:
                return None, error.faults
            return table, check_rules(table, leads, events, _NO_ROWS)


def make_router(service: Service, shell: Shell) -> APIRouter:
    """Make the editor's addresses."""
    desk = Desk(service)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        # Nothing that was started here outlives the service.
        await run_in_threadpool(desk.jobs.cancel)

    router = APIRouter(lifespan=lifespan)

    @router.get(ADDRESS)
    async def editor() -> HTMLResponse:
        return shell.page("rules.html", ADDRESS)

    # Not async: each of these reads files or waits, in a thread of its own.
    data = APIRouter(prefix="/page/rules", dependencies=allowed_callers(service))
    data.get("")(desk.begin)
    data.post("/check")(desk.answer)
    data.post("/form")(desk.form)
    data.post("/text")(desk.written)
    data.post("/preview")(desk.preview)
    data.post("/run")(desk.start)
    data.get("/run")(desk.jobs.state)
    data.delete("/run")(desk.jobs.cancel)
    data.get("/result")(desk.result)
    router.include_router(data)
    return router


def _bands_in_order(table: dict[str, Any]) -> dict[str, Any]:
    """Put the bands of a grid in the order that they must have, which a browser may not keep."""
    grid = table.get("grid")
    for axis in grid.values() if isinstance(grid, dict) else ():
        bands = axis.get("bands") if isinstance(axis, dict) else None
        if isinstance(bands, dict) and all(isinstance(one, int | float) for one in bands.values()):
            axis["bands"] = dict(sorted(bands.items(), key=lambda one: -one[1]))
    return table


def _as_json(value: Any) -> Any:  # noqa: ANN401 - what a YAML may hold
    """Put what YAML has and JSON has not into texts."""
    if isinstance(value, dict):
        return {str(key): _as_json(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_as_json(one) for one in value]
    is_plain = value is None or isinstance(value, bool | int | str)
    return value if is_plain or (isinstance(value, float) and isfinite(value)) else str(value)


def _words(fault: Fault) -> str:
    where = fault.where.removeprefix(f"{NAME} line {fault.line}").removeprefix(": ")
    place = f"{where}: " if where and where != NAME else ""
    return f"{place}found {fault.found}; expected {fault.expected}. {fault.remedy}"


def _summary(table: RuleTable | None, faults: Sequence[Fault]) -> str:
    if faults:
        return "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    assert table is not None
    rules, groups = len(table.rules), len(table.groups)
    return f"No faults: {rules} rule{'s' * (rules != 1)} in {groups} group{'s' * (groups != 1)}"


def _in_short(found: Comparison) -> dict[str, Any]:
    about = found.about
    return {
        "points_from": about.points_from,
        "calls_per_week": about.calls_per_week,
        "week": about.week,
        "landmark_days": about.call_landmark_days,
        "headline": found.headline.to_json(),
        "customers": found.ranking.customers,
        "leads": found.ranking.leads,
        "reached": found.ranking.reached.to_json(),
        "auc": found.ranking.auc.to_json(),
        "curve": [
            {"calls": one.calls_per_week, "learned": one.learned.value, "points": one.points.value}
            for one in found.capacities
        ],
    }
