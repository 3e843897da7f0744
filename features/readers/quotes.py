"""Quotation marks that swallow rows: seen in a file's bytes while they are read."""

import io
from typing import IO

import numpy as np

_LINE_END = ord("\n")


class QuoteWatch(io.RawIOBase):
    """A file that notes its lines, and quotes that close where no field ends.

    Two quotation marks that are never closed, one in each of two rows, close each other, and what
    stands between is taken for one text.

    Parameters
    ----------
    file : binary file
        CSV.
    separator, quote : str
        One ASCII letter each.
    """

    def __init__(self, file: IO[bytes], separator: str, quote: str) -> None:
        self._file = file
        self._quote = ord(quote)
        # What may follow a quotation mark that closes.
        self._may_follow = np.zeros(256, dtype=np.bool_)
        self._may_follow[[*b"\r\n", ord(separator), self._quote]] = True
        self._is_open = False
        self._closed_at_end = False
        self.lines = 0
        """How many lines ended."""
        self.is_odd = False
        """Whether a quote closed before something else than a field's end."""

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read a block, and look at it."""
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        if data:
            self._look(np.frombuffer(data, dtype=np.uint8))
        return len(data)

    def _look(self, block: "np.ndarray[tuple[int], np.dtype[np.uint8]]") -> None:
        self.lines += int(np.count_nonzero(block == _LINE_END))
        if self._closed_at_end:
            self.is_odd |= not self._may_follow[block[0]]
        places = np.flatnonzero(block == self._quote)
        closing = places[0 if self._is_open else 1 :: 2]
        self._is_open ^= bool(len(places) % 2)
        self._closed_at_end = bool(len(closing)) and int(closing[-1]) == len(block) - 1
        after = closing[: len(closing) - self._closed_at_end] + 1
        self.is_odd |= not self._may_follow[block[after]].all()
