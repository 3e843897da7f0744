"""What every stage shares: its argument, its line of output and how it fails."""

import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from features.errors import LeadcastError

NOTHING_NEW = "nothing new"
"""How a stage that DVC always runs begins its line where it had nothing to do."""
Stage = Callable[[str], str]
"""A stage takes the source's name and returns what it did, in one line."""
ClusterStage = Callable[[str, str | None], str]
"""Likewise on a Dask cluster: takes the scheduler's address as well, None for one started here."""


def run_stage(name: str, stage: Stage, on_cluster: ClusterStage | None = None) -> None:
    """Run a stage as a program: ``python -m pipelines.NAME SOURCE``.

    Prints one line with what was done and the seconds that it took. An error that the user can
    mend is printed without a traceback and ends the program with 1.

    Parameters
    ----------
    name : str
        The stage's name.
    stage : callable
        Takes the source's name, returns what was done, in words.
    on_cluster : callable, optional
        The same with Dask: ``--engine dask [--scheduler ADDRESS]``.
    """
    arguments = _arguments(name, can_use_clusters=on_cluster is not None)
    started = time.perf_counter()
    try:
        if on_cluster is not None and arguments.engine == "dask":
            done = on_cluster(arguments.source, arguments.scheduler)
        else:
            done = stage(arguments.source)
    except LeadcastError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    print(f"[{name}] {done} ({time.perf_counter() - started:.1f} s)", flush=True)


def _arguments(name: str, *, can_use_clusters: bool) -> Namespace:
    parser = ArgumentParser(prog=f"python -m pipelines.{name}")
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
