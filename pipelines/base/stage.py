"""What every stage shares: its argument, its line of output and how it fails.

Progress on the terminal.
"""

import logging
import os
import signal
import sys
import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from leadcast.features.base.errors import LeadcastError, system_words
from leadcast.features.base.streams import escape_unknown_letters
from leadcast.features.base.verbosity import is_watched, set_verbosity
from leadcast.pipelines.base.damaged import damage_told, refuse_altered
from leadcast.pipelines.base.paths import require_project

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

LOG = logging.getLogger(__name__)
NOTHING_NEW = "nothing new"
"""How a stage that DVC always runs begins its line where it had nothing to do."""
MORE = "  "
"""How a further line of a stage begins."""
Stage = Callable[[str], str]
"""A stage takes the source's name and returns what it did; further lines tell what is notable."""
ClusterStage = Callable[[str, str | None], str]
"""Likewise on a Dask cluster: takes the scheduler's address as well, None for one started here."""
LIFELINE = "LEADCAST_LIFELINE"
"""Set in the environment where a stage's standard input stays open as long as its runner lives."""
INTERRUPTED = 130


def run_stage(name: str, stage: Stage, on_cluster: ClusterStage | None = None) -> None:
    """Run a stage as a program: ``python -m pipelines.NAME SOURCE``.

    Prints one line with what was done and the seconds that it took, and below it what is notable.
    An error that the user can mend is printed without a traceback and ends the program with 1;
    so is what another stage wrote and is damaged by now. A stage ends with the command that runs
    it, however that ends: nobody waits for what it would write.
    """
    arguments = _arguments(name, can_use_clusters=on_cluster is not None)
    set_verbosity()
    escape_unknown_letters()
    LOG.info("stage %s of %s begins", name, arguments.source)
    started = time.perf_counter()
    if LIFELINE in os.environ:
        threading.Thread(target=_end_with_runner, daemon=True).start()
    try:
        require_project(Path())
        with damage_told(arguments.source):
            refuse_altered(name, arguments.source)
            if on_cluster is not None and arguments.engine == "dask":
                done = on_cluster(arguments.source, arguments.scheduler)
            else:
                done = stage(arguments.source)
    except (LeadcastError, OSError) as error:
        print(f"error: {system_words(error)}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print(f"{name} was interrupted; the results before it stay as they were", file=sys.stderr)
        raise SystemExit(INTERRUPTED) from None
    seconds = f"({time.perf_counter() - started:.1f} s)"
    print(in_lines(name, done, f" {seconds}"), flush=True)


def in_lines(name: str, done: str, after: str = "") -> str:
    """Write what a stage did: its line, and what is notable below it.

    Parameters
    ----------
    name : str
        The stage's name.
    done : str
        What it returned.
    after : str
        What to put at the end of its line.

    Returns
    -------
    str
    """
    first, *more = done.splitlines() or [""]
    return "\n".join([f"[{name}] {first}{after}", *(MORE + line for line in more)])


def _end_with_runner() -> None:
    # Not sys.stdin, whose lock would be held when the interpreter ends.
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _arguments(name: str, *, can_use_clusters: bool) -> Namespace:
    parser = ArgumentParser(prog=f"python -m leadcast.pipelines.{name}")
    parser.add_argument("source", metavar="SOURCE", help="the name of a file in data/sources")
    if can_use_clusters:
        parser.add_argument("--engine", choices=("local", "dask"), default="local")
        parser.add_argument(
            "--scheduler", metavar="ADDRESS", help="Dask's; without it, processes of this machine"
        )
    arguments = parser.parse_args()
    if can_use_clusters and arguments.scheduler and arguments.engine != "dask":
        parser.error("--scheduler needs --engine dask")
    return arguments


Tell = Callable[[int, int], None]
"""Takes how many are done, and of how many."""
TellShare = Callable[[str, float], None]
"""Takes what is being done, and the share of the whole that is done."""


@contextmanager
def progress_bar(doing: str, unit: str) -> Iterator[Tell]:
    """Show a bar with the rate and the time left; nothing where nobody is looking."""
    if not is_watched():
        yield lambda _done, _total: None
        return
    # rich is slow to import, and only a terminal needs it.
    from rich.progress import MofNCompleteColumn, TextColumn, TimeRemainingColumn

    rate_column = TextColumn("{task.fields[rate]}")
    with _progress(MofNCompleteColumn(), rate_column, TimeRemainingColumn()) as progress:
        task = progress.add_task(doing, total=None, rate="")

        def tell(done: int, total: int) -> None:
            elapsed = progress.tasks[0].elapsed
            rate = f"{done / elapsed:,.0f} {unit}/s" if elapsed else ""
            progress.update(task, completed=done, total=total, rate=rate)

        yield tell


@contextmanager
def share_bar() -> Iterator[TellShare]:
    """Show a bar that says what is being done; nothing where nobody is looking."""
    if not is_watched():
        yield lambda _doing, _share: None
        return
    from rich.progress import TaskProgressColumn

    with _progress(TaskProgressColumn()) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda doing, share: progress.update(task, description=doing, completed=share)


def tell_compiling() -> None:
    """Say to a person who waits that the loops are compiled first, where they are not kept yet."""
    if not is_watched():
        return
    from leadcast.features.base.compiled import is_kept
    from leadcast.features.engine.loop import fill_rows

    if not is_kept(fill_rows):
        print("compiling once, about 30 s; later runs begin at once", file=sys.stderr, flush=True)


def _progress(*columns: "ProgressColumn") -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    first = (TextColumn("{task.description}"), BarColumn())
    return Progress(*first, *columns, console=Console(stderr=True), transient=True)
