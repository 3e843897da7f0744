"""The command line: ``leadcast COMMAND``; every command imports what it needs when it runs."""

import json
import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from leadcast.features.base.errors import Checks, LeadcastError
from leadcast.pipelines.command_help import (
    HELP_OPTIONS,
    Commands,
    is_of_a_project,
    require_project,
    show_version,
)

if TYPE_CHECKING:
    from leadcast.pipelines.score import ScoreReport, ScoreRequest

ABOUT = "Calibrated lead scoring: the probability that a lead becomes a paying customer."
EXIT_WITH_WARNINGS = EXIT_REFUSED = 3
EXIT_WITH_ALARMS = 4

app = typer.Typer(
    name="leadcast",
    cls=Commands,
    context_settings=HELP_OPTIONS,
    help=ABOUT,
    epilog="\b\nExamples:\n  leadcast run\n  leadcast check x_education\n  leadcast score --help",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
rules = typer.Typer(
    cls=Commands,
    help="Points tables, as marketing teams keep them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
api_key = typer.Typer(
    cls=Commands,
    help="Make and revoke the API keys of the service.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(rules, name="rules")


class Crm(StrEnum):
    """Whose file to write."""

    dynamics = "dynamics"
    hubspot = "hubspot"
    salesforce = "salesforce"
    odoo = "odoo"


class CrmExport(StrEnum):
    """Whose export it is."""

    salesforce = "salesforce"
    hubspot = "hubspot"
    dynamics = "dynamics"
    pipedrive = "pipedrive"
    odoo = "odoo"
    suitecrm = "suitecrm"
    zoho = "zoho"


class Match(StrEnum):
    """By what leads are one person."""

    exact = "exact"
    probabilistic = "probabilistic"


class Summary(StrEnum):
    """The form of the summary."""

    text = "text"
    json = "json"


class EngineChoice(StrEnum):
    """Where leads are scored."""

    local = "local"
    dask = "dask"


Source = Annotated[
    str, typer.Argument(help="A source's name: that of a file data/sources/NAME.yaml.")
]
Force = Annotated[
    bool,
    typer.Option(
        "--force", help="Replace files that Leadcast did not write, or that were edited since."
    ),
]
SignedBy = Annotated[
    Path | None,
    typer.Option(help="Refuse a bundle that this public key (PEM) has not signed; see sign."),
]
KeysFile = Annotated[Path, typer.Option("--file", help="The file of keys; their hashes only.")]


@app.callback()
def commands(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Calibrated lead scoring: the probability that a lead becomes a paying customer."""
    within = cast(Commands, context.command).commands
    asks_for_help = {*HELP_OPTIONS["help_option_names"]} & {*sys.argv}
    if not asks_for_help and is_of_a_project(within[str(context.invoked_subcommand)]):
        require_project(Path())


@app.command(epilog="\b\nExamples:\n  leadcast run\n  leadcast run x_education")
def run(source: Source = "demo") -> None:
    """Run the whole pipeline on a source and print what came out.

    Only what is out of date is run; the results lie in data/runs/SOURCE.
    """
    from leadcast.pipelines.run import run_pipeline

    print(run_pipeline(source))


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
        Path | None, typer.Option(help="The file to write instead of data/sources/NAME.yaml.")
    ] = None,
    force: Force = False,
) -> None:
    """Look at an export and draft its source definition, with every guess marked.

    It finds out which file holds what, how times and numbers are written, how leads ended, and
    which columns must not be read. What it cannot know stands as TO DO in the file.
    """
    from leadcast.pipelines.init import InitRequest, draft_source

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
    from leadcast.pipelines.check import check_named

    answer = check_named(source, html, json, force=force, encoding=sys.stdout.encoding)
    print(answer.text)
    if answer.error is not None:
        raise answer.error


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
    from leadcast.pipelines.icp import tell_icp

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
        Path | None, typer.Option(help="The file to write: .csv (a row a lead) or .json (all).")
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
    from leadcast.pipelines.identity import tell_persons

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
    from leadcast.pipelines.fetch import simulate_with_progress

    simulate_with_progress(leads, seed, out)
    print(f"{leads:,} leads written to {out}")


@app.command(
    epilog="\b\nExamples:\n  leadcast today demo\n"
    "  leadcast today demo --calls 60 --out leads.csv\n"
    "  leadcast today demo --as-of 2025-12-01T06:00:00Z --reasons top:200"
)
def today(
    source: Source,
    as_of: Annotated[
        str | None,
        typer.Option(help="The moment, with its zone; the end of the export where none is given."),
    ] = None,
    calls: Annotated[
        float | None,
        typer.Option(min=0, help="How many leads sales can call this week; else as the settings."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="A further file to write: .csv or .parquet.")
    ] = None,
    closed: Annotated[
        bool, typer.Option("--closed", help="Score leads that were won or lost before as well.")
    ] = False,
    reasons: Annotated[
        str, typer.Option(help="Explain all leads, top:N, those above the cut (grade A), or none.")
    ] = "all",
    force: Force = False,
) -> None:
    """List the leads that are open now: scored, explained, and why each moved since the last list.

    The source must have been run. The list lies in data/runs/SOURCE/today.parquet and today.csv.
    """
    from leadcast.pipelines.today import TodayRequest, tell_today
    from leadcast.serve.reasons import ReasonsAsked

    moment = moment_of("--as-of", as_of)
    asked = TodayRequest(moment, calls, closed, out, ReasonsAsked.parse(reasons), force)
    print(tell_today(source, asked))


@app.command(
    epilog="\b\nExamples:\n  leadcast whatif demo --lead L0019600 --event meeting_booked\n"
    "  leadcast whatif demo --lead L0019600 --set industry=software --json"
)
def whatif(
    source: Source,
    lead: Annotated[str, typer.Option(help="The lead's id.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="FIELD=VALUE; nothing after the = empties it. Again for more."),
    ] = None,
    event: Annotated[
        list[str] | None,
        typer.Option(help="KIND (just now) or KIND@TIME, added to its events. Again for more."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="The moment, with its zone; the end of the export where none is given."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Tell it as JSON.")] = False,
) -> None:
    """Try a lead: its score and reasons as it stands, and with a field or an event changed.

    Nothing is written. A score with a change is what the model says of such a lead, and no promise
    of what the change would bring about.
    """
    from leadcast.pipelines.lead_trials import tell_what_if

    moment = moment_of("--as-of", as_of)
    changes = tuple(set_ or ()), tuple(event or ())
    print(tell_what_if(source, lead, *changes, moment, as_json=as_json))


@app.command(
    epilog="\b\nExamples:\n  leadcast reasons demo --lead L0019600\n"
    "  leadcast reasons demo --out decisions.jsonl"
)
def reasons(
    source: Source,
    lead: Annotated[
        list[str] | None,
        typer.Option(help="A lead's id; again for more. Else the open leads below the cut."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="The moment, with its zone; the end of the export where none is given."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The decisions to write: .jsonl (with inputs) or .csv.")
    ] = None,
    force: Force = False,
) -> None:
    """Tell why leads scored low: at most four principal reasons each, true to the model.

    Each says what the score would be if the lead had in this one thing what a typical customer has.
    The record of a decision names the model's version, the moment, the inputs and the reasons.
    """
    from leadcast.pipelines.reasons import ReasonsRequest, tell_reasons

    moment = moment_of("--as-of", as_of)
    print(tell_reasons(source, ReasonsRequest(tuple(lead or ()), moment, out, force)))


@app.command(
    epilog="\b\nExamples:\n  leadcast misses demo\n"
    "  leadcast misses demo --per-week 10 --csv misses.csv --json misses.json"
)
def misses(
    source: Source,
    per_week: Annotated[
        int, typer.Option(min=1, help="At most so many misses, and hits, of a week.")
    ] = 3,
    json: Annotated[Path | None, typer.Option(help="The JSON file to write.")] = None,
    csv: Annotated[Path | None, typer.Option(help="The CSV file to write.")] = None,
    force: Force = False,
) -> None:
    """Name the customers of the test that were scored low, week by week, beside the best hits.

    With what was known of them when they were scored highest: a miss was never more than a C.
    """
    from leadcast.pipelines.lead_trials import MissesRequest, tell_misses

    print(tell_misses(source, MissesRequest(per_week, json, csv, force)))


@app.command(
    epilog="\b\nExamples:\n  leadcast forget demo --lead L0019600\n"
    "  leadcast forget demo --email jane@example.com --yes\n"
    "  leadcast forget demo --lead L0019600 --history history --also scores.csv --yes\n\n"
    "\b\nExit codes: 0 done, or told; 1 an error; 3 the person still stands in files that are not\n"
    "Leadcast's to change, which are named."
)
def forget(
    source: Source,
    lead: Annotated[list[str] | None, typer.Option(help="A lead's id; may be given again.")] = None,
    email: Annotated[
        list[str] | None, typer.Option(help="An e-mail address; may be given again.")
    ] = None,
    history: Annotated[
        list[Path] | None, typer.Option(help="A folder that `leadcast score --history` fills.")
    ] = None,
    also: Annotated[
        list[Path] | None, typer.Option(help="A further file or folder to search: scores, copies.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without it, tell what would be done.")
    ] = False,
) -> None:
    """Remove a person from everything that Leadcast wrote, and prove it by searching every file.

    Tables, caches, scores, histories and lists lose the person's rows; the raw export is only told
    of. A salted hash stays in data/forgotten, so that the next ingest leaves the person out.
    """
    from leadcast.pipelines.forget import ForgetRequest
    from leadcast.pipelines.forget import forget as forget_person

    people = tuple(lead or ()), tuple(email or ())
    about = ForgetRequest(*people, tuple(history or ()), tuple(also or ()), yes)
    answer = forget_person(source, about)
    print(answer.words)
    if answer.stands:
        raise typer.Exit(EXIT_REFUSED)


@app.command(epilog="\b\nExamples:\n  leadcast feedback demo calls_of_this_week.csv")
def feedback(
    source: Source,
    file: Annotated[
        Path, typer.Argument(help="CSV: lead_id, at (with zone), result, perhaps amount.")
    ],
) -> None:
    """Read what sales tells back of its leads: worked, reached, disqualified or won.

    It is added to what was told before, as events and outcomes beside the run; leads that were won
    or disqualified are off the next list.
    """
    from leadcast.pipelines.handoff import take_feedback

    print(take_feedback(source, file))


@app.command(epilog="\b\nExamples:\n  leadcast explored demo\n  leadcast explored demo --json")
def explored(
    source: Source,
    as_json: Annotated[bool, typer.Option("--json", help="Tell it as JSON.")] = False,
) -> None:
    """Tell what came of the call lists: the rates above and below the line, without their bias.

    The leads that were drawn to explore stand for those that were not called, by their propensity.
    Also: for how many weeks to explore which share until the rate below the line is known so well.
    """
    from leadcast.pipelines.explored import tell_explored

    print(tell_explored(source, as_json=as_json))


SCORE_EXAMPLES = """\b
Examples:
  leadcast score --bundle data/runs/demo/bundle --leads data/runs/demo/tables/leads.parquet \\
      --events data/runs/demo/tables/events --out scores.csv
  leadcast score --bundle data/runs/demo/bundle --leads data/runs/demo/tables/leads.parquet \\
      --events 'data/runs/demo/tables/events/*.parquet' --as-of 2026-01-01T06:00:00Z \\
      --out scores.parquet --history history
  leadcast score --bundle data/runs/demo/bundle --leads data/runs/demo/tables/leads.parquet \\
      --events data/runs/demo/tables/events --as-of 2026-01-01T06:00:00Z \\
      --only-changed-since 2025-12-31T06:00:00Z --out scores.parquet --resume --summary json
  leadcast score --bundle data/runs/x_education/bundle --source x_education \\
      --leads new_leads.csv --out scores.csv
  leadcast score --bundle data/runs/demo/bundle --database-env CRM_URL \\
      --leads 'SELECT * FROM leads' --events 'SELECT * FROM events' --table scores
  leadcast score --bundle data/runs/demo/bundle --leads leads_with_ids_of_hubspot.csv \\
      --for hubspot --out hubspot.jsonl
  leadcast score --bundle data/runs/demo/bundle --leads leads.parquet --events events \\
      --engine dask --scheduler tcp://10.0.0.1:8786 --out scores.parquet

The first three run as they stand after `make run`.

\b
Exit codes: 0 scored; 1 refused, nothing was written; 2 wrong use of the command line;
3 scored, with unexpected warnings, under --strict; 130 interrupted (go on with --resume)."""

Bundle = Annotated[Path, typer.Option(help="The folder of the exported scorer.")]
Leads = Annotated[
    str, typer.Option(help="Leads: CSV, Parquet, a folder of Parquet, a glob, or a SELECT.")
]
Events = Annotated[str | None, typer.Option(help="Their events, likewise.")]
Out = Annotated[
    Path | None, typer.Option(help="The scores to write: .csv or .parquet (or see --for).")
]
AsOf = Annotated[
    str | None,
    typer.Option(help="The moment to score at, with its zone; now unless leads have as_of."),
]
MappedBy = Annotated[
    str | None, typer.Option(help="Read the files as this source's definition maps its export.")
]
Reasons = Annotated[
    str, typer.Option(help="Explain top:N leads, those above the cut (grade A), all, or none.")
]
Changed = Annotated[
    str | None,
    typer.Option(help="Only leads created, updated or with events since then (with a zone)."),
]
For = Annotated[Crm | None, typer.Option("--for", help="Write the file that this CRM takes.")]
Table = Annotated[str, typer.Option(help="Put the scores into this database table (an upsert).")]
Database = Annotated[str, typer.Option(help="The environment variable with the database's URL.")]
History = Annotated[
    Path | None, typer.Option(help="Append the scores to the history in this folder.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with an interrupted batch.")]
Chunk = Annotated[int, typer.Option(min=1, help="About how many leads are in memory at a time.")]
Threads = Annotated[int, typer.Option(min=1, help="Parts that are scored in parallel.")]
Told = Annotated[Summary, typer.Option(help="The form of the summary: text, or JSON.")]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="End with exit code 3 where a warning is unexpected: unknown columns or values, "
        "columns that are missing, rows left out, or no events of any lead; not where some leads "
        "have none.",
    ),
]

OfEngine = Annotated[
    EngineChoice, typer.Option("--engine", help="dask: by partitions on a cluster.")
]
Scheduler = Annotated[
    str | None, typer.Option(help="Dask's address; without it, processes of this machine.")
]


@app.command(epilog=SCORE_EXAMPLES)
def score(
    bundle: Bundle,
    leads: Leads,
    out: Out = None,
    events: Events = None,
    as_of: AsOf = None,
    source: MappedBy = None,
    reasons: Reasons = "cut",
    only_changed_since: Changed = None,
    crm: For = None,
    table: Table = "",
    database_env: Database = "",
    history: History = None,
    force: Force = False,
    resume: Resume = False,
    chunk_leads: Chunk = 25_000,
    threads: Threads = 1,
    summary: Told = Summary.text,
    strict: Strict = False,
    engine: OfEngine = EngineChoice.local,
    scheduler: Scheduler = None,
    require_signature: SignedBy = None,
) -> None:
    """Score leads with a bundle: a probability for each, and reasons for the best.

    Columns are canonical, or a source's with --source. The output appears whole or not at all.
    """
    from leadcast.pipelines.score import ScoreRequest, refusal
    from leadcast.serve.batch.batch import BatchSettings
    from leadcast.serve.batch.deliver import Outputs
    from leadcast.serve.reasons import NO_REASONS, ReasonsAsked

    outputs = Outputs(out, crm or "", table, database_env, history, force)
    try:
        checks = Checks()
        settings = BatchSettings(
            as_of=checks.of(lambda: moment_of("--as-of", as_of), None),
            resume=resume,
            chunk_leads=chunk_leads,
            threads=threads,
            reasons=checks.of(lambda: ReasonsAsked.parse(reasons), NO_REASONS),
            changed_since=checks.of(
                lambda: moment_of("--only-changed-since", only_changed_since), None
            ),
        )
        about = (bundle, leads, events, outputs, settings, source, database_env or None)
        request = ScoreRequest(*about, signed_by=require_signature)
        checks.of(lambda: _refuse_scheduler(engine, scheduler), None)
        checks.of(lambda: _refuse_signature(engine, require_signature), None)
        request.check(checks)
        checks.raise_errors()
        report = _scored(request, engine, scheduler)
    except (LeadcastError, OSError) as error:
        if summary is Summary.text:
            raise
        print(json.dumps(refusal(error), ensure_ascii=False))
        raise typer.Exit(1) from None
    _tell(report, summary, strict)


def _tell(report: "ScoreReport", summary: Summary, strict: bool) -> None:
    as_json = summary is Summary.json
    print(json.dumps(report.facts(), ensure_ascii=False) if as_json else report.words())
    if strict and report.summary.unexpected:
        raise typer.Exit(EXIT_WITH_WARNINGS)


def _scored(request: "ScoreRequest", engine: EngineChoice, scheduler: str | None) -> "ScoreReport":
    if engine is EngineChoice.dask:
        from leadcast.pipelines.score import score_with_dask

        return score_with_dask(request, scheduler)
    from leadcast.pipelines.score import score_new_leads

    return score_new_leads(request)


def _refuse_scheduler(engine: EngineChoice, scheduler: str | None) -> None:
    if scheduler is not None and engine is not EngineChoice.dask:
        raise LeadcastError("--scheduler: needs --engine dask")


def _refuse_signature(engine: EngineChoice, key: Path | None) -> None:
    if key is not None and engine is EngineChoice.dask:
        raise LeadcastError(
            "--require-signature: each worker of --engine dask reads the bundle by itself; score "
            "on one machine"
        )


def moment_of(option: str, text: str | None) -> datetime | None:
    """Read a moment that a user typed."""
    if text is None:
        return None
    from leadcast.features.values.times import parse_moment

    try:
        return parse_moment(text)
    except ValueError as error:
        raise LeadcastError(f"{option}: {error}") from None


WHO = "Who asks for it; the user of this process, if not given."


@app.command(
    epilog="\b\nExamples:\n  leadcast promote demo --dry-run\n  leadcast promote demo\n"
    "  leadcast promote demo --force --why 'new price list; sales agreed' --by ines\n\n"
    "\b\nExit codes: 0 promoted, or nothing new; 1 an error; 3 refused by the gate."
)
def promote(
    source: Source,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Look only: what the gate says, and what would change."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Promote what the gate refuses; needs --why.")
    ] = False,
    why: Annotated[str, typer.Option(help="The reason; kept with the promotion.")] = "",
    by: Annotated[str, typer.Option(help=WHO)] = "",
) -> None:
    """Make a run's model the champion, if it is no worse than the one in use.

    Both are compared on the newest snapshots that neither has seen. What is in use stands in
    data/champion/SOURCE/bundle, which is replaced whole in one step and is never absent: let cron,
    systemd and `leadcast serve` read it. The margins stand in params.yaml under promotion.
    """
    from leadcast.pipelines.promote import PromotionAsked
    from leadcast.pipelines.promote import promote as promote_run

    answer = promote_run(source, PromotionAsked(by, why, force, dry_run))
    print(answer.words)
    if answer.outcome == "refused":
        raise typer.Exit(EXIT_REFUSED)


@app.command(
    epilog="\b\nExamples:\n  leadcast retrain demo\n"
    "  leadcast retrain demo --accept-export --by ines\n\n"
    "\b\nExit codes: 0 promoted, or nothing new; 1 a stage failed; 3 refused by the gate;\n"
    "4 another process retrains this source; 5 the export is not what it was.\n"
    "In each case the champion stays in use until another is promoted."
)
def retrain(
    source: Source,
    accept_export: Annotated[
        bool,
        typer.Option("--accept-export", help="The export has changed, and that is meant."),
    ] = False,
    by: Annotated[str, typer.Option(help=WHO)] = "",
) -> None:
    """Retrain on the export as it is now, and promote the model if the gate lets it pass.

    Safe from cron: one at a time; killed at any moment it leaves the champion in use, and the next
    call goes on. What came of it stands in data/runs/SOURCE/retrain.json.
    """
    from leadcast.features.base.locks import BusyError
    from leadcast.pipelines.retrain import EXIT_CODES
    from leadcast.pipelines.retrain import retrain as retrain_source

    try:
        report = retrain_source(source, by, accept_export=accept_export)
    except BusyError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(EXIT_CODES["another retrains"]) from None
    print(report.words)
    if report.exit_code:
        raise typer.Exit(report.exit_code)


@app.command(
    epilog="\b\nExamples:\n  leadcast rollback demo\n"
    "  leadcast rollback demo --to 3 --why 'grades jumped' --by ines"
)
def rollback(
    source: Source,
    to: Annotated[
        int | None, typer.Option(min=1, help="The version; the one before, if not given.")
    ] = None,
    why: Annotated[str, typer.Option(help="The reason; kept with it.")] = "",
    by: Annotated[str, typer.Option(help=WHO)] = "",
) -> None:
    """Make an earlier version the champion again, as whole and as quick as a promotion."""
    from leadcast.pipelines.promote import roll_back

    print(roll_back(source, to, why, by))


@app.command(
    epilog="\b\nExamples:\n  leadcast history demo\n  leadcast history L0019600 --history history"
)
def history(
    name: Annotated[str, typer.Argument(help="A source's name; with --history, a lead's id.")],
    folder: Annotated[
        Path | None,
        typer.Option("--history", help="The folder that `leadcast score --history` fills."),
    ] = None,
) -> None:
    """Show a source's promotions; or, with --history, a lead's score over time."""
    if folder is not None:
        print(tell_history(name, folder))
        return
    from leadcast.pipelines.promote import tell_promotions

    try:
        print(tell_promotions(name))
    except LeadcastError as error:
        raise LeadcastError(
            f"{error}. Of a lead, its scores are told by: leadcast history LEAD --history FOLDER"
        ) from None


def tell_history(lead: str, folder: Path) -> str:
    """Tell a lead's scores over time and where they are heading."""
    from leadcast.serve.score_history import history_of, trend_of

    history = history_of(folder, lead)
    if history.is_empty():
        raise LeadcastError(f"{folder}: lead {lead!r} was never scored here; check the id")
    lines = [f"{'as_of':<20} {'score':>5} {'change':>6} grade  model_version"]
    for row in history.iter_rows(named=True):
        change = "" if row["change"] is None else f"{row['change']:+.1f}"
        moment = f"{row['as_of']:%Y-%m-%d %H:%M}Z"
        score, grade, version = row["score"], row["grade"], row["model_version"]
        lines.append(f"{moment:<20} {score:>5.1f} {change:>6} {grade:<5}  {version}")
    return "\n".join([*lines, f"trend: {trend_of(history)}"])


@app.command(
    epilog="\b\nExamples:\n"
    "  leadcast monitor demo\n"
    "  leadcast monitor demo --history history --html monitoring.html\n"
    "  leadcast monitor demo --json\n\n"
    "\b\nExit codes: 0 no alarm; 1 refused; 2 wrong use of the command line; 4 alarms stand."
)
def monitor(
    source: Source,
    bundle: Annotated[
        Path | None, typer.Option(help="The model to watch, instead of the one in use.")
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(help="The scores that were given, as `leadcast score --history` keeps them."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write the page to this file as well, self-contained.")
    ] = None,
    force: Force = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON, not the text.")] = False,
) -> None:
    """Tell every night whether the scores still mean what they say, before labels are mature.

    The run's tables must be those of the newest export (leadcast run SOURCE). The results lie in
    data/runs/SOURCE: monitoring.json, monitoring.html, and monitoring.prom for Prometheus.
    """
    from leadcast.pipelines.monitor import monitor as look

    answer = look(source, bundle, history, html, force=force)
    print(json.dumps(answer.facts, ensure_ascii=False) if as_json else answer.text)
    if answer.alarms:
        raise typer.Exit(EXIT_WITH_ALARMS)


@app.command(
    epilog="\b\nExamples:\n  leadcast sellers demo_sellers\n"
    "  leadcast sellers ours --html sellers.html --json sellers.json --without form_name"
)
def sellers(
    source: Source,
    without: Annotated[
        list[str] | None,
        typer.Option(help="An attribute that also tells who brought a lead. Again for more."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the page to this file as well.")] = None,
    json: Annotated[Path | None, typer.Option(help="The JSON file to write as well.")] = None,
    force: Force = False,
) -> None:
    """Score each vendor, source and campaign, and tell who delivers junk and who resells.

    The export is read anew; no run is needed. The results lie in data/runs/SOURCE: sellers.json
    and sellers.html.
    """
    from leadcast.pipelines.sellers import SellersRequest, tell_sellers

    print(tell_sellers(source, SellersRequest(tuple(without or ()), html, json, force)).text)


@app.command(
    epilog="\b\nExamples:\n  leadcast returns demo_sellers --out returns.csv\n"
    "  leadcast returns ours --out returns.csv --due-hours 48\n\n"
    "\b\nExit codes: 0 listed; 1 refused; 2 wrong use of the command line; 4 a deadline is near."
)
def returns(
    source: Source,
    out: Annotated[Path | None, typer.Option(help="The CSV file to write.")] = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="The moment, with its zone; the end of the export where none is given."),
    ] = None,
    due_hours: Annotated[
        float, typer.Option(min=0, help="So many hours before its deadline a lead is urgent.")
    ] = 24.0,
    force: Force = False,
) -> None:
    """List the leads to send back to their vendors: deadline, reason, evidence and price.

    By the terms of the definition's key vendors. The export is read anew; no run is needed.
    """
    from leadcast.pipelines.returns import ReturnsRequest, tell_returns

    moment = moment_of("--as-of", as_of)
    answer = tell_returns(source, ReturnsRequest(out, moment, due_hours, force))
    print(answer.text)
    if answer.due:
        raise typer.Exit(EXIT_WITH_ALARMS)


@app.command(
    epilog="\b\nExamples:\n"
    "  leadcast recalibrate demo\n"
    "  leadcast recalibrate demo --bundle data/runs/demo/judged --out moved"
)
def recalibrate(
    source: Source,
    bundle: Annotated[
        Path | None, typer.Option(help="The model, instead of the one in use; needs --out.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the moved bundle to this folder, and leave the champion alone."),
    ] = None,
) -> None:
    """Move the level of the champion by the newest conversions; its trees stay as they are.

    No lead changes its grade or its place in a list: the probabilities move together. The champion
    is changed only where level_tracking in params.yaml is true; else it is told what would be done.
    The offset is taken back where its record, on labels that came later, shows that it harms.
    """
    from leadcast.pipelines.recalibrate import recalibrate as move_level

    if bundle is not None and out is None:
        raise LeadcastError("--bundle: needs --out: only the champion's level is moved in place")
    print(move_level(source, bundle, out))


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
        typer.Option(help="The table to write, YAML; a page beside it has the ending .md."),
    ] = None,
    force: Force = False,
) -> None:
    """Distil the learned model into integer points for a CRM, and measure what that costs."""
    from leadcast.pipelines.rules import distill_named

    print(distill_named(source, max_rules, out, force=force))


@rules.command(
    "check", epilog="\b\nExample:\n  leadcast rules check demo --rules data/rules/demo_hubspot.yaml"
)
def check_points(
    source: Source,
    rules: Annotated[Path, typer.Option(help="The points table, a YAML file.")],
) -> None:
    """List the issues of a points table, and what each rule does on a source's data."""
    from leadcast.pipelines.rules import check_points

    print(check_points(source, rules))


Share = Annotated[
    float,
    typer.Option(min=0.01, max=1, help="What one caller may hold of a worker's capacity."),
]
Hosts = Annotated[
    list[str] | None,
    typer.Option(help="A name by which callers may call the service; may be given again."),
]
Poll = Annotated[
    float,
    typer.Option(
        min=0,
        max=86_400,
        help="How often to look for another champion, where the bundle is "
        "data/champion/NAME/bundle or models:/NAME@ALIAS; 0 for never.",
    ),
]
HookSecret = Annotated[
    Path | None,
    typer.Option(
        help="The file with the secret of MLflow's webhook, which then has an address, POST "
        "/v1/hooks/mlflow; or set LEADCAST_HOOK_SECRET."
    ),
]
RunPlace = Annotated[
    Path | None,
    typer.Option(help="The run's folder, for the page; else the one around the bundle."),
]


@app.command(
    epilog="\b\nExamples:\n"
    "  leadcast serve --bundle data/runs/demo/bundle\n"
    "  leadcast serve --bundle data/champion/demo/bundle\n"
    "  leadcast api-key create --file keys.json --name crm\n"
    "  leadcast serve --bundle models:/leadcast-demo@champion --keys keys.json \\\n"
    "      --host 0.0.0.0 --workers 2"
)
def serve(
    bundle: Annotated[
        str,
        typer.Option(help="A bundle's folder, or a model such as models:/leadcast-demo@champion."),
    ],
    keys: Annotated[
        Path | None, typer.Option(help="The file of API keys; see leadcast api-key create --help.")
    ] = None,
    no_keys: Annotated[
        bool, typer.Option("--no-keys", help="Answer everybody who can reach the address.")
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
        float, typer.Option(min=0.1, max=3600, help="Timeout for reading a request.")
    ] = 10,
    score_seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, help="Timeout for scoring a request.")
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
    poll_seconds: Poll = 10,
    hook_secret_file: HookSecret = None,
) -> None:
    """Score leads over HTTP: POST /v1/score, GET /v1/model, /healthz, /readyz, /metrics.

    A champion's place (data/champion/NAME/bundle) and an alias (models:/leadcast-NAME@champion)
    are followed: after a promotion or rollback the next requests are answered by the new one, and
    none is lost.

    For people there is a page at /: the open leads of today, and the learned score against points.
    It shows the run's leads, e-mail addresses too, to who has a key; with --no-keys to all who
    reach the address, unless --no-page switches it off.

    Callers need a key: make one with leadcast api-key create --file keys.json --name NAME, and
    send it as Authorization: Bearer KEY. Without --keys only this machine is answered.
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
    about = (bundle, keys, no_keys, host, port, workers, limits, run, page, names, signed_by)
    start(*about, poll_seconds, hook_secret_file)


app.add_typer(api_key, name="api-key")


@api_key.command(epilog="\b\nExamples:\n  leadcast api-key create --file keys.json --name crm")
def create(file: KeysFile, name: Annotated[str, typer.Option(help="For whom the key is.")]) -> None:
    """Make a key and show it once; the file keeps its hash only."""
    from leadcast.pipelines.serve import new_key

    print(new_key(file, name))


@api_key.command(epilog="\b\nExamples:\n  leadcast api-key revoke --file keys.json 0123456789ab")
def revoke(
    file: KeysFile,
    key_id: Annotated[str, typer.Argument(help="The twelve digits after lc_ in the key.")],
) -> None:
    """Revoke a key; running services refuse it within two seconds."""
    from leadcast.pipelines.serve import drop_key

    print(drop_key(file, key_id))


@app.command(
    epilog="\b\nExamples:\n  leadcast sign --new-key ours\n"
    "  leadcast sign /srv/bundle --key ours.pem"
)
def sign(
    bundle: Annotated[Path | None, typer.Argument(help="The bundle's folder.")] = None,
    key: Annotated[Path | None, typer.Option(help="The private key: NAME.pem.")] = None,
    new_key: Annotated[
        Path | None, typer.Option(help="Make a pair of keys: NAME.pem and NAME.pub.pem.")
    ] = None,
) -> None:
    """Sign a bundle, so that serve and score can require who has made it.

    The signature (Ed25519) lies in the bundle as .manifest.sig. Keep NAME.pem to yourself, and give
    NAME.pub.pem to whoever serves: leadcast serve --require-signature NAME.pub.pem.
    """
    from leadcast.models.bundle.bundle_files import read_manifest
    from leadcast.models.bundle.bundle_signature import new_key as make
    from leadcast.models.bundle.bundle_signature import sign_bundle

    if new_key is not None and (bundle, key) == (None, None):
        private, public = make(new_key)
        print(f"{private}: the private key, for you alone\n{public}: the public key, for all")
        return
    if new_key is not None or bundle is None or key is None:
        raise LeadcastError("sign: give BUNDLE and --key NAME.pem, or --new-key NAME alone")
    read_manifest(bundle)
    print(f"{bundle}: signed with the key {sign_bundle(bundle, key)[:12]}")


def main() -> None:
    """Run the command line; an error that the user can mend is told without a traceback."""
    try:
        app()
    except (LeadcastError, OSError) as error:
        # What the system refuses, a user can mend: a path, its rights, a full disk.
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except Exception:
        # Only where something has gone wrong is it looked for what is damaged.
        from leadcast.pipelines.damaged import unreadable

        told = "\n  ".join(one for name in sys.argv[1:] for one in unreadable(name))
        if not told:
            raise
        print(f"error: {told}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
