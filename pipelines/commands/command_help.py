"""How the command line presents itself: sections of commands, whole lines of help, its version."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command
from typer.models import CommandFunctionType

from leadcast.features.base.verbosity import Verbosity, set_verbosity

HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
"""Handed down to every command."""
LONGEST_LINE = 300
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "Your data": ("new", "init", "check", "identity", "delays", "sellers", "simulate"),
    "Run and judge": ("run", "audit", "curve", "misses", "icp"),
    "Every day": (
        *(
            "score",
            "today",
            "forecast",
            "accounts",
            "whatif",
            "reasons",
            "feedback",
            "explored",
            "returns",
            "forget",
        ),
    ),
    "The model in use": (
        "promote",
        "retrain",
        "rollback",
        "history",
        "monitor",
        "recalibrate",
        "grades",
    ),
    "Points": ("compare", "distill", "rules"),
    "Service": ("serve", "api-key", "sign"),
}
"""The commands in the order in which somebody meets them."""


def asked_of_command(asked: Verbosity) -> Any:  # noqa: ANN401
    """Make what an option does that asks for more or less."""

    def ask(wanted: bool) -> None:
        if wanted:
            set_verbosity(asked)

    return ask


def _everywhere(
    _quiet: Annotated[
        bool,
        typer.Option(
            *("--quiet", "-q"),
            callback=asked_of_command(Verbosity.quiet),
            expose_value=False,
            hidden=True,
        ),
    ] = False,
    _verbose: Annotated[
        bool,
        typer.Option(
            *("--verbose", "-v"),
            callback=asked_of_command(Verbosity.verbose),
            expose_value=False,
            hidden=True,
        ),
    ] = False,
) -> None:
    """Have the options that every command has, and only the help of `leadcast` shows."""


_ALIKE = typer.Typer(add_completion=False)
_ALIKE.command()(_everywhere)


class OneCommand(TyperCommand):
    """A command that may be asked to tell more or less behind its name too."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(*arguments, **settings)
        self.params += get_command(_ALIKE).params


class App(typer.Typer):
    """A command line whose commands all have `_everywhere`'s options."""

    def command(
        self,
        name: str | None = None,
        **settings: Any,  # noqa: ANN401
    ) -> Callable[[CommandFunctionType], CommandFunctionType]:
        """Register a command, as typer does."""
        return super().command(name, cls=OneCommand, **settings)


class Commands(TyperGroup):
    """A group of commands, in sections, whose lines of help are wrapped, not cut."""

    def format_commands(self, _ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write a line for each command, wrapped where it is long."""
        for title, names in sections_of(self.commands).items():
            rows = [(name, self.commands[name].get_short_help_str(LONGEST_LINE)) for name in names]
            with formatter.section(title):
                formatter.write_dl(rows)


def sections_of(commands: Mapping[str, Any]) -> dict[str, list[str]]:
    """Put the names of commands into sections, those of `SECTIONS` first.

    Parameters
    ----------
    commands : mapping of str to command

    Returns
    -------
    dict of str to list of str
        Without empty sections, and without hidden commands.
    """
    shown = [name for name, command in commands.items() if not command.hidden]
    placed = {title: [name for name in names if name in shown] for title, names in SECTIONS.items()}
    known = {name for names in placed.values() for name in names}
    # A group within the command has few, which need no sections.
    placed["Others" if known else "Commands"] = [name for name in shown if name not in known]
    return {title: names for title, names in placed.items() if names}


def show_version(wanted: bool) -> None:
    """Print the version and end, where it is asked for."""
    if wanted:
        from leadcast import __version__

        print(f"leadcast {__version__}")
        raise typer.Exit


def is_of_a_project(command: Any) -> bool:  # noqa: ANN401
    """Tell whether a command takes a source's name, and so makes sense in a project alone."""
    return any(one.name == "source" and one.param_type_name == "argument" for one in command.params)


def known_sources(incomplete: str) -> list[str]:
    """Complete a source's name."""
    names = sorted(path.stem for path in Path("data/sources").glob("*.yaml"))
    return [name for name in names if name.startswith(incomplete) and name != "template"]
