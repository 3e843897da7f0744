"""The command ``leadcast`` itself, and the options that several of its commands have."""

import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, cast

import typer

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.verbosity import Verbosity, set_verbosity
from leadcast.pipelines.base.paths import require_project, require_source
from leadcast.pipelines.commands.command_help import (
    HELP_OPTIONS,
    App,
    Commands,
    is_of_a_project,
    known_sources,
    show_version,
)

ABOUT = "Calibrated lead scoring: the probability that a lead becomes a paying customer."
EXIT_WITH_WARNINGS = EXIT_REFUSED = 3
EXIT_WITH_ALARMS = 4
FILE, FOLDER = "FILE", "FOLDER"
"""What `--out` names: of each command one or the other."""

EXAMPLES = """\b
Examples:
  leadcast new my-leads
  leadcast init ours ../export
  leadcast check ours
  leadcast run ours
  leadcast score --bundle data/runs/ours/bundle --leads new.csv --events events.csv \\
      --out scores.csv

Each command has examples of its own: leadcast COMMAND --help. There --quiet and --verbose are
known, too."""

app = App(
    name="leadcast",
    cls=Commands,
    context_settings=HELP_OPTIONS,
    help=ABOUT,
    epilog=EXAMPLES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
rules = App(
    cls=Commands,
    help="Points tables, as marketing teams keep them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
api_key = App(
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


class CompanyCrm(StrEnum):
    """Whose file of companies to write."""

    hubspot = "hubspot"
    salesforce = "salesforce"


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

    auto = "auto"
    text = "text"
    json = "json"


class EngineChoice(StrEnum):
    """Where leads are scored."""

    local = "local"
    dask = "dask"


Source = Annotated[
    str,
    typer.Argument(
        help="A source's name: that of a file data/sources/NAME.yaml.",
        autocompletion=known_sources,
        callback=require_source,
    ),
]
AsOf = Annotated[
    str | None,
    typer.Option(help="The moment, with its zone; the end of the export where none is given."),
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
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Tell nothing but errors and the answer.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Tell each step and its time.")
    ] = False,
) -> None:
    """Calibrated lead scoring: the probability that a lead becomes a paying customer."""
    asked = Verbosity.quiet if quiet else Verbosity.verbose if verbose else None
    set_verbosity(asked)
    within = cast(Commands, context.command).commands
    asks_for_help = {*HELP_OPTIONS["help_option_names"]} & {*sys.argv}
    if not asks_for_help and is_of_a_project(within[str(context.invoked_subcommand)]):
        require_project(Path())


def moment_of(option: str, text: str | None) -> datetime | None:
    """Read a moment that a user typed."""
    if text is None:
        return None
    from leadcast.features.values.times import parse_moment

    try:
        return parse_moment(text)
    except ValueError as error:
        raise LeadcastError(f"{option}: {error}") from None
