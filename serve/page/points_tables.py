"""The points tables that lie around a run: those that a person may look at and begin from."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json
from leadcast.models.comparison.comparison_store import RESULT, read_comparison
from leadcast.models.comparison.result import Comparison
from leadcast.models.rules import RuleTable, load_rules
from leadcast.models.rules.answers import column_faults
from leadcast.serve.page.lead_tables import COMPARISON

DISTILLED, TEMPLATE = "distilled.yaml", "template"
_FROM_RULES = "rules "


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


def points_tables(run: Path | None, leads: pl.DataFrame) -> list[PointsTable]:
    """Find the points tables that fit a run's leads."""
    found: dict[Path, PointsTable] = {}
    for path in _paths(run):
        if path.is_file():
            found.setdefault(path.resolve(), PointsTable(path.stem, path))
    fitting = [one for one in found.values() if one.fits(leads)]
    return sorted(fitting, key=lambda one: one.key == TEMPLATE)


def compared_table(run: Path | None, leads: pl.DataFrame) -> PointsTable | None:
    """Find the points table that a run was compared with."""
    path = None if run is None else _compared_path(run)
    if path is None or not path.is_file():
        return None
    found = PointsTable(path.stem, path)
    return found if found.fits(leads) else None


def comparison_of(run: Path | None) -> Comparison | None:
    """Read a run's comparison; None where there is none."""
    if run is None:
        return None
    try:
        return read_comparison(run / COMPARISON)
    except LeadcastError:
        return None


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


def _compared_with(run: Path) -> str:
    try:
        return str(read_json(run / COMPARISON / RESULT)["about"]["points_from"])
    except (LeadcastError, KeyError, TypeError):
        return ""


def _compared_path(run: Path) -> Path | None:
    points_from = _compared_with(run)
    if not points_from.startswith(_FROM_RULES):
        return None
    return _data_of(run).parent / points_from.removeprefix(_FROM_RULES)


def _paths(run: Path | None) -> Iterator[Path]:
    if run is None:
        return
    compared = _compared_path(run)
    if compared is not None:
        yield compared
    yield from sorted((_data_of(run) / "rules").glob("*.yaml"))
    yield run / DISTILLED
