"""Points of many leads, each at its moment: `evaluate` runs a table over snapshots.

Examples
--------
>>> from pathlib import Path
>>> from models.rules import evaluate, load_rules
>>> table = load_rules(Path("data/rules/demo_hubspot.yaml"))
>>> scores = evaluate(table, tables.leads, tables.events, snapshots)  # doctest: +SKIP
>>> scores.points, scores.groups["fit"]  # doctest: +SKIP
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from features.errors import FaultsError
from models.rules.answers import Flags
from models.rules.columns import column_faults
from models.rules.rows import Block, blocks_of
from models.rules.sums import Floats, grades, group_sums, reached, total_of
from models.rules.table import Rule, RuleTable


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
    count as the table of leads has them.

    Parameters
    ----------
    table : RuleTable
        The points table.
    leads : pl.DataFrame
        As `features.tables.Tables.leads`; has every attribute that the rules name.
    events : pl.DataFrame or pl.LazyFrame or None
        As `features.tables.Tables.events`; None where there are none.
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
