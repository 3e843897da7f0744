"""Columns of the matrix that come from a lead's attributes, for a table of leads and for one."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict

from features import categories
from features.readings import LOGARITHMIC, READINGS, Value, group_of
from features.registry import Feature
from features.wording import humanise, snake

Column = npt.NDArray[np.float32]

LARGEST = float(np.finfo(np.float32).max)
"""What float32 can hold; numbers beyond it are cut to it, because the matrix has no infinities."""


class AttributeColumn(BaseModel):
    """One column that is read off a lead's attributes.

    Parameters
    ----------
    name : str
        The column's name.
    reading : str
        A key of `features.readings.READINGS`.
    inputs : tuple of str
        The attributes that are read.
    levels : tuple of str
        A category's learned levels.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    reading: str
    inputs: tuple[str, ...]
    levels: tuple[str, ...] = ()

    @classmethod
    def of(cls, reading: str, inputs: tuple[str, ...]) -> "AttributeColumn":
        """Make a column for a reading, without levels yet.

        Parameters
        ----------
        reading : str
            A key of `features.readings.READINGS`.
        inputs : tuple of str
            The attributes that it reads.

        Returns
        -------
        AttributeColumn
        """
        about = READINGS[reading]
        name = "profile_filled" if about.accepts == "anything" else snake(inputs[0]) + about.suffix
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
            words=reading.words.format(humanise(self.inputs[0])),
            levels=self.levels,
            is_log10=self.reading in LOGARITHMIC,
        )

    @cached_property
    def encode(self) -> Callable[..., float]:
        """A function from the inputs' values (None where missing) to the column's number."""
        reading = READINGS[self.reading]
        read: Callable[..., str | float | None] = reading.read or float
        codes = categories.codes_of(self.levels) if reading.dtype == "category" else None
        reads_missing = reading.accepts == "anything"

        def encode(*values: Value | None) -> float:
            given = [None if _is_missing(value) else value for value in values]
            if None in given and not reads_missing:
                return math.nan
            result = read(*given)
            if codes is not None:
                return categories.encode(_as_text(result), codes)
            return math.nan if result is None else clean(float(result))

        return encode


def clean(number: float) -> float:
    """Make a number safe for the matrix.

    Parameters
    ----------
    number : float
        Any number.

    Returns
    -------
    float
        NaN (missing) for an infinity or NaN; cut to what float32 holds.
    """
    return max(-LARGEST, min(LARGEST, number)) if math.isfinite(number) else math.nan


def clean_all(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Do as `clean` to an array.

    Parameters
    ----------
    numbers : ndarray of float64
        Any numbers.

    Returns
    -------
    ndarray of float64, of the same shape
    """
    return np.clip(np.where(np.isfinite(numbers), numbers, np.nan), -LARGEST, LARGEST)


def encode_leads(column: AttributeColumn, leads: pl.DataFrame) -> Column:
    """Compute a column for a table of leads.

    Parameters
    ----------
    column : AttributeColumn
        Any but a time, which depends on `as_of` as well.
    leads : pl.DataFrame
        A row a lead; a missing attribute's column counts as missing throughout.

    Returns
    -------
    ndarray of float32, shape (n_leads,)
    """
    if READINGS[column.reading].accepts == "anything":
        return _share_filled(column.inputs, leads)
    if not set(column.inputs) <= set(leads.columns):
        return np.full(leads.height, np.nan, dtype=np.float32)
    if READINGS[column.reading].accepts in ("number", "flag"):
        return clean_all(as_numbers(leads[column.inputs[0]])).astype(np.float32)
    if len(column.inputs) == 1:
        return encode_texts(column.encode, leads, column.inputs[0])
    rows = zip(*(leads[attribute].to_list() for attribute in column.inputs), strict=True)
    return np.fromiter((column.encode(*row) for row in rows), np.float32, leads.height)


def encode_texts(encode: Callable[..., float], leads: pl.DataFrame, attribute: str) -> Column:
    """Encode an attribute by encoding its distinct values.

    Parameters
    ----------
    encode : callable
        From a value, or None, to a number.
    leads : pl.DataFrame
        A row a lead.
    attribute : str
        The column to encode; missing throughout where there is none.

    Returns
    -------
    ndarray of float32, shape (n_leads,)
    """
    if attribute not in leads.columns:
        return np.full(leads.height, np.nan, dtype=np.float32)
    values, codes = distinct(leads[attribute])
    return np.array([encode(value) for value in values], dtype=np.float32)[codes]


def distinct(series: pl.Series) -> tuple[Sequence[Value | None], npt.NDArray[np.intp]]:
    """Find the distinct values of a column.

    Parameters
    ----------
    series : pl.Series
        Texts or numbers.

    Returns
    -------
    values : sequence
        The distinct values and, last, None.
    codes : ndarray of intp, shape (n_rows,)
        Where each row's value is in `values`.
    """
    if series.dtype.is_numeric():
        numbers, codes = np.unique(as_numbers(series), return_inverse=True)
        return [*numbers.tolist(), None], codes
    texts = series.cast(pl.String)
    values = texts.drop_nulls().unique(maintain_order=True)
    physical = texts.cast(pl.Enum(values)).to_physical().cast(pl.Int64)
    return [*values.to_list(), None], physical.fill_null(len(values)).to_numpy().astype(np.intp)


def as_numbers(series: pl.Series) -> npt.NDArray[np.float64]:
    """Convert a column of numbers or flags, NaN where it is null.

    Parameters
    ----------
    series : pl.Series
        Any numeric or Boolean column, or one of nulls only.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
    """
    numbers = series.cast(pl.Float64).fill_null(math.nan).to_numpy()
    return np.asarray(numbers, dtype=np.float64)


def level_counts(column: AttributeColumn, leads: pl.DataFrame) -> Mapping[str, int]:
    """Count what a category's reading gives, before it has levels.

    Parameters
    ----------
    column : AttributeColumn
        A column whose dtype is ``"category"``.
    leads : pl.DataFrame
        The training leads.

    Returns
    -------
    mapping of str to int
        How many leads have each value.
    """
    read = READINGS[column.reading].read
    values, codes = distinct(leads[column.inputs[0]])
    counts = np.bincount(codes, minlength=len(values))
    result: dict[str, int] = {}
    for value, count in zip(values[:-1], counts[:-1].tolist(), strict=True):
        text = None if read is None or _is_missing(value) else read(value)
        if isinstance(text, str):
            result[text] = result.get(text, 0) + count
    return result


def _is_missing(value: Value | None) -> bool:
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or value != value


def _as_text(value: str | float | None) -> str | None:
    return value if isinstance(value, str) else None


def _share_filled(attributes: Sequence[str], leads: pl.DataFrame) -> Column:
    filled = np.zeros(leads.height)
    for name in set(attributes) & set(leads.columns):
        column = leads[name]
        if column.dtype.is_float():
            column = column.fill_nan(None)
        elif column.dtype in (pl.String, pl.Categorical, pl.Enum):
            # Python's notion of white space, as for one lead; distinct values are few.
            values, codes = distinct(column)
            filled += np.array([not _is_missing(value) for value in values])[codes]
            continue
        filled += column.is_not_null().to_numpy()
    return (filled / len(attributes)).astype(np.float32)
