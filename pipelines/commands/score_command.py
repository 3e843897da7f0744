"""``leadcast score``: new leads to scores, on this machine or a cluster."""

import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leadcast.features.base.errors import Checks, LeadcastError
from leadcast.features.base.streams import told_as_json
from leadcast.pipelines.commands.app import (
    EXIT_WITH_WARNINGS,
    FILE,
    Crm,
    EngineChoice,
    Force,
    SignedBy,
    Summary,
    app,
    moment_of,
)

if TYPE_CHECKING:
    from leadcast.pipelines.daily.score import ScoreReport, ScoreRequest
    from leadcast.serve.batch.batch import BatchSettings


SCORE_EXAMPLES = """\b
Examples:
  leadcast score --bundle data/runs/demo/bundle --leads data/runs/demo/tables/leads.parquet \\
      --events data/runs/demo/tables/events --outcomes data/runs/demo/tables/outcomes.parquet \\
      --out scores.csv
  leadcast score --bundle data/runs/demo/bundle --leads data/runs/demo/tables/leads.parquet \\
      --events 'data/runs/demo/tables/events/*.parquet' --as-of 2026-01-01T06:00:00Z \\
      --out scores.parquet --history history
  leadcast score --bundle data/runs/demo/bundle --leads data/runs/demo/tables/leads.parquet \\
      --events data/runs/demo/tables/events --as-of 2026-01-01T06:00:00Z \\
      --only-changed-since 2025-12-31T06:00:00Z --out scores.parquet --resume --summary json
  leadcast score --bundle data/runs/demo/bundle --leads data/runs/demo/tables/leads.parquet \\
      --events data/runs/demo/tables/events --as-of 2026-01-01T06:00:00Z \\
      --extra curve --out scores.csv
  leadcast score --bundle data/runs/x_education/bundle --source x_education \\
      --leads new_leads.csv --out scores.csv
  leadcast score --bundle data/runs/dach/bundle --beside data/runs/france/bundle \\
      --leads leads.csv --out scores_dach.csv
  leadcast score --bundle data/runs/demo/bundle --database-env CRM_URL \\
      --leads 'SELECT * FROM leads' --events 'SELECT * FROM events' --table scores
  leadcast score --bundle data/runs/demo/bundle --leads leads_with_ids_of_hubspot.csv \\
      --for hubspot --out hubspot.jsonl
  leadcast score --bundle data/runs/demo/bundle --leads leads.parquet --events events \\
      --engine dask --scheduler tcp://10.0.0.1:8786 --out scores.parquet

The first four run as they stand after `make run`.

\b
Exit codes: 0 scored; 1 refused, nothing was written; 2 wrong use of the command line;
3 scored, with unexpected warnings, under --strict; 130 interrupted (go on with --resume)."""

Bundle = Annotated[Path, typer.Option(help="The folder of the exported scorer.")]
Beside = Annotated[
    list[Path] | None,
    typer.Option(
        "--beside",
        help="A bundle that scores the other leads; two that would score the same are refused.",
    ),
]
Leads = Annotated[
    str, typer.Option(help="Leads: CSV, Parquet, a folder of Parquet, a glob, or a SELECT.")
]
Events = Annotated[str | None, typer.Option(help="Their events, likewise.")]
NoEvents = Annotated[
    bool, typer.Option("--no-events", help="No events are meant: do not warn that there are none.")
]
OutcomesFile = Annotated[
    str | None,
    typer.Option("--outcomes", help="Which of them were won or lost already, likewise."),
]
Changes = Annotated[
    str | None,
    typer.Option("--changes", help="What their attributes said before, likewise."),
]
Closed = Annotated[
    bool,
    typer.Option(
        "--closed", help="Score leads as well that the input says were won or lost before."
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar=FILE, help="Write the scores to this file: .csv or .parquet (or see --for)."
    ),
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
Extra = Annotated[
    list[str] | None,
    typer.Option(
        help="Add the columns of an optional part of the bundle: curve (when; see when.md) or "
        "amounts (how much; see how_much.md). Again for the other."
    ),
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
Told = Annotated[
    Summary,
    typer.Option(help="text, json, or auto: text on a terminal, and JSON into a pipe or file."),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="End with exit code 3 where a warning is unexpected: unknown columns or values, "
        "columns that are missing, rows left out, no lead at all, or no events of any lead; not "
        "where some leads have none.",
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
    no_events: NoEvents = False,
    outcomes: OutcomesFile = None,
    closed: Closed = False,
    as_of: AsOf = None,
    source: MappedBy = None,
    reasons: Reasons = "cut",
    extra: Extra = None,
    only_changed_since: Changed = None,
    crm: For = None,
    table: Table = "",
    database_env: Database = "",
    history: History = None,
    force: Force = False,
    resume: Resume = False,
    chunk_leads: Chunk = 25_000,
    threads: Threads = 1,
    summary: Told = Summary.auto,
    strict: Strict = False,
    engine: OfEngine = EngineChoice.local,
    scheduler: Scheduler = None,
    require_signature: SignedBy = None,
    beside: Beside = None,
    changes: Changes = None,
) -> None:
    """Score leads with a bundle: a probability for each, and reasons for the best.

    Columns are canonical, or a source's with --source. The output appears whole or not at all.
    Leads that were won or lost before are left out where the input tells it: by the columns won_at
    and lost_at, by the outcomes of the definition with --source, or by --outcomes.
    """
    from leadcast.pipelines.daily.score import ScoreRequest, refusal
    from leadcast.serve.batch.deliver import Outputs

    outputs = Outputs(out, crm or "", table, database_env, history, force)
    try:
        checks = Checks()
        asked = _as_asked(checks, as_of, reasons, only_changed_since)
        settings = replace(
            asked,
            resume=resume,
            chunk_leads=chunk_leads,
            threads=threads,
            closed=closed,
            no_events=no_events,
            extra=tuple(extra or ()),
        )
        about = (bundle, leads, events, outputs, settings, source, database_env or None)
        request = ScoreRequest(*about, require_signature, outcomes, changes, tuple(beside or ()))
        _check_engine(checks, engine, scheduler, require_signature)
        request.check(checks)
        checks.raise_errors()
        report = _scored(request, engine, scheduler)
    except (LeadcastError, OSError) as error:
        # The error itself is told where errors are, whoever reads the answer.
        if _is_json(summary):
            print(told_as_json(refusal(error)))
        raise
    _tell(report, _is_json(summary), strict)


def _as_asked(
    checks: Checks, as_of: str | None, reasons: str, changed_since: str | None
) -> "BatchSettings":
    """Read what is asked in words."""
    from leadcast.serve.batch.batch import BatchSettings
    from leadcast.serve.reasons import NO_REASONS, ReasonsAsked

    return BatchSettings(
        as_of=checks.of(lambda: moment_of("--as-of", as_of), None),
        reasons=checks.of(lambda: ReasonsAsked.parse(reasons), NO_REASONS),
        changed_since=checks.of(lambda: _since(changed_since), None),
    )


def _is_json(summary: Summary) -> bool:
    return summary is Summary.json or (summary is Summary.auto and not sys.stdout.isatty())


def _tell(report: "ScoreReport", as_json: bool, strict: bool) -> None:
    print(told_as_json(report.facts()) if as_json else report.words())
    if strict and report.summary.unexpected:
        raise typer.Exit(EXIT_WITH_WARNINGS)


def _scored(request: "ScoreRequest", engine: EngineChoice, scheduler: str | None) -> "ScoreReport":
    if engine is EngineChoice.dask:
        from leadcast.pipelines.daily.score import score_with_dask

        return score_with_dask(request, scheduler)
    from leadcast.pipelines.daily.score import score_new_leads

    return score_new_leads(request)


def _since(said: str | None) -> datetime | None:
    return moment_of("--only-changed-since", said)


def _check_engine(
    checks: Checks, engine: EngineChoice, scheduler: str | None, key: Path | None
) -> None:
    checks.of(lambda: _refuse_scheduler(engine, scheduler), None)
    checks.of(lambda: _refuse_signature(engine, key), None)


def _refuse_scheduler(engine: EngineChoice, scheduler: str | None) -> None:
    if scheduler is not None and engine is not EngineChoice.dask:
        raise LeadcastError("--scheduler: needs --engine dask")


def _refuse_signature(engine: EngineChoice, key: Path | None) -> None:
    if key is not None and engine is EngineChoice.dask:
        raise LeadcastError(
            "--require-signature: each worker of --engine dask reads the bundle by itself; score "
            "on one machine"
        )
