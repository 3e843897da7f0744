"""A CSV file, read strictly and in parts, every value as text.

Whatever its bytes are on disk, they are read as UTF-8 with a separator of one letter.
"""

import codecs
import csv
import io
import re
import zlib
from array import array
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.base.letters import TRIMMED
from leadcast.features.base.packing import LimitError, is_packed, open_unpacked, refuse_packed
from leadcast.features.definitions.table_schema import FileReader
from leadcast.features.readers.content import content_fault, separator_line
from leadcast.features.readers.origins import (
    BrokenRow,
    NumberedPart,
    OnBroken,
    UnreadableError,
    refuse_twins,
)
from leadcast.features.readers.quotes import QuoteWatch

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
            except UnicodeError as error:
                expected = f"text in {encoding}"
                remedy = "Set `encoding` under `read` in a source's definition as it is."
                found = f"no text in {encoding} ({error})"
                return UnreadableError(Fault(name, found, expected, remedy))
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


_PARSED_BYTES = 1 << 24
_MOST_TITLES = 50
"""So many lines at most stand above a header."""
_SEPARATORS = (";", "\t", ",", "|")


def _yaml(separator: str) -> str:
    return "tab" if separator == "\t" else f'"{separator}"'


class CsvOrigin:
    """One CSV file."""

    def __init__(self, path: Path, name: str, reader: FileReader) -> None:
        self.path = path
        self.name = name
        self._reader = reader

    def columns(self) -> list[str]:
        """Read the header."""
        line, names = self._header
        named = [name for name in names if name.strip(TRIMMED)]
        remedy = "Rename them in the export, or leave all but one out."
        refuse_twins(f"{self.name} line {line}", named, remedy)
        return named

    @cached_property
    def _header(self) -> tuple[int, list[str]]:
        """Read the header and its line; columns may be without a name."""
        try:
            fault = content_fault(self.path, self.name, self._reader)
            if fault is not None:
                raise UnreadableError(fault)
            refuse_packed(self.path, self._reader.times_unpacked)
            with closing(read_records(self.path, self._reader)) as records:
                header = next(records, None)
        except (UnicodeError, OSError, EOFError, zlib.error, csv.Error) as error:
            raise self._explained(error) from None
        if header is None or not any(name.strip(TRIMMED) for name in header[1]):
            raise UnreadableError(
                Fault(self.name, "an empty file", "a header and rows", "Export it again.")
            )
        return header

    def header_advice(self, wanted: Sequence[str]) -> str | None:
        """Tell what to do where the header is none of a table with the columns that are wanted."""
        names = self.columns()
        first = separator_line(declared_separator(self._reader).join(self._header[1]))
        if first is not None:
            return (
                f"The first line is a spreadsheet's (sep={first}): set `skip_lines: "
                f'{self._header[0]}` and `separator: "{first}"` under `read` in a source\'s '
                "definition, or take the line out."
            )
        line = self._line_with(wanted)
        if line is not None:
            place = "above" if line <= self._reader.skip_lines else "below"
            return (
                f"The header stands on line {line}, {place} the line where it is looked for: set "
                f"`skip_lines: {line - 1}` under `read`, or export it with "
                f"{self._reader.skip_lines} lines above its header (`read` stands in a source's "
                "definition)."
            )
        if len(names) > 1:
            return None
        declared = declared_separator(self._reader)
        others = [one for one in _SEPARATORS if one != declared and one in names[0]]
        found = f", separated by {others[0]!r}" if others else ""
        return (
            f"The header is one long name{found}: save the file with {declared!r} between its "
            "fields, or say in a source's definition what separates them (`read.separator`"
            + (f", as `separator: {_yaml(others[0])}`)." if others else ").")
        )

    def _line_with(self, wanted: Sequence[str]) -> int | None:
        """Find another line that has the columns that are wanted, or most of them."""
        whole = self._reader.model_copy(update={"skip_lines": 0})
        with closing(read_records(self.path, whole)) as records:
            for line, fields in islice(records, self._reader.skip_lines + _MOST_TITLES):
                if line != self._header[0] and len({*wanted} & {*fields}) * 2 > len({*wanted}):
                    return line
        return None

    def parts(self, columns: Sequence[str], on_broken: OnBroken) -> Iterator[NumberedPart]:
        """Read some columns part by part, every value as text; blank lines do not count."""
        import pyarrow as pa

        try:
            with open_transcoded(self.path, self._reader) as file:
                yield from self._parts(file, columns, on_broken)
        except (pa.ArrowInvalid, UnicodeError, OSError, EOFError, zlib.error) as error:
            raise self._explained(error) from None

    def _parts(
        self, file: IO[bytes], columns: Sequence[str], on_broken: OnBroken
    ) -> Iterator[NumberedPart]:
        names = [
            name if name.strip(TRIMMED) else f"\0{n}" for n, name in enumerate(self._header[1])
        ]
        watch = None
        if self._reader.quote is not None and self._reader.quote.isascii():
            watch = QuoteWatch(file, separator_of(self._reader), self._reader.quote)
        broken: list[BrokenRow] = []
        numbering = _Numbering()
        last = ""
        # A quotation mark that is never closed ends in the last column, or breaks the row.
        wanted = [*columns, *{names[-1]}.difference(columns)]
        for batch in self._batches(watch or file, wanted, names, broken):
            frame = pl.DataFrame(pl.from_arrow(batch))
            numbers = numbering.numbers(frame.height, [row.number for row in broken])
            last = frame[names[-1]][-1] if frame.height else last
            last = _told(on_broken, broken, last)
            yield self._restored(frame.select(columns)), numbers
        is_swallowed = watch is not None and watch.is_odd and watch.lines > numbering.last + 1
        if "\n" in _told(on_broken, broken, last) or is_swallowed:
            self._refuse_open_quote()

    def _batches(
        self,
        file: IO[bytes] | io.RawIOBase,
        columns: Sequence[str],
        names: Sequence[str],
        broken: list[BrokenRow],
    ) -> Iterable[Any]:
        import pyarrow as pa
        import pyarrow.csv as pc

        def note(row: Any) -> str:  # noqa: ANN401 - pyarrow's InvalidRow
            # The header is row 1 to pyarrow.
            broken.append(BrokenRow(row.number - 1, row.text, row.actual_columns))
            return "skip"

        batches: Iterable[Any] = pc.open_csv(
            file,
            # Only one thread numbers the rows that it refuses.
            pc.ReadOptions(use_threads=False, block_size=_PARSED_BYTES, **self._own_names(names)),
            pc.ParseOptions(
                delimiter=separator_of(self._reader),
                quote_char=self._reader.quote or False,
                newlines_in_values=True,
                invalid_row_handler=note,
            ),
            pc.ConvertOptions(
                null_values=[],
                strings_can_be_null=False,
                column_types=dict.fromkeys(names, pa.large_string()),
                include_columns=list(columns),
            ),
        )
        return batches

    def _own_names(self, names: Sequence[str]) -> dict[str, Any]:
        """Give columns without a name one, and pass the header over."""
        line, given = self._header
        if [*names] == given:
            return {}
        # Blank lines count.
        rows = line - self._reader.skip_lines
        return {"column_names": [*names], "skip_rows_after_names": rows}

    def lines(self, numbers: pl.Series) -> pl.Series:
        """Find the physical line where each row begins."""
        known = self._line_of_record
        index = numbers.to_numpy()
        lines = known[np.minimum(index, len(known) - 1)]
        return pl.Series(lines).cast(pl.Int64)

    @cached_property
    def _line_of_record(self) -> "np.ndarray[Any, np.dtype[np.int64]]":
        # Read once, and only when there is something to complain about. Record 0 is the header.
        lines = array("q", (line for line, _ in read_records(self.path, self._reader)))
        return np.frombuffer(lines, dtype=np.int64)

    def _restored(self, frame: pl.DataFrame) -> pl.DataFrame:
        if separator_of(self._reader) != UNIT_SEPARATOR:
            return frame
        # Inside quotation marks the separator was replaced as well.
        declared = declared_separator(self._reader)
        return frame.with_columns(pl.all().str.replace_all(UNIT_SEPARATOR, declared, literal=True))

    def _explained(self, error: Exception) -> UnreadableError:
        if "straddling" in str(error):
            try:
                self._refuse_open_quote()
            except UnreadableError as explained:
                return explained
            except LimitError as beyond:
                error = beyond
        if isinstance(error, LimitError):
            return UnreadableError(error.fault(self.name))
        # Of these are what is no text, and what the parser cannot split.
        if isinstance(error, ValueError):
            found = wrong_encoding(self.path, self._reader, self.name)
            if found is not None:
                return found
        elif is_packed(self.path):
            return UnreadableError(
                Fault(
                    self.name,
                    f"something that is not a whole gzip file ({error})",
                    "a gzip file, as its name ends in .gz",
                    "Copy it again if it is cut or damaged; if it is plain text, rename it without "
                    ".gz.",
                )
            )
        is_no_text = isinstance(error, UnicodeError)
        words = f"no text in {self._reader.encoding}" if is_no_text else f"{error}"
        return UnreadableError(
            Fault(
                self.name,
                f"something that is not readable as CSV ({words})",
                "text with separators",
                "Export it again, as CSV with commas and in UTF-8, or say in a source's definition "
                "how it is written (`read.separator`, `read.quote`, `read.encoding`).",
            )
        )

    def _refuse_open_quote(self) -> None:
        line = 1
        try:
            for record_line, _ in read_records(self.path, self._reader, strict=True):
                line = record_line
        except csv.Error as error:
            # What is never closed goes on until the file ends, or until no field is so long, or
            # until the next quotation mark, which then closes within a field.
            if not re.search("unexpected end of data|field larger|expected after", str(error)):
                return
            raise UnreadableError(
                Fault(
                    f"{self.name} after line {line}",
                    "a quotation mark that is never closed",
                    "a closing quotation mark",
                    "Mend the row; if the file's quotation marks are letters like others, say so "
                    "in a source's definition (`read.quote: null`).",
                )
            ) from None


class _Numbering:
    """Numbers the rows that are left when some are refused."""

    def __init__(self) -> None:
        self._next = 1
        self._refused: list[int] = []

    @property
    def last(self) -> int:
        """Tell the number of the last row."""
        return self._next - 1

    def numbers(self, kept: int, refused: Sequence[int]) -> pl.Series:
        # The reader may refuse rows of the next batch before it hands over this one.
        self._refused += refused
        end = self._next + kept
        passed = 0
        while passed < len(self._refused) and self._refused[passed] < end:
            passed, end = passed + 1, end + 1
        span = np.arange(self._next, end, dtype=np.int64)
        skipped = np.asarray(self._refused[:passed], dtype=np.int64)
        self._next, self._refused = end, self._refused[passed:]
        return pl.Series(np.setdiff1d(span, skipped, assume_unique=True))


def _told(on_broken: OnBroken, broken: list[BrokenRow], last: str) -> str:
    """Pass the broken rows on, and give the text where the file may have ended in a quote."""
    if not broken:
        return last
    last += broken[-1].text
    on_broken(tuple(broken))
    broken.clear()
    return last
