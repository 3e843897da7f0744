"""Distinct values: each row is given its own value back, whatever its hash."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadcast.features.values import distinct as module
from leadcast.features.values.distinct import DistinctColumns, distinct, number_alike


def given_back(series: pl.Series) -> list[object]:
    found = distinct(series)
    return [found.values[code] for code in found.codes.tolist()]


@given(st.lists(st.one_of(st.none(), st.text(max_size=3))))
def test_each_row_has_its_own_text(texts: list[str | None]) -> None:
    series = pl.Series(texts, dtype=pl.String)
    assert given_back(series) == texts
    assert [*distinct(series).values] == [*dict.fromkeys(texts)]


@given(st.lists(st.sampled_from(["a", "b", "c", None]), max_size=20))
def test_texts_whose_hashes_meet_are_told_apart(texts: list[str | None]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "number_alike", lambda hashes: number_alike(hashes % 2))
        assert given_back(pl.Series(texts, dtype=pl.String)) == texts


@given(st.lists(st.integers(0, 8)))
def test_hashes_are_numbered_as_they_come(hashes: list[int]) -> None:
    first, codes = number_alike(np.array(hashes, dtype=np.uint64))
    assert [hashes[row] for row in first] == [*dict.fromkeys(hashes)]
    assert [hashes[first[code]] for code in codes] == hashes


def test_numbers_are_in_order_and_what_is_missing_is_last() -> None:
    values, codes = distinct(pl.Series([2.0, None, 1.0, math.nan, 2.0]))
    assert [*values[:2]] == [1.0, 2.0]
    assert all(math.isnan(float(value or 0)) for value in values[2:])
    assert codes.tolist() == [1, 2, 0, 2, 1]


def test_a_column_is_looked_at_once() -> None:
    columns = DistinctColumns(pl.DataFrame({"a": ["x", "y"]}))
    assert columns.known("a") is None
    found = columns.distinct("a")
    assert columns.distinct("a") is found
    assert columns.known("a") is found
