"""What is found by identifiers is what a loop over both tables finds."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.readers import key_index
from leadcast.features.readers.key_index import KeyIndex, identifiers
from leadcast.features.readers.origins import UnreadableError

few = st.sampled_from(["a", "b", "ab", "", "é"])
known_keys = st.lists(few, max_size=12)
asked_keys = st.lists(st.one_of(few, st.none()), max_size=12)


def texts(values: list[str] | list[str | None]) -> pl.Series:
    return pl.Series(values, dtype=pl.String)


def by_hand(known: list[str], asked: list[str | None]) -> list[tuple[int, int]]:
    pairs = []
    for row, key in enumerate(asked):
        rows = [place for place, one in enumerate(known) if one == key] or [-1]
        pairs += [(row, place) for place in rows]
    return pairs


@settings(max_examples=100)
@given(known=known_keys, asked=asked_keys)
def test_every_row_of_an_identifier_is_found_in_its_order(
    known: list[str], asked: list[str | None]
) -> None:
    theirs, rows = KeyIndex(texts(known)).find(texts(asked), "map")
    found = list(zip(theirs.tolist(), rows.tolist(), strict=True))
    assert found == by_hand(known, asked)


def test_several_columns_are_compared_one_by_one() -> None:
    frame = pl.DataFrame({"x": ["a", "ab", "1:", None], "y": ["bc", "c", "b", "c"]})
    keys, shown = identifiers(frame, ["x", "y"], ())
    assert keys.n_unique() == 4
    assert shown.to_list() == ["a, bc", "ab, c", "1:, b", None]
    assert keys[3] is None


def test_a_join_of_very_many_rows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_index, "MOST_ROWS", 8)
    index = KeyIndex(texts(["0"] * 3 + ["1"]))
    assert len(index.find(texts(["0", "0", "1"]), "map")[0]) == 7
    with pytest.raises(UnreadableError) as caught:
        index.find(texts(["1", "0", "0", "0"]), "map")
    assert caught.value.fault.found == ("a join that makes 10 rows of 4: '0' alone has 3 rows here")


def test_so_many_rows_as_there_were_are_never_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_index, "MOST_ROWS", 1)
    assert len(KeyIndex(texts(["0"])).find(texts(["0", "0", "1"]), "map")[0]) == 3
