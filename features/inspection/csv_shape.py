"""How a CSV file is written, as far as its bytes tell: encoding, separator, titles above it."""

import codecs
import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from leadcast.features.base.errors import Fault
from leadcast.features.base.packing import open_unpacked
from leadcast.features.definitions.table_schema import FileReader
from leadcast.features.readers.csv_origin import wrong_encoding
from leadcast.features.readers.origins import UnreadableError

_SAMPLE_BYTES = 1 << 18
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_UNUSED_IN_CP1252 = frozenset(b"\x81\x8d\x8f\x90\x9d")
_MOST_TITLES = 30


@dataclass(frozen=True)
class CsvShape:
    """How a CSV file is written.

    Parameters
    ----------
    encoding, separator, skip_lines
        As `leadcast.features.definitions.table_schema.FileReader` names them.
    notes : tuple of str
        What speaks for it, where it is not the default.
    share : float
        Of its lines, how many have as many fields as most.
    """

    encoding: str
    separator: str
    skip_lines: int
    notes: tuple[str, ...]
    share: float


def shape_of(path: Path, name: str) -> CsvShape:
    """Look at a file's bytes; raises `UnreadableError` where they are no table in text."""
    try:
        with open_unpacked(path) as file:
            sample = file.read(_SAMPLE_BYTES)
    except (OSError, EOFError) as error:
        raise UnreadableError(_no_table(name, f"bytes that cannot be unpacked ({error})")) from None
    if not sample.strip():
        raise UnreadableError(_no_table(name, "an empty file"))
    if sample.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        told = "a workbook of a spreadsheet"
        raise UnreadableError(_no_table(name, told, "Save each sheet as CSV (UTF-8)."))
    encoding, notes = _encoding(path, name, sample)
    text = sample.decode(encoding, "ignore").removeprefix("\ufeff")
    if "\x00" in text:
        raise UnreadableError(_no_table(name, "bytes that are no text"))
    separator, skip, more, share = _layout(text, is_cut=len(sample) == _SAMPLE_BYTES)
    return CsvShape(encoding, separator, skip, (*notes, *more), share)


def _no_table(name: str, found: str, remedy: str = "Export it again, or take it away.") -> Fault:
    return Fault(name, found, "a table in text, with a header and rows", remedy)


def _encoding(path: Path, name: str, sample: bytes) -> tuple[str, list[str]]:
    for bom, encoding in _BOMS.items():
        if sample.startswith(bom):
            wide = [f"{name} begins with the mark of UTF-16"] if encoding == "utf-16" else []
            return encoding, wide
    zeros = Counter(index % 2 for index, byte in enumerate(sample[:4096]) if byte == 0)
    for half, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if zeros[half] > 0.3 * len(sample[:4096]) / 2 and zeros[half] > 10 * zeros[1 - half]:
            return encoding, [f"every second byte of {name} is zero"]
    wrong = wrong_encoding(path, FileReader(files=(name,)), name)
    if wrong is None:
        return "utf-8", []
    high = [byte for byte in sample if byte >= 0x80]
    if _UNUSED_IN_CP1252.intersection(high):
        return "latin-1", [
            f"{wrong.fault.where} is not UTF-8, and some of its bytes are no letters in cp1252; "
            "look at the names with accents"
        ]
    return "cp1252", [f"{wrong.fault.where} is not UTF-8 ({wrong.fault.found}){_doubt(sample)}"]


def _doubt(sample: bytes) -> str:
    # In western languages letters with accents stand among others; in Cyrillic they do not.
    words = re.findall(r"[^\W\d_]{4,}", sample.decode("cp1252", "replace"))
    foreign = sum(not any(letter.isascii() for letter in word) for word in words)
    if foreign > 0.02 * max(len(words), 1) and foreign > 2:
        return "; words of accents alone: perhaps it is another code page, such as cp1251"
    return ""


def _layout(text: str, *, is_cut: bool) -> tuple[str, int, list[str], float]:
    lines = text.splitlines()
    lines = lines[:-1] if is_cut and len(lines) > 1 else lines
    if lines and re.fullmatch(r"sep=.", lines[0].strip('"')):
        return lines[0].strip('"')[4], 1, ["a first line `sep=`, as spreadsheets write it"], 1.0
    ranked = sorted((_fit(lines, one) for one in _SEPARATORS), reverse=True)
    share, width, separator = ranked[0]
    if width < 2:
        return ",", 0, [], 0.0
    skip = _header_line(lines, separator, width)
    notes = []
    if separator != ",":
        notes.append(f"{share:.0%} of the lines have {width} fields between {separator!r}")
    if skip:
        notes.append(f"{skip} lines above the header have fewer fields than the others")
    return separator, skip, notes, share


def _fit(lines: list[str], separator: str) -> tuple[float, int, str]:
    """Rate a separator: which share of the rows has the usual number of fields, and how many."""
    widths = Counter(len(fields) for fields in _rows(lines, separator) if any(fields))
    several = Counter({width: count for width, count in widths.items() if width > 1})
    if not several:
        return 0.0, 1, separator
    width, count = several.most_common(1)[0]
    return round(count / widths.total(), 2), width, separator


def _rows(lines: list[str], separator: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines[:2000], delimiter=separator))
    except csv.Error:
        return []


def _header_line(lines: list[str], separator: str, width: int) -> int:
    for number in range(min(_MOST_TITLES, len(lines))):
        fields = next(csv.reader(lines[number : number + 1], delimiter=separator), [])
        full = sum(bool(field.strip()) for field in fields)
        if len(fields) == width and full > width / 2:
            return number
    return 0
