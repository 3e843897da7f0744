"""The learned score against the points that marketing has, on the test snapshots."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import written_out, written_whole
from leadcast.features.base.ownership import (
    SOURCES,
    refuse_foreign_file,
    refuse_foreign_folder,
    refuse_inputs,
)
from leadcast.features.definitions.definition import SourceDefinition
from leadcast.features.definitions.load import find_definition
from leadcast.features.tables import Tables
from leadcast.models.comparison import Compared, Comparison, ComparisonQuestion, compare_scores
from leadcast.models.comparison.comparison_store import (
    KIND,
    LEADS,
    lead_frame,
    read_against_earlier,
    read_comparison,
    write_comparison,
    write_nothing,
)
from leadcast.models.comparison.points_effects import (
    AgainstEarlier,
    RuleParts,
    against_earlier,
    rule_parts,
)
from leadcast.models.comparison.value import Money
from leadcast.pipelines.base.compared import (
    ComparisonInputs,
    Points,
    RulePoints,
    ScoreColumn,
    described,
    learning_rows,
    past_rows,
    test_rows,
    use_content,
)
from leadcast.pipelines.base.params import ComparisonParams, load_params
from leadcast.pipelines.base.paths import RunFolder
from leadcast.pipelines.base.stage import run_stage
from leadcast.serve.page.file import render_comparison, render_nothing

STEPS = (
    "reading the run",
    "giving points to the test leads",
    "giving points to earlier leads",
    "comparing both scores",
    "looking at each rule",
    "writing the result",
)
"""What a comparison does, one after the other."""
Tell = Callable[[int], None]
"""Takes the number of the step that begins, from 0."""


@dataclass(frozen=True)
class ComparisonRequest:
    """What the command line asks for beyond the parameters."""

    rules: Path | None = None
    """A points table."""
    score_column: str | None = None
    """A column of the leads that holds points."""
    calls_per_week: float | None = None
    landmark_days: float | None = None
    """The age at which a lead stands on the call list."""
    html: Path | None = None
    """Where to write the page as well."""
    out: Path | None = None
    """The folder for the numbers; the run's own results then stay as they are."""
    force: bool = False
    """Whether the page may take the place of a file that Leadcast did not write."""

    def refuse_unusable(self, run: RunFolder) -> None:
        """Refuse places that Leadcast may not write to, before any work."""
        refuse_inputs([self.html, self.out], [*run.results, self.rules])
        if self.out is not None:
            refuse_foreign_folder(self.out, KIND, quick=True, is_named=True)
        if self.html is not None:
            refuse_foreign_file(self.html, force=self.force, quick=True)

    def places(self, run: RunFolder) -> tuple[Path, list[Path]]:
        """Tell where the numbers go, and the pages."""
        told = [] if self.html is None else [self.html]
        if self.out is not None:
            return self.out, told
        return run.comparison, [run.comparison_page, *told]


NOTHING_ASKED = ComparisonRequest()


def compare_stage(source: str) -> str:
    """Compare as the parameters and the source's definition say."""
    run = RunFolder(source)
    tables, definition = Tables.read(run.tables), find_definition(source)
    params = _params(definition)
    if params.rules is None and "rules_score" not in tables.leads.columns:
        reason = _no_points(source)
        write_nothing(run.comparison, reason)
        _write_page(run.comparison_page, render_nothing(definition.title, reason))
        return reason
    return _compared(run, tables, definition, NOTHING_ASKED).headline.words


def compare_named(source: str, asked: ComparisonRequest, tell: Tell = lambda _: None) -> str:
    """Compare as the command line asks, and tell what came out."""
    if asked.rules is not None and asked.score_column is not None:
        raise LeadcastError("--rules and --score-column: give one of them, not both")
    tell(0)
    definition, run = find_definition(source), RunFolder(source)
    run.require(run.test_scores)
    asked.refuse_unusable(run)
    found = _compared(run, Tables.read(run.tables), definition, asked, tell)
    folder, pages = asked.places(run)
    head = found.headline
    notes = (
        *filter(None, (head.sure, head.money)),
        *head.more,
        *_against_earlier_words(run, asked),
    )
    lines = [found.headline.words, *(f"  {note}" for note in notes)]
    lines += [f"  {words}" for words in (*found.swap.words[:1], *found.segments.words)]
    lines += [f"  page     {page}" for page in pages]
    return "\n".join([*lines, f"  numbers  {folder}"])


def compare_as_json(source: str, asked: ComparisonRequest) -> None:
    """Compare as `compare_named` does, and print a line of JSON for each step and for the end."""

    def tell(step: int) -> None:
        print(json.dumps({"step": step, "of": len(STEPS), "doing": STEPS[step]}), flush=True)

    words = compare_named(source, asked, tell)
    print(json.dumps({"step": len(STEPS), "of": len(STEPS), "told": words}), flush=True)


def _compared(
    run: RunFolder,
    tables: Tables,
    definition: SourceDefinition,
    asked: ComparisonRequest,
    tell: Tell = lambda _: None,
) -> Comparison:
    params, told = _params(definition, asked), definition.comparison
    points = _points(run.source, tables, params, asked)
    after = told.points_after_days if isinstance(points, ScoreColumn) else 0.0
    inputs = ComparisonInputs(run, tables, points, after, told.worked_from_points)
    every, found = compare_points(inputs, params, tell)
    question = _question(inputs, params)
    tell(4)
    parts = _parts(inputs, every.landmark_days, question)
    tell(5)
    folder, pages = asked.places(run)
    leads = lead_frame(every)
    earlier, is_named = _earlier(run, every, question, asked), asked.out is not None
    write_comparison(folder, found, leads, parts, earlier, is_named=is_named)
    if pages:
        page = render_comparison(found, leads, definition.title, use_content(run))
        for path in pages:
            _write_page(path, page, asked)
    return found


def compare_points(
    inputs: ComparisonInputs, params: ComparisonParams, tell: Tell = lambda _: None
) -> tuple[Compared, Comparison]:
    """Compare the learned score of a run with points.

    Parameters
    ----------
    inputs : ComparisonInputs
    params : ComparisonParams
        As they count, what the source's definition says included.
    tell : callable
        Is told which of `STEPS` begins.

    Returns
    -------
    every : Compared
        The test's snapshots with both scores.
    found : Comparison
    """
    tell(1)
    rows, dimensions, too_young = test_rows(inputs)
    every = Compared.of(rows, dimensions, params.call_landmark_days)
    tell(2)
    past = past_rows(inputs, every.landmark_days)
    tell(3)
    about = described(inputs, every)
    question = _question(inputs, params)
    return every, compare_scores(every, question, about, past, too_young=too_young)


def _question(inputs: ComparisonInputs, params: ComparisonParams) -> ComparisonQuestion:
    return ComparisonQuestion(
        source=inputs.run.source,
        points_from=inputs.points.words,
        calls_per_week=params.calls_per_week,
        money=Money(params.cost_per_call, params.value_per_customer, params.currency),
        replicates=params.replicates,
        seed=load_params().seed,
        points_after_days=inputs.points_after_days,
        worked_from=inputs.worked_from,
    )


def _parts(
    inputs: ComparisonInputs, landmark_days: float | None, question: ComparisonQuestion
) -> RuleParts | None:
    """Tell what each rule contributes, on the learning part: by it a table may be mended."""
    if not isinstance(inputs.points, RulePoints):
        return None
    every = learning_rows(inputs, landmark_days)
    table, scores = inputs.points.table, inputs.points.scores(every.frame)
    return rule_parts(table, every, scores, question.calls_per_week, seed=question.seed)


def _earlier(
    run: RunFolder, every: Compared, question: ComparisonQuestion, asked: ComparisonRequest
) -> AgainstEarlier | None:
    """Tell how the points do against those of the run's own comparison, which stays as it is."""
    leads = _own_leads(run, asked)
    if leads is None:
        return None
    return against_earlier(
        every,
        pl.read_parquet(leads),
        question.calls_per_week,
        replicates=question.replicates,
        seed=question.seed,
    )


def _own_leads(run: RunFolder, asked: ComparisonRequest) -> Path | None:
    leads = run.comparison / LEADS
    return leads if asked.out is not None and leads.exists() else None


def _against_earlier_words(run: RunFolder, asked: ComparisonRequest) -> tuple[str, ...]:
    if _own_leads(run, asked) is None:
        return ()
    earlier = read_against_earlier(asked.places(run)[0])
    if earlier is not None:
        return (earlier.words,)
    words = "No lead on this call list has points in the run's own comparison at the same moment"
    days = read_comparison(run.comparison).about.call_landmark_days
    return (
        words + ("." if days is None else f"; --landmark-days {days:g} sets both side by side."),
    )


def _params(
    definition: SourceDefinition, asked: ComparisonRequest = NOTHING_ASKED
) -> ComparisonParams:
    said = {
        "calls_per_week": asked.calls_per_week,
        "call_landmark_days": asked.landmark_days,
    }
    params = load_params().comparison.over(definition.comparison)
    return params.model_copy(update={key: one for key, one in said.items() if one is not None})


def _points(
    source: str, tables: Tables, params: ComparisonParams, asked: ComparisonRequest
) -> Points:
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


def _write_page(path: Path, page: str, asked: ComparisonRequest = NOTHING_ASKED) -> None:
    is_named = path == asked.html
    with written_out(path, force=asked.force) if is_named else written_whole(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    run_stage("compare", compare_stage)
