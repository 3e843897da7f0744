"""Files of one table whose columns are not all the same: an export that grew by a file a month."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from leadcast.features.base.errors import FaultsError
from leadcast.features.definitions.load import load_definition
from leadcast.features.ingest.ingest import check_source, ingest
from leadcast.features.tables import Tables
from tests.crm_exports import write
from tests.source_samples import read_new_leads
from tests.test_pipelines_init import Rows, described, rows_of

FITS = {"leads_01.csv": False, "leads_02.csv": True, "leads_03.csv": True}
"""Which of the files have the column Fit; Seats has the first one alone."""


def in_months(rows: Rows) -> dict[str, pl.DataFrame]:
    """Part leads among files that have not all the same columns, each value where it has one."""
    size = len(rows) // len(FITS)
    found = {}
    for index, (name, has_fit) in enumerate(FITS.items()):
        mine = rows[index * size : (index + 1) * size]
        about = {"Fit": [number % 7 + 0.5 for number in range(size)]} if has_fit else {}
        about |= {} if has_fit else {"Seats": [float(number) for number in range(size)]}
        found[name] = pl.DataFrame(mine).with_columns(
            **{key: pl.Series(values) for key, values in about.items()}
        )
    return found


def exported(folder: Path, *, suffix: str = ".csv", whole: bool = False) -> Path:
    """Write the leads in files of their own, or in one that has every column."""
    months = in_months(rows_of(written="%Y-%m-%d"))
    export = folder / "export"
    export.mkdir(parents=True)
    frames = {"leads.csv": pl.concat(months.values(), how="diagonal")} if whole else months
    for name, frame in frames.items():
        path = (export / name).with_suffix(suffix)
        frame.write_csv(path) if suffix == ".csv" else frame.write_parquet(path)
    return folder


def read(folder: Path) -> Tables:
    ingest(load_definition(folder / "ours.yaml"), folder / "tables")
    return Tables.read(folder / "tables")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_files_that_lack_columns_are_read_as_one_with_empty_cells(
    tmp_path: Path, suffix: str
) -> None:
    apart = exported(tmp_path / "apart", suffix=suffix)
    text = described(apart)
    assert "may_lack: [Seats, Fit]" in text
    assert "of 3 files some lack a column ('Seats' in 2, 'Fit' in 1)" in " ".join(
        text.replace("#", "").split()
    )
    whole = exported(tmp_path / "whole", suffix=suffix, whole=True)
    described(whole)
    names = ["lead_id", "created_at", "seats", "fit", "source"]
    one, other = (read(folder).leads.select(names) for folder in (apart, whole))
    assert one.sort("lead_id").equals(other.sort("lead_id"))
    assert one["fit"].null_count() == one.height // 3


def without_key(folder: Path) -> None:
    path = folder / "ours.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(", may_lack: [Seats, Fit]", ""), encoding="utf-8")


def test_without_the_key_a_lacking_column_is_refused_and_the_key_is_named(tmp_path: Path) -> None:
    described(exported(tmp_path))
    without_key(tmp_path)
    faults = check_source(load_definition(tmp_path / "ours.yaml"))
    assert not faults.is_fine
    assert "If these files never had it: `read.may_lack: [Fit]`." in str(faults)


def test_a_column_that_no_file_has_is_missed_all_the_same(tmp_path: Path) -> None:
    described(exported(tmp_path))
    path = tmp_path / "ours.yaml"
    text = path.read_text(encoding="utf-8").replace("Fit", "Fitness")
    path.write_text(text, encoding="utf-8")
    faults = str(check_source(load_definition(path)))
    assert "column 'Fitness': found no such column" in faults
    assert "If these files never had it" not in faults


def test_a_misspelt_column_that_may_be_lacking_is_told(tmp_path: Path) -> None:
    described(exported(tmp_path))
    path = tmp_path / "ours.yaml"
    text = path.read_text(encoding="utf-8")
    assert check_source(load_definition(path)).is_fine
    path.write_text(text.replace("may_lack: [Seats, Fit]", "may_lack: [Seats, Fit, Sourze]"))
    checked = check_source(load_definition(path))
    assert not checked.is_fine
    assert "leads: read.may_lack 'Sourze': found no such column in any of its 3 files" in str(
        checked
    )
    assert "'Source'" in str(checked)
    # Of the leads of a day none need have it.
    read_new_leads(load_definition(path), [tmp_path / "export" / "leads_03.csv"])


def test_leads_of_the_day_need_no_column_that_some_files_may_lack(tmp_path: Path) -> None:
    described(exported(tmp_path))
    definition = load_definition(tmp_path / "ours.yaml")
    day = tmp_path / "export" / "leads_03.csv"
    assert "Seats" not in day.read_text(encoding="utf-8")
    new = read_new_leads(definition, [day])
    assert new.leads["seats"].null_count() == new.leads.height == 40
    write(tmp_path / "export", "day.csv", [{"Lead ID": "A1", "Created": "2024-01-01"}])
    with pytest.raises(FaultsError, match="column 'Source': found no such column"):
        read_new_leads(definition, [tmp_path / "export" / "day.csv"])


def files_of(folder: Path, headers: Sequence[Sequence[str]]) -> None:
    folder.mkdir(parents=True)
    for number, names in enumerate(headers):
        text = ",".join(names) + "\n" + ",".join(f"{number}{name}" for name in names) + "\n"
        (folder / f"table_{number}.csv").write_text(text, encoding="utf-8")


def test_files_with_few_columns_in_common_are_tables_of_their_own(tmp_path: Path) -> None:
    files_of(tmp_path / "export", [("id", "a", "b"), ("id", "c", "d")])
    with pytest.raises(Exception, match=r"table_0\.csv: 1 rows") as caught:
        described(tmp_path)
    assert not isinstance(caught.value, FaultsError)
    assert "table_1.csv: 1 rows" in str(caught.value)
