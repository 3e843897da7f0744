"""What every stage shares: its argument, its line of output and how it fails."""

import sys
import time
from collections.abc import Callable

from features.errors import LeadcastError

Stage = Callable[[str], str]
"""A stage takes the source's name and returns what it did, in one line."""


def run_stage(name: str, stage: Stage) -> None:
    """Run a stage as a program: ``python -m pipelines.NAME SOURCE``.

    Prints one line with what was done and the seconds that it took. An error that the user can
    mend is printed without a traceback and ends the program with 1.

    Parameters
    ----------
    name : str
        The stage's name.
    stage : callable
        Takes the source's name, returns what was done, in words.
    """
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(f"usage: python -m pipelines.{name} SOURCE", file=sys.stderr)
        raise SystemExit(0 if sys.argv[1:] in (["-h"], ["--help"]) else 2)
    started = time.perf_counter()
    try:
        done = stage(sys.argv[1])
    except LeadcastError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    print(f"[{name}] {done} ({time.perf_counter() - started:.1f} s)", flush=True)
