"""Commands for every day: whom to call, what would change, who is forgotten."""

from pathlib import Path
from typing import Annotated

import typer

from leadcast.pipelines.commands.app import (
    EXIT_REFUSED,
    FILE,
    AsOf,
    CompanyCrm,
    Force,
    Source,
    app,
    moment_of,
)


@app.command(
    epilog="\b\nExamples:\n  leadcast today demo\n"
    "  leadcast today demo --calls 60 --out leads.csv\n"
    "  leadcast today demo --as-of 2025-12-01T06:00:00Z --reasons top:200"
)
def today(
    source: Source,
    as_of: AsOf = None,
    calls: Annotated[
        float | None,
        typer.Option(min=0, help="How many leads sales can call this week; else as the settings."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar=FILE, help="Write the list to this file as well: .csv or .parquet."),
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
    from leadcast.pipelines.daily.today import TodayRequest, tell_today
    from leadcast.serve.reasons import ReasonsAsked

    moment = moment_of("--as-of", as_of)
    asked = TodayRequest(moment, calls, closed, out, ReasonsAsked.parse(reasons), force)
    print(tell_today(source, asked))


@app.command(
    epilog="\b\nExamples:\n  leadcast forecast demo\n"
    "  leadcast forecast demo --weeks 4 --out weeks.csv"
)
def forecast(
    source: Source,
    as_of: AsOf = None,
    weeks: Annotated[
        int | None, typer.Option(help="How many weeks ahead; else up to the longest horizon.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar=FILE, help="Write the forecast to this file as well: .csv or .json."),
    ] = None,
    force: Force = False,
) -> None:
    """Forecast what the open leads bring by week: customers and revenue, with intervals.

    Leads that have yet to come are not in it. How often past forecasts held what came is told.
    """
    from leadcast.pipelines.daily.forecast import ForecastRequest, tell_forecast

    moment = moment_of("--as-of", as_of)
    print(tell_forecast(source, ForecastRequest(moment, weeks, out, force)))


@app.command(
    epilog="\b\nExamples:\n  leadcast accounts demo_accounts\n"
    "  leadcast accounts demo_accounts --out accounts.csv\n"
    "  leadcast accounts demo_accounts --out companies.jsonl --crm hubspot"
)
def accounts(
    source: Source,
    as_of: AsOf = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar=FILE, help="Write the list to this file: .csv, .parquet or .json."),
    ] = None,
    crm: Annotated[
        CompanyCrm | None,
        typer.Option(help="Write it as properties of companies (hubspot .jsonl, salesforce .csv)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Tell it as JSON.")] = False,
    force: Force = False,
) -> None:
    """List the accounts with open leads: how probable a customer is, and who is in the group.

    The source's definition asks for accounts (`accounts: {}`), and the source must have been run.
    The list lies in data/runs/SOURCE/accounts_now.parquet.
    """
    from leadcast.pipelines.daily.account_list import AccountsRequest, tell_accounts

    moment = moment_of("--as-of", as_of)
    asked = AccountsRequest(moment, out, None if crm is None else crm.value, as_json, force)
    print(tell_accounts(source, asked))


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
    as_of: AsOf = None,
    as_json: Annotated[bool, typer.Option("--json", help="Tell it as JSON.")] = False,
) -> None:
    """Try a lead: its score and reasons as it stands, and with a field or an event changed.

    Nothing is written. A score with a change is what the model says of such a lead, and no promise
    of what the change would bring about.
    """
    from leadcast.pipelines.daily.lead_trials import tell_what_if

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
    as_of: AsOf = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar=FILE, help="Write the decisions to this file: .jsonl (with inputs) or .csv."
        ),
    ] = None,
    force: Force = False,
) -> None:
    """Tell why leads scored low: at most four principal reasons each, true to the model.

    Each says what the score would be if the lead had in this one thing what a typical customer has.
    The record of a decision names the model's version, the moment, the inputs and the reasons.
    """
    from leadcast.pipelines.daily.reasons import ReasonsRequest, tell_reasons

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
    from leadcast.pipelines.daily.lead_trials import MissesRequest, tell_misses

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
    from leadcast.pipelines.daily.forget import ForgetRequest
    from leadcast.pipelines.daily.forget import forget as forget_person

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
    from leadcast.pipelines.daily.handoff import take_feedback

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
    from leadcast.pipelines.daily.explored import tell_explored

    print(tell_explored(source, as_json=as_json))
