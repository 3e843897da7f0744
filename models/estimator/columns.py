"""A table of any library as the matrix that learners see, its categories learned when fitting."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from leadcast.features.registry import Feature, distinct, humanise, snake
from leadcast.features.values.categories import codes_of, key, learn_levels
from leadcast.models.data import Matrix

Table = Any
"""A data frame of pandas, polars or Arrow, or whatever NumPy makes an array of."""
MOST_LEVELS = 255
FEWEST_OF_LEVEL = 5
"""A value that fewer rows have is taken together with the other rare ones."""
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Encoding:
    """How the columns of a table become a matrix.

    Parameters
    ----------
    features : tuple of Feature
        One for each column.
    codes : tuple of mapping or None
        A category's codes by its value's key; None for a number or a flag.
    """

    features: tuple[Feature, ...]
    codes: tuple[Mapping[str, float] | None, ...]

    def matrix(self, columns: Sequence[npt.NDArray[Any]]) -> Matrix:
        """Encode rows.

        Parameters
        ----------
        columns : sequence of ndarray
            As `columns_of` gives them, in the order in which they were learned.

        Returns
        -------
        ndarray of float32, shape (n_rows, n_columns)

        Raises
        ------
        ValueError
            If a column that held numbers holds texts.
        """
        names = (feature.inputs[0] for feature in self.features)
        encoded = [_encoded(*one) for one in zip(names, columns, self.codes, strict=True)]
        return np.column_stack(encoded).astype(np.float32)


def columns_of(table: Table) -> tuple[list[str], list[npt.NDArray[Any]]] | None:
    """Take a data frame apart.

    Parameters
    ----------
    table : pandas.DataFrame, polars.DataFrame, pyarrow.Table or anything else

    Returns
    -------
    names : list of str
    columns : list of ndarray, each of shape (n_rows,)
        float64 with NaN for missing where a column holds numbers or flags, else object with None.
        None in place of both where `table` is no data frame.

    Raises
    ------
    TypeError
        If a column holds what is neither a number, a flag nor a text (a date, a list).
    """
    if hasattr(table, "to_pandas") and (hasattr(table, "schema")):
        # polars and Arrow.
        table = table.to_pandas()
    if not (hasattr(table, "iloc") and getattr(table, "ndim", 0) == 2):
        return None
    names = list(table.columns)
    return names, [_plain(str(name), table.iloc[:, place]) for place, name in enumerate(names)]


def learn_encoding(names: Sequence[str], columns: Sequence[npt.NDArray[Any]]) -> Encoding:
    """Learn which values the categories have.

    Parameters
    ----------
    names : sequence of str
    columns : sequence of ndarray
        As `columns_of` gives them.

    Returns
    -------
    Encoding
    """
    features, codes = [], []
    for name, raw, column in zip(distinct([snake(n) for n in names]), names, columns, strict=True):
        levels: tuple[str, ...] = ()
        if column.dtype == object:
            counts = Counter(str(value) for value in column if value is not None)
            levels = learn_levels(counts.items(), MOST_LEVELS, FEWEST_OF_LEVEL)
        features.append(
            Feature(
                name=name,
                group="fit",
                dtype="category" if column.dtype == object else "number",
                inputs=(raw,),
                words=humanise(raw),
                levels=levels,
            )
        )
        codes.append(codes_of(levels) if column.dtype == object else None)
    return Encoding(tuple(features), tuple(codes))


def _plain(name: str, column: Table) -> npt.NDArray[Any]:
    """Give a pandas column as numbers with NaN, or as objects with None."""
    from pandas.api import types

    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biuf":
        return np.asarray(column, dtype=np.float64)
    if types.is_bool_dtype(column.dtype) or types.is_numeric_dtype(column.dtype):
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    if types.is_datetime64_any_dtype(column.dtype) or types.is_timedelta64_dtype(column.dtype):
        raise TypeError(_dated(name, str(column.dtype)))
    values = column.astype(object)
    missing = np.asarray(values.isna(), dtype=bool)
    plain = np.asarray(values, dtype=object).copy()
    plain[missing] = None
    kinds = {type(value) for value in plain[~missing]}
    if kinds and all(issubclass(kind, (bool, int, float, np.number, np.bool_)) for kind in kinds):
        return np.array([np.nan if value is None else float(value) for value in plain])
    times = sorted(kind.__name__ for kind in kinds if issubclass(kind, (date, timedelta)))
    if times:
        raise TypeError(_dated(name, ", ".join(times)))
    odd = sorted(kind.__name__ for kind in kinds if issubclass(kind, (list, dict, set, tuple)))
    if odd:
        raise TypeError(
            f"column {name!r} holds {', '.join(odd)}: argument must be a string or a number"
        )
    return plain


def refuse_infinity(name: str, column: npt.NDArray[Any]) -> None:
    """Refuse numbers that are not finite and not missing, by their column.

    Parameters
    ----------
    name : str
        The column's.
    column : ndarray
        As `columns_of` gives it.

    Raises
    ------
    ValueError
        If there are any.
    """
    if column.dtype == object:
        return
    count = int(np.isinf(column).sum())
    if count:
        raise ValueError(
            f"column {name!r}: found infinity ({_rows(count)}); expected finite numbers, or NaN "
            "where a value is missing. Replace it, or leave such rows out"
        )


def _refuse_texts(name: str, column: npt.NDArray[Any]) -> None:
    """Refuse what stands in a column that held numbers, unless all of it is missing."""
    present = [value for value in column if value is not None]
    if present:
        no_numbers = [value for value in present if isinstance(value, str)] or present
        raise ValueError(
            f"column {name!r}: found {no_numbers[0]!r:.60} ({_rows(len(no_numbers))}); expected "
            "numbers, as when it was fitted. Give it as numbers (pandas.to_numeric), or fit again"
        )


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _dated(name: str, held: str) -> str:
    return (
        f"column {name!r} holds {held}, expected numbers, flags or categories: give the moment of "
        "each row as `time`, or the days between two dates as a number"
    )


def _encoded(
    name: str, column: npt.NDArray[Any], codes: Mapping[str, float] | None
) -> npt.NDArray[Any]:
    if codes is None:
        if column.dtype == object:
            _refuse_texts(name, column)
            return np.full(len(column), np.nan)
        return np.asarray(np.clip(column, -_LARGEST, _LARGEST))
    values = column if column.dtype == object else [None if v != v else f"{v:g}" for v in column]
    return np.array([np.nan if v is None else codes.get(key(str(v)), 0.0) for v in values])
