"""Files, typed values and leads to score that are odd, as plain data (see `stranger_kinds`)."""

import gzip
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from benchmarks.stranger_kinds import Keys, Right, Told, Truth, told

Files = Mapping[str, bytes | None]


@dataclass(frozen=True)
class FileVariant:
    """Files as bytes; those that are not named are as in `TABLES`."""

    truth: Truth
    files: Callable[[bytes], Files]
    """From the leads' CSV (or Parquet) to files; None makes a folder."""
    keys: Keys = field(default_factory=dict)
    door: str = "CSV"


@dataclass(frozen=True)
class FileKind:
    """Files that are odd in one way."""

    name: str
    variants: tuple[FileVariant, ...]


FINE = Right({"lead_id": ["L1", "L2", "L3", "L4"], "source": ["Google", "Referral"]})


def leads(
    truth: Truth,
    change: Callable[[bytes], bytes],
    **read: Any,  # noqa: ANN401 - YAML
) -> FileVariant:
    """Change the leads' CSV."""
    keys = {f"tables.leads.read.{key}": value for key, value in read.items()}
    return FileVariant(truth, lambda csv: {"leads.csv": change(csv)}, keys)


def glob(truth: Truth, other: Callable[[bytes], Files]) -> FileVariant:
    """Read the leads' CSV and other files."""
    return FileVariant(truth, other, {"tables.leads.read.files": "lead*.csv"})


def text(change: Callable[[str], str]) -> Callable[[bytes], bytes]:
    """Change a file as text."""
    return lambda csv: change(csv.decode()).encode()


def others(csv: bytes) -> bytes:
    """Give other leads in the same form."""
    return csv.replace(b"L", b"M")


def without_header(csv: bytes) -> bytes:
    """Take the header off."""
    return csv.partition(b"\n")[2]


def workbook(_: bytes) -> bytes:
    """Make what begins as an Excel workbook does."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return file.getvalue()


def parquet(csv: bytes) -> bytes:
    """Write the same table as Parquet."""
    file = io.BytesIO()
    pl.read_csv(csv, infer_schema=False).write_parquet(file)
    return file.getvalue()


def in_header(old: str, new: str) -> Callable[[bytes], bytes]:
    """Change a column's name."""
    return text(lambda csv: csv.replace(old, new, 1))


_BOM = b"\xef\xbb\xbf"
EIGHT = {"open": 6, "leads": 8}
_TWO = b"id,at,type,seconds\nL1,2024-01-11T09:00:00Z,mail,\nL1,2024-01-12T09:00:00Z,call,\n"
FILES = (
    FileKind(
        "byte order marks",
        (
            leads(FINE, lambda csv: _BOM + csv),
            leads(Right({"lead_id": ["L1", "L2", "L3", "L4", "M1"]}, counts=EIGHT),
                  lambda csv: _BOM + csv + _BOM + without_header(others(csv))),
            leads(told("'id'", "the column's name once more", "line 6"),
                  lambda csv: _BOM + csv + _BOM + others(csv)),
            leads(told("column 'id'", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
                  lambda csv: _BOM + _BOM + csv),
        ),
    ),
    FileKind(
        "another encoding than declared",
        (
            leads(told("leads.csv", "utf-16", "Set `encoding: utf-16`"),
                  lambda csv: csv.decode().encode("utf-16")),
            leads(told("utf-16-le", "Set `encoding: utf-16-le`"),
                  lambda csv: csv.decode().encode("utf-16-le")),
            leads(told("line 2", "0xFC", "cp1252"),
                  lambda csv: csv.replace(b"Google", b"M\xfcller")),
            leads(told("not in utf-16", "Take `encoding` out"), lambda csv: csv,
                  encoding="utf-16"),
            leads(Right({"source": ["M\u00fcller"]}),
                  lambda csv: csv.replace(b"Google", b"M\xfcller"), encoding="cp1252"),
            leads(Right({"source": ["MÃ¼ller"]}, ("UTF-8, although read.encoding is cp1252",)),
                  lambda csv: csv.replace(b"Google", "Müller".encode()), encoding="cp1252"),
        ),
    ),
    FileKind(
        "zeros",
        (
            leads(told("number of fields", "line 6"), lambda csv: csv + bytes(64)),
            leads(told("'id'", "invisible letter", "U+0000"),
                  lambda csv: csv.replace(b"L2", b"L\x002")),
            leads(Right({"source": ["Goo\0gle"]}, ("'source'", "invisible letters")),
                  lambda csv: csv.replace(b"Google", b"Goo\0gle")),
        ),
    ),
    FileKind(
        "a line for spreadsheets",
        (
            leads(told("sep=;", 'skip_lines: 1` and `separator: ";"`'),
                  lambda csv: b"sep=;\n" + csv.replace(b",", b";")),
            leads(told("skip_lines: 1"), lambda csv: b"sep=,\n" + csv),
            leads(FINE, lambda csv: b"sep=;\r\n" + csv.replace(b",", b";"), skip_lines=1,
                  separator=";"),
        ),
    ),
    FileKind(
        "another separator",
        (
            leads(told("one long name", 'separator: ";"'), lambda csv: csv.replace(b",", b";")),
            leads(told("separator: tab"), lambda csv: csv.replace(b",", b"\t")),
            leads(FINE, lambda csv: csv.replace(b",", b"|"), separator="|"),
        ),
    ),
    FileKind(
        "titles above the header",
        (
            leads(told("stands on line 4", "skip_lines: 3"),
                  lambda csv: b"Leads\nGenerated on 2024-05-01\n\n" + csv),
            leads(told("skip_lines: 1"), lambda csv: b"Leads export,,,,,\n" + csv),
            leads(FINE, lambda csv: b"Leads\n\n" + csv, skip_lines=2),
        ),
    ),
    FileKind(
        "totals and footers",
        (
            leads(told("'id'", "total's", "line 6"), lambda csv: csv + b"Total,,4000,,,\n"),
            leads(told("number of fields", "line 7"), lambda csv: csv + b"\n(4 rows affected)\n"),
            FileVariant(told("outcomes: column 'id'", "total's"),
                        lambda _: {"outcomes.csv": b"id,won,lost,amount\nL1,2024-02-01T00:00:00Z,,1"
                                                   b"\nL2,,2024-02-02T00:00:00Z,\nTotal,,,1\n"}),
            leads(told("'id'", "without a value"), lambda csv: csv + b",,4000,,,\n"),
        ),
    ),
    FileKind(
        "separators at the end of lines",
        (
            leads(FINE, lambda csv: csv.replace(b"\n", b",\n")),
            leads(FINE, lambda csv: csv.replace(b"\n", b",,\n")),
            leads(told("number of fields", "7 fields"),
                  lambda csv: csv.split(b"\n", 1)[0] + b"\n"
                  + without_header(csv).replace(b"\n", b",\n")),
            # pandas' index has no name.
            leads(FINE, text(lambda csv: "\n".join(
                f"{number or ''},{line}" if line else "" for number, line in
                enumerate(csv.split("\n"))))),
        ),
    ),
    FileKind(
        "rows of other lengths",
        (
            leads(told("number of fields", "line 6"), lambda csv: csv + b"L5,2024-01-05\n"),
            leads(told("number of fields", "line 6"), lambda csv: csv + b"a,b,c,d,e,f,g\n"),
            leads(FINE, lambda csv: csv.replace(b"\n", b"\n\n")),
        ),
    ),
    FileKind(
        "quotation marks",
        (
            leads(Right({"source": ["Goo\ngle"]}),
                  lambda csv: csv.replace(b"Google", b'"Goo\ngle"')),
            leads(told("leads.csv", "never closed"),
                  lambda csv: csv.replace(b"Google", b'"Google')),
            leads(Right({"source": ['Goo"gle']}), lambda csv: csv.replace(b"Google", b'Goo"gle')),
            leads(Right({"source": ['Goo"gle']}),
                  lambda csv: csv.replace(b"Google", b'"Goo""gle"')),
        ),
    ),
    FileKind(
        "ends of lines",
        (
            leads(FINE, lambda csv: csv.replace(b"\n", b"\r")),
            leads(FINE, lambda csv: csv.replace(b"\n", b"\r\n")),
            leads(FINE, lambda csv: csv.rstrip(b"\n")),
        ),
    ),
    FileKind(
        "nothing in it",
        (
            leads(told("leads.csv", "an empty file"), lambda _: b""),
            leads(told("an empty file"), lambda _: b"\n\n  \n"),
            leads(told("a header but no rows"), lambda csv: csv.split(b"\n")[0] + b"\n"),
            leads(told("'id'", "no such column"), without_header),
        ),
    ),
    FileKind(
        "names of columns that nearly fit",
        (
            leads(told("'source'", "Did you mean ' source '"), in_header("source", " source ")),
            leads(told("U+00A0 NO-BREAK SPACE"), in_header("source", "source\u00a0")),
            leads(told("U+200B ZERO WIDTH SPACE"), in_header("source", "source\u200b")),
            leads(told("U+043E CYRILLIC SMALL LETTER O"), in_header("source", "s\u043eurce")),
            leads(told("Did you mean 'Source'"), in_header("source", "Source")),
            leads(told("line 1", "more than one column called 'source'"),
                  in_header("status", "source")),
        ),
    ),
    FileKind(
        "files that are not alike",
        (
            glob(Right({"lead_id": ["M1", "L1"]}, counts={"leads": 5, "open": 3}), lambda csv: {
                "leads.csv": csv,
                "lead0.csv": b"status,source,newsletter,revenue,created,id\n"
                             b"open,Google,yes,5,2024-01-01T08:00:00Z,M1\n"}),
            glob(told("lead0.csv", "'source'", "Did you mean 'Source'"), lambda csv: {
                "leads.csv": csv, "lead0.csv": in_header("source", "Source")(others(csv))}),
            glob(told("lead0.csv", "'source'", "1 other files have it"), lambda csv: {
                "leads.csv": csv, "lead0.csv": in_header("source", "x")(others(csv))}),
            glob(told("lead0.csv", "'id'"), lambda csv: {
                "leads.csv": csv, "lead0.csv": without_header(others(csv))}),
        ),
    ),
    FileKind(
        "the same file twice",
        (
            glob(told("the same content as", "leads (1).csv"),
                 lambda csv: {"leads.csv": csv, "leads (1).csv": csv}),
            FileVariant(told("events", "the same content as"), lambda _: dict.fromkeys(
                ("call (1).csv", "call.csv"), _TWO),
                {"tables.events.read.files": "call*.csv"}),
            FileVariant(told("the same content as"), lambda csv: {
                "leads.parquet": parquet(csv), "leads_copy.parquet": parquet(csv)},
                {"tables.leads.read.files": "lead*.parquet"}, "Parquet"),
        ),
    ),
    FileKind(
        "files that were cut",
        (
            FileVariant(told("leads.csv.gz", "not a whole gzip file"),
                        lambda csv: {"leads.csv.gz": gzip.compress(csv)[:-20]},
                        {"tables.leads.read.files": "leads.csv.gz"}),
            FileVariant(told("leads.parquet", "not a whole Parquet file"),
                        lambda csv: {"leads.parquet": parquet(csv)[:-20]},
                        {"tables.leads.read.files": "leads.parquet"}, "Parquet"),
            leads(told("number of fields", "line 5"), lambda csv: csv[: csv.rindex(b"L4") + 9]),
        ),
    ),
    FileKind(
        "something else under the name of a table",
        (
            leads(told("an Excel workbook (.xlsx)", "CSV in UTF-8"), workbook),
            leads(told("an old Excel workbook"),
                  lambda _: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100)),
            leads(told("a web page (HTML)", "sign in"),
                  lambda _: b"<!DOCTYPE html>\n<html><body>a,b</body></html>"),
            leads(told("found JSON"), lambda _: b'[{"id": "L1", "created": "2024-01-01"}]'),
            leads(told("a SQLite database", "url_env"),
                  lambda _: b"SQLite format 3\0" + bytes(100)),
            leads(told("a Parquet file", "read.format: parquet"), parquet),
            leads(told("a gzip file"), gzip.compress),
            FileVariant(told("leads.parquet", "not a whole Parquet file"),
                        lambda csv: {"leads.parquet": csv},
                        {"tables.leads.read.files": "leads.parquet"}, "Parquet"),
        ),
    ),
    FileKind(
        "a folder under the name of a file",
        (
            FileVariant(told("part.csv", "a folder", 'files: "part.csv/*.csv"'),
                        lambda _: {"part.csv": None}, {"tables.leads.read.files": "part.csv"}),
            FileVariant(told("part.csv", "a folder"), lambda csv: {"part.csv": None, "pa.csv": csv},
                        {"tables.leads.read.files": "pa*.csv"}),
            FileVariant(FINE, lambda csv: {"part.csv/0.csv": csv},
                        {"tables.leads.read.files": "part.csv/*.csv"}),
        ),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class TypedVariant:
    """Values of a type in one column of the leads.

    Parameters
    ----------
    column : str
        Of the leads' table.
    truth : Right or Told
    parquet : pl.Series or None
        What a Parquet file holds.
    sqlite : sequence or None
        What a SQLite table holds.
    postgres : (str, sequence of str) or None
        A PostgreSQL type, and SQL expressions of it.
    keys : mapping
        Keys of the definition.
    """

    column: str
    truth: Truth
    parquet: pl.Series | None = None
    sqlite: Sequence[Any] | None = None
    postgres: tuple[str, Sequence[str]] | None = None
    keys: Keys = field(default_factory=dict)


@dataclass(frozen=True)
class TypedKind:
    """Values that a typed source holds in one way."""

    name: str
    variants: tuple[TypedVariant, ...]


_IDS = Right({"lead_id": ["1001", "1002", "1003", "1004"]})
_NUMBERS = [1001, 1002, 1003, 1004]
_EACH = {"tables.events": None, "tables.outcomes": {
    "form": "status", "columns": {"status": "status"}, "won": ["won"], "lost": ["lost"],
    "open": ["open"]}}  # fmt: skip
_NO_EVENTS = {"events": 0}


def typed_ids(
    truth: Truth,
    parquet: pl.Series | None = None,
    sqlite: Sequence[Any] | None = None,
    postgres: tuple[str, Sequence[str]] | None = None,
) -> TypedVariant:
    """Hold the leads' ids so, in an export of one table."""
    if isinstance(truth, Right):
        truth = Right(truth.values, truth.warned, {**truth.counts, **_NO_EVENTS})
    return TypedVariant("id", truth, parquet, sqlite, postgres, _EACH)


def texts_of(values: Sequence[Any]) -> list[str]:
    """Write values as SQL has them."""
    return [f"'{value}'" for value in values]


_UUID = [f"6f9619ff-8b86-d011-b42d-00cf4fc964f{n}" for n in "abcd"]
_RAW = [bytes([255, n]) for n in range(4)]
_MOMENTS = [datetime(2024, 1, day, 8) for day in (1, 2, 3, 4)]
_SPAN = told("values of type", "seconds", "leave the column out")
BERLIN = {"time_zone": "Europe/Berlin"}


def typed(column: str, truth: Truth, keys: Keys | None = None, **held: Any) -> TypedVariant:  # noqa: ANN401
    """Hold a column so."""
    return TypedVariant(column, truth, held.get("parquet"), held.get("sqlite"),
                        held.get("postgres"), keys or {})  # fmt: skip


TYPED = (
    TypedKind(
        "ids that are numbers",
        (
            typed_ids(_IDS, pl.Series(_NUMBERS), _NUMBERS,
                      ("bigint", list(map(str, _NUMBERS)))),
            typed_ids(_IDS, pl.Series(_NUMBERS, dtype=pl.Float64), list(map(float, _NUMBERS)),
                      ("double precision", list(map(str, _NUMBERS)))),
            typed_ids(_IDS, pl.Series(list(map(Decimal, _NUMBERS)), dtype=pl.Decimal(10, 2)), None,
                      ("numeric(10, 2)", list(map(str, _NUMBERS)))),
            typed_ids(_IDS, None, [1001, "1002", 1003.0, b"1004"]),
            typed_ids(told("'id'", "is a fraction"), pl.Series([1.5, 2.0, 3.0, 4.0]),
                      [1.5, 2, 3, 4], ("numeric", ["1.5", "2", "3", "4"])),
            typed_ids(told("'id'", "too large to be exact"), pl.Series([2.0**60, 2.0, 3.0, 4.0]),
                      [2.0**60, 2, 3, 4], ("double precision", ["1152921504606846976", "2", "3",
                                                                "4"])),
        ),
    ),
    TypedKind(
        "ids of other types",
        (
            typed_ids(Right({"lead_id": [f"\\xff0{n}" for n in range(4)]}),
                      pl.Series(_RAW), _RAW, ("bytea", [f"'\\xff0{n}'" for n in range(4)])),
            typed_ids(Right({"lead_id": _UUID}), pl.Series(_UUID), _UUID,
                      ("uuid", texts_of(_UUID))),
            typed_ids(Right({"lead_id": ["a", "b", "c", "d"]}),
                      pl.Series(list("abcd"), dtype=pl.Categorical), list("abcd"),
                      ("character(8)", texts_of("abcd"))),
        ),
    ),
    TypedKind(
        "lists, objects and spans of time",
        (
            typed("revenue", _SPAN, parquet=pl.Series([[1.0]] * 4),
                  postgres=("numeric[]", ["'{1}'"] * 4)),
            typed("revenue", _SPAN, parquet=pl.Series([{"a": 1}] * 4),
                  postgres=("jsonb", ["'{\"a\": 1}'"] * 4)),
            typed("revenue", _SPAN, parquet=pl.Series([timedelta(days=1)] * 4),
                  postgres=("interval", ["'1 day'"] * 4)),
        ),
    ),
    TypedKind(
        "numbers of every type",
        (
            typed("revenue", Right({"revenue": [1000.5, None, 0, 3]}),
                  parquet=pl.Series([Decimal("1000.50"), None, Decimal(0), Decimal(3)]),
                  sqlite=[1000.5, None, 0, 3], postgres=("numeric(10, 2)",
                                                         ["1000.50", "NULL", "-0.0", "3"])),
            typed("revenue", Right({"revenue": [1, 0, None, 1]}),
                  parquet=pl.Series([True, False, None, True]), sqlite=[1, 0, None, 1],
                  postgres=("boolean", ["true", "false", "NULL", "true"])),
            typed("revenue", Right({"revenue": [1000.5, 2, None, 4]}), sqlite=["1000.5", 2, None,
                                                                             b"4"]),
            typed("revenue", told("'revenue'", "is not a finite number"),
                  parquet=pl.Series([float("inf"), 1.0, 2.0, 3.0]), sqlite=[float("inf"), 1, 2, 3],
                  postgres=("double precision", ["'Infinity'", "1", "2", "3"])),
            typed("revenue", told("'revenue'", "is not a number", "numbers"),
                  postgres=("money", ["1234.5::numeric::money"] * 4)),
        ),
    ),
    TypedKind(
        "times of every type",
        (
            typed("created", Right({"created_at": ["2024-01-01T07:00:00"]}), BERLIN,
                  parquet=pl.Series(_MOMENTS), postgres=("timestamp", texts_of(_MOMENTS))),
            typed("created", Right({"created_at": ["2024-01-01T07:00:00"]}), BERLIN,
                  parquet=pl.Series(_MOMENTS).dt.replace_time_zone("Europe/Berlin")
                  .cast(pl.Datetime("ns", "UTC")),
                  postgres=("timestamptz", [f"'{one}+01'" for one in _MOMENTS])),
            typed("created", Right({"created_at": ["2023-12-31T23:00:00"]}), BERLIN,
                  parquet=pl.Series([date(2024, 1, day) for day in (1, 2, 3, 4)]),
                  sqlite=[f"2024-01-0{day}" for day in (1, 2, 3, 4)],
                  postgres=("date", [f"'2024-01-0{day}'" for day in (1, 2, 3, 4)])),
            typed("created", Right({"created_at": ["2024-01-01T00:00:00"]}),
                  {"tables.leads.time_format": "julian_day"}, sqlite=[2460310.5] * 4),
            typed("created", told("'created'", "names no time zone"),
                  parquet=pl.Series(_MOMENTS), postgres=("timestamp", texts_of(_MOMENTS))),
            typed("created", told("leads"), BERLIN,
                  parquet=pl.Series([2**62] * 4, dtype=pl.Int64).cast(pl.Datetime("ms")),
                  postgres=("timestamp", ["'infinity'"] * 4)),
        ),
    ),
    TypedKind(
        "texts of other types",
        (
            typed("source", Right({"source": ["a", None, "b", "a"]}),
                  parquet=pl.Series(["a", None, "b", "a"], dtype=pl.Enum(["a", "b"])),
                  sqlite=[b"a", None, "b", "a"],
                  postgres=("text", ["'a'", "NULL", "'b'", "'a'"])),
            typed("source", Right({"source": [None] * 4}), parquet=pl.Series([None] * 4),
                  sqlite=[None] * 4, postgres=("text", ["NULL"] * 4)),
            typed("source", Right({"source": ["7", "8.5", None, "7"]}), sqlite=[7, 8.5, None, "7"],
                  parquet=pl.Series([7.0, 8.5, None, 7.0]),
                  postgres=("numeric", ["7", "8.5", "NULL", "7.0"])),
        ),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class ScoredVariant:
    """An id, or a value of an attribute, of a lead to score."""

    name: str
    value: Any
    same_as: Any
    """A value with the same score (and the same id); `Told` where it is refused."""


@dataclass(frozen=True)
class ScoredKind:
    """Leads to score that are odd in one way."""

    name: str
    variants: tuple[ScoredVariant, ...]


def _scored(name: str, value: Any, same_as: Any) -> ScoredVariant:  # noqa: ANN401 - of any type
    return ScoredVariant(name, value, same_as)


_NOBODY: Told = told("lead_id")
SCORED = (
    ScoredKind(
        "ids of leads to score",
        (
            _scored("lead_id", 1001, "1001"),
            _scored("lead_id", 1001.0, "1001"),
            _scored("lead_id", -5, "-5"),
            _scored("lead_id", "007", "007"),
            _scored("lead_id", 1001.5, _NOBODY),
            _scored("lead_id", 2.0**60, _NOBODY),
            _scored("lead_id", None, _NOBODY),
        ),
    ),
    ScoredKind(
        "categories that are numbers",
        (
            _scored("industry", 7, "7"),
            _scored("industry", 7.0, "7"),
            _scored("job_title", 1001, "1001"),
        ),
    ),
    ScoredKind(
        "values of another type",
        (
            _scored("budget", "much", told("budget")),
            _scored("newsletter", "maybe", told("newsletter")),
            _scored("created_at", "yesterday", told("created_at")),
        ),
    ),
)
