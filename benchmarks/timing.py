"""Timing on a machine that others use as well: ratios within one run, taken in turns."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

Job = Callable[[], object]


def in_turns(
    jobs: Mapping[str, Job], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Run jobs one after another, round by round, so that a busy minute meets all of them.

    Parameters
    ----------
    jobs : mapping of str to callable
        What to time.
    rounds : int
        How often each is run, after one run that is not counted.
    clock : callable
        Tells seconds; `time.process_time` for the processor's, which others lengthen less.

    Returns
    -------
    dict of str to list of float
        The seconds of each job's runs, in the order of the rounds.
    """
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for number in range(rounds + 1):
        for name, job in jobs.items():
            began = clock()
            job()
            if number:
                seconds[name].append(clock() - began)
    return seconds


def ratio_of(seconds: Mapping[str, list[float]], one: str, other: str) -> float:
    """Tell how many times as long one job takes as another: the median of the rounds' ratios.

    Parameters
    ----------
    seconds : mapping
        As `in_turns` gives it.
    one, other : str
        Names of jobs.

    Returns
    -------
    float
    """
    pairs = zip(seconds[one], seconds[other], strict=True)
    return median(first / second for first, second in pairs)


def quantiles_us(seconds: list[float]) -> dict[str, float]:
    """Give the middle and the tail of many runs of one job.

    Parameters
    ----------
    seconds : list of float

    Returns
    -------
    dict
        ``p50_us`` and ``p99_us``, in microseconds.
    """
    ordered = sorted(seconds)
    at = [ordered[min(int(share * len(ordered)), len(ordered) - 1)] for share in (0.5, 0.99)]
    return {"p50_us": round(1e6 * at[0], 1), "p99_us": round(1e6 * at[1], 1)}


def peak_mib() -> int:
    """Tell the most memory that this process has held.

    From Linux's account of the process; the usual ``ru_maxrss`` of a process that was started by a
    larger one is the larger one's.

    Returns
    -------
    int
        MiB.
    """
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (kib,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return round(int(kib) / 1024)
