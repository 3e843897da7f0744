"""Commands of a model's life: promoted, retrained, watched, its level moved."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.streams import told_as_json
from leadcast.pipelines.commands.app import (
    EXIT_REFUSED,
    EXIT_WITH_ALARMS,
    FOLDER,
    Force,
    Source,
    app,
)

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
    from leadcast.pipelines.lifecycle.promote import PromotionAsked
    from leadcast.pipelines.lifecycle.promote import promote as promote_run

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
    from leadcast.pipelines.lifecycle.retrain import EXIT_CODES
    from leadcast.pipelines.lifecycle.retrain import retrain as retrain_source

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
    from leadcast.pipelines.lifecycle.promote import roll_back

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
    from leadcast.pipelines.lifecycle.promote import tell_promotions

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
        change = "" if row["change"] is None else f"{row['change']:+z.1f}"
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
    from leadcast.pipelines.lifecycle.monitor import monitor as look

    answer = look(source, bundle, history, html, force=force)
    print(told_as_json(answer.facts) if as_json else answer.text)
    if answer.alarms:
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
        typer.Option(
            metavar=FOLDER,
            help="Write the moved bundle to this folder, and leave the champion alone.",
        ),
    ] = None,
) -> None:
    """Move the level of the champion by the newest conversions; its trees stay as they are.

    No lead changes its grade or its place in a list: the probabilities move together. The champion
    is changed only where level_tracking in params.yaml is true; else it is told what would be done.
    The offset is taken back where its record, on labels that came later, shows that it harms.
    """
    from leadcast.pipelines.lifecycle.recalibrate import recalibrate as move_level

    if bundle is not None and out is None:
        raise LeadcastError("--bundle: needs --out: only the champion's level is moved in place")
    print(move_level(source, bundle, out))


@app.command(
    epilog="\b\nExamples:\n  leadcast grades demo\n  leadcast grades demo --bounds 0.2,0.08,0.02"
)
def grades(
    source: Source,
    bounds: Annotated[
        str | None,
        typer.Option(help="From which probability on a lead is an A, a B, a C: 0.2,0.08,0.02."),
    ] = None,
    by: Annotated[
        str, typer.Option(help="Who sets them; kept with the version.")
    ] = "leadcast grades",
) -> None:
    """Tell what grades come to: bounds, share of the leads, conversion; or set their bounds.

    Bounds are set for the champion, as a version of its own that can be rolled back; probabilities
    stay as they are. Every later champion keeps them.
    """
    from leadcast.pipelines.lifecycle.grades import grades as tell_grades

    print(tell_grades(source, bounds, by))
