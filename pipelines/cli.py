"""The command line: ``leadcast COMMAND``; every command imports what it needs when it runs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from features.errors import LeadcastError
from pipelines import cli_serve
from pipelines.score_command import add_score_commands
from pipelines.sign import sign

app = typer.Typer(
    name="leadcast",
    help="Calibrated lead scoring: the probability that a lead becomes a paying customer.",
    epilog="\b\nExamples:\n  leadcast run\n  leadcast check x_education\n  leadcast score --help",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)

rules = typer.Typer(
    help="Points tables, as marketing teams keep them.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(rules, name="rules")

Source = Annotated[
    str, typer.Argument(help="A source's name: that of a file data/sources/NAME.yaml.")
]

Force = Annotated[
    bool,
    typer.Option(
        "--force", help="Replace files that Leadcast did not write, or that were edited since."
    ),
]


@app.callback()
def commands() -> None:
    """Calibrated lead scoring: the probability that a lead becomes a paying customer."""


@app.command(epilog="\b\nExamples:\n  leadcast run\n  leadcast run x_education")
def run(source: Source = "demo") -> None:
    """Run the whole pipeline on a source and print what came out.

    Only what is out of date is run; the results lie in data/runs/SOURCE.
    """
    from pipelines.run import run_pipeline

    print(run_pipeline(source))


@app.command(epilog="\b\nExamples:\n  leadcast check demo\n  leadcast check bpi2012")
def check(source: Source) -> None:
    """Read a source's definition and data and tell every fault at once, before any work.

    Nothing is written: data that a simulator makes are made aside and removed again.
    """
    from pipelines.check import check as check_named

    print(check_named(source))


@app.command(
    epilog="\b\nExamples:\n  leadcast delays demo\n"
    "  leadcast delays bpi2012 --html delays.html --svg delays.svg"
)
def delays(
    source: Source,
    html: Annotated[Path | None, typer.Option(help="Draw it: a page to write.")] = None,
    svg: Annotated[Path | None, typer.Option(help="Draw it: a picture to write.")] = None,
    force: Force = False,
) -> None:
    """Tell how long winners take, what the horizon catches of them, and advise a horizon."""
    from pipelines.delays import tell_delays

    print(tell_delays(source, html, svg, force=force))


@app.command(
    epilog="\b\nExamples:\n"
    "  leadcast simulate --out /tmp/world\n"
    "  leadcast simulate --leads 1000000 --seed 3 --out /tmp/large"
)
def simulate(
    out: Annotated[
        Path, typer.Option(help="The folder to write: a new or empty one, or an earlier world.")
    ],
    leads: Annotated[int, typer.Option(min=1, help="How many leads.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same world.")] = 1,
) -> None:
    """Simulate the demo's seller: leads, events, outcomes and the true probabilities."""
    from pipelines.raw import simulate_with_progress

    simulate_with_progress(leads, seed, out)
    print(f"{leads:,} leads written to {out}")


add_score_commands(app)


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
            help="Write the numbers to this folder (new, or an earlier comparison), and leave "
            "the run's own alone."
        ),
    ] = None,
    force: Force = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Tell each step and the end as a line of JSON.")
    ] = False,
) -> None:
    """Compare the learned score with the points that marketing has, on the same test leads.

    The source must have been run. What is said holds for leads that no model has learned from;
    the results lie in data/runs/SOURCE/comparison and comparison.html.
    """
    from pipelines.compare import Asked, compare_as_json, compare_named

    asked = Asked(rules, score_column, calls_per_week, landmark_days, html, out, force)
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
        typer.Option(help="The table to write, YAML; a page beside it has the ending .md."),
    ] = None,
    force: Force = False,
) -> None:
    """Distil the learned model into integer points that a CRM can evaluate, and tell the cost."""
    from pipelines.distill import distill_named

    print(distill_named(source, max_rules, out, force=force))


@rules.command(
    "check", epilog="\b\nExample:\n  leadcast rules check demo --rules data/rules/demo_hubspot.yaml"
)
def check_points(
    source: Source,
    rules: Annotated[Path, typer.Option(help="The points table, a YAML file.")],
) -> None:
    """Tell the faults of a points table, and what each rule does on a source's data."""
    from pipelines.rules import check_points

    print(check_points(source, rules))


app.command(
    epilog="\b\nExamples:\n"
    "  leadcast serve --bundle data/runs/demo/bundle\n"
    "  leadcast api-key create --file keys.json --name crm\n"
    "  leadcast serve --bundle models:/leadcast@champion --keys keys.json \\\n"
    "      --host 0.0.0.0 --workers 2"
)(cli_serve.serve)
app.add_typer(cli_serve.api_key, name="api-key")
app.command(
    epilog="\b\nExamples:\n  leadcast sign --new-key ours\n"
    "  leadcast sign /srv/bundle --key ours.pem"
)(sign)


def main() -> None:
    """Run the command line; an error that the user can mend is told without a traceback."""
    try:
        app()
    except (LeadcastError, OSError) as error:
        # What the system refuses, a user can mend: a path, its rights, a full disk.
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
