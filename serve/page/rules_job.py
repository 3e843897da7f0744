"""A comparison in the background: one at a time for the whole service, in a process of its own.

All that is known of it lies in a folder that every worker sees: ``job.json`` (which one, since
when), its lines of output, its result. Whether it runs is told by a lock that the process itself
holds (`flock`): the lock ends with the process, however that ends, so that no state can outlive
it, and two workers cannot both start one.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.files import read_json, write_json
from leadcast.serve.requests.problems import Problem

JOB, LOCK = "job.json", "lock"
TEXT, RESULT, LINES, ERRORS, CANCELLED = "table.yaml", "result", "lines", "errors", "cancelled"
NICENESS = 5
"""Scores of other callers go first."""
SECONDS_TO_END = 5.0
_CODE = Path(__file__).resolve().parents[2]
_MOST_TOLD = 2_000
_TRIES, _SECONDS_BETWEEN_TRIES = 5, 0.01


class Jobs:
    """Starts, tells and ends comparisons."""

    def __init__(self, folder: Path, command: Sequence[str], project: Path | None) -> None:
        self._folder, self._command, self._project = folder, tuple(command), project

    @property
    def can_run(self) -> bool:
        """Whether there is a command, and a folder to run it in."""
        return bool(self._command) and self._project is not None and self._project.is_dir()

    def start(self, text: str, options: Sequence[str]) -> dict[str, Any]:
        """Start a comparison with a points table."""
        if not self.can_run:
            raise Problem("cannot-run", 409, "this service does not know how to run a comparison")
        self._folder.mkdir(mode=0o700, exist_ok=True)
        with self._locked() as lock:
            number = self._job().get("number", 0) + 1
            own = self._folder / uuid.uuid4().hex
            for old in self._folder.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
            own.mkdir()
            (own / TEXT).write_text(text, encoding="utf-8")
            pid = self._begin(own, options, lock)
            job = {"id": own.name, "number": number, "pid": pid, "started": time.time()}
            write_json(self._folder / JOB, job, replacing=True)
        return self.state()

    def state(self) -> dict[str, Any]:
        """Tell the state of the latest comparison."""
        # The lock is looked at first: what ends in between is told as done the next time.
        runs, job = self._runs(), self._job()
        if not job:
            return {"state": "none", "number": 0}
        own = self._folder / job["id"]
        told = {"id": job["id"], "number": job["number"]}
        if runs:
            seconds = max(0.0, time.time() - job["started"])
            return told | {"state": "running", "seconds": round(seconds, 1)} | _step(own / LINES)
        if (own / CANCELLED).exists():
            return told | {"state": "cancelled"}
        if (own / RESULT).is_dir():
            return told | {"state": "done"}
        return told | {"state": "failed", "words": _why(own)}

    def result(self) -> Path:
        """Give the folder of the latest comparison's result."""
        state = self.state()
        if state["state"] != "done":
            raise Problem("not-found", 404, "there is no result; start a comparison first")
        return self._folder / str(state["id"]) / RESULT

    def cancel(self) -> dict[str, Any]:
        """End the comparison that runs, if one does."""
        job = self._job()
        if job and self._runs():
            (self._folder / job["id"] / CANCELLED).touch()
            self._end(job["pid"])
        return self.state()

    def _begin(self, own: Path, options: Sequence[str], lock: int) -> int:
        told = ["--rules", str(own / TEXT), "--out", str(own / RESULT), "--json"]
        paths = [str(_CODE), os.environ.get("PYTHONPATH", "")]
        with (own / LINES).open("wb") as lines, (own / ERRORS).open("wb") as errors:
            process = subprocess.Popen(
                [*self._command, *told, *options],
                cwd=self._project,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
                stdin=subprocess.DEVNULL,
                stdout=lines,
                stderr=errors,
                pass_fds=[lock],
                start_new_session=True,
            )
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        # Somebody must ask a process how it ended, or it stays in the list of processes.
        threading.Thread(target=process.wait, daemon=True).start()
        return process.pid

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """Take the lock, to be handed to the process; this one's hold of it ends with the block."""
        lock = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            for _ in range(_TRIES):
                if _taken(lock, fcntl.LOCK_EX):
                    break
                # Another worker may just be looking, which takes no time.
                time.sleep(_SECONDS_BETWEEN_TRIES)
            else:
                detail = "a comparison is running already; wait for it, or cancel it"
                raise Problem("running", 409, detail)
            yield lock
        finally:
            os.close(lock)

    def _runs(self) -> bool:
        try:
            lock = os.open(self._folder / LOCK, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            return not _taken(lock, fcntl.LOCK_SH)
        finally:
            os.close(lock)

    def _job(self) -> dict[str, Any]:
        try:
            job: dict[str, Any] = read_json(self._folder / JOB)
        except LeadcastError:
            return {}
        return job

    def _end(self, pid: int) -> None:
        """End the process that holds the lock, and all that it has started."""
        deadline = time.monotonic() + SECONDS_TO_END
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(pid, number)
            while self._runs() and time.monotonic() < deadline:
                time.sleep(0.01)
            if not self._runs():
                break
            deadline += SECONDS_TO_END


def _taken(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _step(lines: Path) -> dict[str, Any]:
    told = lines.read_bytes().split(b"\n")[:-1] if lines.exists() else []
    for line in reversed(told):
        with suppress(ValueError):
            step: dict[str, Any] = json.loads(line)
            # The last line tells the end, and the process may take a while to be gone.
            if step.get("doing"):
                return {key: step.get(key) for key in ("step", "of", "doing")}
    return {"step": None, "of": None, "doing": "starting"}


def _why(own: Path) -> str:
    errors = own / ERRORS
    text = errors.read_text(encoding="utf-8", errors="replace").strip() if errors.exists() else ""
    words = text.replace(str(own / TEXT), "your table")
    at = words.rfind("error: ")
    if at >= 0:
        return words[at + len("error: ") :][:_MOST_TOLD]
    last = words.splitlines()[-1][:_MOST_TOLD] if words else "it was ended, or memory ran out"
    return f"the comparison ended before it was done ({last}); start it again"
