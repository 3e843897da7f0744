"""Packed files: how large they are unpacked, and what unpacks to more than anybody exports.

A gzip file unpacks to a thousand times its size at most, and a Parquet file can hold a thousand
million rows of one value in a few bytes. Exports of leads unpack to five to fifty times their size.
"""

import gzip
import io
from pathlib import Path
from typing import IO, cast

import polars as pl

from leadcast.features.base.errors import Fault

MOST_TIMES = 200
"""So many times its own size a file may be unpacked."""
FREE_BYTES = 256_000_000
"""What is no larger unpacked may be packed as well as it can be."""
_BLOCK_BYTES = 1 << 20
_PLAINLY_SMALL = 65_536
"""A smaller Parquet file unpacks to a gigabyte or two at most; its footer is not looked into."""
_SIGNS = (
    (b"\x1f\x8b", "a gzip file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"BZh91AY&", "a bzip2 file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"PAR1\x15", "a Parquet file"),
)


class LimitError(OSError):
    """A file goes beyond what is read; an `OSError`, as of a file that cannot be read on.

    Parameters
    ----------
    found, expected, remedy : str
        As in `leadcast.features.base.errors.Fault`.
    """

    def __init__(self, found: str, expected: str, remedy: str) -> None:
        self.found, self.expected, self.remedy = found, expected, remedy
        super().__init__(found)

    def fault(self, name: str) -> Fault:
        """Tell it of a file.

        Parameters
        ----------
        name : str
            What the file is called in messages.

        Returns
        -------
        Fault
        """
        return Fault(name, self.found, self.expected, self.remedy)


def is_packed(path: Path) -> bool:
    """Tell by its name whether a file is unpacked while it is read."""
    return path.suffix.lower() == ".gz"


def open_unpacked(path: Path, most_times: int = MOST_TIMES) -> IO[bytes]:
    """Open a file, unpacking it, a block at a time, where its name ends in ``.gz``.

    Parameters
    ----------
    path : Path
        The file.
    most_times : int
        So many times its own size it may be unpacked, once that is more than `FREE_BYTES`.

    Returns
    -------
    binary file
        Reading it raises `LimitError` where the file goes beyond that.
    """
    if not is_packed(path):
        return path.open("rb")
    return cast("IO[bytes]", io.BufferedReader(_Unpacked(path, most_times), _BLOCK_BYTES))


class _Unpacked(io.RawIOBase):
    """What a gzip file holds, counted."""

    def __init__(self, path: Path, most_times: int) -> None:
        self._packed = path.stat().st_size
        self._times = most_times
        self._most = max(FREE_BYTES, most_times * self._packed)
        self._file = gzip.open(path, "rb")  # noqa: SIM115 - closed with this one
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        size = self._file.readinto(buffer)
        self._read += size
        if self._read > self._most:
            raise too_large(self._packed, self._read, self._times)
        return size

    def close(self) -> None:
        self._file.close()
        super().close()


def too_large(packed: int, unpacked: int, most_times: int) -> LimitError:
    """Say that a file unpacks to too much."""
    times = unpacked // packed
    return LimitError(
        f"{packed:,} bytes that unpack to {unpacked:,} or more, {times:,} times as many",
        f"at most {most_times} times as many, or {FREE_BYTES:,} bytes",
        "Look at what is in it. If it is meant so, raise `read.times_unpacked` in a source's "
        "definition, or unpack it and name the unpacked file.",
    )


def unpacked_bytes(path: Path, most: int) -> int:
    """Count the bytes of a file as it is read, unpacked where its name ends in ``.gz``.

    Parameters
    ----------
    path : Path
        The file.
    most : int
        Where there are more, it is not read on.

    Returns
    -------
    int
        All of them, or more than `most`; of a damaged file those before the damage.
    """
    if not is_packed(path):
        return path.stat().st_size
    size = 0
    with gzip.open(path, "rb") as file:
        try:
            while size <= most and (block := file.read(_BLOCK_BYTES)):
                size += len(block)
        except (OSError, EOFError, ValueError):
            # Whoever reads it with care tells what is wrong.
            return size
    return size


def parquet_cells(path: Path) -> int:
    """Count a Parquet file's values by its footer: rows times columns.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    int
        0 where it is no whole Parquet file.
    """
    try:
        table = pl.scan_parquet(path, glob=False)
        return int(table.select(pl.len()).collect().item()) * len(table.collect_schema())
    except (pl.exceptions.PolarsError, OSError):
        return 0


def parquet_fault(path: Path, name: str, most_times: int = MOST_TIMES) -> Fault | None:
    """Tell by its footer whether a Parquet file holds more than anybody exports.

    Parameters
    ----------
    path : Path
        A Parquet file.
    name : str
        What it is called in messages.
    most_times : int
        So many times its own size it may be unpacked; a value counts as a byte at least.

    Returns
    -------
    Fault or None
        None where it may be read, and where it is no whole Parquet file.
    """
    packed = path.stat().st_size
    unpacked = parquet_cells(path)
    if packed > _PLAINLY_SMALL:
        unpacked = max(unpacked, _footer_bytes(path))
    if unpacked <= max(FREE_BYTES, most_times * packed):
        return None
    return too_large(packed, unpacked, most_times).fault(name)


def _footer_bytes(path: Path) -> int:
    # Imported where it is used: it takes longer than a few leads.
    from pyarrow import ArrowException
    from pyarrow.parquet import read_metadata

    try:
        footer = read_metadata(path)
        return sum(footer.row_group(at).total_byte_size for at in range(footer.num_row_groups))
    except (ArrowException, OSError):
        return 0


def refuse_packed(path: Path, most_times: int = MOST_TIMES) -> None:
    """Refuse a file that should be text and is packed, by its first bytes.

    Parameters
    ----------
    path : Path
        The file.
    most_times : int
        As in `open_unpacked`.

    Raises
    ------
    LimitError
        If it is, in words.
    """
    with open_unpacked(path, most_times) as file:
        begins = file.read(8)
    for sign, what in _SIGNS:
        if not begins.startswith(sign):
            continue
        remedy = "Unpack it, or pack it by gzip and let its name end in .gz."
        if what == "a Parquet file":
            remedy = "Name it .parquet, or set `read.format: parquet` in a source's definition."
        elif what == "a gzip file" and not is_packed(path):
            remedy = "Let its name end in .gz, and it is unpacked while it is read."
        within = f"{what} within a gzip file" if is_packed(path) else what
        raise LimitError(within, "text with separators", remedy)
