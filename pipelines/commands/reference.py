"""The reference of the command line, `docs/cli.md`, made of the commands' own help.

``python -m leadcast.pipelines.commands.reference`` writes it anew; a test holds the two together.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from leadcast.pipelines.commands.cli import app
from leadcast.pipelines.commands.command_help import HELP_OPTIONS, sections_of

PLACE = Path(__file__).resolve().parents[2] / "docs/cli.md"
WIDTH = 100
BEGIN = """# The command line
Made of the commands' own help by `python -m leadcast.pipelines.commands.reference`.

What holds for all commands:

- `leadcast COMMAND --help` (or `-h`) shows its options, examples and exit codes.
- A source is called by its name, that of a file `data/sources/NAME.yaml`; such commands run in a
  project's folder, which `leadcast new` makes. `leadcast --install-completion` lets the shell
  complete commands, options and sources' names.
- The answer goes to the standard output; errors, warnings and progress to the standard error.
  Progress is shown on a terminal alone. `--quiet` (`-q`) leaves errors and the answer,
  `--verbose` (`-v`) tells each step with its time; both may stand before or behind the command,
  and `LEADCAST_VERBOSITY=quiet` or `verbose` asks for the same.
- `--out` names the file or folder to write; what stands there is replaced only where Leadcast
  wrote it and nobody has changed it since, `--force` replaces files of others. `--html` and
  `--json` name further files of that form, or, where they take no name, ask for JSON in place of
  the text.
- Exit codes: 0 done; 1 refused or failed, with the reason on the standard error; 2 wrong use of
  the command line; 130 interrupted. What else a command may end with is told in its help.
"""


def reference() -> str:
    """Write the reference.

    Returns
    -------
    str
        Markdown.
    """
    whole: Any = typer.main.get_command(app)
    parts = [BEGIN, *_page(whole, "leadcast", "## leadcast")]
    for title, names in sections_of(whole.commands).items():
        parts.append(f"## {title}\n")
        for name in names:
            parts += _pages(whole.commands[name], f"leadcast {name}")
    return "\n".join(parts)


def _pages(command: Any, called: str) -> Iterator[str]:  # noqa: ANN401 - of the click that typer brings
    inner = getattr(command, "commands", {})
    if not inner:
        yield from _page(command, called, f"### {called}")
    for name, one in inner.items():
        yield from _pages(one, f"{called} {name}")


def _page(command: Any, called: str, heading: str) -> Iterator[str]:  # noqa: ANN401
    names: dict[str, Any] = {**HELP_OPTIONS}
    context = typer.Context(command, info_name=called, terminal_width=WIDTH, **names)
    text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    yield f"{heading}\n\n```text\n{text}\n```\n"


if __name__ == "__main__":
    PLACE.write_text(reference(), encoding="utf-8")
