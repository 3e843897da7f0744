"""Where benchmarks leave what they measured, with the machine that they ran on."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from leadcast.features.base.files import write_json

RESULTS = Path("benchmarks/results")


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
