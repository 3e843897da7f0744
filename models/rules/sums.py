"""From the points of rules to groups, the total, the grid's cell and the thresholds."""

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.models.rules.points_table import Axis, PointLimits, RuleTable

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


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
