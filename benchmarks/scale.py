"""How long a million leads take: ``python -m benchmarks.scale [--leads N]``.

Simulates a world of the asked size in a scratch folder, then runs ingest, snapshots, features and
training on it, each as its own process, as DVC does, and tells the seconds and the peak memory of
each. To reach, on two cores, with a million leads and their 50 million events: snapshots, features
and training under 15 minutes and 12 GiB.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks.results import write_result

STAGES = ("fetch", "ingest", "snapshots", "features", "train", "calibrate", "evaluate", "export")
JUDGED = ("snapshots", "features", "train")
LINKED = ("demo", "features", "models", "serve", "pipelines")
MIB_PER_KIB = 1 / 1024


def prepare(scratch: Path, leads: int) -> None:
    """Lay out a project folder whose demo has so many leads; the code is linked, not copied.

    Parameters
    ----------
    scratch : Path
        The folder to make.
    leads : int
        How many leads the demo shall have.
    """
    (scratch / "data/sources").mkdir(parents=True)
    for name in LINKED:
        (scratch / name).symlink_to(Path(name).resolve())
    shutil.copy("params.yaml", scratch)
    definition = yaml.safe_load(Path("data/sources/demo.yaml").read_text(encoding="utf-8"))
    definition["simulation"]["leads"] = leads
    (scratch / "data/sources/demo.yaml").write_text(yaml.safe_dump(definition), encoding="utf-8")


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
        ``stage``, ``seconds``, ``peak_mib``.

    Raises
    ------
    RuntimeError
        If the stage failed.
    """
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", f"pipelines.{stage}", "demo"], cwd=scratch)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"stage {stage} failed")
    seconds = time.perf_counter() - started
    return {"stage": stage, "seconds": seconds, "peak_mib": usage.ru_maxrss * MIB_PER_KIB}


def main() -> None:
    """Measure every stage and write ``benchmarks/results/scale.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--scratch", type=Path, default=Path("data/scale"))
    arguments = parser.parse_args()
    shutil.rmtree(arguments.scratch, ignore_errors=True)
    prepare(arguments.scratch, arguments.leads)
    try:
        rows = [measure(stage, arguments.scratch) for stage in STAGES]
    finally:
        shutil.rmtree(arguments.scratch, ignore_errors=True)
    judged = [row for row in rows if row["stage"] in JUDGED]
    result = {
        "leads": arguments.leads,
        "stages": rows,
        "judged_minutes": sum(row["seconds"] for row in judged) / 60,
        "judged_peak_gib": max(row["peak_mib"] for row in judged) / 1024,
    }
    print(
        f"{' + '.join(JUDGED)}: {result['judged_minutes']:.1f} min (to reach: 15), "
        f"peak {result['judged_peak_gib']:.1f} GiB (to reach: 12)"
    )
    write_result("scale", result)


if __name__ == "__main__":
    main()
