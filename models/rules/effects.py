"""What each rule of a table does on data, as a table."""

import numpy as np
import numpy.typing as npt
import polars as pl

from models.rules.evaluation import RuleScores
from models.rules.sums import group_sums, total_of
from models.rules.table import RuleTable


def rule_effects(
    table: RuleTable, scores: RuleScores, converted: npt.ArrayLike | None = None
) -> pl.DataFrame:
    """Sum up how often each rule fires, what it gives, and how its leads ended.

    Parameters
    ----------
    table : RuleTable
        The table.
    scores : RuleScores
        What it gives to some rows.
    converted : array_like of float, shape (n_rows,), optional
        1 for a customer, else 0.

    Returns
    -------
    pl.DataFrame
        A row a rule: ``rule``, ``group``, ``points``, ``fired_share``, ``mean_points`` (over all
        rows), ``conversion`` of the rows for which it fired and ``conversion_else`` of the rest
        (null without outcomes, or without such rows).
    """
    fired = scores.fired
    nothing = [None] * len(table.rules)
    outcome = None if converted is None else np.asarray(converted, dtype=np.float64)
    return pl.DataFrame(
        {
            "rule": [rule.name for rule in table.rules],
            "group": [rule.group for rule in table.rules],
            "points": [rule.points for rule in table.rules],
            "fired_share": fired.mean(axis=0) if len(fired) else nothing,
            "mean_points": scores.contributions.mean(axis=0) if len(fired) else nothing,
            "conversion": nothing if outcome is None else _rates(outcome, fired),
            "conversion_else": nothing if outcome is None else _rates(outcome, ~fired),
        },
        schema_overrides=dict.fromkeys(
            ("fired_share", "mean_points", "conversion", "conversion_else"), pl.Float64
        ),
    )


def points_without(table: RuleTable, scores: RuleScores, index: int) -> npt.NDArray[np.float64]:
    """Give the totals that a table would give without one of its rules.

    Parameters
    ----------
    table : RuleTable
    scores : RuleScores
        What it gives to some rows.
    index : int
        Which rule to leave out.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
    """
    contributions = scores.contributions.copy()
    contributions[:, index] = 0.0
    total = total_of(table, group_sums(table, contributions))
    return np.where(scores.excluded, table.total.excluded, total)


def _rates(outcome: npt.NDArray[np.float64], of: npt.NDArray[np.bool_]) -> list[float | None]:
    counts, hits = of.sum(axis=0), outcome @ of
    return [hit / count if count else None for hit, count in zip(hits, counts, strict=True)]
