"""Tables that somebody holds in memory: of pandas, polars or Arrow, taken in and given back.

None of these libraries but polars is imported before a table of it is given.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from leadcast.features.base.errors import Fault, FaultsError
from leadcast.features.values.columns import column_of, no_cell

if TYPE_CHECKING:
    import pandas

Frame = Any
"""A ``pandas.DataFrame``, ``polars.DataFrame``, ``polars.LazyFrame`` or ``pyarrow.Table``."""
Library = Literal["pandas", "polars", "pyarrow"]
LIBRARIES: tuple[Library, ...] = ("pandas", "polars", "pyarrow")
_EXPECTED = "a DataFrame of pandas or polars, or a pyarrow.Table"


def library_of(frame: Frame, name: str = "the table") -> Library:
    """Tell whose table it is.

    Parameters
    ----------
    frame : DataFrame
    name : str
        What it is called, for the message.

    Returns
    -------
    {"pandas", "polars", "pyarrow"}

    Raises
    ------
    FaultsError
        If it is no table of these.

    Examples
    --------
    >>> library_of(pl.DataFrame({"lead_id": ["a"]}))
    'polars'
    """
    if isinstance(frame, pl.DataFrame | pl.LazyFrame):
        return "polars"
    kind = type(frame)
    for one in kind.__mro__:
        package = one.__module__.partition(".")[0]
        if package == "pandas" and one.__name__ == "DataFrame":
            return "pandas"
        if package == "pyarrow" and one.__name__ == "Table":
            return "pyarrow"
    found = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    remedy = "Make a DataFrame of it, say pandas.DataFrame(...)."
    raise FaultsError(name, [Fault(name, found, _EXPECTED, remedy)])


def as_polars(frame: Frame, name: str = "the table") -> pl.DataFrame:
    """Take a table in.

    A named index of pandas becomes a column. pandas' columns of objects are read value by value,
    so that one in which numbers and texts are mixed is what a file with the same cells would be.

    Parameters
    ----------
    frame : DataFrame
        Of any of `LIBRARIES`.
    name : str
        What it is called, for messages.

    Returns
    -------
    pl.DataFrame
        The same rows in the same order.

    Raises
    ------
    FaultsError
        If it is no table, a column's name repeats or is no text, or a column holds what no cell
        of a table could (a list, an object); all at once.

    Examples
    --------
    >>> import pandas
    >>> as_polars(pandas.DataFrame({"lead_id": [1, 2]})).columns
    ['lead_id']
    """
    library = library_of(frame, name)
    if library == "pandas":
        return _from_pandas(frame, name)
    if library == "pyarrow":
        # A named index of pandas is a column here already.
        _refuse_names(frame.column_names, name)
        taken = pl.from_arrow(frame)
        assert isinstance(taken, pl.DataFrame)
        return taken
    table = frame.collect() if isinstance(frame, pl.LazyFrame) else frame
    objects = [column for column, dtype in table.schema.items() if dtype == pl.Object]
    if objects:
        faults = [_no_cells(name, column, "the dtype Object") for column in objects]
        raise FaultsError(name, faults)
    return table


def given_back(frame: pl.DataFrame, library: Library) -> Frame:
    """Give a table to whoever works with another library.

    Parameters
    ----------
    frame : pl.DataFrame
    library : {"pandas", "polars", "pyarrow"}

    Returns
    -------
    DataFrame
        Of `library`; polars' own as it is.
    """
    if library == "pandas":
        return frame.to_pandas()
    return frame.to_arrow() if library == "pyarrow" else frame


def _from_pandas(frame: "pandas.DataFrame", name: str) -> pl.DataFrame:
    frame = _with_index(frame, name)
    _refuse_names(list(frame.columns), name)
    faults: list[Fault] = []
    columns = []
    for column in frame.columns:
        series, wrong = _series(column, frame[column])
        columns.append(series)
        if wrong is not None:
            faults.append(_no_cells(name, column, wrong))
    if faults:
        raise FaultsError(name, faults)
    return pl.DataFrame(columns) if columns else pl.DataFrame()


def _no_cells(name: str, column: str, found: str) -> Fault:
    remedy = "Make texts, numbers, flags or times of it, or leave the column out."
    return Fault(f"{name}: column {column!r}", found, "texts, numbers, flags or times", remedy)


def _with_index(frame: "pandas.DataFrame", name: str) -> "pandas.DataFrame":
    """Make columns of the index's named levels, but for one that is a column's copy."""
    index = frame.index
    for level in [one for one in index.names if one is not None and one in frame.columns]:
        own = frame[level]
        levels = index.get_level_values(index.names.index(level))
        if own.ndim > 1 or not bool((levels == own.array).all()):
            found = "a level of the index of the same name, with other values"
            remedy = "Rename the level, or drop it: reset_index(drop=True)."
            raise FaultsError(name, [Fault(f"{name}: column {level!r}", found, "one", remedy)])
        frame = frame.reset_index(level=level, drop=True)
    named = [one for one in frame.index.names if one is not None]
    return frame.reset_index(level=named) if named else frame


def _series(name: str, column: "pandas.Series[Any]") -> tuple[pl.Series, str | None]:
    """Read one column; with what it holds that is no cell."""
    if column.dtype.name == "category":
        column = column.astype(column.cat.categories.dtype)
    if column.dtype.name == "object":
        pairs = zip(column.tolist(), column.isna().tolist(), strict=True)
        values = [None if is_missing is True else value for value, is_missing in pairs]
        wrong = no_cell(values)
        return (pl.Series(name, [], pl.Null), wrong) if wrong else (column_of(name, values), None)
    if column.dtype.name.startswith(("period", "interval", "timedelta")):
        return pl.Series(name, [], pl.Null), f"the dtype {column.dtype}"
    column = column.rename(name).reset_index(drop=True)
    if column.dtype.name.startswith("Sparse"):
        column = type(column)(column.to_numpy(), name=name)
    if getattr(column.dtype, "tz", None) is None:
        try:
            return pl.from_pandas(column), None
        except (ValueError, TypeError, NotImplementedError, pl.exceptions.PolarsError):
            # What neither Arrow nor polars has: complex numbers, say.
            return pl.Series(name, [], pl.Null), f"the dtype {column.dtype}"
    # Without its zone and back: how pandas gives away times with a zone is about to change.
    moments = column.dt.tz_convert("UTC").dt.tz_localize(None)
    return pl.from_pandas(moments).dt.replace_time_zone("UTC"), None


def _refuse_names(columns: list[Any], name: str) -> None:
    faults = [*_wrong_names(columns, name)]
    if faults:
        raise FaultsError(name, faults)


def _wrong_names(columns: list[Any], name: str) -> Iterator[Fault]:
    counts: Mapping[Any, int] = {column: columns.count(column) for column in columns}
    for column, count in counts.items():
        if not isinstance(column, str):
            remedy = "Rename it; of several header rows, make one."
            yield Fault(f"{name}: column {column!r}", "a name that is no text", "a text", remedy)
        elif count > 1:
            found = f"{count} columns of this name"
            yield Fault(f"{name}: column {column!r}", found, "one", "Rename or drop the others.")
