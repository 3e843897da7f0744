"""A comparison with points that somebody holds: a column, a table of rules, a series."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.features.base.files import write_text_out
from leadcast.features.readers.frames import Frame, Library, as_polars, given_back
from leadcast.features.tables import Tables
from leadcast.features.values.identifiers import parse_ids
from leadcast.models.comparison import Comparison
from leadcast.models.comparison.comparison_store import lead_frame
from leadcast.models.rules import RuleTable, load_rules
from leadcast.pipelines.base.compared import (
    ComparisonInputs,
    Points,
    RulePoints,
    ScoreColumn,
    use_content,
)
from leadcast.pipelines.base.params import Params
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.compare import compare_points
from leadcast.pipelines.frames.lead_data import LeadData
from leadcast.serve.page.file import render_comparison

if TYPE_CHECKING:
    import pandas

    GivenPoints = (
        str | Path | RuleTable | pl.Series | pl.DataFrame | pandas.Series | pandas.DataFrame
    )
else:
    GivenPoints = Any
_EXPECTED = (
    "a numeric column of the leads, a points table, a Series by lead id, or a table with lead_id "
    "and one column of numbers"
)


@dataclass(frozen=True)
class PointsComparison:
    """The learned score against points, on the same leads at the same moments."""

    result: Comparison
    """All of it, as `leadcast compare` writes it."""
    page: str
    """The page for people, as HTML."""
    _leads: pl.DataFrame
    _library: Library

    @property
    def words(self) -> str:
        """What came out, in a sentence."""
        return self.result.headline.words

    @property
    def leads(self) -> Frame:
        """Each test snapshot with both scores, both ranks and what became of it."""
        return given_back(self._leads, self._library)

    @property
    def reached(self) -> Frame:
        """Customers that either list reaches, by the calls of a week, with 95 % intervals."""
        rows = [
            {
                "calls_per_week": one.calls_per_week,
                "learned": one.learned.value,
                "points": one.points.value,
                "difference": one.difference.value,
                "low": one.difference.low,
                "high": one.difference.high,
            }
            for one in self.result.capacities
        ]
        return given_back(pl.DataFrame(rows, infer_schema_length=None), self._library)

    def save_page(self, path: str | Path) -> Path:
        """Write the page for people: one file of HTML that needs nothing else."""
        write_text_out(Path(path), self.page)
        return Path(path)

    def __repr__(self) -> str:
        return "\n".join((self.words, *self.result.headline.more))

    def _repr_html_(self) -> str:
        more = "".join(f"<li>{escape(words)}</li>" for words in self.result.headline.more)
        return f"<p><b>{escape(self.words)}</b></p><ul>{more}</ul>"


def compare_given(
    run: RunFolder,
    data: LeadData,
    params: Params,
    given: Any,  # noqa: ANN401 - whatever somebody gives is looked at
    asked: Mapping[str, float | None],
) -> PointsComparison:
    """Compare a run's learned score with points; see `FittedModel.compare`."""
    tables = Tables.read(run.tables)
    points = points_of(given, tables)
    definition = data.definition
    said = definition.comparison
    after = asked.get("points_after_days")
    if after is None:
        after = said.points_after_days if isinstance(given, str) and given == "rules_score" else 0.0
    known = {name: value for name, value in asked.items() if name != "points_after_days"}
    unknown = sorted(known.keys() - type(params.comparison).model_fields.keys())
    if unknown:
        names = ", ".join(type(params.comparison).model_fields)
        raise FaultsError(
            "compare",
            [Fault(f"compare: {one!r}", "no such argument", names, "") for one in unknown],
        )
    wanted = params.comparison.over(said).model_copy(
        update={name: value for name, value in known.items() if value is not None}
    )
    inputs = ComparisonInputs(run, tables, points, after, said.worked_from_points)
    every, found = compare_points(inputs, wanted)
    leads = lead_frame(every)
    page = render_comparison(found, leads, definition.title, use_content(run))
    return PointsComparison(found, page, leads, data.held_by)


def points_of(given: Any, tables: Tables) -> Points:  # noqa: ANN401 - likewise
    """Take points in.

    Parameters
    ----------
    given : object
        See `FittedModel.compare`.
    tables : Tables

    Returns
    -------
    Points

    Raises
    ------
    LeadcastError
        If these are no points of the leads.
    """
    if isinstance(given, RuleTable):
        return RulePoints(given, tables)
    if isinstance(given, Path) or (isinstance(given, str) and given.endswith((".yaml", ".yml"))):
        return RulePoints(load_rules(Path(given)), tables)
    if isinstance(given, str):
        return ScoreColumn.of(tables, given)
    frame = _as_frame(given, tables)
    names = [name for name in frame.columns if name != "lead_id"]
    if "lead_id" not in frame.columns or len(names) != 1 or not frame[names[0]].dtype.is_numeric():
        found = f"a table with the columns {', '.join(frame.columns)}"
        raise FaultsError("points", [Fault("points", found, _EXPECTED, "Take the others out.")])
    name = names[0]
    ids = parse_ids(frame["lead_id"]).values
    table = pl.DataFrame({"lead_id": ids, "points": frame[name].cast(pl.Float64)})
    _refuse_strangers(table, tables)
    return ScoreColumn(table, name)


def _as_frame(given: Any, tables: Tables) -> pl.DataFrame:  # noqa: ANN401
    if isinstance(given, pl.Series) or type(given).__name__ == "Series":
        name = given.name or "points"
        if isinstance(given, pl.Series):
            values, ids = given, None
        else:
            frame = as_polars(given.rename(name).to_frame().rename_axis("lead_id"), "points")
            values, ids = frame[name], frame["lead_id"]
        known = tables.leads["lead_id"]
        is_own = ids is not None and parse_ids(ids).values.is_in(known.implode()).any()
        if not is_own and len(values) == len(known):
            ids = known
        if ids is None or not (is_own or len(values) == len(known)):
            found = f"{len(values):,} points for {len(known):,} leads, without their ids"
            raise FaultsError("points", [Fault("points", found, _EXPECTED, "Give the lead ids.")])
        return pl.DataFrame({"lead_id": ids, name: values})
    return as_polars(given, "points")


def _refuse_strangers(table: pl.DataFrame, tables: Tables) -> None:
    faults = []
    again = table.filter(pl.col("lead_id").is_duplicated())
    if again.height:
        found = f"several points of a lead, such as {again['lead_id'][0]!r}"
        faults.append(Fault("points", found, "one a lead", "Keep one.", count=again.height))
    if not table["lead_id"].is_in(tables.leads["lead_id"].implode()).any():
        found = f"no lead of the data (the first is {table['lead_id'][0]!r})"
        faults.append(Fault("points", found, "ids of the leads", "Give the same ids."))
    if faults:
        raise FaultsError("points", faults)
