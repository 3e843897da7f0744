"""The bytes of a CSV file as UTF-8 with a separator of one letter, whatever they are on disk."""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from leadcast.features.base.errors import Fault
from leadcast.features.base.packing import LimitError, open_unpacked
from leadcast.features.definitions.table_schema import FileReader
from leadcast.features.readers.origins import UnreadableError

UNIT_SEPARATOR = "\x1f"
"""Stands in for a separator that is not one ASCII letter."""
MOST_LETTERS = 1 << 24
"""A line, or a field of several lines, is no longer: a row lies within a block of that size."""
_BLOCK_BYTES = 1 << 20


def separator_of(reader: FileReader) -> str:
    """Tell the separator in the transcoded text."""
    written = declared_separator(reader)
    return written if len(written) == 1 and written.isascii() else UNIT_SEPARATOR


def declared_separator(reader: FileReader) -> str:
    """Tell the separator that the file has."""
    return "\t" if reader.separator in ("tab", "\\t") else reader.separator


@contextmanager
def open_text(path: Path, reader: FileReader) -> Iterator[Iterator[str]]:
    """Open a CSV file as lines of text, its separator already one letter."""
    encoding = "utf-8-sig" if _is_utf8(reader) else reader.encoding
    with (
        open_unpacked(path, reader.times_unpacked) as packed,
        io.TextIOWrapper(packed, encoding=encoding, newline="") as text,
    ):
        lines = _lines_of(text)
        for _ in range(reader.skip_lines):
            next(lines, None)
        declared, plain = declared_separator(reader), separator_of(reader)
        yield lines if declared == plain else (line.replace(declared, plain) for line in lines)


def _lines_of(text: io.TextIOWrapper) -> Iterator[str]:
    """Give the lines of a text; one of gigabytes is not held, but refused."""
    while line := text.readline(MOST_LETTERS + 1):
        if len(line) > MOST_LETTERS:
            raise LimitError(
                f"a line of more than {MOST_LETTERS:,} letters",
                "shorter lines",
                "Look at what ends a line in it; a file of one line is no table.",
            )
        yield line


def read_records(
    path: Path, reader: FileReader, *, strict: bool = False
) -> Generator[tuple[int, list[str]], None, None]:
    """Read the records of a CSV file one by one: slow, but it knows the lines."""
    # The limit belongs to the whole process, so it is put back.
    limit = csv.field_size_limit(MOST_LETTERS)
    try:
        with open_text(path, reader) as lines:
            records = csv.reader(
                lines,
                delimiter=separator_of(reader),
                quotechar=reader.quote,
                quoting=csv.QUOTE_NONE if reader.quote is None else csv.QUOTE_MINIMAL,
                strict=strict,
            )
            line = reader.skip_lines + 1
            for fields in records:
                if fields:
                    yield line, fields
                line = reader.skip_lines + records.line_num + 1
    finally:
        csv.field_size_limit(limit)


def refuse_twins(name: str, line: int, names: Sequence[str]) -> None:
    """Refuse a header that names a column twice."""
    twins = sorted(name for name, times in Counter(names).items() if times > 1)
    if twins:
        shown = ", ".join(map(repr, twins))
        raise UnreadableError(
            Fault(
                f"{name} line {line}",
                f"more than one column called {shown}",
                "a different name for each column",
                "Rename them in the export, or leave all but one out.",
            )
        )


def open_transcoded(path: Path, reader: FileReader) -> IO[bytes]:
    """Open a CSV file as UTF-8 bytes without its skipped lines."""
    if _is_utf8(reader) and declared_separator(reader) == separator_of(reader):
        file = open_unpacked(path, reader.times_unpacked)
        for _ in range(reader.skip_lines):
            while (some := file.readline(_BLOCK_BYTES)) and not some.endswith(b"\n"):
                pass
        return file
    return cast("IO[bytes]", io.BufferedReader(_Transcoded(path, reader), _BLOCK_BYTES))


class _Transcoded(io.RawIOBase):
    """The lines of a text in UTF-8."""

    def __init__(self, path: Path, reader: FileReader) -> None:
        self._context = open_text(path, reader)
        self._lines = self._context.__enter__()
        self._waiting = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._waiting:
            line = next(self._lines, None)
            if line is None:
                return 0
            self._waiting = line.encode("utf-8", "surrogatepass")
        size = min(len(buffer), len(self._waiting))
        buffer[:size], self._waiting = self._waiting[:size], self._waiting[size:]
        return size

    def close(self) -> None:
        if not self.closed:
            self._context.__exit__(None, None, None)
        super().close()


def _is_utf8(reader: FileReader) -> bool:
    return codecs.lookup(reader.encoding).name in ("utf-8", "utf-8-sig", "ascii")


def wrong_encoding(path: Path, reader: FileReader, name: str) -> UnreadableError | None:
    """Find the first bytes that are not text in the declared encoding."""
    encoding = reader.encoding
    decoder = codecs.getincrementaldecoder("utf-8" if _is_utf8(reader) else encoding)()
    line = 1
    with open_unpacked(path, reader.times_unpacked) as file:
        while True:
            block = file.readline(_BLOCK_BYTES)
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                bad = error.object[error.start : error.end]
                return UnreadableError(_undecodable(name, line, bad, encoding))
            if not block:
                return None
            line += block.endswith(b"\n")


def _undecodable(name: str, line: int, bad: bytes, encoding: str) -> Fault:
    shown = " ".join(f"0x{byte:02X}" for byte in bad[:4])
    return Fault(
        where=f"{name} line {line}",
        found=f"{shown}, which is no text in {encoding}",
        expected=f"text in {encoding}",
        remedy="Export it as UTF-8, or set `read.encoding` in a source's definition (cp1252 is "
        "common for exports from Windows, utf-16 for those from Excel).",
    )


def is_utf8_after_all(path: Path, reader: FileReader) -> bool:
    """Tell whether a file that is declared to be in another encoding is UTF-8 with accents."""
    if _is_utf8(reader) or _is_wide(reader):
        return False
    decoder = codecs.getincrementaldecoder("utf-8")()
    letters = size = 0
    with open_unpacked(path, reader.times_unpacked) as file:
        try:
            while block := file.read(_BLOCK_BYTES):
                letters += len(decoder.decode(block))
                size += len(block)
            decoder.decode(b"", final=True)
        except (UnicodeDecodeError, OSError, EOFError):
            return False
    # Fewer letters than bytes: some letters took several bytes, and all of them fitted.
    return letters < size


def _is_wide(reader: FileReader) -> bool:
    return len("a".encode(reader.encoding)) > 1
