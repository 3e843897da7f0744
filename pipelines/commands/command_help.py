"""How the command line presents itself: whole lines of help, its version, and where it works."""

from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.ownership import PARAMS

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
"""Handed down to every command."""
LONGEST_LINE = 300


class Commands(TyperGroup):
    """A group of commands whose lines of help are wrapped, not cut."""

    def format_commands(self, _ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write a line for each command, wrapped where it is long."""
        shown = [(name, command) for name, command in self.commands.items() if not command.hidden]
        rows = [(name, command.get_short_help_str(LONGEST_LINE)) for name, command in shown]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def show_version(wanted: bool) -> None:
    """Print the version and end, where it is asked for."""
    if wanted:
        from leadcast import __version__

        print(f"leadcast {__version__}")
        raise typer.Exit


def is_of_a_project(command: Any) -> bool:  # noqa: ANN401
    """Tell whether a command takes a source's name, and so makes sense in a project alone."""
    return any(one.name == "source" and one.param_type_name == "argument" for one in command.params)


def require_project(folder: Path) -> None:
    """Refuse a folder that holds no project.

    Parameters
    ----------
    folder : Path
        Where the command line was called.

    Raises
    ------
    LeadcastError
        If it holds none; names the one around it, if there is one.
    """
    if any((folder / name).exists() for name in (PARAMS, "data/sources", "data/runs")):
        return
    above = next((one for one in folder.resolve().parents if (one / PARAMS).exists()), None)
    remedy = (
        f"go to {above}, which is one"
        if above is not None
        else "go to the folder that holds it, or begin one with `leadcast init NAME FOLDER`"
    )
    raise LeadcastError(
        f"{folder.resolve()} is not a Leadcast project: it has neither {PARAMS} nor data/sources; "
        f"{remedy}"
    )
