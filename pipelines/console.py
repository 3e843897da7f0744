"""Progress on the terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import ProgressColumn


@contextmanager
def progress_bar(doing: str, unit: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar with the rate and the time left; nothing where nobody is looking.

    Parameters
    ----------
    doing : str
        What is being done ("scoring").
    unit : str
        What is counted ("leads").
    total : int or None
        How many there are to do; None where that is not known.

    Yields
    ------
    callable
        Takes how many more are done.
    """
    if not sys.stderr.isatty():
        yield lambda _more: None
        return
    # rich is slow to import, and only a terminal needs it.
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(*_columns(), console=Console(stderr=True), transient=True)
    with bar as progress:
        task = progress.add_task(doing, total=total, rate="")

        def advance(more: int) -> None:
            progress.update(task, advance=more)
            now = progress.tasks[0]
            rate = f"{now.completed / now.elapsed:,.0f} {unit}/s" if now.elapsed else ""
            progress.update(task, rate=rate)

        yield advance


def _columns() -> list["ProgressColumn"]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    description = TextColumn("{task.description}")
    rate = TextColumn("{task.fields[rate]}")
    return [description, BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn()]
