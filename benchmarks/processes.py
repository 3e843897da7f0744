"""Peak memory and processor time of a process and all that it starts, from Linux's accounts."""

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

_EVERY_SECONDS = 0.2
_PROC = Path("/proc")


class ProcessTree:
    """Looks at a process and all below it for as long as the block lasts.

    The kernel keeps the accounts, so that only the last moments of a process may be missed, and
    those that end at once.

    Parameters
    ----------
    pid : int
        The process.
    """

    def __init__(self, pid: int) -> None:
        self._root = pid
        self._peaks: dict[int, tuple[str, int]] = {}
        self._ticks: dict[int, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def of_root(self) -> int:
        """Give the peak of the process itself, in MiB."""
        return self._peaks.get(self._root, ("", 0))[1] // 1024

    def below(self, name: str) -> int:
        """Give the largest peak among the processes below whose name begins so, in MiB."""
        others = ((pid, *about) for pid, about in self._peaks.items() if pid != self._root)
        return max((kib for _, its, kib in others if its.startswith(name)), default=0) // 1024

    def cpu_seconds(self) -> float:
        """Give the processor time of all of them, in seconds."""
        return sum(self._ticks.values()) / os.sysconf("SC_CLK_TCK")

    def cpu_seconds_of_root(self) -> float:
        """Give the processor time of the process itself, in seconds."""
        return self._ticks.get(self._root, 0) / os.sysconf("SC_CLK_TCK")

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            pids = [self._root]
            for pid in pids:
                pids += _children(pid)
                status = _read(_PROC / str(pid) / "status")
                about = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
                if "VmHWM" in about:
                    kib = int(about["VmHWM"].split()[0])
                    self._peaks[pid] = (about["Name"].strip(), kib)
                # After the name in brackets: state, ten others, user and system ticks.
                numbers = _read(_PROC / str(pid) / "stat").rpartition(")")[2].split()
                if numbers:
                    self._ticks[pid] = int(numbers[11]) + int(numbers[12])


def _children(pid: int) -> list[int]:
    tasks = (_PROC / str(pid) / "task").glob("*/children")
    return [int(child) for task in tasks for child in _read(task).split()]


def _read(file: Path) -> str:
    # A process may end at any moment.
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""
