"""How long a million leads take: ``python -m benchmarks.scale [--leads N]``.

Simulates a world of the asked size in a scratch folder, then runs the stages on it, each as its
own process, as DVC does, and tells the wall clock, the CPU seconds and the peak memory of each. To
reach, on two cores, with a million leads and their 50 million events: snapshots, features and
training under 15 minutes and 12 GiB.

The wall clock of a machine that does other work as well says little, so the load is told beside
it: on a quiet machine a stage takes no longer than its CPU seconds on one core.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.results import RESULTS, write_result
from leadcast.features.base.files import read_json, write_json, written_whole
from leadcast.features.base.ownership import mark_folder, mark_of, refuse_foreign_folder
from leadcast.features.definitions.yaml_lines import plain_yaml, yaml_text
from leadcast.pipelines.lifecycle.trial import STAGES

NOT_MEASURED = ("gate", "curve", "amounts", "accounts", "compare", "audit", "report", "track")
MEASURED = tuple(name for name in STAGES if name not in NOT_MEASURED)
JUDGED = ("snapshots", "features", "train")
LINKED = ("leadcast",)
KIND = "benchmark"
"""What the mark in a scratch folder says, without which it is not removed."""
MIB_PER_KIB = 1 / 1024


def prepare(scratch: Path, leads: int, num_threads: int | None = None) -> None:
    """Lay out a project folder whose demo has so many leads; the code is linked, not copied.

    Parameters
    ----------
    scratch : Path
        The folder to make; takes the place of an earlier one of its kind.
    leads : int
        How many leads the demo shall have.
    num_threads : int, optional
        Threads of the learner; as many as `params.yaml` says, if not given.

    Raises
    ------
    LeadcastError
        If the folder holds anything else.
    """
    clear(scratch)
    (scratch / "data/sources").mkdir(parents=True)
    params = plain_yaml(Path("params.yaml").read_text(encoding="utf-8"))
    if num_threads is not None:
        params["model"]["num_threads"] = num_threads
    (scratch / "params.yaml").write_text(yaml_text(params), encoding="utf-8")
    definition = plain_yaml(Path("data/sources/demo.yaml").read_text(encoding="utf-8"))
    definition["simulation"]["leads"] = leads
    (scratch / "data/sources/demo.yaml").write_text(yaml_text(definition), encoding="utf-8")
    mark_folder(scratch, KIND)
    for name in LINKED:
        (scratch / name).symlink_to(Path(name).resolve())


def clear(scratch: Path) -> None:
    """Remove a scratch folder, if `prepare` has laid it out.

    Parameters
    ----------
    scratch : Path
        A folder of that kind, an empty one or none.

    Raises
    ------
    LeadcastError
        If there is anything else.
    """
    if scratch.is_symlink() or mark_of(scratch)[0] != KIND:
        refuse_foreign_folder(scratch, "")
    elif scratch.exists():
        shutil.rmtree(scratch)


def measure(stage: str, scratch: Path) -> dict[str, Any]:
    """Run one stage as a process and take its time and peak memory.

    Parameters
    ----------
    stage : str
        The stage's name.
    scratch : Path
        The project folder.

    Returns
    -------
    dict
        ``stage``, ``seconds`` (by the wall clock), ``cpu_seconds``, ``peak_mib``, ``load`` (the
        mean number of running processes in the last minute, this one's included).

    Raises
    ------
    RuntimeError
        If the stage failed.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", f"leadcast.pipelines.{stage}", "demo"], cwd=scratch
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"stage {stage} failed")
    return {
        "stage": stage,
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mib": round(usage.ru_maxrss * MIB_PER_KIB),
        "load": round(os.getloadavg()[0], 1),
    }


def summary(leads: int, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Sum up what the judged stages took.

    Parameters
    ----------
    leads : int
        How many leads there were.
    rows : sequence of dict
        As `measure` gives them.

    Returns
    -------
    dict
        JSON values.
    """
    judged = [row for row in rows if row["stage"] in JUDGED]
    return {
        "leads": leads,
        "stages": list(rows),
        "judged_wall_minutes": round(sum(row["seconds"] for row in judged) / 60, 1),
        "judged_cpu_minutes": round(sum(row["cpu_seconds"] for row in judged) / 60, 1),
        "judged_peak_gib": round(max(row["peak_mib"] for row in judged) / 1024, 1),
    }


def in_words(result: dict[str, Any]) -> str:
    """Write the measurements down for a person.

    Parameters
    ----------
    result : dict
        As `summary` gives it.

    Returns
    -------
    str
        Markdown.
    """
    head = "| stage | wall, s | CPU, s | peak, GiB | load |\n|---|---|---|---|---|\n"
    lines = (
        f"| {row['stage']} | {row['seconds']:.0f} | {row['cpu_seconds']:.0f} "
        f"| {row['peak_mib'] / 1024:.1f} | {row['load']:.1f} |\n"
        for row in result["stages"]
    )
    return (
        f"# {result['leads']:,} leads, stage by stage\n\n"
        "`python -m benchmarks.scale` (`fetch` simulates the world). The load is the mean number "
        "of running processes;\nwith more of them than cores the wall clock says little, and the "
        "CPU seconds are what a quiet machine needs at most.\n\n"
        f"{head}{''.join(lines)}\n"
        f"{' + '.join(JUDGED)}: {result['judged_cpu_minutes']:.1f} CPU minutes, "
        f"{result['judged_wall_minutes']:.1f} minutes by the wall clock (to reach on two quiet "
        f"cores: 15), peak {result['judged_peak_gib']:.1f} GiB (to reach: 12).\n"
    )


def run_stages(scratch: Path) -> list[dict[str, Any]]:
    """Measure the stages that have not been measured in a scratch folder.

    Parameters
    ----------
    scratch : Path
        As `prepare` lays it out; keeps what has been measured.

    Returns
    -------
    list of dict
        As `measure` gives them, in the stages' order.
    """
    kept = scratch / "measured.json"
    rows: list[dict[str, Any]] = read_json(kept) if kept.exists() else []
    for stage in MEASURED[len(rows) :]:
        rows.append(measure(stage, scratch))
        write_json(kept, rows, replacing=True)
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Measure every stage; write ``benchmarks/results/scale.json`` and ``scale.md``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--scratch", type=Path, default=Path("data/scale"))
    parser.add_argument("--num-threads", type=int, help="1 where other work keeps the cores busy")
    parser.add_argument("--keep", action="store_true", help="leave the scratch folder")
    parser.add_argument("--resume", action="store_true", help="go on in a folder that was kept")
    arguments = parser.parse_args()
    if not arguments.resume:
        prepare(arguments.scratch, arguments.leads, arguments.num_threads)
    try:
        rows = run_stages(arguments.scratch)
    finally:
        if not arguments.keep:
            clear(arguments.scratch)
    result = summary(arguments.leads, rows)
    print(in_words(result))
    write_result("scale", result)
    with written_whole(RESULTS / "scale.md", replacing=True) as temporary:
        temporary.write_text(in_words(result), encoding="utf-8")


if __name__ == "__main__":
    main()
