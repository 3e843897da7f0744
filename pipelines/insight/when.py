"""``leadcast curve``: when leads become customers, as a table."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import polars as pl

from leadcast.models.report.decisions import integrated_words
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.curve import GRADES, read_summary

SHOWN_DAYS = (1.0, 3.0, 7.0, 14.0, 30.0, 60.0, 90.0, 180.0)


def tell_curve(source: str) -> str:
    """Tell what the stage ``curve`` found of a source.

    Parameters
    ----------
    source : str

    Returns
    -------
    str
        Words and tables for a terminal.

    Raises
    ------
    LeadcastError
        If the source has not been run.
    """
    run = RunFolder(source)
    run.require(run.curve)
    summary = read_summary(run)
    if summary["why_not"] is not None:
        return str(summary["why_not"])
    longest = summary["deployed"]["longest_days"]
    lines = [
        f"{source}: the curve goes to {longest:g} days, as far as the history allows.",
        *_of_test(summary["test"]),
        *_of_grades(pl.read_parquet(run.curve / GRADES)),
        "",
        "Each lead's own: leadcast score --extra curve.",
    ]
    return "\n".join(lines)


def _of_test(test: Mapping[str, Any] | None) -> Iterator[str]:
    if test is None:
        yield "No lead of the test was followed long enough to judge it."
        return
    yield integrated_words(test)
    yield ""
    yield "  within        told        came   (95 %)               log loss   of one for all"
    for one in test["horizons"]:
        yield (
            f"  {one['days']:>4g} d   {one['predicted']:>9.2%}   {one['observed']:>9.2%}   "
            f"{one['low']:>6.2%} to {one['high']:<7.2%}   {one['log_loss']:>8.4f}   "
            f"{one['marginal_log_loss']:>8.4f}"
        )


def _of_grades(grades: pl.DataFrame) -> Iterator[str]:
    """Tell the mean curve of each grade at a few days."""
    if grades.is_empty():
        return
    longest = float(grades["days"].max())  # type: ignore[arg-type]
    days = [day for day in SHOWN_DAYS if day <= longest]
    names = grades["grade"].unique(maintain_order=True).to_list()
    told = [
        np.interp(days, own["days"].to_numpy(), own["predicted"].to_numpy())
        for own in (grades.filter(grade=name) for name in names)
    ]
    yield ""
    yield "  customers " + "".join(f"   grade {name}" for name in names)
    for place, day in enumerate(days):
        yield f"  {day:>4g} d    " + "".join(f"   {one[place]:>7.2%}" for one in told)
