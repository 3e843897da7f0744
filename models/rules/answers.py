"""Questions to a column of values, answered for all rows at once."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.boundary import known
from leadcast.features.registry import DAY_US
from leadcast.features.values.distinct import distinct
from leadcast.models.rules.conditions import READ_AS, AttributeCondition, Question, Span
from leadcast.models.rules.patterns import searched

Flags = npt.NDArray[np.bool_]


def answers_of(question: Question, values: pl.Series) -> Flags:
    """Tell for which values a question is answered with yes."""
    answer = values.to_frame("value").select(held=asked(question, values.dtype))["held"]
    return answer.to_numpy().astype(np.bool_)


def asked(question: Question, dtype: pl.DataType, column: str = "value") -> pl.Expr:
    """Say a question as an expression."""
    held = _held(question, pl.col(column), dtype).fill_null(value=False)
    return ~held if question.negated else held


def read_values(condition: AttributeCondition, leads: pl.DataFrame) -> pl.Series:
    """Read an attribute as a condition wants it.

    Parameters
    ----------
    condition : AttributeCondition
        Names the attribute and how to read it.
    leads : pl.DataFrame, shape (n_leads, ...)
        Has the attribute.

    Returns
    -------
    pl.Series, shape (n_leads,)
        Null where missing.
    """
    values = leads[condition.attribute]
    if condition.read_as is None:
        return values
    read: Callable[..., str | float | None] = READ_AS[condition.read_as]
    is_number = values.dtype.is_numeric()
    given, codes = distinct(values if is_number else values.cast(pl.String))
    # A number needs no reading: a size of 250 is 250 people.
    results = [one if one is None or is_number else read(one) for one in given]
    return pl.Series(results, strict=False)[codes]


def lies_ago(span: Span, moments: pl.Series, as_of: pl.Series) -> Flags:
    """Tell where a time lies so many days before another; never where it is not before it."""
    then, now = pl.col("moment"), pl.col("as_of")
    days = (now.to_physical() - then.to_physical()) / DAY_US
    held = span.holds(days) & known(then, now)
    table = pl.DataFrame({"moment": moments, "as_of": as_of})
    return table.select(held=held.fill_null(value=False))["held"].to_numpy().astype(np.bool_)


def _held(question: Question, value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    present = _present(value, dtype)
    if question.is_missing is not None:
        missing = present.is_null()
        return missing if question.is_missing else ~missing
    if question.span is not None:
        return question.span.holds(present.cast(pl.Float64, strict=False))
    text = present.cast(pl.String).str.strip_chars().str.to_lowercase()
    if question.matches is not None:
        return present.cast(pl.String).str.contains(searched(question.matches))
    if question.contains:
        return pl.any_horizontal(
            text.str.contains(folded(part), literal=True) for part in question.contains
        )
    sought = question.one_of if question.equals is None else (question.equals,)
    if dtype.is_numeric():
        numbers = [number for one in sought if (number := as_number(one)) is not None]
        return present.cast(pl.Float64).is_in(numbers)
    return text.is_in([folded(one) for one in sought])


def _present(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Null what counts as missing: NaN among numbers, blanks among texts."""
    if dtype.is_float():
        return value.fill_nan(None)
    if dtype == pl.String:
        return pl.when(value.str.strip_chars() != "").then(value)
    return value


def folded(text: str) -> str:
    """Fold a text for comparing: no blanks around it, no capitals."""
    return text.strip().lower()


def as_number(text: str) -> float | None:
    """Read a number as YAML writes it; None for anything else."""
    try:
        return float(text)
    except ValueError:
        return None
