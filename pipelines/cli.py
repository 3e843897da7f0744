"""The command line: ``leadcast COMMAND``; every command imports what it needs when it runs.

The commands of the service: ``leadcast serve`` and ``leadcast api-key``.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from leadcast.features.base.errors import LeadcastError
from leadcast.pipelines.score_command import add_score_commands
from leadcast.pipelines.sign import sign

KeysFile = Annotated[Path, typer.Option("--file", help="The file of keys; their hashes only.")]

api_key = typer.Typer(
    help="Make and revoke the API keys of the service.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Share = Annotated[
    float,
    typer.Option(min=0.01, max=1, help="Of what a worker holds at a time: one caller's part."),
]
Hosts = Annotated[
    list[str] | None,
    typer.Option(help="A name by which callers may call the service; may be given again."),
]
RunPlace = Annotated[
    Path | None,
    typer.Option(help="The run's folder, for the page; else the one around the bundle."),
]
SignedBy = Annotated[
    Path | None,
    typer.Option(help="Refuse a bundle that this public key (PEM) has not signed; see sign."),
]


def serve(
    bundle: Annotated[
        str, typer.Option(help="A bundle's folder, or a model such as models:/leadcast@champion.")
    ],
    keys: Annotated[
        Path | None, typer.Option(help="The file of API keys; see leadcast api-key create --help.")
    ] = None,
    no_keys: Annotated[
        bool, typer.Option("--no-keys", help="Let everybody ask who can reach the address.")
    ] = False,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that answer.")] = 2,
    max_leads: Annotated[int, typer.Option(min=1, help="Leads in one request.")] = 1000,
    max_events: Annotated[int, typer.Option(min=1, help="Events of one lead.")] = 10_000,
    max_unknown: Annotated[
        int, typer.Option(min=1, help="Attributes that the model does not know, in one request.")
    ] = 2000,
    max_body_mib: Annotated[float, typer.Option(min=0.001, max=1024, help="A request's body.")] = 8,
    read_seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, help="How long a request may take to arrive.")
    ] = 10,
    score_seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, help="How long one request may be scored.")
    ] = 10,
    rate: Annotated[
        float, typer.Option(min=0, max=1e6, help="Requests a second of one key; 0 for any number.")
    ] = 100,
    share: Share = 0.5,
    allow_host: Hosts = None,
    run: RunPlace = None,
    no_page: Annotated[
        bool, typer.Option("--no-page", help="Answer programs alone: no page for people.")
    ] = False,
    require_signature: SignedBy = None,
) -> None:
    """Score leads over HTTP: POST /v1/score, GET /v1/model, /healthz, /readyz, /metrics.

    For people there is a page at /: the learned score against points. It shows the run's leads,
    e-mail addresses too, to who has a key; with --no-keys to all who reach the address, unless
    --no-page switches it off.

    Callers need a key: make one with leadcast api-key create --file keys.json --name NAME, and
    send it as Authorization: Bearer KEY. Without --keys only this machine may ask.
    """
    from leadcast.pipelines.serve import serve as start
    from leadcast.serve.requests.settings import MEBIBYTE, RequestLimits

    limits = RequestLimits(
        max_leads=max_leads,
        max_events=max_events,
        max_unknown=max_unknown,
        max_body_bytes=round(max_body_mib * MEBIBYTE),
        read_seconds=read_seconds,
        score_seconds=score_seconds,
        requests_per_second=rate,
        share=share,
    )
    page, names, signed_by = not no_page, tuple(allow_host or ()), require_signature
    start(bundle, keys, no_keys, host, port, workers, limits, run, page, names, signed_by)


@api_key.command(epilog="\b\nExamples:\n  leadcast api-key create --file keys.json --name crm")
def create(file: KeysFile, name: Annotated[str, typer.Option(help="For whom the key is.")]) -> None:
    """Make a key and show it, this once; the file keeps its hash only."""
    from leadcast.pipelines.serve import new_key

    print(new_key(file, name))


@api_key.command(epilog="\b\nExamples:\n  leadcast api-key revoke --file keys.json 0123456789ab")
def revoke(
    file: KeysFile,
    key_id: Annotated[str, typer.Argument(help="The twelve digits after lc_ in the key.")],
) -> None:
    """Take a key out; services that run refuse it within two seconds."""
    from leadcast.pipelines.serve import drop_key

    print(drop_key(file, key_id))


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
    from leadcast.pipelines.run import run_pipeline

    print(run_pipeline(source))


@app.command(epilog="\b\nExamples:\n  leadcast check demo\n  leadcast check bpi2012")
def check(source: Source) -> None:
    """Read a source's definition and data and tell every fault at once, before any work.

    Nothing is written: data that a simulator makes are made aside and removed again.
    """
    from leadcast.pipelines.raw import check as check_named

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
    from leadcast.pipelines.delays import tell_delays

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
    from leadcast.pipelines.raw import simulate_with_progress

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
        typer.Option(help="The table to write, YAML; a page beside it has the ending .md."),
    ] = None,
    force: Force = False,
) -> None:
    """Distil the learned model into integer points that a CRM can evaluate, and tell the cost."""
    from leadcast.pipelines.distill import distill_named

    print(distill_named(source, max_rules, out, force=force))


@rules.command(
    "check", epilog="\b\nExample:\n  leadcast rules check demo --rules data/rules/demo_hubspot.yaml"
)
def check_points(
    source: Source,
    rules: Annotated[Path, typer.Option(help="The points table, a YAML file.")],
) -> None:
    """Tell the faults of a points table, and what each rule does on a source's data."""
    from leadcast.pipelines.rules import check_points

    print(check_points(source, rules))


app.command(
    epilog="\b\nExamples:\n"
    "  leadcast serve --bundle data/runs/demo/bundle\n"
    "  leadcast api-key create --file keys.json --name crm\n"
    "  leadcast serve --bundle models:/leadcast@champion --keys keys.json \\\n"
    "      --host 0.0.0.0 --workers 2"
)(serve)
app.add_typer(api_key, name="api-key")
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
