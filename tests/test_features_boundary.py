"""The knowledge boundary, at equality."""

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.boundary import is_known, known, known_until


def test_what_happens_at_the_moment_itself_is_not_known() -> None:
    assert is_known(4, 5)
    assert not is_known(5, 5)
    assert not is_known(6, 5)


def test_columns_obey_the_same_boundary() -> None:
    table = pl.DataFrame({"at": [4, 5, 6, None], "as_of": [5, 5, 5, 5]})
    told = table.select(known(pl.col("at"), pl.col("as_of"))).to_series().to_list()
    assert told == [True, False, False, None]


@given(st.lists(st.integers(-3, 3)), st.integers(-4, 4), st.data())
@settings(max_examples=100)
def test_bisection_finds_what_looking_at_each_time_finds(
    times: list[int], as_of: int, data: st.DataObject
) -> None:
    ascending = np.array(sorted(times), dtype=np.int64)
    start = data.draw(st.integers(0, len(times)))
    stop = data.draw(st.integers(start, len(times)))
    one_by_one = start + sum(is_known(time, as_of) for time in ascending[start:stop].tolist())
    assert known_until(ascending, start, stop, as_of) == one_by_one
