"""Where benchmarks leave what they measured, with the machine that they ran on."""

import argparse
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leadcast.features.base.files import write_json

RESULTS = Path("benchmarks/results")
TRIALS = Path("build/benchmarks")
"""Where figures go that were not measured as those in `RESULTS` are; git does not see it."""


def write_result(name: str, result: dict[str, Any], folder: Path = RESULTS) -> Path:
    """Write what a benchmark measured, with date and machine.

    Parameters
    ----------
    name : str
        The benchmark's name.
    result : dict
        JSON values.
    folder : Path
        Where to write; figures that are not for keeping go elsewhere.

    Returns
    -------
    Path
        The file, ``NAME.json`` in the folder.
    """
    path = folder / f"{name}.json"
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    about = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine}
    write_json(path, about | result, replacing=True)
    print(f"written to {path}")
    return path


def folder_of(parser: argparse.ArgumentParser, asked: argparse.Namespace, *free: str) -> Path:
    """Tell where the result of a command goes: fewer worlds overwrite no figures of many.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Its defaults are what `RESULTS` is measured with.
    asked : argparse.Namespace
        Parsed by it.
    *free : str
        Arguments on which no figure hangs.

    Returns
    -------
    Path
        `RESULTS`, or `TRIALS`, which is made, where an argument is another than by default.
    """
    is_usual = all(
        value == parser.get_default(name) for name, value in vars(asked).items() if name not in free
    )
    folder = RESULTS if is_usual else TRIALS
    folder.mkdir(parents=True, exist_ok=True)
    return folder
