"""The learned score against the points that marketing has, on the test snapshots."""

from dataclasses import dataclass
from pathlib import Path

from features.errors import LeadcastError
from features.files import written_whole
from features.sources.definition import SourceDefinition
from features.sources.load import find_definition
from features.tables import Tables
from models.comparison import Compared, Comparison, Question, compare_scores
from models.comparison.leads import lead_frame
from models.comparison.page import render_comparison, render_nothing
from models.comparison.store import write_comparison, write_nothing
from models.comparison.value import Money
from pipelines.compared import Inputs, described, past_rows, test_rows
from pipelines.params import ComparisonParams, load_params
from pipelines.paths import SOURCES, RunFolder
from pipelines.points import Points, RulePoints, ScoreColumn
from pipelines.stage import run_stage


@dataclass(frozen=True)
class Asked:
    """What the command line asks for beyond the parameters.

    Parameters
    ----------
    rules : Path or None
        A points table.
    score_column : str or None
        A column of the leads that holds points.
    calls_per_week : float or None
    html : Path or None
        Where to write the page as well.
    """

    rules: Path | None = None
    score_column: str | None = None
    calls_per_week: float | None = None
    html: Path | None = None


def compare_stage(source: str) -> str:
    """Compare as the parameters and the source's definition say.

    Parameters
    ----------
    source : str
        The source's name.

    Returns
    -------
    str
        The headline; or why there is nothing to compare.
    """
    run = RunFolder(source)
    tables, definition = Tables.read(run.tables), find_definition(source, SOURCES)
    params = _params(definition)
    if params.rules is None and "rules_score" not in tables.leads.columns:
        reason = _no_points(source)
        write_nothing(run.comparison, reason)
        _write_page(run.comparison_page, render_nothing(definition.title, reason))
        return reason
    return _compared(run, tables, definition, Asked()).headline.words


def compare_named(source: str, asked: Asked) -> str:
    """Compare as the command line asks, and tell what came out.

    Parameters
    ----------
    source : str
        The source's name.
    asked : Asked

    Returns
    -------
    str
        The headline, what to know beside it, and where the results lie.

    Raises
    ------
    LeadcastError
        If the source has not been run, has no points, or the points cannot be read.
    """
    if asked.rules is not None and asked.score_column is not None:
        raise LeadcastError("--rules and --score-column: give one of them, not both")
    definition, run = find_definition(source, SOURCES), RunFolder(source)
    if not run.test_scores.exists():
        raise LeadcastError(
            f"{run.test_scores}: there is no such file; `leadcast run {source}` makes it"
        )
    found = _compared(run, Tables.read(run.tables), definition, asked)
    lines = [found.headline.words, *(f"  {note}" for note in found.headline.more)]
    lines += [f"  {words}" for words in (*found.swap.words[:1], *found.segments.words)]
    pages = [run.comparison_page] if asked.html is None else [run.comparison_page, asked.html]
    lines += [f"  page     {page}" for page in pages]
    return "\n".join([*lines, f"  numbers  {run.comparison}"])


def _compared(
    run: RunFolder, tables: Tables, definition: SourceDefinition, asked: Asked
) -> Comparison:
    params, told = _params(definition), definition.comparison
    points = _points(run.source, tables, params, asked)
    after = told.points_after_days if isinstance(points, ScoreColumn) else 0.0
    inputs = Inputs(run, tables, points, after, told.worked_from_points)
    rows, dimensions, too_young = test_rows(inputs)
    every = Compared.of(rows, dimensions, params.call_landmark_days)
    calls = asked.calls_per_week if asked.calls_per_week is not None else params.calls_per_week
    question = Question(
        source=run.source,
        points_from=points.words,
        calls_per_week=calls,
        money=Money(params.cost_per_call, params.value_per_customer),
        replicates=params.replicates,
        seed=load_params().seed,
        points_after_days=after,
        worked_from=inputs.worked_from,
    )
    past = past_rows(inputs, every.landmark_days)
    found = compare_scores(every, question, described(inputs, every), past, too_young=too_young)
    write_comparison(run.comparison, found, lead_frame(every))
    page = render_comparison(found, definition.title)
    for path in filter(None, (run.comparison_page, asked.html)):
        _write_page(path, page)
    return found


def _params(definition: SourceDefinition) -> ComparisonParams:
    return load_params().comparison.over(definition.comparison)


def _points(source: str, tables: Tables, params: ComparisonParams, asked: Asked) -> Points:
    if asked.score_column is not None:
        return ScoreColumn.of(tables, asked.score_column)
    rules = asked.rules if asked.rules is not None else params.rules
    if rules is not None:
        return RulePoints.of(tables, rules)
    if "rules_score" not in tables.leads.columns:
        raise LeadcastError(_no_points(source))
    return ScoreColumn.of(tables, "rules_score")


def _no_points(source: str) -> str:
    return (
        f"{source} has no points to compare with: name the export's score column as "
        f"tables.leads.rules_score in {SOURCES / source}.yaml, or give a points table (YAML) by "
        "--rules or the parameter comparison.rules"
    )


def _write_page(path: Path, page: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    run_stage("compare", compare_stage)
