"""A points table distilled from a learned model, as a CRM can evaluate it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.definitions.yaml_lines import yaml_text
from leadcast.features.tables import Tables
from leadcast.models.data import Floats, Integers
from leadcast.models.distill.candidates import PointsCandidate, candidates_of
from leadcast.models.distill.points_choice import (
    MOST_RULES,
    Flags,
    as_points,
    group_points,
    limits_of,
    select,
)
from leadcast.models.rules import RuleTable, evaluate, parse_rules

MOST_ROWS = 100_000
"""More rows than these are drawn from, which bounds the time and the memory."""
MODEL_SHARE = 0.9
"""How much of the target is the model's probability; the rest is the outcome.

The model has seen all that the outcomes tell, with less noise than a few hundred conversions have.
"""
_BATCH = 120
_BANDS = {"fit": ("A", "B", "C", "D"), "engagement": ("1", "2", "3", "4")}
_BAND_QUANTILES = (0.9, 0.7, 0.4)
_CALL_QUANTILE = 0.8


@dataclass(frozen=True)
class Distilled:
    """A distilled table.

    Parameters
    ----------
    text : str
        The points table, as YAML.
    table : RuleTable
        The same, read.
    candidates : int
        Of how many conditions the rules were chosen.
    rows : int
        From how many snapshots.
    """

    text: str
    table: RuleTable
    candidates: int
    rows: int


def distill(
    tables: Tables,
    rows: pl.DataFrame,
    probability: Floats,
    converted: Floats,
    *,
    max_rules: int = 15,
    title: str = "",
    seed: int = 0,
) -> Distilled:
    """Fit a table of integer points to a model and to the outcomes.

    Parameters
    ----------
    tables : Tables
        Leads and events.
    rows : pl.DataFrame, shape (n_rows, ...)
        ``lead_id`` and, where the source is dated, ``as_of``: snapshots of the learning part.
    probability : ndarray of float64, shape (n_rows,)
        What the model gives them.
    converted : ndarray of float64, shape (n_rows,)
        1 for a customer, else 0.
    max_rules : int
        How many rules at most, 1 to `leadcast.models.distill.points_choice.MOST_RULES`.
    title : str
        The table's title.
    seed : int
        Of the draw from more than `MOST_ROWS` rows.

    Returns
    -------
    Distilled

    Raises
    ------
    LeadcastError
        If `max_rules` is out of its range, or no condition tells the snapshots apart.
    """
    if not 1 <= max_rules <= MOST_RULES:
        raise LeadcastError(f"--max-rules: found {max_rules}; expected 1 to {MOST_RULES}")
    drawn = _drawn(rows.height, seed)
    rows, target = rows[drawn], (MODEL_SHARE * probability + (1 - MODEL_SHARE) * converted)[drawn]
    candidates = candidates_of(tables, rows, target)
    holds = truths(candidates, tables, rows)
    families = [one.family if one.one_sign else None for one in candidates]
    model = select(holds, target, families, max_rules)
    if not model.chosen:
        raise LeadcastError(
            f"none of {len(candidates)} conditions tells the {rows.height:,} snapshots apart: "
            "there is nothing to make points of; bring more leads or more attributes"
        )
    chosen = [candidates[place] for place in model.chosen]
    points, holds = as_points(model), holds[:, list(model.chosen)]
    limits = limits_of(holds, points, [one.group for one in chosen], target)
    words = _table_words(chosen, points, holds, limits, title)
    text = yaml_text(words)
    return Distilled(text, parse_rules(text, "the distilled table"), len(candidates), rows.height)


def truths(candidates: Sequence[PointsCandidate], tables: Tables, rows: pl.DataFrame) -> Flags:
    """Answer every candidate for every row, by the engine that will run the table."""
    holds = np.empty((rows.height, len(candidates)), dtype=np.bool_)
    for start in range(0, len(candidates), _BATCH):
        batch = candidates[start : start + _BATCH]
        rules = [{"name": one.name, "points": 1, "when": one.when} for one in batch]
        table = RuleTable.model_validate({"rules": rules})
        scores = evaluate(table, tables.leads, tables.events, rows)
        holds[:, start : start + len(batch)] = scores.fired
    return holds


def _drawn(n_rows: int, seed: int) -> Integers:
    if n_rows <= MOST_ROWS:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(seed).choice(n_rows, MOST_ROWS, replace=False))


def _table_words(
    chosen: Sequence[PointsCandidate],
    points: Integers,
    holds: Flags,
    limits: dict[str, int],
    title: str,
) -> dict[str, Any]:
    groups = [one.group for one in chosen]
    sums = {
        name: np.minimum(given, limits.get(name, np.inf))
        for name, given in group_points(holds, points, groups).items()
    }
    total = np.sum(list(sums.values()), axis=0)
    words: dict[str, Any] = {"title": title, "groups": {}}
    for name in sums:
        words["groups"][name] = {"limit": limits[name]} if name in limits else {}
    words["thresholds"] = {"call": int(np.quantile(total, _CALL_QUANTILE, method="higher"))}
    grid = _grid_words(sums)
    if grid is not None:
        words["grid"] = grid
    # By group, the most points first: the order in which somebody would type them in.
    order = sorted(range(len(chosen)), key=lambda at: (groups[at] != "fit", -points[at]))
    words["rules"] = [
        {
            "name": chosen[at].name,
            "group": groups[at],
            "points": int(points[at]),
            "when": chosen[at].when,
        }
        for at in order
    ]
    return words


def _grid_words(sums: dict[str, Floats]) -> dict[str, Any] | None:
    """Cut both groups into four bands; None where one of them has too few different sums."""
    axes: dict[str, Any] = {}
    for name, names in _BANDS.items():
        if name not in sums:
            return None
        cuts = [int(np.quantile(sums[name], q, method="higher")) for q in _BAND_QUANTILES]
        lowest = int(sums[name].min())
        if sorted({*cuts, lowest}, reverse=True) != [*cuts, lowest]:
            return None
        axes[name] = {
            "group": name,
            "bands": dict(zip(names, [*cuts, lowest], strict=True)),
        }
    return axes
