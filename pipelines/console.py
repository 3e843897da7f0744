"""Progress on the terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import ProgressColumn


Tell = Callable[[int, int], None]
"""Takes how many are done, and of how many."""
TellShare = Callable[[str, float], None]
"""Takes what is being done, and the share of the whole that is done."""


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


@contextmanager
def share_bar() -> Iterator[TellShare]:
    """Show a bar that says what is being done; nothing where nobody is looking.

    Yields
    ------
    callable
        Takes what is being done, and the share of the whole that is done, in [0, 1].
    """
    if not sys.stderr.isatty():
        yield lambda _doing, _share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda doing, share: progress.update(task, description=doing, completed=share)


def _columns() -> list["ProgressColumn"]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    description = TextColumn("{task.description}")
    rate = TextColumn("{task.fields[rate]}")
    return [description, BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn()]
