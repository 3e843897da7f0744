"""``leadcast grades``: what the grades in use come to, and other bounds for them."""

import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.definitions.load import find_definition
from leadcast.models.bundle.bundle import load_bundle
from leadcast.models.bundle.bundle_grades import checked_bounds
from leadcast.models.charts.numbers import percent
from leadcast.models.evaluation.score_groups import grades_of
from leadcast.pipelines.base.paths import RunFolder
from leadcast.serve.champion.champion_store import champion_bundle, has_champion
from leadcast.serve.champion.grade_bounds import set_grades


def grades(source: str, bounds: str | None, by: str) -> str:
    """Tell what grades come to on the test's leads, and set other bounds where some are given.

    Parameters
    ----------
    source : str
    bounds : str or None
        Such as ``"0.2,0.08,0.02"``; None to look only.
    by : str
        Who sets them.

    Returns
    -------
    str
        For a person.

    Raises
    ------
    LeadcastError
        If there is no such source or run, the bounds cannot be, or nothing was promoted.
    """
    if not has_champion(source):
        find_definition(source)
    run = RunFolder(source)
    asked = None if bounds is None else checked_bounds(_numbers(bounds))
    said = "" if asked is None else set_grades(source, asked, by)
    run.require(run.test_scores)
    folder = champion_bundle(source) if has_champion(source) else run.bundle
    now = load_bundle(folder).reference.bounds
    found = grades_of(pl.read_parquet(run.test_scores), now)
    lines = [
        f"{source}: grades of {folder}, on {found['leads'].sum():,} leads of the test, each as it "
        "was first seen",
        "grade  from      share    leads   said  converted   95 %",
    ]
    for row in found.iter_rows(named=True):
        ends = "" if row["low"] is None else f"{percent(row['low'])} to {percent(row['high'])}"
        lines.append(
            f"{row['grade']:<5}  {percent(row['from']):<8}  {percent(row['share']):>5}  "
            f"{row['leads']:>7,}  {percent(row['probability']):>5}  "
            f"{percent(row['conversion']):>9}   {ends}".rstrip()
        )
    return "\n".join(filter(None, [said, *lines]))


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise LeadcastError(
            f"--bounds {text!r}: expected three probabilities, such as 0.2,0.08,0.02"
        ) from None
