"""Points of many leads, each at its moment, from the answers of the rules to the thresholds.

Examples
--------
>>> from pathlib import Path
>>> from leadcast.models.rules import evaluate, load_rules
>>> table = load_rules(Path("data/rules/demo_hubspot.yaml"))
>>> scores = evaluate(table, tables.leads, tables.events, snapshots)  # doctest: +SKIP
>>> scores.points, scores.groups["fit"]  # doctest: +SKIP
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.base.errors import FaultsError
from leadcast.models.rules.answers import Flags, column_faults
from leadcast.models.rules.points_table import Axis, PointLimits, Rule, RuleTable
from leadcast.models.rules.rule_loop import Floats
from leadcast.models.rules.rule_rows import Block, blocks_of


def held_within(points: Floats, limits: PointLimits) -> Floats:
    """Add points up and hold the sum within limits."""
    total: Floats = points.sum(axis=1)
    if limits.negative_limit is not None:
        taken = np.minimum(points, 0.0).sum(axis=1)
        total = total - taken + np.maximum(taken, -limits.negative_limit)
    if limits.limit is not None:
        total = np.minimum(total, limits.limit)
    if limits.floor is not None:
        total = np.maximum(total, limits.floor)
    return total


def group_sums(table: RuleTable, contributions: Floats) -> dict[str, Floats]:
    """Add up the points of each group."""
    of = np.array([rule.group for rule in table.rules])
    return {
        name: held_within(contributions[:, of == name], group)
        for name, group in table.groups.items()
    }


def total_of(table: RuleTable, groups: dict[str, Floats]) -> Floats:
    """Add up the groups."""
    return held_within(np.column_stack(list(groups.values())), table.total)


def grades(table: RuleTable, groups: dict[str, Floats], excluded: Flags) -> pl.Series | None:
    """Find each row's cell of the grid."""
    if table.grid is None:
        return None
    fit, engagement = (
        _band(groups[axis.group], axis) for axis in (table.grid.fit, table.grid.engagement)
    )
    cells = pl.Series("grade", table.grid.cells())
    found = cells[fit * len(table.grid.engagement.bands) + engagement]
    return found.set(pl.Series(excluded), None)


def reached(
    table: RuleTable, points: Floats, grade: pl.Series | None, excluded: Flags
) -> dict[str, Flags]:
    """Tell which thresholds each row has reached."""
    found: dict[str, Flags] = {}
    for name, threshold in table.thresholds.items():
        if threshold.points is not None:
            found[name] = (points >= threshold.points) & ~excluded
        elif grade is not None:
            inside = grade.is_in(list(threshold.cells or ())).fill_null(value=False)
            found[name] = inside.to_numpy().astype(np.bool_)
    return found


def _band(points: Floats, axis: Axis) -> npt.NDArray[np.int64]:
    # The first band whose least points are reached; the last band where none is.
    reached_any = points[:, None] >= np.array(list(axis.bands.values()))
    return np.where(reached_any.any(axis=1), reached_any.argmax(axis=1), len(axis.bands) - 1)


@dataclass(frozen=True)
class RuleScores:
    """What a points table gives to some rows.

    Parameters
    ----------
    points : ndarray of float64, shape (n_rows,)
        The total, after all limits and exclusions.
    groups : dict of str to ndarray of float64, shape (n_rows,)
        Each group's points, after its limits; exclusions do not change them.
    contributions : ndarray of float64, shape (n_rows, n_rules)
        What each rule gives, after its own limit and before those of its group.
    rules : tuple of str
        The rules' names, in the order of `contributions`.
    fired : ndarray of bool, shape (n_rows, n_rules)
        Whether the rule's conditions hold.
    excluded : ndarray of bool, shape (n_rows,)
        Whether an exclusion takes the lead out.
    grade : pl.Series or None, shape (n_rows,)
        The cell of the grid, such as ``"A1"``; null for the excluded. None without a grid.
    reached : dict of str to ndarray of bool, shape (n_rows,)
        For each threshold, whether it is reached; never by the excluded.
    """

    points: Floats
    groups: dict[str, Floats]
    contributions: Floats
    rules: tuple[str, ...]
    fired: Flags
    excluded: Flags
    grade: pl.Series | None
    reached: dict[str, Flags]

    def in_words(self, row: int) -> tuple[str, ...]:
        """Tell which rules gave points to a row, the most first, and what limits took away.

        Parameters
        ----------
        row : int

        Returns
        -------
        tuple of str
            Their points add up to the row's.
        """
        given = self.contributions[row]
        order = np.argsort(-np.abs(given), kind="stable")
        told = [f"{_signed(given[i])} {self.rules[i]}" for i in order if given[i] != 0]
        rest = float(self.points[row] - given.sum())
        return (*told, f"{_signed(rest)} by limits") if abs(rest) > 1e-9 else tuple(told)


def evaluate(
    table: RuleTable,
    leads: pl.DataFrame,
    events: pl.DataFrame | pl.LazyFrame | None,
    rows: pl.DataFrame,
) -> RuleScores:
    """Add up the points of leads at moments.

    An event counts where it was known, as for the features: ``occurred_at < as_of``. Attributes
    count as they stood then, where leads have a history of them, else as the table has them.

    Parameters
    ----------
    table : RuleTable
        The points table.
    leads : pl.DataFrame
        As `leadcast.features.tables.Tables.leads`; has every attribute that the rules name.
    events : pl.DataFrame or pl.LazyFrame or None
        As `leadcast.features.tables.Tables.events`; None where there are none.
    rows : pl.DataFrame, shape (n_rows, ...)
        ``lead_id`` and, where anything depends on it, ``as_of``.

    Returns
    -------
    RuleScores
        In the order of `rows`.

    Raises
    ------
    FaultsError
        If a column that a rule names is not there, or the tables are not as described.
    """
    faults = column_faults(table, leads, events)
    if faults:
        raise FaultsError(f"points table {table.file}", faults)
    n_rows, n_rules = rows.height, len(table.rules)
    contributions, fired = np.zeros((n_rows, n_rules)), np.zeros((n_rows, n_rules), np.bool_)
    excluded = np.zeros(n_rows, np.bool_)
    for block in blocks_of(table, leads, events, rows):
        for index, rule in enumerate(table.rules):
            fired[block.rows, index] = held = block.holds(rule.when)
            contributions[block.rows, index] = _points(rule, held, block)
        for exclusion in table.exclusions:
            excluded[block.rows] |= block.holds(exclusion.when)
    groups = group_sums(table, contributions)
    points = np.where(excluded, table.total.excluded, total_of(table, groups))
    grade = grades(table, groups, excluded)
    return RuleScores(
        points=points,
        groups=groups,
        contributions=contributions,
        rules=tuple(rule.name for rule in table.rules),
        fired=fired,
        excluded=excluded,
        grade=grade,
        reached=reached(table, points, grade, excluded),
    )


def _points(rule: Rule, held: Flags, block: Block) -> Floats:
    points = np.where(held, rule.points, 0.0)
    if rule.each or rule.decay is not None:
        points *= block.share(rule.when.events()[0])
    return points if rule.limit is None else np.clip(points, -rule.limit, rule.limit)


def _signed(points: float) -> str:
    return f"{points:+.4g}".replace("-", "−")


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


def points_without(table: RuleTable, scores: RuleScores, index: int) -> Floats:
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


def _rates(outcome: Floats, of: Flags) -> list[float | None]:
    counts, hits = of.sum(axis=0), outcome @ of
    return [hit / count if count else None for hit, count in zip(hits, counts, strict=True)]
