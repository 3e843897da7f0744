"""CSV is read as it is written, whatever the separator, the encoding and the packing."""

import csv
import gzip
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings

from leadcast.features.base.letters import TRIMMED
from leadcast.features.definitions.load import load_definition
from leadcast.features.definitions.table_schema import FileReader
from leadcast.features.ingest.ingest import ingest
from leadcast.features.readers import csv_origin
from leadcast.features.readers.csv_origin import CsvOrigin
from leadcast.features.readers.origins import BrokenRow, UnreadableError
from leadcast.features.tables import Tables
from tests.source_samples import LEADS, changed, make_source, sample_keys, write_definition


def read(path: Path, **keys: Any) -> tuple[pl.DataFrame, list[int], list[BrokenRow]]:  # noqa: ANN401
    origin = CsvOrigin(path, path.name, FileReader(files=(path.name,), **keys))
    broken: list[BrokenRow] = []
    parts = list(origin.parts(origin.columns(), broken.extend))
    frame = pl.concat([part for part, _ in parts]) if parts else pl.DataFrame()
    numbers = [number for _, part in parts for number in part]
    return frame, origin.lines(pl.Series(numbers, dtype=pl.Int64)).to_list(), broken


def written(rows: list[list[str]], separator: str, quote: str, ending: str = "\n") -> str:
    """Write rows as CSV, everything in quotation marks where there are any."""
    double = quote * 2
    return "".join(
        separator.join(quote + value.replace(quote, double) + quote for value in row) + ending
        for row in rows
    )


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "§", "||", "::"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_any_separator_and_any_encoding(tmp_path: Path, separator: str, encoding: str) -> None:
    rows = [["id", "näme"], ["1", f"a{separator}b"], ["2", 'say "é"']]
    path = tmp_path / "x.csv"
    path.write_bytes(written(rows, separator, '"').encode(encoding))
    frame, lines, broken = read(path, separator=separator, encoding=encoding)
    assert frame.columns == rows[0]
    assert [list(row) for row in frame.iter_rows()] == rows[1:]
    assert (lines, broken) == ([2, 3], [])


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_lines_are_counted_with_breaks_in_quotes_and_blank_lines(
    tmp_path: Path, ending: str
) -> None:
    path = tmp_path / "x.csv.gz"
    text = 'Report of May\n"a","b"\n1,"two\nlines"\n\n2,3\nbroken\n4,"5\n\n6"\n7,8'
    path.write_bytes(gzip.compress(text.replace("\n", ending).encode()))
    frame, lines, broken = read(path, skip_lines=1)
    assert frame["a"].to_list() == ["1", "2", "4", "7"]
    assert lines == [3, 6, 8, 11]
    assert [(row.number, row.text.strip(), row.fields) for row in broken] == [(3, "broken", 1)]


def test_broken_rows_keep_the_numbers_of_the_others_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Small blocks, so that rows are refused in many of them.
    monkeypatch.setattr(csv_origin, "_BLOCK_BYTES", 256)
    path = tmp_path / "x.csv"
    rows = [f"{n},x" if n % 7 else f"{n}" for n in range(1, 500)]
    path.write_text("n,x\n" + "\n".join(rows) + "\n")
    origin = CsvOrigin(path, "x", FileReader(files=("x",)))
    broken: list[BrokenRow] = []
    for frame, numbers in origin.parts(["n"], broken.extend):
        assert frame["n"].cast(pl.Int64).to_list() == numbers.to_list()
    assert [row.number for row in broken] == [int(row.text) for row in broken]
    assert len(broken) == 71


def test_a_damaged_archive_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.csv.gz"
    text = "a,b\n" + "".join(f"{n},{n * 7919 % 104729}\n" for n in range(100_000))
    path.write_bytes(gzip.compress(text.encode())[:-1000])
    with pytest.raises(UnreadableError, match="not a whole gzip file"):
        read(path)
    path.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(UnreadableError, match="not a whole gzip file"):
        read(path)


def test_a_record_longer_than_a_block_is_an_open_quotation_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_origin, "_BLOCK_BYTES", 256)
    path = tmp_path / "x.csv"
    path.write_text('a,b\n1,2\n3,"4\n' + "5,6\n" * 200)
    with pytest.raises(UnreadableError, match=r"x.csv after line 2: .* never closed"):
        read(path)


def test_several_files_of_one_table_may_order_their_columns_differently(tmp_path: Path) -> None:
    make_source(tmp_path)
    lines = LEADS.splitlines(keepends=True)
    (tmp_path / "leads.csv").write_text("".join(lines[:3]))
    (tmp_path / "leads-2.csv").write_text(
        "source,revenue,created,id\nGoogle,3000.5,2024-01-03T08:00:00Z,L3\n"
    )
    keys = changed(sample_keys(tmp_path), {"tables.leads.read.files": ["leads*.csv", "leads.csv"]})
    ingest(load_definition(write_definition(tmp_path, keys)), tmp_path / "tables")
    leads = Tables.read(tmp_path / "tables").leads
    assert leads["lead_id"].to_list() == ["L3", "L1", "L2"]
    assert leads["revenue"].to_list() == [3000.5, 1000.0, None]


TEXTS = st.text(st.characters(codec="cp1252", exclude_categories=["Cc", "Cs"]), max_size=8)
NUMBERS = st.none() | st.floats(-1e6, 1e6).map(lambda number: round(number, 3))
START = datetime(2000, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 5 * 10**8).map(lambda seconds: START + timedelta(seconds=seconds))
ROWS = st.lists(st.tuples(TEXTS, NUMBERS, MOMENTS), min_size=2, max_size=12)


@given(
    rows=ROWS,
    separator=st.sampled_from([",", ";", "|", "tab", "§"]),
    encoding=st.sampled_from(["utf-8", "cp1252", "utf-16"]),
    marker=st.sampled_from(["", "n/a", "Select", "?"]),
    packed=st.booleans(),
)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_as_csv_comes_back_as_the_same_tables(
    tmp_path: Path,
    rows: list[tuple[str, float | None, datetime]],
    separator: str,
    encoding: str,
    marker: str,
    packed: bool,
) -> None:
    buffer = io.StringIO(newline="")
    mark = "\t" if separator == "tab" else separator
    writer = csv.writer(buffer, delimiter=mark, lineterminator="\n")
    writer.writerow(["lead", "bought", "born", "text", "number"])
    for index, (text, number, moment) in enumerate(rows):
        bought = "yes" if index % 2 else "no"
        shown = marker if number is None else repr(number)
        writer.writerow([f"L{index}", bought, moment.isoformat(), text or marker, shown])
    name = "random.csv.gz" if packed else "random.csv"
    data = buffer.getvalue().encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(data) if packed else data)
    reader = {"files": name, "separator": separator, "encoding": encoding, "missing": [marker]}
    keys = random_keys(tmp_path, reader)
    ingest(load_definition(write_definition(tmp_path, keys)), tmp_path / "tables")
    leads = Tables.read(tmp_path / "tables").leads
    expected = [text.strip(TRIMMED) for text, _, _ in rows]
    assert leads["text"].to_list() == [None if t in ("", marker) else t for t in expected]
    assert leads["number"].to_list() == [number for _, number, _ in rows]
    assert leads["created_at"].to_list() == [moment for _, _, moment in rows]


def random_keys(folder: Path, reader: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "random",
        "title": "Random",
        "where_to_get": "Nowhere",
        "root": str(folder),
        "observed_until": "latest",
        "tables": {
            "leads": {
                "read": reader,
                "columns": {"lead_id": "lead", "created_at": "born"},
                "attributes": {
                    "text": {"column": "text", "type": "text"},
                    "number": {"column": "number", "type": "number"},
                },
            },
            "outcomes": {
                "form": "status",
                "columns": {"status": "bought"},
                "won": ["yes"],
                "lost": ["no"],
            },
        },
    }


def swallowing(first: int, second: int, n: int = 60_000) -> bytes:
    rows = [f"L{at},a note,{at}" for at in range(n)]
    for at in (first, second):
        rows[at] = f'L{at},"a note,{at}'
    return "\n".join(["id,note,n", *rows, ""]).encode()


@pytest.mark.parametrize(("first", "second"), [(3, 5), (3, 4), (0, 59_999), (20_000, 50_000)])
def test_two_open_quotes_do_not_swallow_what_is_between(
    tmp_path: Path, first: int, second: int
) -> None:
    (tmp_path / "x.csv").write_bytes(swallowing(first, second))
    origin = CsvOrigin(tmp_path / "x.csv", "x.csv", FileReader(files=("x.csv",)))
    with pytest.raises(UnreadableError, match="never closed"):
        # The column that swallows is not even read.
        [*origin.parts(["id"], lambda _: None)]


def test_quotes_within_texts_and_lines_within_quotes_are_no_open_quotes(tmp_path: Path) -> None:
    text = 'id,note,n\nL1,5" pipe,1\nL2,"two\nlines, ""so""",2\nL3,12" pipe,3\n'
    (tmp_path / "x.csv").write_text(text)
    origin = CsvOrigin(tmp_path / "x.csv", "x.csv", FileReader(files=("x.csv",)))
    (part,) = origin.parts(["id", "note"], lambda _: None)
    assert part[0]["id"].to_list() == ["L1", "L2", "L3"]
    assert part[0]["note"].to_list() == ['5" pipe', 'two\nlines, "so"', '12" pipe']
