"""Kills stages with -9, each in a process of its own, which first runs what was killed before.

The processes are forked from one that has imported what takes longest, and no Polars: its threads
would not live on in them.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.empty_pictures import draw_nothing

Stage = Callable[[str], str]
_AHEAD = ["numba", "numpy", "psutil", "pydantic", "ruamel.yaml", "scipy.optimize", "scipy.stats"]


@dataclass(frozen=True)
class Task:
    """What a process does.

    Parameters
    ----------
    folder : Path
        The project's.
    source : str
    mend : callable or None
        The stage that it runs first, to its end.
    kill : callable or None
        The stage in which it is killed. A stage comes as its module's function, so that no process
        imports more than its own two.
    at : int
        Where: before the so-manieth output is put in its place.
    """

    folder: Path
    source: str
    mend: Stage | None
    kill: Stage | None
    at: int


def done(task: Task) -> int:
    """Let a process do it; give its exit code, negative for a signal."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_AHEAD)
    process = context.Process(target=_do, args=(task,))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


@contextlib.contextmanager
def _as_it_is(uri: str) -> Iterator[None]:
    yield


def _do(task: Task) -> None:
    warnings.simplefilter("ignore")
    from leadcast.features.base import files

    os.chdir(task.folder)
    put, placed = files._put_in_place, list[Path]()

    def counted(temporary: Path, path: Path) -> None:
        placed.append(path)
        if len(placed) == task.at:
            os.kill(os.getpid(), signal.SIGKILL)
        put(temporary, path)

    if "leadcast.pipelines.track" in sys.modules:
        _keep_mlflow_out()
    draw_nothing()
    if task.mend is not None:
        task.mend(task.source)
    if task.kill is not None:
        files._put_in_place = counted
        task.kill(task.source)
        sys.exit(f"{len(placed)} outputs were put in place, and it was not killed")


def _keep_mlflow_out() -> None:
    """What happens to MLflow's own store is tested where it is."""
    from leadcast.pipelines import track

    logged = {"run_id": "1", "model_uri": "m", "model_version": "1", "bundle_id": "1"}
    track._log = lambda *_: (logged, 0)
    # What it imports for its own use.
    vars(track)["told_without_traceback"] = _as_it_is
