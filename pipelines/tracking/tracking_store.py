"""MLflow's store, which may be lost or damaged, or hold what a killed process left."""

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import compress
from pathlib import Path

import psutil

from leadcast.features.base.errors import LeadcastError
from leadcast.pipelines.base.model_registry import OutOfReachError

PROCESS = "leadcast.process"
"""The tag that says which process logs a run: its host, its number and when it began."""
SAME_START_SECONDS = 60.0
"""A clock that is set while a process runs moves its beginning; numbers come back later. Used only
where the system tells no ticks."""


def store_file(uri: str) -> Path | None:
    """Tell which file a tracking URI names."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(uri)
    except ArgumentError:
        return None
    named = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
    return Path(str(url.database)) if named else None


def stands(uri: str, run_id: str | None) -> bool:
    """Tell whether a run that was logged is still there; MLflow, slow to import, is not needed."""
    file = store_file(uri)
    if file is None:
        return run_id is not None
    return file.exists() and _holds(file, run_id or "")


def _holds(file: Path, run_id: str) -> bool:
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as store:
            told = store.execute("PRAGMA quick_check(1)").fetchone()[0]
            if told != "ok":
                raise _damaged(file, told)
            if not store.execute("SELECT 1 FROM sqlite_master WHERE name = 'runs'").fetchone():
                return False
            found = "SELECT 1 FROM runs WHERE run_uuid = ? AND lifecycle_stage = 'active'"
            ended = f"{found} AND status = 'FINISHED'"
            return store.execute(ended, (run_id,)).fetchone() is not None
    except sqlite3.OperationalError as error:
        raise LeadcastError(
            f"{file}: MLflow's store cannot be read ({error}); see that it is a file which you may "
            "read and write and that no other program holds it, and run again"
        ) from None
    except sqlite3.DatabaseError as error:
        raise _damaged(file, str(error)) from None


class TrackingDownError(LeadcastError):
    """A tracking server, or its database, does not answer or takes nothing."""


@contextmanager
def told_without_traceback(uri: str) -> Iterator[None]:
    """Turn what MLflow's store raises into an error that says what to do."""
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (CommandError, MlflowException, SQLAlchemyError, OSError, OutOfReachError) as error:
        file, first = store_file(uri), str(error).strip().split("\n")[0]
        what = f"MLflow could not track this result ({first})"
        if file is None:
            raise TrackingDownError(
                f"{uri}: {what}; see that it can be reached and written to, or name another as "
                "tracking.uri in params.yaml, and run again"
            ) from None
        raise LeadcastError(
            f"{file}: {what}; see that it can be written and is of this version of MLflow, or "
            f"{_move_away(file)}"
        ) from None


def this_process() -> str:
    """Name this process so that another one can tell whether it still runs."""
    me = psutil.Process()
    return f"{socket.gethostname()} {me.pid} {me.create_time():.0f} {_ticks_at_start(me.pid)}"


def _ticks_at_start(pid: int) -> str:
    """Tell when a process began, by what no clock moves: the system's start and ticks since then.

    Empty where the system does not tell (proc(5), on Linux).
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The name, in parentheses, may hold anything; of what follows it the start is the 20th.
    return f"{boot}:{told.rpartition(')')[2].split()[19]}"


def end_dead_runs(experiment_id: str, source: str) -> int:
    """End the runs that a killed process left running; those of live ones go on."""
    import mlflow

    client = mlflow.MlflowClient()
    running = client.search_runs([experiment_id], "attributes.status = 'RUNNING'")
    ours = [run for run in running if run.data.tags.get("source") == source]
    processes = [run.data.tags.get(PROCESS, "") for run in ours]
    # What this process has begun before, it has given up.
    ended = [process == this_process() or is_dead(process) for process in processes]
    dead = list(compress(ours, ended))
    for run in dead:
        client.set_terminated(run.info.run_id, status="KILLED")
    return len(dead)


def is_dead(process: str) -> bool:
    """Tell whether a process has ended for certain."""
    try:
        host, number, began, *more = process.split(" ")
        pid, start = int(number), float(began)
    except ValueError:
        return False
    if host != socket.gethostname():
        return False
    ticks, now = "".join(more), _ticks_at_start(pid)
    try:
        found = psutil.Process(pid)
        same = abs(found.create_time() - start) <= SAME_START_SECONDS
        if ticks and now:
            same = ticks == now
        return not same or found.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False


def _damaged(file: Path, what: str) -> LeadcastError:
    return LeadcastError(f"{file}: MLflow's store is damaged ({what}); {_move_away(file)}")


def _move_away(file: Path) -> str:
    return (
        f"move it away (mv {file} {file}.old) and run again: this result is logged anew into a "
        "new file, and what was logged before stays in the one that you moved"
    )
