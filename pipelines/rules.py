"""``leadcast rules check``: a points table against a source's data."""

from pathlib import Path

import polars as pl

from leadcast.features.base.errors import Fault, FaultsError, LeadcastError, describe_faults
from leadcast.features.tables import Tables
from leadcast.models.rules import RuleScores, RuleTable, check_rules, evaluate, load_rules
from leadcast.models.rules.points import rule_effects
from leadcast.pipelines.dataset import LEARNING, used_snapshots
from leadcast.pipelines.paths import RunFolder

RULES = Path("data/rules")
"""The folder of the shipped points tables."""


def check_points(source: str, rules: Path) -> str:
    """Tell a points table's faults, and what each of its rules does on a source's data.

    Only the snapshots that the model learns from are looked at: whoever mends a table by what is
    told here has not looked at the test.
    """
    table = load_rules(rules)
    run = RunFolder(source)
    if not run.snapshots.exists():
        raise LeadcastError(f"{run.snapshots}: there is no such file; first leadcast run {source}")
    tables = Tables.read(run.tables)
    rows = used_snapshots(run).filter(pl.col("part").is_in(LEARNING))
    converted = rows["converted"].cast(pl.Float64).to_numpy()
    data = (tables.leads, tables.events, rows)
    errors = [fault for fault in check_rules(table, *data[:2], rows.clear()) if _stops(fault)]
    if errors:
        raise FaultsError(f"points table {rules}", errors)
    scores = evaluate(table, *data)
    faults = check_rules(table, *data, converted, scores)
    heading = describe_faults(f"points table {rules} on source {source!r}", faults)
    base = (
        f"{rows.height:,} snapshots of the learning part, {converted.mean():.2%} of them customers"
    )
    return "\n\n".join([heading, base + ":\n" + _of_rules(table, scores, rows), _in_short(scores)])


def _stops(fault: Fault) -> bool:
    return fault.severity == "error"


def _of_rules(table: RuleTable, scores: RuleScores, rows: pl.DataFrame) -> str:
    effects = rule_effects(table, scores, rows["converted"].cast(pl.Float64).to_numpy())
    width = max(len(name) for name in effects["rule"])
    lines = [f"{'rule':{width}}  {'points':>7}  {'fires':>6}  {'mean':>6}  {'won':>6}  {'else':>6}"]
    for rule, _, points, fired, mean, won, rest in effects.iter_rows():
        shares = "  ".join(f"{'-' if it is None else format(it, '.1%'):>6}" for it in (won, rest))
        lines.append(f"{rule:{width}}  {points:>+7g}  {fired:>6.1%}  {mean:>+6.1f}  {shares}")
    lines.append("won, else: who became customers where the rule fires, and where it does not")
    return "\n".join(lines)


def _in_short(scores: RuleScores) -> str:
    low, middle, high = (
        float(pl.Series(scores.points).quantile(q) or 0) for q in (0.05, 0.5, 0.95)
    )
    lines = [f"points: 5 % have at most {low:g}, half at most {middle:g}, 5 % more than {high:g}"]
    lines += [f"{name}: reached by {flags.mean():.1%}" for name, flags in scores.reached.items()]
    if scores.excluded.any():
        lines.append(f"excluded: {scores.excluded.mean():.1%}")
    if scores.grade is not None:
        counts = scores.grade.value_counts(sort=True).drop_nulls()
        cells = ", ".join(
            f"{cell} {count / len(scores.grade):.1%}" for cell, count in counts.iter_rows()
        )
        lines.append(f"cells of the grid: {cells}")
    return "\n".join(lines)
