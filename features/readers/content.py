"""What a file that should be CSV really is, told by how it begins."""

import codecs
import re
from pathlib import Path

from leadcast.features.base.errors import Fault
from leadcast.features.base.packing import open_unpacked
from leadcast.features.definitions.table_schema import FileReader

_LOOKED_AT = 4096
_TEXT = "text with separators"
_AS_CSV = "Save it as CSV in UTF-8 with commas, and name that file."
_OTHERS: tuple[tuple[str, str, str], ...] = (
    (
        r"PK\x03\x04.*(?:\[Content_Types\]\.xml|xl/)",
        "an Excel workbook (.xlsx)",
        f"Open it. {_AS_CSV}",
    ),
    (r"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls)", f"Open it. {_AS_CSV}"),
    (
        r"SQLite format 3\x00",
        "a SQLite database",
        "Read it by a query: `read: {sql: \"SELECT * FROM …\", url_env: CRM_DATABASE_URL}`, with "
        "sqlite:///PATH in that variable.",
    ),
    (r"%PDF-", "a PDF document", _AS_CSV),
    (
        r"\s*(?:<!doctype html|<html|<head|<body|<table|<div)",
        "a web page (HTML)",
        f"It may be a page to sign in, or a table that a CRM calls .xls or .csv. {_AS_CSV}",
    ),
    (r"\s*<\?xml", "XML", _AS_CSV),
    (r"\s*(?:\[\s*)?\{\s*(?:\"|\})", "JSON", _AS_CSV),
)  # fmt: skip
_SEPARATOR_LINE = re.compile(r"(?:\ufeff)?\"?sep=(.|tab)\"?[\r\n]*", re.IGNORECASE)


def content_fault(path: Path, name: str, reader: FileReader) -> Fault | None:
    """Tell what a file is that is no CSV as its definition has it.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        What it is called in messages.
    reader : FileReader
        How it should be written.

    Returns
    -------
    Fault or None
        None where it begins as CSV may.
    """
    with open_unpacked(path, reader.times_unpacked) as file:
        begins = file.read(_LOOKED_AT)
    plain = begins.removeprefix(codecs.BOM_UTF8).decode("latin-1")
    for pattern, what, remedy in _OTHERS:
        if re.match(pattern, plain, re.IGNORECASE | re.DOTALL):
            return Fault(name, what, _TEXT, remedy)
    written = _wide_encoding(begins)
    declared = codecs.lookup(reader.encoding).name
    is_wide = declared.startswith(("utf-16", "utf-32"))
    if written is not None and not is_wide:
        return Fault(
            name,
            f"text in {written}, although read.encoding is {reader.encoding}",
            f"text in {reader.encoding}",
            f"Set `encoding: {written}` under `read` in a source's definition, or export it in "
            f"{reader.encoding}.",
        )
    if written is None and is_wide and begins and b"\0" not in begins:
        return Fault(
            name,
            f"text that is not in {declared}, although read.encoding is {reader.encoding}",
            f"text in {reader.encoding}",
            "Take `encoding` out under `read` in the source's definition where it is UTF-8, or set "
            "`encoding: cp1252`.",
        )
    return None


def _wide_encoding(begins: bytes) -> str | None:
    """Tell by its marks or its zeros in which wide encoding a text is written."""
    if begins.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if begins.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    pairs = begins[: len(begins) // 2 * 2]
    if len(pairs) < 4:
        return None
    for encoding, zeros in (("utf-16-le", pairs[1::2]), ("utf-16-be", pairs[::2])):
        if zeros.count(0) * 10 > len(zeros) * 9:
            return encoding
    return None


def separator_line(first: str) -> str | None:
    """Give the separator that a first line for spreadsheets (``sep=;``) names."""
    found = _SEPARATOR_LINE.fullmatch(first)
    return None if found is None else found[1]
