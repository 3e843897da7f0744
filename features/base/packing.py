"""Packed files: how large they are unpacked, and what unpacks to more than anybody exports.

A gzip file unpacks to a thousand times its size at most, and a Parquet file can hold a thousand
million rows of one value in a few bytes. Exports of leads unpack to five to fifty times their size.
"""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import polars as pl

from leadcast.features.base.errors import Fault

MOST_TIMES = 200
"""So many times its own size a file may be unpacked."""
FREE_BYTES = 256_000_000
"""What is no larger unpacked may be packed as well as it can be."""
_BLOCK_BYTES = 1 << 20
_PLAINLY_SMALL = 65_536
"""Of a smaller Parquet file texts are added up sooner than what reads its footer is imported."""
_CELL_BYTES = 16
"""So much memory a value of a table takes at least, besides its text."""
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
    """Tell before it is read whether a Parquet file holds more than anybody exports.

    Parameters
    ----------
    path : Path
        A Parquet file.
    name : str
        What it is called in messages.
    most_times : int
        So many times its own size it may be unpacked; a value counts as 16 bytes and its text.

    Returns
    -------
    Fault or None
        None where it may be read, and where it is no whole Parquet file.
    """
    packed = path.stat().st_size
    most = max(FREE_BYTES, most_times * packed)
    unpacked, longest = parquet_cells(path) * _CELL_BYTES, most + 1
    if unpacked <= most and packed > _PLAINLY_SMALL:
        written, longest = _footer_bytes(path)
        unpacked = max(unpacked, written)
    # Of most files the above tells that their texts cannot be long.
    if unpacked <= most < unpacked + longest:
        unpacked += _text_bytes(path)
    return None if unpacked <= most else too_large(packed, unpacked, most_times).fault(name)


def _footer_bytes(path: Path) -> tuple[int, int]:
    """Read what the pages hold together, and what their texts hold at most, each written out."""
    # Imported where it is used: it takes longer than a few leads.
    from pyarrow import ArrowException
    from pyarrow.parquet import read_metadata

    try:
        footer = read_metadata(path)
        groups = [footer.row_group(at) for at in range(footer.num_row_groups)]
        chunks = [group.column(at) for group in groups for at in range(footer.num_columns)]
    except (ArrowException, OSError):
        return 0, 0
    # A dictionary holds a text once, however many rows have it.
    longest = sum(
        chunk.total_uncompressed_size * (max(chunk.num_values, 1) if _has_dictionary(chunk) else 1)
        for chunk in chunks
        if chunk.physical_type in ("BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY")
    )
    return sum(group.total_byte_size for group in groups), longest


def _has_dictionary(chunk: Any) -> bool:  # noqa: ANN401 - pyarrow's ColumnChunkMetaData
    return any("DICTIONARY" in one for one in chunk.encodings)


def _text_bytes(path: Path) -> int:
    """Add the lengths of all texts; Polars holds those of a dictionary once while it does so."""
    try:
        table = pl.scan_parquet(path, glob=False)
        lengths = [
            length
            for name, dtype in table.collect_schema().items()
            for length in _lengths(pl.col(name), dtype)
        ]
        if not lengths:
            return 0
        sums = [one.cast(pl.UInt64).sum().alias(f"{at}") for at, one in enumerate(lengths)]
        return sum(table.select(sums).collect(engine="streaming").row(0))
    except (pl.exceptions.PolarsError, OSError):
        # Whoever reads it with care tells what is wrong.
        return 0


def _lengths(column: pl.Expr, dtype: pl.DataType) -> Iterator[pl.Expr]:
    if dtype == pl.String:
        yield column.str.len_bytes()
    elif dtype == pl.Binary:
        yield column.bin.size()
    elif dtype in (pl.Categorical, pl.Enum):
        yield column.cat.len_bytes()
    elif isinstance(dtype, pl.Struct):
        for field in dtype.fields:
            # Declared as a class or an instance of a type.
            kind = field.dtype if isinstance(field.dtype, pl.DataType) else field.dtype()
            yield from _lengths(column.struct.field(field.name), kind)


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
