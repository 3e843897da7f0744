"""Commands about points tables and how they compare with the learned score."""

from pathlib import Path
from typing import Annotated

import typer

from leadcast.pipelines.commands.app import FILE, FOLDER, Force, Source, app, rules


@app.command(
    epilog="\b\nExamples:\n"
    "  leadcast compare demo\n"
    "  leadcast compare demo --calls-per-week 60 --html comparison.html\n"
    "  leadcast compare demo --rules data/rules/demo_hubspot.yaml\n"
    "  leadcast compare demo --rules data/rules/demo_eloqua.yaml --out /tmp/eloqua --json\n"
    "  leadcast compare x_education --score-column rules_score"
)
def compare(
    source: Source,
    rules: Annotated[
        Path | None, typer.Option(help="Compare with this points table (YAML).")
    ] = None,
    score_column: Annotated[
        str | None,
        typer.Option(help="Compare with this column of the leads (a number), say rules_score."),
    ] = None,
    calls_per_week: Annotated[
        float | None, typer.Option(min=0.01, help="How many leads sales can call in a week.")
    ] = None,
    landmark_days: Annotated[
        float | None,
        typer.Option(min=0, help="At which age a lead stands on the call list, in days."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write the page to this file as well, self-contained.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar=FOLDER,
            help="Write the numbers to this folder (new, or an earlier comparison), and leave "
            "the run's own alone.",
        ),
    ] = None,
    force: Force = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Report each step and the result as lines of JSON.")
    ] = False,
) -> None:
    """Compare the learned score with the points that marketing has, on the same test leads.

    The source must have been run. It compares on the test part, from which no model has
    learned; the results lie in data/runs/SOURCE/comparison and comparison.html.
    """
    from leadcast.pipelines.compare import ComparisonRequest, compare_as_json, compare_named

    asked = ComparisonRequest(rules, score_column, calls_per_week, landmark_days, html, out, force)
    if as_json:
        compare_as_json(source, asked)
    else:
        print(compare_named(source, asked))


@app.command(
    epilog="\b\nExamples:\n"
    "  leadcast distill demo\n"
    "  leadcast distill demo --max-rules 10 --out data/rules/mine.yaml"
)
def distill(
    source: Source,
    max_rules: Annotated[int, typer.Option(help="How many rules at most.")] = 15,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar=FILE,
            help="Write the table to this file, YAML; a page beside it has the ending .md.",
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Distil the learned model into integer points for a CRM, and measure what that costs."""
    from leadcast.pipelines.insight.rules import distill_named

    print(distill_named(source, max_rules, out, force=force))


@rules.command(
    "check", epilog="\b\nExample:\n  leadcast rules check demo --rules data/rules/demo_hubspot.yaml"
)
def check_points(
    source: Source,
    rules: Annotated[Path, typer.Option(help="The points table, a YAML file.")],
) -> None:
    """List the issues of a points table, and what each rule does on a source's data."""
    from leadcast.pipelines.insight.rules import check_points

    print(check_points(source, rules))
