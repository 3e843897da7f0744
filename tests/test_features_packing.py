"""Packed files: in bounded memory, or refused where they unpack to more than anybody exports."""

import bz2
import gzip
import io
import lzma
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leadcast.features.base import packing
from leadcast.features.base.errors import LeadcastError
from leadcast.features.base.packing import MOST_TIMES
from leadcast.features.definitions.table_schema import FileReader
from leadcast.features.ingest.ingest import check_source
from leadcast.features.readers.csv_origin import MOST_LETTERS, CsvOrigin
from leadcast.features.readers.origins import ParquetOrigin, UnreadableError
from leadcast.serve.batch import inputs as batch_inputs
from leadcast.serve.batch.batch import score_files
from leadcast.serve.batch.inputs import place_of
from leadcast.serve.scorer import Scorer
from tests.scoring_world import bundle_folder, scoring_world
from tests.source_samples import make_source

HEADER = b"lead_id,a\n"
MIB = 1 << 20
READ = """
import resource, sys
from pathlib import Path
from leadcast.features.readers.csv_origin import CsvOrigin
from leadcast.features.readers.origins import UnreadableError
from leadcast.features.definitions.table_schema import FileReader

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

before = peak()
try:
    origin = CsvOrigin(Path(sys.argv[1]), "x", FileReader(files=("x",)))
    rows = sum(len(number) for _, number in origin.parts(origin.columns(), lambda _: None))
    print(rows)
except UnreadableError as error:
    print(error.fault)
# Arrow's threads may still hold the file when the process ends.
print(peak() - before, flush=True)
import os
os._exit(0)
"""
MOST_MIB = 600
"""Some sixteen blocks of 16 MiB and what Arrow makes of them, whatever the file unpacks to."""


def packed(path: Path, first: bytes, again: bytes, times: int) -> Path:
    """Write a gzip file of many members, which takes no time however often one is repeated."""
    path.write_bytes(gzip.compress(first) + gzip.compress(again) * times)
    return path


def read_apart(path: Path) -> tuple[str, float]:
    command = [sys.executable, "-c", READ, str(path)]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root)
    told, mib = done.stdout.splitlines()
    return told, float(mib)


def origin_of(path: Path, **keys: int) -> CsvOrigin:
    return CsvOrigin(path, path.name, FileReader(files=(path.name,), **keys))


def rows_of(path: Path, **keys: int) -> int:
    origin = origin_of(path, **keys)
    return sum(part.height for part, _ in origin.parts(origin.columns(), lambda _: None))


def refused(path: Path) -> str:
    with pytest.raises(UnreadableError) as caught:
        rows_of(path)
    return str(caught.value.fault)


@pytest.mark.parametrize(
    ("first", "again", "found"),
    [
        (HEADER + b"1,", b"x" * 16 * MIB, f"a line of more than {MOST_LETTERS:,} letters"),
        (b"", b"x" * 16 * MIB, f"a line of more than {MOST_LETTERS:,} letters"),
        (HEADER + b'1,"', b"x\n" * 8 * MIB, "a quotation mark that is never closed"),
        (HEADER, b"1,xxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n" * (MIB // 2), "times as many"),
    ],
    ids=["field", "header", "quote", "rows"],
)
def test_what_unpacks_to_very_much_is_refused_in_bounded_memory(
    tmp_path: Path, first: bytes, again: bytes, found: str
) -> None:
    told, mib = read_apart(packed(tmp_path / "x.csv.gz", first, again, 30))
    assert found in told
    assert mib < MOST_MIB


def test_a_file_that_unpacks_to_much_within_the_limit_takes_no_more_memory(tmp_path: Path) -> None:
    rows = "".join(f"{number * 7919 % 99991},{'x' * 200}\n" for number in range(80_000)).encode()
    path = packed(tmp_path / "x.csv.gz", HEADER, rows, 40)
    assert path.stat().st_size * MOST_TIMES > len(rows) * 40 > 2 * packing.FREE_BYTES
    told, mib = read_apart(path)
    assert told == str(40 * 80_000)
    assert mib < MOST_MIB


def test_the_words_tell_sizes_limit_and_key_and_the_key_is_heeded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "FREE_BYTES", 10_000)
    path = packed(tmp_path / "x.csv.gz", HEADER, b"1,xxxxxxxxxxxx\n" * 100_000, 1)
    size = path.stat().st_size
    told = refused(path)
    assert told.startswith(f"x.csv.gz: found {size:,} bytes that unpack to ")
    assert "at most 200 times as many, or 10,000 bytes" in told
    assert "`read.times_unpacked`" in told
    assert rows_of(path, times_unpacked=2_000) == 100_000
    (tmp_path / "x.csv").write_bytes(gzip.decompress(path.read_bytes()))
    assert rows_of(tmp_path / "x.csv") == 100_000


def test_a_source_says_so_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "FREE_BYTES", 10_000)
    definition = make_source(tmp_path, {"tables.leads.read": {"files": "people.csv.gz"}})
    packed(tmp_path / "people.csv.gz", b"id,created,revenue,source\n", b"1,,,\n" * 100_000, 1)
    assert "people.csv.gz: found" in str(check_source(definition))
    assert "times as many" in str(check_source(definition))


def test_many_members_are_one_file(tmp_path: Path) -> None:
    path = tmp_path / "x.csv.GZ"
    path.write_bytes(b"".join(gzip.compress(b"%d,x\n" % n) for n in range(2_000)))
    path.write_bytes(gzip.compress(HEADER) + path.read_bytes())
    assert rows_of(path) == 2_000


def test_a_file_that_is_cut_or_has_something_behind_is_told(tmp_path: Path) -> None:
    whole = gzip.compress(HEADER + b"1,x\n" * 10_000)
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    assert "end-of-stream marker" in refused(tmp_path / "cut.csv.gz")
    assert "Copy it again" in refused(tmp_path / "cut.csv.gz")
    (tmp_path / "text.csv.gz").write_bytes(HEADER)
    assert "rename it without .gz" in refused(tmp_path / "text.csv.gz")
    (tmp_path / "damaged.csv.gz").write_bytes(whole[:40] + bytes(9) + whole[49:])
    assert "not a whole gzip file" in refused(tmp_path / "damaged.csv.gz")
    (tmp_path / "more.csv.gz").write_bytes(whole + b"behind")
    assert "Not a gzipped file" in refused(tmp_path / "more.csv.gz")
    (tmp_path / "zeros.csv.gz").write_bytes(whole + bytes(512))
    assert rows_of(tmp_path / "zeros.csv.gz") == 10_000


def zipped(text: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.csv", text)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "found", "remedy"),
    [
        ("x.csv.zip", zipped(HEADER), "a zip archive", "Unpack it"),
        ("x.csv", zipped(HEADER), "a zip archive", "Unpack it"),
        ("x.csv.bz2", bz2.compress(HEADER), "a bzip2 file", "Unpack it"),
        ("x.csv.xz", lzma.compress(HEADER), "an xz file", "Unpack it"),
        ("x.csv.zst", b"\x28\xb5\x2f\xfd\x00", "a zstd file", "Unpack it"),
        ("x.csv", gzip.compress(HEADER), "a gzip file", "Let its name end in .gz"),
        (
            "x.csv.gz",
            gzip.compress(gzip.compress(HEADER)),
            "a gzip file within a gzip file",
            "Unpack",
        ),
        ("x.csv.gz", gzip.compress(zipped(HEADER)), "a zip archive within a gzip file", "Unpack"),
    ],
    # Not by the bytes, which hold the time at which they were packed.
    ids=["zip", "zip as csv", "bz2", "xz", "zst", "gz as csv", "gz within gz", "zip within gz"],
)
def test_what_is_packed_otherwise_is_named(
    tmp_path: Path, name: str, content: bytes, found: str, remedy: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert refused(tmp_path / name).startswith(f"{name}: found {found}; expected text")
    assert remedy in refused(tmp_path / name)


def test_parquet_by_another_name_is_named(tmp_path: Path) -> None:
    pl.DataFrame({"lead_id": ["1"]}).write_parquet(tmp_path / "x.csv")
    assert "`read.format: parquet`" in refused(tmp_path / "x.csv")
    (tmp_path / "y.csv").write_text("PAR1,BZh\n1,2\n")
    assert rows_of(tmp_path / "y.csv") == 1


def one_value(path: Path, rows: int) -> Path:
    column = pl.Series("lead_id", ["1"]).new_from_index(0, rows)
    pl.DataFrame({"lead_id": column, "a": column}).write_parquet(path, row_group_size=rows)
    return path


def test_parquet_of_one_value_in_very_many_rows_is_refused_by_its_footer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "FREE_BYTES", 1_000_000)
    path = one_value(tmp_path / "x.parquet", 3_000_000)

    def read(*_: object, **__: object) -> None:
        raise AssertionError("read")

    with pytest.raises(UnreadableError) as caught:
        ParquetOrigin(path, "x.parquet").columns()
    told = str(caught.value.fault)
    assert f"x.parquet: found {path.stat().st_size:,} bytes that unpack to 96,000,000 or" in told
    assert ParquetOrigin(path, "x", times_unpacked=10**6).columns() == ["lead_id", "a"]
    monkeypatch.setattr(Scorer, "score", read)
    with pytest.raises(LeadcastError, match="times as many"):
        score_files(Scorer.load(bundle_folder()), path, None, tmp_path / "out.csv")


def test_parquet_of_huge_values_is_refused_by_its_footer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "FREE_BYTES", 1_000_000)
    monkeypatch.setattr(packing, "_PLAINLY_SMALL", 0)
    frame = pl.DataFrame({"lead_id": [f"{n}{'x' * 400_000}" for n in range(50)]})
    frame.write_parquet(tmp_path / "x.parquet", use_pyarrow=False)
    with pytest.raises(UnreadableError, match="times as many"):
        ParquetOrigin(tmp_path / "x.parquet", "x.parquet").columns()


OF_ONE = """
import resource, sys
from pathlib import Path
from leadcast.features.base.packing import parquet_fault

# A bound of its own: what a process took at most is inherited from whoever started it.
resource.setrlimit(resource.RLIMIT_AS, (6_000_000_000, 6_000_000_000))
print(parquet_fault(Path(sys.argv[1]), "x"))
"""


@pytest.mark.parametrize("kind", ["text", "bytes", "category", "in a struct", "in a larger file"])
def test_parquet_of_one_long_value_in_many_rows_is_refused_in_bounded_memory(
    tmp_path: Path, kind: str
) -> None:
    path, codes, value = tmp_path / "x.parquet", np.zeros(4_000, np.int32), "a" * 2_000_000
    if kind == "category":
        column = pl.Series([value], dtype=pl.Categorical)
        pl.DataFrame({"a": column.gather(codes)}).write_parquet(path)
    else:
        own = pa.array([value.encode() if kind == "bytes" else value])
        array = pa.DictionaryArray.from_arrays(pa.array(codes), own)
        if kind == "in a struct":
            array = pa.StructArray.from_arrays([array], ["text"])
        more = np.random.default_rng(0)
        texts = {"b": [more.bytes(50) for _ in codes]} if kind == "in a larger file" else {}
        table = pa.table({"a": array, **texts})
        pq.write_table(
            table, path, compression="zstd", store_schema=False, dictionary_pagesize_limit=10**8
        )
    assert (path.stat().st_size < packing._PLAINLY_SMALL) is (kind != "in a larger file")
    command = [sys.executable, "-c", OF_ONE, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "that unpack to 8,00" in done.stdout


def test_a_value_counts_with_the_memory_that_it_takes(tmp_path: Path) -> None:
    many = one_value(tmp_path / "x.parquet", 9_000_000)
    assert "times as many" in str(packing.parquet_fault(many, "x"))
    few = one_value(tmp_path / "y.parquet", 7_000_000)
    assert packing.parquet_fault(few, "y") is None


def test_long_texts_of_which_few_are_the_longest_are_read(tmp_path: Path) -> None:
    # Ten thousand times the longest would be two gigabytes.
    texts = ["x" * 200_000, *(f"{number:0100d}" for number in range(10_000))]
    pl.DataFrame({"lead_id": texts}).write_parquet(tmp_path / "x.parquet")
    assert (tmp_path / "x.parquet").stat().st_size < packing._PLAINLY_SMALL
    assert packing.parquet_fault(tmp_path / "x.parquet", "x") is None


def test_an_ordinary_parquet_file_is_read(tmp_path: Path) -> None:
    leads = scoring_world().tables.leads
    leads.write_parquet(tmp_path / "x.parquet")
    assert ParquetOrigin(tmp_path / "x.parquet", "x").columns() == leads.columns


def test_a_batch_judges_a_file_by_what_it_unpacks_to(tmp_path: Path) -> None:
    many = packed(tmp_path / "x.csv.gz", HEADER, b"1,xxxxxxxxxxxx\n" * 100_000, 60)
    assert many.stat().st_size < batch_inputs.WHOLE_BYTES // 100
    assert place_of(str(many)).n_bytes > batch_inputs.WHOLE_BYTES
    few = packed(tmp_path / "y.csv.gz", HEADER, b"1,x\n", 3)
    assert place_of(str(few)).n_bytes == len(HEADER) + 12
    rows = one_value(tmp_path / "x.parquet", 9_000_000)
    assert place_of(str(rows)).n_bytes > batch_inputs.WHOLE_BYTES
    (tmp_path / "z.parquet").write_bytes(b"none")
    assert place_of(str(tmp_path / "z.parquet")).n_bytes == 4 * 8
