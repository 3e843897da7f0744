"""Public tables: rows keep their outcomes, what tells the outcome is left out, verdicts add up."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import public_tables
from benchmarks.fits import LEADCAST
from benchmarks.judgement import judge, metrics_of
from benchmarks.public_tables import TABLES, PublicTable, line_of, standing, table_of


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """A table on a shelf: rows of an odd number are won."""
    number = np.arange(50)
    frame = pd.DataFrame(
        {
            "rownames": number,
            "A.Number": number.astype(float),
            "word": pd.Categorical(np.where(number % 2, "odd", "even")),
            "flag": number % 3 == 0,
            "told.after": number % 2,
            "asked": [None if n == 7 else "yes" if n % 2 else "no" for n in number],
        }
    )
    frame.loc[4, "A.Number"] = np.nan
    (tmp_path / "r").mkdir()
    frame.to_pickle(tmp_path / "r/t.pkl.compress", compression="xz")
    monkeypatch.setattr(public_tables, "_folder", lambda: tmp_path)
    about = PublicTable("r/t", "asked", "yes", ("told.after",))
    monkeypatch.setattr(public_tables, "TABLES", {"t": about})
    return frame


def test_rows_keep_their_outcomes_and_what_tells_them_is_left_out(shelf: pd.DataFrame) -> None:
    table = table_of("t", 3)
    assert table.columns.columns == ["a_number", "word", "flag"]
    assert table.columns["a_number"].null_count() == 1
    assert len(table.converted) == len(shelf) - 1
    assert table.tested == 20
    odd = (table.columns["word"] == "odd").to_numpy()
    np.testing.assert_array_equal(table.converted, odd)
    number = table.columns["a_number"].to_list()
    assert number != sorted(number, key=lambda one: -1 if one is None else one)
    again = table_of("t", 3).columns["a_number"]
    assert again.equals(table.columns["a_number"])


def test_the_last_lines_count_the_verdicts() -> None:
    came = np.tile([0.0, 0.0, 0.0, 1.0], 100)
    good, bad = np.where(came == 1, 0.7, 0.1), np.full(len(came), 0.4)
    found = []
    for own, other in ((good, bad), (bad, good)):
        said = {"LightGBM": other, LEADCAST: own}
        rows = np.arange(len(came))
        found.append(
            {
                "table": "t",
                "shuffle": 0,
                "learned_from": 10,
                "base_rate": 0.25,
                "methods": {name: metrics_of(told, came) for name, told in said.items()},
                "log_loss": judge(said, came, rows, "log_loss").to_json(),
                "auc": judge(said, came, rows, "auc").to_json(),
            }
        )
    lines = [*map(line_of, found), *standing(found)]
    assert "log loss best (LightGBM: " in lines[0]
    assert "log loss beaten (LightGBM: +" in lines[1]
    assert "log loss, of 2: best 1, beaten 1" in lines


def test_no_table_is_asked_for_what_it_leaves_out() -> None:
    assert all(about.asked not in about.without for about in TABLES.values())
    assert len({about.place for about in TABLES.values()}) == len(TABLES)
