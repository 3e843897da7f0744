"""A CSV file, read strictly and in parts, every value as text."""

import csv
import re
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
import polars as pl

from leadcast.features.base.errors import Fault
from leadcast.features.base.packing import LimitError, is_packed, refuse_packed
from leadcast.features.definitions.table_schema import FileReader
from leadcast.features.readers.csv_text import (
    UNIT_SEPARATOR,
    declared_separator,
    open_transcoded,
    read_records,
    refuse_twins,
    separator_of,
    wrong_encoding,
)
from leadcast.features.readers.origins import BrokenRow, NumberedPart, OnBroken, UnreadableError

_BLOCK_BYTES = 1 << 24
_SEPARATORS = (";", "\t", ",", "|")


class CsvOrigin:
    """One CSV file."""

    def __init__(self, path: Path, name: str, reader: FileReader) -> None:
        self.path = path
        self.name = name
        self._reader = reader

    def columns(self) -> list[str]:
        """Read the header."""
        try:
            refuse_packed(self.path, self._reader.times_unpacked)
            with closing(read_records(self.path, self._reader)) as records:
                header = next(records, None)
        except UnicodeError:
            raise self._wrong_encoding() from None
        except (OSError, EOFError, zlib.error, csv.Error) as error:
            raise self._unreadable(error) from None
        if header is None:
            raise UnreadableError(
                Fault(self.name, "an empty file", "a header and rows", "Export it again.")
            )
        line, names = header
        refuse_twins(self.name, line, names)
        return names

    def wrong_separator(self) -> str | None:
        """Tell what to do where the header is one long name."""
        names = self.columns()
        if len(names) > 1:
            return None
        declared = declared_separator(self._reader)
        others = [one for one in _SEPARATORS if one != declared and one in names[0]]
        found = f", separated by {others[0]!r}" if others else ""
        return (
            f"The header is one long name{found}: save the file with {declared!r} between its "
            "fields, or say in a source's definition what separates them (`read.separator`)."
        )

    def parts(self, columns: Sequence[str], on_broken: OnBroken) -> Iterator[NumberedPart]:
        """Read some columns part by part, every value as text; blank lines do not count."""
        import pyarrow as pa

        try:
            with open_transcoded(self.path, self._reader) as file:
                yield from self._parts(file, columns, on_broken)
        except (pa.ArrowInvalid, UnicodeError) as error:
            raise self._explained(error) from None
        except (OSError, EOFError, zlib.error) as error:
            raise self._unreadable(error) from None

    def _parts(
        self, file: IO[bytes], columns: Sequence[str], on_broken: OnBroken
    ) -> Iterator[NumberedPart]:
        names = self.columns()
        broken: list[BrokenRow] = []
        numbering = _Numbering()
        last = ""
        # A quotation mark that is never closed ends in the last column, or breaks the row.
        wanted = [*columns, *{names[-1]}.difference(columns)]
        for batch in self._batches(file, wanted, names, broken):
            frame = pl.DataFrame(pl.from_arrow(batch))
            numbers = numbering.numbers(frame.height, [row.number for row in broken])
            last = frame[names[-1]][-1] if frame.height else last
            last = _told(on_broken, broken, last)
            yield self._restored(frame.select(columns)), numbers
        if "\n" in _told(on_broken, broken, last):
            self._refuse_open_quote()

    def _batches(
        self,
        file: IO[bytes],
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
            pc.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
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
                return self._unreadable(beyond)
        return wrong_encoding(self.path, self._reader, self.name) or self._broken(f"{error}")

    def _wrong_encoding(self) -> UnreadableError:
        found = wrong_encoding(self.path, self._reader, self.name)
        return found or self._broken(f"no text in {self._reader.encoding}")

    def _refuse_open_quote(self) -> None:
        line = 1
        try:
            for record_line, _ in read_records(self.path, self._reader, strict=True):
                line = record_line
        except csv.Error as error:
            # What is never closed goes on until the file ends, or until no field is so long.
            if not re.search("unexpected end of data|field larger", str(error)):
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

    def _unreadable(self, error: Exception) -> UnreadableError:
        if isinstance(error, LimitError):
            return UnreadableError(error.fault(self.name))
        if is_packed(self.path):
            return UnreadableError(
                Fault(
                    self.name,
                    f"something that is not a whole gzip file ({error})",
                    "a gzip file, as its name ends in .gz",
                    "Copy it again if it is cut or damaged; if it is plain text, rename it without "
                    ".gz.",
                )
            )
        return self._broken(f"{error}")

    def _broken(self, words: str) -> UnreadableError:
        return UnreadableError(
            Fault(
                self.name,
                f"something that is not readable as CSV ({words})",
                "text with separators",
                "Export it again, as CSV with commas and in UTF-8, or say in a source's definition "
                "how it is written (`read.separator`, `read.quote`, `read.encoding`).",
            )
        )


class _Numbering:
    """Numbers the rows that are left when some are refused."""

    def __init__(self) -> None:
        self._next = 1
        self._refused: list[int] = []

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
