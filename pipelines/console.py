"""Progress on the terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import ProgressColumn


Tell = Callable[[int, int], None]
"""Takes how many are done, and of how many."""


@contextmanager
def progress_bar(doing: str, unit: str) -> Iterator[Tell]:
    """Show a bar with the rate and the time left; nothing where nobody is looking.

    Parameters
    ----------
    doing : str
        What is being done ("scoring").
    unit : str
        What is counted ("leads").

    Yields
    ------
    callable
        Takes how many are done, and of how many.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    # rich is slow to import, and only a terminal needs it.
    from rich.console import Console
    from rich.progress import Progress

    with Progress(*_columns(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(doing, total=None, rate="")

        def tell(done: int, total: int) -> None:
            elapsed = progress.tasks[0].elapsed
            rate = f"{done / elapsed:,.0f} {unit}/s" if elapsed else ""
            progress.update(task, completed=done, total=total, rate=rate)

        yield tell


def _columns() -> list["ProgressColumn"]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    description = TextColumn("{task.description}")
    rate = TextColumn("{task.fields[rate]}")
    return [description, BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn()]
