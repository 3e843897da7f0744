"""From the points of rules to groups, the total, the grid's cell and the thresholds."""

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.models.rules.points_table import Axis, PointLimits, RuleTable

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def held_within(points: Floats, limits: PointLimits) -> Floats:
    """Add points up and hold the sum within limits.

    Parameters
    ----------
    points : ndarray of float64, shape (n_rows, n_parts)
        What is added.
    limits : PointLimits
        First what negative points may take away, then the most, then the least.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
    """
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
    """Add up the points of each group.

    Parameters
    ----------
    table : RuleTable
        The table.
    contributions : ndarray of float64, shape (n_rows, n_rules)
        What each rule gives.

    Returns
    -------
    dict of str to ndarray of float64, shape (n_rows,)
        Within the groups' limits, in the table's order.
    """
    of = np.array([rule.group for rule in table.rules])
    return {
        name: held_within(contributions[:, of == name], group)
        for name, group in table.groups.items()
    }


def total_of(table: RuleTable, groups: dict[str, Floats]) -> Floats:
    """Add up the groups.

    Parameters
    ----------
    table : RuleTable
        The table.
    groups : dict of str to ndarray of float64, shape (n_rows,)
        As `group_sums` gives them.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        Within the total's limits.
    """
    return held_within(np.column_stack(list(groups.values())), table.total)


def grades(table: RuleTable, groups: dict[str, Floats], excluded: Flags) -> pl.Series | None:
    """Find each row's cell of the grid.

    Parameters
    ----------
    table : RuleTable
        The table.
    groups : dict of str to ndarray of float64, shape (n_rows,)
        As `group_sums` gives them.
    excluded : ndarray of bool, shape (n_rows,)
        Rows that get none.

    Returns
    -------
    pl.Series or None, shape (n_rows,)
        None where the table has no grid.
    """
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
    """Tell which thresholds each row has reached.

    Parameters
    ----------
    table : RuleTable
        The table.
    points : ndarray of float64, shape (n_rows,)
        The totals.
    grade : pl.Series or None, shape (n_rows,)
        The cells.
    excluded : ndarray of bool, shape (n_rows,)
        Rows that reach none.

    Returns
    -------
    dict of str to ndarray of bool, shape (n_rows,)
    """
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
