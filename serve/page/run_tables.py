"""What lies in a run's folder and around it: its canonical tables, by lead, and points tables."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json
from leadcast.models.comparison.comparison_store import LEADS, RESULT, read_comparison
from leadcast.models.comparison.result import Comparison
from leadcast.models.rules import RuleTable, load_rules
from leadcast.models.rules.answers import column_faults
from leadcast.serve.requests.problems import Problem

TABLES, COMPARISON, JUDGED = "tables", "comparison", "judged"
"""The folders of canonical tables, the comparison and the tested bundle within a run's."""
AMOUNTS = "amounts"
"""The folder of the model of amounts, and its file."""
SNAPSHOTS = "snapshots.parquet"
"""Every snapshot with the part of the split that it is in."""
LISTED = ("as_of", "week", "points", "rank_learned", "rank_points", "probability")
"""What is told of a lead on the call list."""
MOST_FOUND = 20
"""How many leads a search tells."""
DISTILLED, TEMPLATE = "distilled.yaml", "template"
_FROM_RULES = "rules "


def currency_of(run: Path) -> str | None:
    """Give the currency of a run's amounts.

    Parameters
    ----------
    run : Path
        Its folder.

    Returns
    -------
    str or None
        As its comparison or, in a run without points, its model of amounts has it; None where
        nobody said.
    """
    for place, keys in (
        (run / COMPARISON / RESULT, ("about", "currency")),
        (run / AMOUNTS / f"{AMOUNTS}.json", ("currency",)),
    ):
        try:
            found = read_json(place)
            for key in keys:
                found = found[key]
        except (LeadcastError, KeyError, TypeError):
            continue
        if isinstance(found, str):
            return found
    return None


@dataclass(frozen=True)
class OneLead:
    """What a run knows of one lead."""

    lead: pl.DataFrame
    """Its row of the table of leads."""
    events: pl.DataFrame
    """Its events, the first one first."""
    outcome: pl.DataFrame
    """Its row of the outcomes; no row where there is none."""
    observed_until: datetime | None
    """Until when the export knows outcomes."""
    attributes: tuple[str, ...]
    """The columns that the source's definition calls attributes."""

    @property
    def created_at(self) -> datetime | None:
        """When it came to be; None where nothing is dated."""
        return _time(self.lead["created_at"].item())

    @property
    def ended_at(self) -> datetime | None:
        """When it was won or lost; None while it is open."""
        times = [_time(self.outcome[name].item()) for name in ("won_at", "lost_at") if self.ended]
        return min((time for time in times if time is not None), default=None)

    @property
    def ended(self) -> bool:
        """Whether there is a row of its outcome."""
        return self.outcome.height > 0


@dataclass(frozen=True)
class PointsTable:
    """A points table as it lies in its file."""

    key: str
    """A short name."""
    path: Path

    @property
    def table(self) -> RuleTable | None:
        """The table; None where the file is at fault."""
        return _loaded(self.path, self.path.stat().st_mtime_ns)

    @property
    def title(self) -> str:
        """What people call it."""
        return self.table.title if self.table is not None and self.table.title else self.key

    def fits(self, leads: pl.DataFrame) -> bool:
        """Tell whether the leads have every column that it asks for."""
        return self.table is not None and not column_faults(self.table, leads, None)


class LeadTables:
    """Finds leads in a run's tables, which are read anew for every question and never written."""

    def __init__(self, run: Path | None) -> None:
        self._folder = None if run is None else run / TABLES

    @property
    def folder(self) -> Path:
        """The folder of the tables; a `Problem` (404) tells what to do where there is none."""
        if self._folder is None or not (self._folder / "leads.parquet").is_file():
            raise Problem("no-tables", 404, _how_to_get(self._folder))
        return self._folder

    def read(self, lead_id: str) -> OneLead:
        """Read one lead; a `Problem` (404) where there is none, or there are no tables.

        Events are filtered while they are read: groups of rows whose statistics leave the lead
        out are skipped, and of the others only the matching rows are decoded as a whole.
        """
        folder, about = self.folder, self._about()
        mine = pl.col("lead_id") == lead_id
        lead = pl.scan_parquet(folder / "leads.parquet").filter(mine).collect()
        if lead.is_empty():
            detail = "there is no lead with this id in the run's tables; search for it"
            raise Problem("no-lead", 404, detail)
        events = pl.scan_parquet(folder / "events" / "*.parquet").filter(mine).collect()
        outcome = pl.scan_parquet(folder / "outcomes.parquet").filter(mine).collect()
        until = about["observed_until"]
        return OneLead(
            lead=lead,
            events=events.sort("occurred_at", maintain_order=True),
            outcome=outcome,
            observed_until=None if until is None else datetime.fromisoformat(until),
            attributes=tuple(name for name in about["attribute_types"] if name in lead.columns),
        )

    def listed(self, lead_id: str) -> dict[str, Any] | None:
        """Tell where a lead stands on the call list (`LISTED`); None if it does not."""
        path = self.folder.parent / COMPARISON / LEADS
        if not path.is_file():
            return None
        rows = pl.scan_parquet(path).filter(pl.col("lead_id") == lead_id, pl.col("on_list"))
        found: list[dict[str, Any]] = rows.select(LISTED).collect().to_dicts()
        return found[0] if found and found[0]["as_of"] is not None else None

    def learned_from(self, lead_id: str, *, with_test: bool) -> bool | None:
        """Tell whether a run's model has learned from a lead; None where that is not known.

        The deployed model has learned from the test as well, the judged one has not.
        """
        path = self.folder.parent / SNAPSHOTS
        if not path.is_file():
            return None
        rows = pl.scan_parquet(path).filter(pl.col("lead_id") == lead_id)
        parts = set(rows.select("part").collect()["part"])
        return bool(parts & ({"train", "test"} if with_test else {"train"}))

    def search(self, text: str) -> pl.DataFrame:
        """Find leads by a part of their id, or of a text that they have, in capitals or not.

        At most `MOST_FOUND`: who has the text as its id first, then those whose id begins with it.
        """
        sought = text.strip().lower()
        leads = pl.scan_parquet(self.folder / "leads.parquet")
        kinds = self._about()["attribute_types"]
        texts = [name for name, kind in kinds.items() if kind == "text"]
        lead_id = pl.col("lead_id").str.to_lowercase()
        found = [
            pl.col(name).str.to_lowercase().str.contains(sought, literal=True) for name in texts
        ]
        order = pl.when(lead_id == sought).then(0).when(lead_id.str.starts_with(sought)).then(1)
        return (
            leads.filter(
                pl.any_horizontal(lead_id.str.contains(sought, literal=True), *found).fill_null(
                    value=False
                )
            )
            .with_columns(order=order.otherwise(2))
            .sort("order", "lead_id", maintain_order=True)
            .head(MOST_FOUND)
            .drop("order")
            .collect()
        )

    def schema(self) -> pl.DataFrame:
        """Give the table of leads without its rows."""
        return pl.scan_parquet(self.folder / "leads.parquet").head(0).collect()

    def kinds(self) -> pl.DataFrame:
        """Give an event of each kind that there is, with the columns of the table of events."""
        events = pl.scan_parquet(self.folder / "events" / "*.parquet")
        kinds = events.select(pl.col("event_type").unique()).collect()
        schema = events.collect_schema()
        return kinds.select(
            pl.col(name) if name == "event_type" else pl.lit(None, dtype=dtype).alias(name)
            for name, dtype in schema.items()
        )

    def stamp(self) -> tuple[int, int]:
        """Tell the state of the tables; another one where they have been made again."""
        about = (self.folder / "tables.json").stat()
        return about.st_ino, about.st_mtime_ns

    def points(self) -> list[PointsTable]:
        """Find the points tables that fit the leads."""
        run, compared = self.folder.parent, self._compared_path()
        paths = [] if compared is None else [compared]
        paths += [*sorted((_data_of(run) / "rules").glob("*.yaml")), run / DISTILLED]
        found: dict[Path, PointsTable] = {}
        for path in filter(Path.is_file, paths):
            found.setdefault(path.resolve(), PointsTable(path.stem, path))
        leads = self.schema()
        fitting = [one for one in found.values() if one.fits(leads)]
        return sorted(fitting, key=lambda one: one.key == TEMPLATE)

    def compared(self) -> RuleTable | None:
        """Give the points table that the run was compared with, where it fits the leads."""
        path = self._compared_path()
        if path is None or not path.is_file():
            return None
        found = PointsTable(path.stem, path)
        return found.table if found.fits(self.schema()) else None

    def comparison(self) -> Comparison | None:
        """Read the run's comparison; None where there is none."""
        try:
            return read_comparison(self.folder.parent / COMPARISON)
        except LeadcastError:
            return None

    def currency(self) -> str | None:
        """Give the currency of the amounts; None where nobody said."""
        return currency_of(self.folder.parent)

    def _of_comparison(self, name: str) -> object:
        try:
            return read_json(self.folder.parent / COMPARISON / RESULT)["about"].get(name)
        except (LeadcastError, KeyError, TypeError, AttributeError):
            return None

    def _compared_path(self) -> Path | None:
        run, points_from = self.folder.parent, str(self._of_comparison("points_from"))
        if not points_from.startswith(_FROM_RULES):
            return None
        return _data_of(run).parent / points_from.removeprefix(_FROM_RULES)

    def _about(self) -> dict[str, Any]:
        try:
            about: dict[str, Any] = read_json(self.folder / "tables.json")
        except LeadcastError as error:
            raise Problem("no-tables", 404, str(error)) from None
        return about


def _time(value: object) -> datetime | None:
    assert value is None or isinstance(value, datetime)
    return value


def _how_to_get(folder: Path | None) -> str:
    if folder is None:
        return (
            "the service does not know the run's folder, so it cannot tell a lead's events; start "
            "it as: leadcast serve --bundle data/runs/SOURCE/bundle, or name the folder by --run"
        )
    return (
        f"there are no tables of leads beside this bundle ({folder.parent.name}/{TABLES} is not "
        "there); leadcast run SOURCE makes them, and --run names a run's folder elsewhere"
    )


def project_of(run: Path | None, source: str) -> Path | None:
    """Find the project in which ``leadcast compare SOURCE`` reads this run."""
    if run is None:
        return None
    project = _data_of(run).parent
    is_its_run = run.resolve() == (project / "data" / "runs" / source).resolve()
    return project if is_its_run and (project / "params.yaml").is_file() else None


def _data_of(run: Path) -> Path:
    return run.resolve().parent.parent


@lru_cache(maxsize=32)
def _loaded(path: Path, _changed_ns: int) -> RuleTable | None:
    try:
        return load_rules(path)
    except LeadcastError:
        return None
