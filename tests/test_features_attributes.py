"""Attributes: a table of leads and one lead are read alike, and nothing breaks the matrix."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadcast.features.engine.attributes import (
    LARGEST,
    AttributeColumn,
    clean,
    encode_leads,
    level_counts,
)
from leadcast.features.hygiene.list_versions import NEEDED_BY, list_versions
from leadcast.features.values.distinct import DistinctColumns
from leadcast.features.values.readings import READINGS, readings_of

texts = st.none() | st.text(max_size=12) | st.sampled_from(
    ["", " ", "CEO", "ann@acme.com", "11-50", "+49 89 1589 3021", "Acme", "ads", "x" * 1000]
)  # fmt: skip
numbers = st.none() | st.floats() | st.sampled_from([1e300, -1e300, math.inf, 0.0, -0.0])
flags = st.none() | st.booleans()
INSTALLED = {name for name, version in list_versions().items() if version is not None}
HERE = [name for name in READINGS if {*NEEDED_BY.get(name, ())} <= INSTALLED]
TEXT_READINGS = [name for name in HERE if "text" in READINGS[name].accepts]
OF_TWO = ("email_matches", "names_are_same", "phone_in_country", "phone_kind")


def column_of(reading: str) -> AttributeColumn:
    inputs = ("email", "company") if reading in OF_TWO else ("a",)
    column = AttributeColumn.of(reading, inputs)
    is_category = READINGS[reading].dtype == "category"
    return column.model_copy(update={"levels": ("ads", "chief", "business") if is_category else ()})


def as_one_by_one(column: AttributeColumn, leads: pl.DataFrame) -> np.ndarray:
    rows = leads.select(column.inputs).rows()
    return np.array([column.encode(*row) for row in rows], dtype=np.float32)


@pytest.mark.parametrize("reading", TEXT_READINGS)
@given(rows=st.lists(st.tuples(texts, texts), min_size=1, max_size=8))
@settings(max_examples=25)
def test_a_table_of_texts_is_read_as_each_lead_is(
    reading: str, rows: list[tuple[str | None, str | None]]
) -> None:
    schema = {"email": pl.String, "company": pl.String}
    leads = pl.DataFrame(rows, schema=schema, orient="row").with_columns(a=pl.col("email"))
    column = column_of(reading)
    np.testing.assert_array_equal(
        encode_leads(column, DistinctColumns(leads)), as_one_by_one(column, leads)
    )


@pytest.mark.parametrize("reading", ["number", "size", "amount"])
@given(values=st.lists(numbers, min_size=1, max_size=8))
@settings(max_examples=40)
def test_a_table_of_numbers_is_read_as_each_lead_is(
    reading: str, values: list[float | None]
) -> None:
    leads = pl.DataFrame({"a": values}, schema={"a": pl.Float64})
    column = column_of(reading)
    found = encode_leads(column, DistinctColumns(leads))
    np.testing.assert_array_equal(found, as_one_by_one(column, leads))
    assert not np.isinf(found).any()


@given(rows=st.lists(st.tuples(texts, numbers, flags), min_size=1, max_size=8))
@settings(max_examples=60)
def test_the_filled_share_of_a_table_is_that_of_each_lead(
    rows: list[tuple[str | None, float | None, bool | None]],
) -> None:
    schema = {"t": pl.String, "n": pl.Float64, "f": pl.Boolean}
    leads = pl.DataFrame(rows, schema=schema, orient="row")
    column = AttributeColumn.of("filled_share", ("t", "n", "f"))
    found = encode_leads(column, DistinctColumns(leads))
    np.testing.assert_array_equal(found, as_one_by_one(column, leads))
    assert ((found >= 0) & (found <= 1)).all()


def test_flags_are_zero_one_or_missing() -> None:
    leads = pl.DataFrame({"a": [True, False, None]})
    found = encode_leads(column_of("flag"), DistinctColumns(leads))
    np.testing.assert_array_equal(found, [1.0, 0.0, np.nan])


@pytest.mark.parametrize("reading", [name for name in HERE if name != "days_before"])
def test_a_missing_column_counts_as_missing_throughout(reading: str) -> None:
    leads = pl.DataFrame({"lead_id": ["a", "b"]})
    nothing = 0.0 if reading == "filled_share" else np.nan
    np.testing.assert_array_equal(
        encode_leads(column_of(reading), DistinctColumns(leads)), [nothing] * 2
    )


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["Ads", "new"]), pl.String])
def test_categories_are_read_whatever_their_column_is_made_of(dtype: pl.DataType) -> None:
    leads = pl.DataFrame({"a": pl.Series(["Ads", "new", None]).cast(dtype)})
    found = encode_leads(column_of("category"), DistinctColumns(leads))
    np.testing.assert_array_equal(found, [1.0, 0.0, np.nan])


def test_a_text_of_ten_megabytes_is_only_a_text() -> None:
    leads = pl.DataFrame({"a": ["word " * 2_000_000], "email": ["x" * 10**7], "company": ["y"]})
    for reading in TEXT_READINGS:
        assert not np.isinf(encode_leads(column_of(reading), DistinctColumns(leads))).any()


def test_numbers_are_cut_to_what_the_matrix_holds() -> None:
    assert clean(1e300) == LARGEST
    assert clean(-1e300) == -LARGEST
    assert math.isnan(clean(math.inf))
    assert math.isnan(clean(math.nan))


def test_levels_are_counted_by_what_the_reading_gives() -> None:
    leads = pl.DataFrame({"job_title": ["CEO", "chief executive officer", "VP", None, " "]})
    column = AttributeColumn.of("seniority", ("job_title",))
    assert level_counts(column, leads) == {"chief": 2, "vice president": 1}


def test_what_is_read_follows_from_roles_and_types() -> None:
    types = {"job_title": "text", "company_size": "category", "visits": "number", "cost": "number",
             "email": "text", "company": "text", "notes": "text", "seen": "time"}  # fmt: skip
    found = {(reading, inputs[0]) for reading, inputs in readings_of(types)}
    assert {("seniority", "job_title"), ("size", "company_size"), ("number", "visits")} <= found
    assert {("email_matches", "email"), ("text_words", "notes"), ("days_before", "seen")} <= found
    assert not any(attribute == "cost" for _, attribute in found)


def test_a_company_size_that_is_a_number_is_read_as_one() -> None:
    assert ("size", ("company_size",)) in readings_of({"company_size": "number"})
    leads = pl.DataFrame({"a": [99, None, -5]})
    np.testing.assert_allclose(
        encode_leads(column_of("size"), DistinctColumns(leads)), [2.0, np.nan, np.nan]
    )


def test_what_is_blank_in_a_table_is_blank_for_python() -> None:
    signs = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    column = AttributeColumn.of("filled_share", ("a",))
    found = encode_leads(column, DistinctColumns(pl.DataFrame({"a": signs})))
    np.testing.assert_array_equal(found, [not sign.isspace() for sign in signs])
