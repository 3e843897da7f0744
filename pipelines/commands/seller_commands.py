"""Commands about who brings the leads."""

from pathlib import Path
from typing import Annotated

import typer

from leadcast.pipelines.commands.app import (
    EXIT_WITH_ALARMS,
    FILE,
    AsOf,
    Force,
    Source,
    app,
    moment_of,
)


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
    training: Annotated[
        bool,
        typer.Option("--training", help="Measure as well what junk does to training: minutes."),
    ] = False,
    html: Annotated[Path | None, typer.Option(help="Write the page to this file as well.")] = None,
    json: Annotated[Path | None, typer.Option(help="The JSON file to write as well.")] = None,
    force: Force = False,
) -> None:
    """Score each vendor, source and campaign, and tell who delivers junk and who resells.

    The export is read anew; no run is needed. The results lie in data/runs/SOURCE: sellers.json
    and sellers.html.
    """
    from leadcast.pipelines.insight.sellers import SellersRequest, tell_sellers

    request = SellersRequest(tuple(without or ()), training, html, json, force)
    print(tell_sellers(source, request).text)


@app.command(
    epilog="\b\nExamples:\n  leadcast returns demo_sellers --out returns.csv\n"
    "  leadcast returns ours --out returns.csv --due-hours 48\n"
    "  leadcast returns ours --sent returns.csv\n\n"
    "\b\nExit codes: 0 listed; 1 refused; 2 wrong use of the command line; 4 a deadline is near."
)
def returns(
    source: Source,
    out: Annotated[
        Path | None, typer.Option(metavar=FILE, help="Write the list to this file, CSV.")
    ] = None,
    as_of: AsOf = None,
    due_hours: Annotated[
        float, typer.Option(min=0, help="So many hours before its deadline a lead is urgent.")
    ] = 24.0,
    sent: Annotated[
        Path | None,
        typer.Option(help="A list that was sent to the vendors: it is not listed again."),
    ] = None,
    force: Force = False,
) -> None:
    """List the leads to send back to their vendors: deadline, reason, evidence and price.

    By the terms of the definition's key vendors. The export is read anew; no run is needed.
    """
    from leadcast.pipelines.daily.returns import ReturnsRequest, tell_returns

    moment = moment_of("--as-of", as_of)
    answer = tell_returns(source, ReturnsRequest(out, moment, due_hours, sent, force))
    print(answer.text)
    if answer.due:
        raise typer.Exit(EXIT_WITH_ALARMS)
