"""Real processes that begin at the same moment, and such as are killed in the middle."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
GIVE_UP_SECONDS = 120
_BEGIN = """
import sys, time
from pathlib import Path
here, me, n = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
def barrier():
    (here / f"ready-{me}").touch()
    give_up = time.monotonic() + 120
    while len(list(here.glob("ready-*"))) < n and time.monotonic() < give_up:
        time.sleep(0.001)
"""


def at_once(here: Path, programs: Sequence[str], *told: Path) -> list[tuple[int, str]]:
    """Run programs that call `barrier()` when they are ready; give their codes and errors."""
    here.mkdir()
    processes = [
        _started(program, str(here), str(number), str(len(programs)), *map(str, told))
        for number, program in enumerate(programs)
    ]
    errors = [process.communicate(timeout=GIVE_UP_SECONDS)[1] for process in processes]
    return [(process.returncode, error) for process, error in zip(processes, errors, strict=True)]


def killed_when(program: str, is_time: Callable[[], bool], *told: Path) -> None:
    """Run a program and kill it (`kill -9`) at the moment that `is_time` names."""
    process = _started(program, ".", "0", "1", *map(str, told))
    give_up = time.monotonic() + GIVE_UP_SECONDS
    try:
        while not is_time():
            assert process.poll() is None, f"it ended before: {process.communicate()[1]}"
            assert time.monotonic() < give_up, "the moment never came"
            time.sleep(0.001)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL


def _started(program: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _BEGIN + program, *arguments],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
