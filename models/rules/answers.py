"""What conditions ask of columns: whether these can answer, and their answers, all rows at once."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from leadcast.features.base.errors import Fault, did_you_mean
from leadcast.features.boundary import known
from leadcast.features.changes.attribute_changes import derived_types
from leadcast.features.definitions.yaml_lines import Key
from leadcast.features.registry import DAY_US
from leadcast.features.tables import CHANGES, TIME
from leadcast.features.values.distinct import distinct
from leadcast.models.rules.conditions import (
    READ_AS,
    AttributeCondition,
    EventCondition,
    Question,
    Span,
)
from leadcast.models.rules.patterns import searched
from leadcast.models.rules.points_table import RuleTable

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


_NUMBER_KEYS = frozenset({"size", "amount", "phone_is_valid"})


def column_faults(
    table: RuleTable, leads: pl.DataFrame, events: pl.DataFrame | pl.LazyFrame | None
) -> list[Fault]:
    """Find columns that are not there, or do not hold what a condition asks for.

    Parameters
    ----------
    table : RuleTable
        The table.
    leads : pl.DataFrame
        The leads; only its schema is looked at.
    events : pl.DataFrame or pl.LazyFrame or None
        The events; likewise.

    Returns
    -------
    list of Fault
        Errors, in the order of the table, with the nearest name.
    """
    own = _with_derived(leads.schema)
    schema = pl.Schema() if events is None else events.lazy().collect_schema()
    faults: list[Fault] = []
    for key, condition in placed_conditions(table):
        if isinstance(condition, AttributeCondition):
            names = [name for name in leads.columns if name not in ("lead_id", "position")]
            found = _of_attribute(condition, own, names)
            if found is not None:
                faults.append(fault_at(table, key, *found))
        elif events is not None:
            for test in condition.where:
                found = _of_question(test, test.column, schema, list(schema))
                if found is not None:
                    faults.append(fault_at(table, (*key, "where"), *found))
    return faults


def _with_derived(schema: pl.Schema) -> pl.Schema:
    """Add what is derived of leads that carry their history."""
    if CHANGES not in schema:
        return schema
    types = {"number": pl.Float64(), "time": TIME, "flag": pl.Boolean()}
    derived = {name: types[kind] for name, kind in derived_types(schema).items()}
    return pl.Schema({**derived, **schema})


def placed_conditions(
    table: RuleTable,
) -> Iterator[tuple[Key, AttributeCondition | EventCondition]]:
    """Give every condition of a table with the key of its place."""
    for part, parts in (
        ("rules", [rule.when for rule in table.rules]),
        ("exclusions", [one.when for one in table.exclusions]),
    ):
        for index, when in enumerate(parts):
            for name, conditions in (("all", when.all_of), ("any", when.any_of)):
                for place, condition in enumerate(conditions):
                    yield table.key_of_condition((part, index, "when"), name, place), condition


def fault_at(
    table: RuleTable, key: Key, found: str, expected: str, remedy: str, *, is_error: bool = True
) -> Fault:
    """Make a fault of a place in a table."""
    return Fault(
        where=table.where(key),
        found=found,
        expected=expected,
        remedy=remedy,
        severity="error" if is_error else "warning",
        line=table.line_of(key),
    )


def _of_attribute(
    condition: AttributeCondition, schema: pl.Schema, names: list[str]
) -> tuple[str, str, str] | None:
    name = condition.attribute
    dtype = schema.get(name)
    if dtype is None or (condition.days_ago is None and condition.read_as is None):
        return _of_question(condition, name, schema, names)
    if condition.days_ago is not None:
        if isinstance(dtype, pl.Datetime):
            return None
        return f"{name!r} of type {dtype}", "a time", "Use range: for numbers."
    if condition.read_as not in ("size", "amount") and dtype not in (pl.String, pl.Null):
        return f"{name!r} of type {dtype}", "a text", "Leave read_as out."
    if condition.span is not None and condition.read_as not in _NUMBER_KEYS:
        return f"a range of what {condition.read_as} reads", "in: or equals:", "It reads a text."
    return None


def _of_question(
    question: Question, name: str, schema: pl.Schema, names: list[str]
) -> tuple[str, str, str] | None:
    if name not in schema:
        return f"the column {name!r}, which is not there", "a column", did_you_mean(name, names)
    dtype = schema[name]
    if isinstance(dtype, pl.Datetime) and question.is_missing is None:
        return f"{name!r}, which holds times", "days_ago: or is_missing:", "Ask for days_ago."
    if dtype.is_numeric():
        sought = question.one_of if question.equals is None else (question.equals,)
        wrong = [one for one in sought if as_number(one) is None]
        if wrong:
            return f"{wrong[0]!r} for {name!r}, which holds numbers", "a number", "Mend the value."
    if dtype == pl.String and question.span is not None:
        remedy = f"Add read_as: size or amount, or use in:. ({', '.join(READ_AS)})"
        return f"a range of {name!r}, which holds texts", "a column of numbers", remedy
    return None
