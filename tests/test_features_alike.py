"""Addresses that are put into one read as they did each by itself, the oddest included."""

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
    st.sampled_from(["gmail.com", "x.co.uk", "MIT.edu", "a.gov.au", "a-b.example", "yopmail.com"]),
    st.integers(30, 70).map(lambda n: "d" * n + ".com"),
)
addresses = st.lists(
    st.builds("{}{}{}".format, names, st.sampled_from("@@@ ."), domains), max_size=30
)


def read_alike(reading: Reading, texts: list[str]) -> list[str]:
    assert reading.alike is not None
    column = pl.DataFrame({"x": texts}, {"x": pl.String})
    return column.select(y=reading.alike(pl.col("x")))["y"].to_list()


@pytest.mark.parametrize("name", ALIKE)
@given(texts=addresses)
@settings(deadline=None, max_examples=300)
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
