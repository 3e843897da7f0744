"""Points tables: one checked on a source's data, and one distilled from the learned model."""

from pathlib import Path

import polars as pl

from leadcast.features.base.errors import Fault, FaultsError, LeadcastError, describe_faults
from leadcast.features.base.files import write_text_out
from leadcast.features.base.ownership import refuse_foreign_file, refuse_inputs
from leadcast.features.definitions.load import find_definition
from leadcast.features.tables import Tables
from leadcast.models.comparison import Compared
from leadcast.models.comparison.result import Ranking
from leadcast.models.comparison.score_ranking import rank, replicate
from leadcast.models.data import Floats
from leadcast.models.distill import Distilled, as_markdown, distill
from leadcast.models.distill.cost import Cost
from leadcast.models.learners.learner_store import load_learner
from leadcast.models.rules import RuleScores, RuleTable, check_rules, evaluate, load_rules
from leadcast.models.rules.points import rule_effects
from leadcast.pipelines.base.compared import (
    ComparisonInputs,
    Points,
    RulePoints,
    ScoreColumn,
    test_rows,
)
from leadcast.pipelines.base.dataset import (
    LEARNING,
    learning_snapshots,
    read_calibrator,
    read_parts,
)
from leadcast.pipelines.base.params import ComparisonParams, load_params
from leadcast.pipelines.base.paths import RunFolder


def check_points(source: str, rules: Path) -> str:
    """Tell a points table's faults, and what each of its rules does on a source's data.

    Only the snapshots that the model learns from are looked at: whoever mends a table by what is
    told here has not looked at the test.
    """
    table = load_rules(rules)
    run = RunFolder(source)
    run.require(run.snapshots)
    tables = Tables.read(run.tables)
    rows = learning_snapshots(run)
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


def distill_named(
    source: str, max_rules: int = 15, out: Path | None = None, *, force: bool = False
) -> str:
    """Distil the model of a source's run into a points table, and tell what that costs.

    The table is fitted to the learning part alone; the test part only measures its cost.
    """
    run = RunFolder(source)
    run.require(run.test_scores)
    path = run.distilled if out is None else out
    page_path = path.with_suffix(".md")
    _refuse_unusable(run, path, page_path, force)
    tables = Tables.read(run.tables)
    found = distilled_from(run, tables, max_rules)
    page = as_markdown(found, cost_of(run, tables, found))
    heading = f"# Distilled from the model of {source}: leadcast distill {source}\n"
    for file, text in ((path, heading + found.text), (page_path, page)):
        write_text_out(file, text, force=force)
    return f"{page}\n  rules    {path}\n  page     {page_path}"


def _refuse_unusable(run: RunFolder, path: Path, page: Path, force: bool) -> None:
    if path.suffix not in (".yaml", ".yml"):
        raise LeadcastError(f"{path}: name the points table .yaml; its page is called {page.name}")
    refuse_inputs([path, page], run.results)
    for file in (path, page):
        refuse_foreign_file(file, force=force, quick=True)


def distilled_from(run: RunFolder, tables: Tables, max_rules: int) -> Distilled:
    """Distil the model of a run; see `leadcast.models.distill.distill`."""
    rows = learning_snapshots(run)
    title = f"Points distilled from the model of {run.source}"
    seed = load_params().seed
    outcome = rows["converted"].cast(pl.Float64).to_numpy()
    return distill(
        tables, rows, _probability(run), outcome, max_rules=max_rules, title=title, seed=seed
    )


def cost_of(run: RunFolder, tables: Tables, distilled: Distilled) -> Cost:
    """Compare the model with the distilled points and with those there were, on the test."""
    definition = find_definition(run.source)
    params = load_params().comparison.over(definition.comparison)
    existing = _existing(tables, params)
    has_column = isinstance(existing, ScoreColumn)
    after = definition.comparison.points_after_days if has_column else 0.0

    def rows_of(points: Points) -> pl.DataFrame:
        return test_rows(ComparisonInputs(run, tables, points, after, None))[0]

    rows = rows_of(RulePoints(distilled.table, tables))
    if existing is None:
        ranking, calls = _ranking(rows, params)
        return Cost(ranking, None, calls)
    old = rows_of(existing)
    # Leads without existing points are compared by neither.
    known = old["points"].is_not_null()
    before, _ = _ranking(old.filter(known), params)
    ranking, calls = _ranking(rows.filter(known), params)
    return Cost(ranking, before, calls)


def _ranking(rows: pl.DataFrame, params: ComparisonParams) -> tuple[Ranking, float]:
    compared = Compared.of(rows, (), params.call_landmark_days)
    capacities = compared.capacities(params.calls_per_week)
    listed = compared.on_list
    segments, _ = listed.segments()
    drawn = replicate(
        listed, capacities, segments, replicates=params.replicates, seed=load_params().seed
    )
    return rank(compared, capacities, drawn), capacities.calls_per_week


def _existing(tables: Tables, params: ComparisonParams) -> Points | None:
    if params.rules is not None:
        return RulePoints.of(tables, params.rules)
    if "rules_score" in tables.leads.columns:
        return ScoreColumn.of(tables, "rules_score")
    return None


def _probability(run: RunFolder) -> Floats:
    data = read_parts(run, LEARNING, None)
    return read_calibrator(run).probability(load_learner(run.learner).log_odds(data.values))
