"""Looking texts up: as exact as comparing them one by one, also where hashes meet."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.values import distinct as lookup
from leadcast.features.values.distinct import Lookup

names = st.text(max_size=3) | st.sampled_from(["L1", "L2", "a name longer than twelve bytes"])


def as_compared(known: list[str], texts: list[str | None]) -> list[int | None]:
    return [known.index(text) if text in known else None for text in texts]


@pytest.mark.parametrize("hashes_meet", [False, True])
@given(known=st.lists(names, unique=True, max_size=6), texts=st.lists(st.none() | names))
@settings(max_examples=40)
def test_texts_are_found_where_they_stand(
    hashes_meet: bool, known: list[str], texts: list[str | None]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if hashes_meet:
            patch.setattr(lookup, "_hashes", lambda some: np.zeros(len(some), dtype=np.uint64))
        table = Lookup(pl.Series(known, dtype=pl.String))
        found = table.places(pl.Series(texts, dtype=pl.String))
    assert found.dtype == pl.Int32
    assert found.to_list() == as_compared(known, texts)


@given(questions=st.lists(st.lists(st.none() | names, max_size=3), max_size=8))
@settings(max_examples=60)
def test_what_was_asked_before_changes_no_answer(questions: list[list[str | None]]) -> None:
    known = ["L1", "", "a"]
    table = Lookup(pl.Series(known, dtype=pl.String))
    for texts in (one for one in questions for _ in range(2)):
        found = table.places_or_none(pl.Series(texts, dtype=pl.String))
        assert found.tolist() == [-1 if p is None else p for p in as_compared(known, texts)]
        # Whoever asked may write into the answer.
        found[:] = 7
