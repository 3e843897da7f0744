"""Commands about a source: run it, draft and check it, ask what its data tell."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from leadcast.pipelines.commands.app import FILE, FOLDER, CrmExport, Force, Match, Source, app


@app.command(
    epilog="\b\nExamples:\n  leadcast run\n  leadcast run x_education\n"
    "  leadcast run ours --add --quiet\n\n"
    "\b\nExit codes: 0 run, or up to date; 1 a stage failed, or refused."
)
def run(
    source: Source = "demo",
    add: Annotated[
        bool,
        typer.Option(
            "--add", help="Once it has run, add it to the sources in params.yaml, for DVC."
        ),
    ] = False,
) -> None:
    """Run the whole pipeline on a source and print what came out.

    Only what is out of date is run; the results lie in data/runs/SOURCE. No file of yours is
    changed: params.yaml only with --add.
    """
    from leadcast.pipelines.lifecycle.run import run_pipeline

    print(run_pipeline(source, add=add))


@app.command(
    epilog="\b\nExamples:\n  leadcast new my-leads\n  leadcast new .\n\n"
    "Then: cd my-leads; leadcast init ours ../export; leadcast run ours."
)
def new(
    folder: Annotated[
        Path, typer.Argument(help="The folder: a new one, or one whose own files stay.")
    ],
) -> None:
    """Make a new project: parameters, stages, the template of a definition, and the demo.

    It stands anywhere on the disk, and needs no copy of Leadcast's own code. In a git repository
    DVC goes by it; elsewhere it works without.
    """
    from leadcast.pipelines.insight.new_project import new_project

    print(new_project(folder))


@app.command(
    epilog="\b\nExamples:\n  leadcast init ours data/raw/ours\n"
    "  leadcast init ours --from salesforce data/raw/ours\n"
    "  leadcast init ours data/raw/ours --leads leads.csv --time-zone Europe/Berlin\n"
    "  leadcast init ours --database-env CRM_DATABASE_URL"
)
def init(
    name: Annotated[str, typer.Argument(help="The new source's name: lower-case letters and _.")],
    folder: Annotated[
        Path | None, typer.Argument(help="The folder of the export: CSV, Parquet, gzip.")
    ] = None,
    crm: Annotated[
        CrmExport | None, typer.Option("--from", help="Whose export it is, if one of these CRMs'.")
    ] = None,
    database_env: Annotated[
        str | None,
        typer.Option(help="Instead of a folder: the environment variable with a database's URL."),
    ] = None,
    leads: Annotated[
        str | None, typer.Option(help="The file or table with one row a lead, where it is unclear.")
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="The zone of times that name none, say Europe/Berlin.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar=FILE, help="Write the draft to this file instead of data/sources/NAME.yaml."
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Look at an export and draft its source definition, with every guess marked.

    It finds out which file holds what, how times and numbers are written, how leads ended, and
    which columns must not be read. What it cannot know stands as TO DO in the file.
    """
    from leadcast.pipelines.insight.init import InitRequest, draft_source

    wanted = InitRequest(name, folder, crm, database_env, leads, time_zone, out, force)
    print(draft_source(wanted))


@app.command(
    epilog="\b\nExamples:\n  leadcast check demo\n"
    "  leadcast check bpi2012 --html profile.html --json profile.json\n"
    "  leadcast check x_education --json -"
)
def check(
    source: Source,
    html: Annotated[Path | None, typer.Option(help="The page to write, self-contained.")] = None,
    json: Annotated[
        Path | None,
        typer.Option(help="The JSON file to write; - prints the JSON in place of the text."),
    ] = None,
    force: Force = False,
) -> None:
    """Read a source's definition and data, list every issue, and show a profile and its doubts.

    Nothing is written but what you name: a simulated source is simulated into a temporary folder.
    What is odd and right all the same is vouched for in the definition (vouched: {CODE: REASON}).
    """
    from leadcast.pipelines.insight.check import check_named

    answer = check_named(source, html, json, force=force, encoding=sys.stdout.encoding)
    print(answer.text)
    if answer.error is not None:
        raise answer.error


@app.command(epilog="\b\nExamples:\n  leadcast curve demo\n  leadcast curve bpi2012")
def curve(source: Source) -> None:
    """Tell when leads become customers: the curve over time, and how right it is at each horizon.

    The source must have been run. Scores get each lead's own numbers by leadcast score --extra
    curve; the picture is in the report.
    """
    from leadcast.pipelines.insight.when import tell_curve

    print(tell_curve(source))


@app.command(epilog="\b\nExamples:\n  leadcast audit demo")
def audit(source: Source) -> None:
    """Audit the leads' fields: addresses, numbers, names, dates, drift, and what is never used.

    The source must have been run. Each finding comes with how such leads convert, and what to do;
    all of it is written to data/runs/SOURCE/audit.html and audit.json, which show no lead's data.
    """
    from leadcast.pipelines.audit import tell_audit

    print(tell_audit(source))


@app.command(
    epilog="\b\nExamples:\n  leadcast icp demo --profile data/icp/demo.yaml\n"
    "  leadcast icp demo --profile data/icp/demo.yaml --suggest data/icp/next.yaml"
)
def icp(
    source: Source,
    profile: Annotated[
        Path, typer.Option(help="The profile (YAML): criteria of fields; docs/icp.md explains it.")
    ],
    suggest: Annotated[
        Path | None, typer.Option(help="Write the profile that the data suggest, as the next one.")
    ] = None,
    force: Force = False,
) -> None:
    """Hold the ideal customer profile that you believe in against what converts.

    Each criterion in and out with intervals, criteria that do nothing, leads outside that convert
    as well as those inside, and the profile that the data suggest, learned on the earlier leads and
    judged on the later ones. The source must have been run.
    """
    from leadcast.pipelines.insight.icp import tell_icp

    print(tell_icp(source, profile, suggest, force=force))


@app.command(
    epilog="\b\nExamples:\n  leadcast identity demo\n"
    "  leadcast identity demo --match probabilistic --out persons.csv"
)
def identity(
    source: Source,
    match: Annotated[
        Match | None, typer.Option(help="By what leads are one person; default: the definition's.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar=FILE, help="Write the persons to this file: .csv (a row a lead) or .json (all)."
        ),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(help="CSV or Parquet with lead_id and person_id, to measure the errors by."),
    ] = None,
    force: Force = False,
) -> None:
    """Tell which leads are one person, how sure that is, and which were sold more than once.

    It reads the source as check does and writes nothing but what you name.
    """
    from leadcast.pipelines.insight.identity import tell_persons

    print(tell_persons(source, match, out, truth, force=force))


@app.command(
    epilog="\b\nExamples:\n  leadcast delays demo\n"
    "  leadcast delays bpi2012 --html delays.html --svg delays.svg"
)
def delays(
    source: Source,
    html: Annotated[Path | None, typer.Option(help="The page to write, with the curve.")] = None,
    svg: Annotated[Path | None, typer.Option(help="The chart to write, as SVG.")] = None,
    force: Force = False,
) -> None:
    """Show how long leads take to convert, what the horizon covers, and recommend a horizon."""
    from leadcast.pipelines.insight.delays import tell_delays

    print(tell_delays(source, html, svg, force=force))


@app.command(
    epilog="\b\nExamples:\n"
    "  leadcast simulate --out /tmp/world\n"
    "  leadcast simulate --leads 1000000 --seed 3 --out /tmp/large"
)
def simulate(
    out: Annotated[
        Path,
        typer.Option(
            metavar=FOLDER,
            help="Write the world to this folder: a new or empty one, or an earlier world.",
        ),
    ],
    leads: Annotated[int, typer.Option(min=1, help="How many leads.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same world.")] = 1,
) -> None:
    """Simulate the demo's seller: leads, events, outcomes and the true probabilities."""
    from leadcast.pipelines.base.raw import simulate_with_progress

    simulate_with_progress(leads, seed, out)
    print(f"{leads:,} leads written to {out}")
