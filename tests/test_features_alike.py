"""Texts that are put into one read as they did each by itself, the oddest included."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import attributes
from features.readings import READINGS, Reading

ALIKE = {name: reading for name, reading in READINGS.items() if reading.alike is not None}

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
    st.builds("{}{}{}".format, names, st.sampled_from("@@@ ."), domains), max_size=30
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


def read_alike(reading: Reading, texts: list[str]) -> list[str]:
    assert reading.alike is not None
    column = pl.DataFrame({"x": texts}, {"x": pl.String})
    return column.select(y=reading.alike(pl.col("x")))["y"].to_list()


@pytest.mark.parametrize("name", ALIKE)
@given(texts=st.one_of(addresses, numbers))
@settings(deadline=None, max_examples=400)
def test_what_is_put_into_one_reads_alike(name: str, texts: list[str]) -> None:
    read = ALIKE[name].read
    assert read is not None
    assert list(map(read, read_alike(ALIKE[name], texts))) == list(map(read, texts))


@pytest.mark.parametrize(
    ("name", "left"), [("email_kind", 2), ("email_is_shared", 2), ("email_digits", 5)]
)
def test_of_many_plain_addresses_few_are_left(name: str, left: int) -> None:
    plain = [
        f"{who}{n}@{where}"
        for n in range(1000)
        for who, where in (("Ann", "x.com"), ("info", "y.org"))
    ]
    assert len(set(read_alike(ALIKE[name], plain))) <= left


def test_of_many_telephone_numbers_few_are_left() -> None:
    plain = [f"+49 (30) 55{n:04}-{n % 7}" for n in range(1000)] + ["0000000", "+1 123-4567"]
    assert len(set(read_alike(ALIKE["phone_is_valid"], plain))) <= 6


def test_a_column_of_addresses_is_encoded_as_each_of_them() -> None:
    texts = ["Ann.B12@Gmail.com", None, "info@x.example", "  ", "x", "ann@@x.com", "ann@mit.edu"]
    column = attributes.AttributeColumn(
        name="kind", reading="email_kind", inputs=("email",), levels=("free", "education")
    )
    found = attributes.encode_leads(column, pl.DataFrame({"email": texts}))
    expected = pl.Series([column.encode(text) for text in texts], dtype=pl.Float32)
    assert pl.Series(found).equals(expected)


def test_the_law_notices_what_does_not_read_alike() -> None:
    digits, kind = ALIKE["email_digits"], ALIKE["email_kind"]
    assert digits.read is not None
    assert digits.read("a1@x.com") != digits.read(*read_alike(kind, ["a1@x.com"]))
