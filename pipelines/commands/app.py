"""The command ``leadcast`` itself, and the options that several of its commands have."""

import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from leadcast.features.base.errors import LeadcastError
from leadcast.pipelines.commands.command_help import (
    HELP_OPTIONS,
    Commands,
    is_of_a_project,
    require_project,
    show_version,
)

if TYPE_CHECKING:
    pass

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

    auto = "auto"
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


def moment_of(option: str, text: str | None) -> datetime | None:
    """Read a moment that a user typed."""
    if text is None:
        return None
    from leadcast.features.values.times import parse_moment

    try:
        return parse_moment(text)
    except ValueError as error:
        raise LeadcastError(f"{option}: {error}") from None
