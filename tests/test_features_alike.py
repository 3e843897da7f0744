"""Texts that are put into one read as they did each by itself, the oddest included."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.engine import attributes
from leadcast.features.values import alike
from leadcast.features.values.distinct import DistinctColumns, distinct
from leadcast.features.values.readings import READINGS, Reading

ALIKE = {name: reading for name, reading in READINGS.items() if reading.alike is not distinct}


@pytest.fixture(autouse=True, scope="module")
def _few_are_many() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alike, "FEW", 0)
        yield


names = st.one_of(
    st.text(alphabet="aZ0.9-_+İıſKé٣ \t'\"", max_size=9),
    st.sampled_from(
        ["info", "INFO12", "no-reply", "noreply7", " sales", "enquiries", "ſales", "hr"]
    ),
    st.integers(55, 70).map("a1".__mul__),
)
domains = st.one_of(
    st.text(alphabet="aZ0.-é@ ", max_size=9),
    st.sampled_from(
        ["gmail.com", "x.co.uk", "Ox.Ac.uk", "MIT.edu", "a.gov.au", "a-b.example", "yopmail.com"]
    ),
    st.integers(30, 70).map(lambda n: "d" * n + ".com"),
)
addresses = st.lists(
    st.one_of(
        st.builds("{}{}{}".format, names, st.sampled_from("@@@ ."), domains),
        st.sampled_from([None, "", " "]),
    ),
    max_size=30,
)
numbers = st.lists(
    st.one_of(
        st.text(alphabet="0123456789 +()./-", max_size=22),
        st.text(alphabet="0123456789 +-x#٣ext", max_size=22),
        st.builds(
            "{}{}".format,
            st.sampled_from(["", "+49 (0) ", "5-"]),
            st.from_regex(
                "(0{7}|9-{9}|(0 ?1 ?2 ?3 ?4 ?5 ?6 ?7 ?8 ?9 ?0)|98-76543 ?2?1?0?9?)[ 0-9]?",
                fullmatch=True,
            ),
        ),
        st.integers(55, 70).map(lambda n: "1 " * (n // 2)),
    ),
    max_size=30,
)


def read_alike(reading: Reading, texts: list[str | None]) -> list[str | float | None]:
    found = reading.alike(pl.Series(texts, dtype=pl.String))
    return [found.values[code] for code in found.codes.tolist()]


@pytest.mark.parametrize("name", ALIKE)
@given(texts=st.one_of(addresses, numbers))
@settings(max_examples=150)
def test_what_is_put_into_one_reads_alike(name: str, texts: list[str | None]) -> None:
    read = ALIKE[name].read
    assert read is not None
    for text, one in zip(texts, read_alike(ALIKE[name], texts), strict=True):
        if text is None:
            assert one is None
        else:
            assert read(one) == read(text)
            assert str(one).isspace() == text.isspace()
            assert bool(one) == bool(text)


@pytest.mark.parametrize("name", ["email_kind", "email_is_shared", "email_digits"])
def test_of_many_plain_addresses_few_are_left(name: str) -> None:
    plain: list[str | None] = [
        f"{who}{n}@{where}"
        for n in range(1000)
        for who, where in (("Ann", f"x{n}.com"), ("info", "y.org"), ("Bob", "gmail.com"))
    ]
    # One for each number of digits, shared or not, of a business or free.
    assert len(set(read_alike(ALIKE[name], plain))) == 3 * 3


def test_of_many_telephone_numbers_few_are_left() -> None:
    plain = [f"+49 (30) 55{n:04}-{n % 7}" for n in range(1000)] + ["0000000", "+1 123-4567"]
    assert len(set(read_alike(ALIKE["phone_is_valid"], [*plain]))) == 3


@pytest.mark.parametrize("name", ALIKE)
def test_a_slice_of_a_column_is_grouped_by_its_own_texts(name: str) -> None:
    texts = pl.Series(["a@b.com", "+49 30 123 99", None, "x", "a1@gmail.com", "c@d.com"])
    for first, n in ((1, 4), (3, 3), (5, 1), (2, 1), (6, 0)):
        found = ALIKE[name].alike(texts.slice(first, n))
        whole = ALIKE[name].alike(pl.Series(texts.slice(first, n).to_list(), dtype=pl.String))
        assert found.values == whole.values
        assert found.codes.tolist() == whole.codes.tolist()


@pytest.mark.parametrize("name", ALIKE)
def test_bytes_under_a_missing_text_are_no_text(name: str, tmp_path: Path) -> None:
    texts = ["12345", "ann@@x.com", "a1@gmail.com"] * 50
    some = [None if row % 7 == 0 else text for row, text in enumerate(texts)]
    pl.DataFrame({"x": some}, {"x": pl.String}).write_parquet(tmp_path / "some.parquet")
    read = pl.read_parquet(tmp_path / "some.parquet")["x"]
    hidden = pl.DataFrame({"x": texts}).select(
        pl.when(pl.int_range(pl.len()) % 7 != 0).then("x").alias("x")
    )["x"]
    for column in (read, hidden):
        found = ALIKE[name].alike(column)
        assert [found.values[code] is None for code in found.codes] == [one is None for one in some]
        assert "" not in {found.values[code] for code in found.codes}


@pytest.mark.parametrize("name", ALIKE)
def test_categories_and_a_column_of_nothing_are_texts_as_well(name: str) -> None:
    texts = ["a1@gmail.com", None, "info@b.com", "030 123 45 99", "", "a1@gmail.com"]
    plain = pl.Series(texts, dtype=pl.String)
    expected = ALIKE[name].alike(plain)
    for dtype in (pl.Categorical, pl.Enum(plain.drop_nulls().unique())):
        found = ALIKE[name].alike(plain.cast(dtype))
        assert found.values == expected.values
        assert found.codes.tolist() == expected.codes.tolist()
    assert read_alike(ALIKE[name], [None, None]) == [None, None]
    nothing = ALIKE[name].alike(pl.Series([None, None]))
    assert {nothing.values[code] for code in nothing.codes} == {None}


def test_a_column_of_addresses_is_encoded_as_each_of_them() -> None:
    texts = ["Ann.B12@Gmail.com", None, "info@x.example", "  ", "x", "ann@@x.com", "ann@mit.edu"]
    column = attributes.AttributeColumn(
        name="kind", reading="email_kind", inputs=("email",), levels=("free", "education")
    )
    found = attributes.encode_leads(column, DistinctColumns(pl.DataFrame({"email": texts})))
    expected = pl.Series([column.encode(text) for text in texts], dtype=pl.Float32)
    assert pl.Series(found).equals(expected)


def test_the_law_notices_what_does_not_read_alike() -> None:
    """Numbers that could be called are one group, and have not as many digits."""
    called, digits = ALIKE["phone_is_valid"], ALIKE["email_digits"].read
    assert digits is not None
    one, other = read_alike(called, ["030 1234 568", "030 1234 5689"])
    assert one == other
    assert digits("030 1234 568") != digits("030 1234 5689")
