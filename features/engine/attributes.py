"""Columns of the matrix that come from a lead's attributes, for a table of leads and for one."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, cached_property, lru_cache
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import FailFast, Field, model_validator

from leadcast.features.base.plain import Plain, Text
from leadcast.features.changes.attribute_changes import CHANGED_AT, FILLED_IN, N_CHANGES
from leadcast.features.registry import Feature, humanise, snake
from leadcast.features.values import categories
from leadcast.features.values.amounts import log_amounts
from leadcast.features.values.distinct import Distinct, DistinctColumns, as_numbers, distinct
from leadcast.features.values.readings import LOGARITHMIC, READINGS, Value, group_of

Column = npt.NDArray[np.float32]

LARGEST = float(np.finfo(np.float32).max)
"""What float32 can hold; numbers beyond it are cut to it, because the matrix has no infinities."""

_INPUTS = {
    "email_matches": (2,),
    "names_are_same": (2,),
    "phone_in_country": (2,),
    "phone_kind": (1, 2),
}
"""How many attributes a reading reads, where it is not one (or any number of them)."""
_OF_ALL = {"filled_share": "profile_filled", "fields_alike": "profile_is_alike"}
"""What readings of all attributes are called, which have no attribute to be called by."""

REMEMBERED = 8_192
"""Of so many values it is remembered, in each column, what was read."""


class AttributeColumn(Plain):
    """One column that is read off a lead's attributes."""

    name: Text
    """The column's name."""
    reading: Text
    """A key of `leadcast.features.values.readings.READINGS`."""
    inputs: Annotated[tuple[Text, ...], FailFast(), Field(min_length=1)]
    """The attributes that are read."""
    levels: Annotated[tuple[Text, ...], FailFast()] = ()
    """A category's learned levels."""

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        if self.reading not in READINGS:
            raise ValueError(f"reading must be one of {', '.join(READINGS)}")
        if READINGS[self.reading].accepts != "anything":
            n_inputs = _INPUTS.get(self.reading, (1,))
            if len(self.inputs) not in n_inputs:
                told = " or ".join(map(str, n_inputs))
                raise ValueError(f"{self.reading} reads {told} inputs")
        if self.levels and READINGS[self.reading].dtype != "category":
            raise ValueError("only categories have levels")
        for name, texts in (("inputs", self.inputs), ("levels", self.levels)):
            if len(set(texts)) != len(texts):
                raise ValueError(f"{name} must not repeat")
        return self

    @classmethod
    def of(cls, reading: str, inputs: tuple[str, ...]) -> "AttributeColumn":
        """Make a column for a reading, without levels yet."""
        name = _OF_ALL.get(reading) or snake(inputs[0]) + READINGS[reading].suffix
        return cls(name=name, reading=reading, inputs=inputs)

    @cached_property
    def feature(self) -> Feature:
        """The column as the registry describes it."""
        reading = READINGS[self.reading]
        of_all = reading.accepts == "anything"
        return Feature(
            name=self.name,
            group="fit" if of_all else group_of(self.inputs[0]),
            dtype=reading.dtype,
            inputs=tuple(f"leads.{attribute}" for attribute in self.inputs),
            words=reading.words.format(_words_of(self.inputs[0], self.reading)),
            levels=self.levels,
            is_log10=self.reading in LOGARITHMIC,
        )

    @cached_property
    def encode(self) -> Callable[..., float]:
        """A function from the inputs' values (None where missing) to the column's number."""
        reading = READINGS[self.reading]
        read: Callable[..., str | float | None] = reading.read or float
        number = self._number_of
        if reading.accepts == "anything":
            return lambda *values: number(read(*map(_or_none, values)))
        if len(self.inputs) == 1:
            return lambda value: math.nan if _is_missing(value) else number(read(value))
        if reading.needs is not None:
            needed = reading.needs
            return lambda *values: (
                math.nan
                if any(map(_is_missing, values[:needed]))
                else number(read(*map(_or_none, values)))
            )
        return lambda *values: math.nan if any(map(_is_missing, values)) else number(read(*values))

    @cached_property
    def remembered(self) -> Callable[..., float]:
        """Do as `encode`, and remember the last values: the parts of a batch have many alike."""
        return lru_cache(REMEMBERED)(self.encode)

    @cached_property
    def _number_of(self) -> Callable[[str | float | None], float]:
        if READINGS[self.reading].dtype != "category":
            return lambda result: math.nan if result is None else clean(float(result))
        codes = categories.codes_of(self.levels)
        return lambda result: categories.encode(_as_text(result), codes)


_OF_CHANGES = {
    ("days_before", CHANGED_AT): "the {} was changed",
    ("number", N_CHANGES): "how often the {} was changed",
    ("flag", FILLED_IN): "the {} was blank and has been filled in",
}
"""What is derived of an attribute's history, by what reads it and how its name ends."""


def _words_of(attribute: str, reading: str) -> str:
    for (kind, end), words in _OF_CHANGES.items():
        if kind == reading and attribute.endswith(end) and attribute != end:
            return words.format(humanise(attribute.removesuffix(end)))
    return humanise(attribute)


def clean(number: float) -> float:
    """Make a number safe for the matrix."""
    if -LARGEST <= number <= LARGEST:
        return number
    return math.copysign(LARGEST, number) if math.isfinite(number) else math.nan


def clean_all(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Do as `clean` to an array."""
    return np.clip(np.where(np.isfinite(numbers), numbers, np.nan), -LARGEST, LARGEST)


def encode_leads(column: AttributeColumn, leads: DistinctColumns) -> Column:
    """Compute a column for a table of leads."""
    table, reading = leads.table, READINGS[column.reading]
    if column.reading == "filled_share":
        return _share_filled(column.inputs, leads)
    if reading.accepts == "anything" or reading.needs is not None:
        return _encoded_rows(column, table)
    if not set(column.inputs) <= set(table.columns):
        return np.full(table.height, np.nan, dtype=np.float32)
    first = table[column.inputs[0]]
    if reading.accepts in ("number", "flag"):
        return clean_all(as_numbers(first)).astype(np.float32)
    if column.reading in LOGARITHMIC and first.dtype.is_numeric():
        return log_amounts(as_numbers(first)).astype(np.float32)
    if len(column.inputs) == 1:
        return encoded(column.remembered, leads.distinct(first.name, reading.alike))
    return _encoded_rows(column, table)


def _encoded_rows(column: AttributeColumn, table: pl.DataFrame) -> Column:
    """Encode what reads several attributes, rows that are the same once."""
    absent = [None] * table.height
    columns = [table[name].to_list() if name in table.columns else absent for name in column.inputs]
    encode = cache(column.encode)
    rows = zip(*columns, strict=True)
    return np.fromiter((encode(*row) for row in rows), np.float32, table.height)


def encoded(encode: Callable[..., float], found: Distinct) -> Column:
    """Encode a column by encoding its distinct values."""
    each = np.fromiter(map(encode, found.values), np.float32, len(found.values))
    return np.take(each, found.codes)


def level_counts(column: AttributeColumn, leads: pl.DataFrame) -> Mapping[str, int]:
    """Count what a category's reading gives, before it has levels."""
    read = READINGS[column.reading].read
    if len(column.inputs) > 1:
        return _pair_counts(column, leads)
    values, codes = distinct(leads[column.inputs[0]])
    counts = np.bincount(codes, minlength=len(values))
    result: dict[str, int] = {}
    for value, count in zip(values, counts.tolist(), strict=True):
        text = None if read is None or _is_missing(value) else read(value)
        if isinstance(text, str):
            result[text] = result.get(text, 0) + count
    return result


def _pair_counts(column: AttributeColumn, leads: pl.DataFrame) -> Mapping[str, int]:
    read = READINGS[column.reading].read or str
    counts = leads.group_by(column.inputs, maintain_order=True).len()
    result: dict[str, int] = {}
    for *values, count in counts.iter_rows():
        text = None if _is_missing(values[0]) else read(*map(_or_none, values))
        if isinstance(text, str):
            result[text] = result.get(text, 0) + count
    return result


def _or_none(value: Value | None) -> Value | None:
    return None if _is_missing(value) else value


def _is_missing(value: Value | None) -> bool:
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or (isinstance(value, float) and not math.isfinite(value))


_NOT_BLANK = r"[^\s\x1c-\x1f]"
"""What is no white space to Python's `str.isspace`."""


def _as_text(value: str | float | None) -> str | None:
    return value if isinstance(value, str) else None


def _share_filled(attributes: Sequence[str], leads: DistinctColumns) -> Column:
    count = np.zeros(leads.table.height)
    for name in {*attributes} & {*leads.table.columns}:
        known = leads.known(name)
        if known is None:
            is_filled = _is_filled(name, leads.table.schema[name])
            count += leads.table.select(is_filled).to_series().to_numpy()
        else:
            count += encoded(lambda value: not _is_missing(value), known)
    return (count / len(attributes)).astype(np.float32)


def _is_filled(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if dtype.is_float():
        return column.is_finite().fill_null(value=False)
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return column.cast(pl.String).str.contains(_NOT_BLANK).fill_null(value=False)
    return column.is_not_null()
