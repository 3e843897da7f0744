"""What tells files apart from others that may stand at the same places later."""

from collections.abc import Sequence
from pathlib import Path


def stamps(files: Sequence[Path]) -> list[list[str | int]]:
    """Tell files apart.

    Parameters
    ----------
    files : sequence of Path

    Returns
    -------
    list
        Path, size and time of change of each file, as JSON values.
    """
    stats = [(file.resolve(), file.stat()) for file in files]
    return [[str(file), stat.st_size, stat.st_mtime_ns] for file, stat in stats]
